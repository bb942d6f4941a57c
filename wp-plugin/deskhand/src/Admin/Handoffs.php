<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;
use Deskhand\Connection\Client;
use Deskhand\Connection\CredentialStore;
use Deskhand\Knowledge\Timetable;
use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * Conversations that wait for a person, told to staff who are in wp-admin anyway. The backend is asked in the
 * background and remembered, so that no page waits for it.
 */
final class Handoffs implements Part
{
    public const HOOK = 'deskhand_handoffs';
    public const OPTION = 'deskhand_handoffs';
    /** Asked again after that, when a page is looked at; what is older than the second is no news. */
    private const FRESH = MINUTE_IN_SECONDS;
    private const STALE = HOUR_IN_SECONDS;
    private const SCREENS = ['dashboard', 'edit-post', 'edit-page', 'edit-product', 'edit-shop_order', 'woocommerce_page_wc-orders', 'upload', 'users'];

    public function __construct(private readonly CredentialStore $credentials, private readonly Client $client)
    {
    }

    public function register(): void
    {
        add_action(self::HOOK, $this->ask(...));
        add_action('admin_init', $this->refresh(...));
        add_action('admin_notices', $this->show(...));
    }

    /** Asks the backend, and remembers what it says. */
    public function ask(): void
    {
        $answer = $this->client->ask('GET', '/api/handoffs');
        if (!$answer->isOk() || !is_array($answer->json)) {
            // What was known holds for a while; who asks again at once would ask in vain.
            $known = self::known();
            update_option(self::OPTION, ['asked' => time()] + ($known ?? ['count' => 0, 'at' => 0]), false);
            return;
        }
        $reasons = [];
        foreach (is_array($answer->json['reasons'] ?? null) ? array_slice($answer->json['reasons'], 0, 20) : [] as $reason => $count) {
            $reasons[sanitize_key((string) $reason)] = absint($count);
        }
        update_option(self::OPTION, [
            'asked' => time(),
            'at' => time(),
            'count' => absint($answer->json['count'] ?? 0),
            'oldest' => (int) strtotime(is_string($answer->json['oldest'] ?? null) ? $answer->json['oldest'] : ''),
            'reasons' => $reasons,
        ], false);
    }

    /** How many wait, for the menu; empty when none does. */
    public function bubble(): string
    {
        $count = Capability::isStaff() ? (int) (self::known()['count'] ?? 0) : 0;
        return $count === 0 ? '' : sprintf(
            ' <span class="awaiting-mod count-%1$d"><span aria-hidden="true">%2$s</span><span class="screen-reader-text">%3$s</span></span>',
            $count,
            esc_html(number_format_i18n($count)),
            /* translators: %s: a number */
            esc_html(sprintf(_n('%s conversation waits', '%s conversations wait', $count, 'deskhand'), number_format_i18n($count))),
        );
    }

    private function refresh(): void
    {
        if (wp_doing_ajax() || !Capability::isStaff() || $this->credentials->current() === null) {
            return;
        }
        $known = get_option(self::OPTION);
        if (!is_array($known) || (int) ($known['asked'] ?? 0) < time() - self::FRESH) {
            Timetable::soon(self::HOOK);
        }
    }

    private function show(): void
    {
        $screen = get_current_screen();
        if ($screen === null || !Capability::isStaff() || (!str_contains($screen->id, Menu::SLUG) && !in_array($screen->id, self::SCREENS, true))) {
            return;
        }
        $known = self::known();
        $count = (int) ($known['count'] ?? 0);
        if ($this->credentials->current() === null || $known === null || $count === 0) {
            return;
        }
        $text = sprintf(
            /* translators: %s: a number */
            _n('%s conversation waits for your team.', '%s conversations wait for your team.', $count, 'deskhand'),
            number_format_i18n($count),
        );
        if (($known['oldest'] ?? 0) > 0) {
            /* translators: %s: a time such as "12 minutes" */
            $text .= ' ' . sprintf(__('The longest for %s.', 'deskhand'), human_time_diff((int) $known['oldest']));
        }
        $why = [];
        foreach ((array) ($known['reasons'] ?? []) as $reason => $number) {
            $why[] = self::reason((string) $reason) . ((int) $number > 1 ? ' (' . number_format_i18n((int) $number) . ')' : '');
        }
        printf(
            '<div class="notice notice-info deskhand-handoffs"><p><strong>%s</strong> %s %s <code>deskhand inbox list</code></p></div>',
            esc_html($text),
            /* translators: %s: a list of reasons */
            esc_html($why === [] ? '' : sprintf(__('Why: %s.', 'deskhand'), implode(', ', $why))),
            esc_html__('They are read and answered on the backend\'s machine:', 'deskhand'),
        );
    }

    private static function reason(string $code): string
    {
        return [
            'visitor_asked' => __('a person is wanted', 'deskhand'),
            'policy' => __('no document answers', 'deskhand'),
            'low_confidence' => __('no document fits well enough', 'deskhand'),
            'knowledge_off' => __('there is no knowledge to answer from', 'deskhand'),
            'out_of_scope' => __('nothing that the agent does', 'deskhand'),
            'unknown_effect' => __('it must be looked up whether something was done', 'deskhand'),
            'needs_approval' => __('something is to be approved', 'deskhand'),
            'taken_over' => __('taken over', 'deskhand'),
            'effect_done' => __('something that was uncertain turned out to be done', 'deskhand'),
            'effect_failed' => __('something that was uncertain turned out not to be done', 'deskhand'),
        ][$code] ?? __('the agent got stuck', 'deskhand');
    }

    /** @return array<string, mixed>|null what the backend said last, unless that is long ago */
    private static function known(): ?array
    {
        $known = get_option(self::OPTION);
        return is_array($known) && (int) ($known['at'] ?? 0) > time() - self::STALE ? $known : null;
    }
}
