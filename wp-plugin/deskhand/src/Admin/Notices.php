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
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * What an administrator should know without looking for it, on the dashboard, the list of plugins and our own pages.
 * Who has closed one doesn't see it again until what it tells of has changed.
 */
final class Notices implements Part
{
    private const SCREENS = ['dashboard', 'plugins', 'upload'];
    /** What a user has closed: the state that each notice told of then. */
    public const CLOSED = 'deskhand_dismissed';
    private const NAMES = ['connection', 'sending', 'events', 'jobs'];

    public function __construct(private readonly CredentialStore $credentials, private readonly JobStore $jobs, private readonly Outbox $events)
    {
    }

    public function register(): void
    {
        add_action('admin_notices', $this->show(...));
        Routes::onInit(fn () => Routes::add('/notices/dismissed', [
            'methods' => 'POST',
            'callback' => self::close(...),
            'permission_callback' => static fn () => Capability::isAdmin()
                ? true
                : Problem::error(is_user_logged_in() ? 403 : 401, 'forbidden', __('Your account may not do this.', 'deskhand')),
            'args' => [
                'notice' => ['type' => 'string', 'enum' => self::NAMES, 'required' => true],
                'state' => ['type' => 'string', 'maxLength' => 64, 'required' => true],
            ],
        ]));
    }

    private static function close(\WP_REST_Request $request): \WP_REST_Response
    {
        $closed = get_user_meta(get_current_user_id(), self::CLOSED, true);
        $closed = is_array($closed) ? array_intersect_key($closed, array_flip(self::NAMES)) : [];
        update_user_meta(get_current_user_id(), self::CLOSED, [$request['notice'] => (string) $request['state']] + $closed);
        return new \WP_REST_Response(null, 204);
    }

    private function show(): void
    {
        $screen = get_current_screen();
        $isOurs = $screen !== null && str_contains($screen->id, Menu::SLUG);
        if (!Capability::isAdmin() || $screen === null || (!$isOurs && !in_array($screen->id, self::SCREENS, true))) {
            return;
        }
        if ($this->credentials->current() === null) {
            if ($screen->id !== 'toplevel_page_' . Menu::SLUG) {
                $why = $this->credentials->problem();
                self::print('connection', $why, 'info', $why ?: __('Deskhand isn\'t connected yet: it needs two values from your backend.', 'deskhand'), Menu::url(), __('Connect', 'deskhand'));
            }
            return;
        }
        $this->sending();
        $this->untold();
        $this->failed();
    }

    private function sending(): void
    {
        $pause = Sender::pause();
        if ($pause !== null && $pause['failures'] >= 5) {
            $text = __('Deskhand can\'t send this site\'s pages and files to its backend; nothing is lost, and it goes on trying.', 'deskhand');
            self::print('sending', "{$pause['since']} {$pause['code']}", 'warning', "$text {$pause['detail']}", Menu::url(), __('Test the connection', 'deskhand'));
        }
    }

    private function untold(): void
    {
        $count = $this->events->count(Event::FAILED);
        if ($count > 0) {
            $text = sprintf(
                /* translators: %s: a number */
                _n('Deskhand couldn\'t tell its backend of %s event.', 'Deskhand couldn\'t tell its backend of %s events.', $count, 'deskhand'),
                number_format_i18n($count),
            );
            self::print('events', (string) $this->events->newestFailed(), 'warning', $text, Menu::url('events'), __('Look at them', 'deskhand'));
        }
    }

    private function failed(): void
    {
        $count = $this->jobs->count(['status' => Job::FAILED, 'from' => time() - DAY_IN_SECONDS]);
        $newest = $count >= 5 ? $this->jobs->list(['status' => Job::FAILED], 1)[0] ?? null : null;
        if ($newest !== null) {
            /* translators: %s: a number of jobs */
            $text = sprintf(__('Deskhand: %s AI jobs failed since yesterday.', 'deskhand'), number_format_i18n($count));
            // Another day, or another reason, is worth another word; one more job isn't.
            self::print('jobs', wp_date('Y-m-d') . " $newest->error", 'warning', "$text $newest->detail", Menu::url('jobs', ['status' => 'failed']), __('Look at them', 'deskhand'));
        }
    }

    /** Prints a notice, unless this user has closed it while it told of the same. */
    private static function print(string $notice, string $state, string $kind, string $text, string $url, string $link): void
    {
        $state = substr(hash('sha256', $state), 0, 16);
        $closed = get_user_meta(get_current_user_id(), self::CLOSED, true);
        if (is_array($closed) && ($closed[$notice] ?? '') === $state) {
            return;
        }
        wp_enqueue_script('deskhand-notices', plugins_url('assets/admin/notices.js', DESKHAND_FILE), ['common', 'wp-api-fetch'], DESKHAND_VERSION, ['in_footer' => true]);
        printf(
            '<div class="notice notice-%s is-dismissible" data-deskhand-notice="%s" data-deskhand-state="%s"><p>%s <a href="%s">%s</a></p></div>',
            esc_attr($kind),
            esc_attr($notice),
            esc_attr($state),
            esc_html($text),
            esc_url($url),
            esc_html($link),
        );
    }
}
