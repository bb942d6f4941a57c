<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;
use Deskhand\Connection\CredentialStore;
use Deskhand\Events\Event;
use Deskhand\Events\Outbox;
use Deskhand\Jobs\Job;
use Deskhand\Jobs\JobStore;
use Deskhand\Knowledge\Sender;
use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * What an administrator should know without looking for it, on the dashboard, the list of plugins and our own pages.
 */
final class Notices implements Part
{
    private const SCREENS = ['dashboard', 'plugins', 'upload'];

    public function __construct(private readonly CredentialStore $credentials, private readonly JobStore $jobs, private readonly Outbox $events)
    {
    }

    public function register(): void
    {
        add_action('admin_notices', $this->show(...));
    }

    private function show(): void
    {
        $screen = get_current_screen();
        $isOurs = $screen !== null && str_contains($screen->id, Menu::SLUG);
        if (!Capability::isAdmin() || $screen === null || (!$isOurs && !in_array($screen->id, self::SCREENS, true))) {
            return;
        }
        $link = static fn (string $url, string $text): string => '<a href="' . esc_url($url) . '">' . esc_html($text) . '</a>';
        if ($this->credentials->current() === null) {
            $onTab = $isOurs && $screen->id === 'toplevel_page_' . Menu::SLUG;
            if (!$onTab) {
                self::print('info', esc_html($this->credentials->problem() ?: __('Deskhand isn\'t connected yet: it needs two values from your backend.', 'deskhand')) . ' ' . $link(Menu::url(), __('Connect', 'deskhand')));
            }
            return;
        }
        $pause = Sender::pause();
        if ($pause !== null && $pause['failures'] >= 5) {
            self::print('warning', esc_html(__('Deskhand can\'t send this site\'s pages and files to its backend; nothing is lost, and it goes on trying.', 'deskhand')) . ' ' . esc_html($pause['detail']) . ' ' . $link(Menu::url(), __('Test the connection', 'deskhand')));
        }
        $untold = $this->events->count(Event::FAILED);
        if ($untold > 0) {
            self::print('warning', esc_html(sprintf(
                /* translators: %s: a number */
                _n('Deskhand couldn\'t tell its backend of %s event.', 'Deskhand couldn\'t tell its backend of %s events.', $untold, 'deskhand'),
                number_format_i18n($untold),
            )) . ' ' . $link(Menu::url('events'), __('Look at them', 'deskhand')));
        }
        $failed = $this->jobs->count(['status' => Job::FAILED, 'from' => time() - DAY_IN_SECONDS]);
        if ($failed >= 5) {
            $detail = $this->jobs->list(['status' => Job::FAILED], 1)[0]->detail ?? '';
            self::print('warning', esc_html(sprintf(
                /* translators: %s: a number of jobs */
                __('Deskhand: %s AI jobs failed since yesterday.', 'deskhand'),
                number_format_i18n($failed),
            )) . ' ' . esc_html($detail) . ' ' . $link(Menu::url('jobs', ['status' => 'failed']), __('Look at them', 'deskhand')));
        }
    }

    /** @param string $html escaped */
    private static function print(string $kind, string $html): void
    {
        printf('<div class="notice notice-%s"><p>%s</p></div>', esc_attr($kind), $html); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped by who calls
    }
}
