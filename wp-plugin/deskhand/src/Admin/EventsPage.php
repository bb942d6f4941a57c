<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Events\Outbox;
use Deskhand\Events\Sender;
use Deskhand\Knowledge\Timetable;

defined('ABSPATH') || exit;

/**
 * Events that the backend hasn't got yet: sent again, or given up.
 */
final class EventsPage extends Page
{
    public function __construct(private readonly Outbox $events)
    {
        add_action('admin_post_deskhand_events', $this->act(...));
    }

    public function show(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
        $table = new EventsTable($this->events);
        $table->prepare_items();
        self::open(__('Events', 'deskhand'));
        echo '<p>' . esc_html__('Forms that were filled in, orders, and what other plugins tell. They are sent in the background; what the backend has got is deleted here.', 'deskhand') . '</p>';
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '"><input type="hidden" name="action" value="deskhand_events">';
        // The table prints its own nonce.
        $table->display();
        echo '</form>';
        self::close();
    }

    private function act(): void
    {
        self::mustBeAllowed('bulk-events');
        // phpcs:disable WordPress.Security.NonceVerification -- checked above
        $id = static fn (string $name): int => isset($_POST[$name]) && is_string($_POST[$name]) ? absint($_POST[$name]) : 0;
        // phpcs:enable
        $done = '';
        if ($id('again') > 0 && $this->events->again($id('again'))) {
            delete_option(Sender::PAUSE);
            Timetable::soon(Sender::HOOK);
            $done = 'event_again';
        } elseif ($id('discard') > 0 && $this->events->discard($id('discard'))) {
            $done = 'event_gone';
        } else {
            self::leave('error', __('This event isn\'t there any more, or is on its way.', 'deskhand'));
        }
        wp_safe_redirect(Menu::url('events', $done === '' ? [] : ['done' => $done]));
        exit;
    }
}
