<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Events\Event;
use Deskhand\Events\Outbox;

defined('ABSPATH') || exit;

/**
 * Events that the backend hasn't got, as WordPress lists things.
 */
final class EventsTable extends \WP_List_Table
{
    private const PER_PAGE = 20;

    public function __construct(private readonly Outbox $events)
    {
        parent::__construct(['singular' => 'event', 'plural' => 'events', 'ajax' => false]);
    }

    /** @return array<string, string> */
    public function get_columns(): array
    {
        return [
            'what' => __('Event', 'deskhand'),
            'status' => __('State', 'deskhand'),
            'tries' => __('Tries', 'deskhand'),
            'created' => __('Happened', 'deskhand'),
        ];
    }

    public function prepare_items(): void
    {
        $this->_column_headers = [$this->get_columns(), [], [], 'what'];
        $this->items = $this->events->list(self::PER_PAGE, ($this->get_pagenum() - 1) * self::PER_PAGE);
        $this->set_pagination_args(['total_items' => $this->events->count(Event::WAITING) + $this->events->count(Event::FAILED), 'per_page' => self::PER_PAGE]);
    }

    public function no_items(): void
    {
        if (($this->_pagination_args['total_items'] ?? 0) > 0) {
            echo esc_html__('The list isn\'t that long.', 'deskhand');
            return;
        }
        echo esc_html__('The backend has heard of everything. Events stand here while they wait to be sent, and where they couldn\'t be.', 'deskhand');
    }

    /** @param Event $event */
    protected function column_what(object $event): string
    {
        $actions = [];
        if ($event->state === Event::FAILED) {
            foreach (['again' => __('Send again', 'deskhand'), 'discard' => __('Delete', 'deskhand')] as $act => $label) {
                $actions[$act] = sprintf('<button type="submit" class="button-link" name="%s" value="%d">%s</button>', esc_attr($act), $event->id, esc_html($label));
            }
        }
        return '<strong>' . esc_html($event->type) . '</strong> <span class="deskhand-clip" dir="auto">' . esc_html($event->objectRef) . '</span>' . $this->row_actions($actions, true);
    }

    /** @param Event $event */
    protected function column_status(object $event): string
    {
        $isFailed = $event->state === Event::FAILED;
        $html = sprintf('<span class="deskhand-state deskhand-%s">%s</span>', $isFailed ? 'failed' : 'pending', $isFailed ? esc_html__('Failed', 'deskhand') : esc_html__('Waiting', 'deskhand'));
        return $event->detail === '' ? $html : $html . '<br><small>' . esc_html($event->detail) . '</small>';
    }

    /** @param Event $event */
    protected function column_tries(object $event): string
    {
        return esc_html(number_format_i18n($event->attempts));
    }

    /** @param Event $event */
    protected function column_created(object $event): string
    {
        return sprintf('<time datetime="%s">%s</time>', esc_attr(gmdate('c', $event->occurredAt)), esc_html(wp_date(get_option('date_format') . ' ' . get_option('time_format'), $event->occurredAt) ?: ''));
    }
}
