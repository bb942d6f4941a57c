<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';

/**
 * The list of documents, in WordPress's own manner, whose names the methods have.
 */
final class DocumentsTable extends \WP_List_Table
{
    private const PAGE = 30;

    /** What the links above the list show. */
    private const VIEWS = [
        '' => [],
        'live' => [State::Live],
        'coming' => [State::Queued, State::Sent, State::Waiting, State::Processing],
        'review' => [State::Review],
        'failed' => [State::Failed],
        'out' => [State::LeftOut, State::Removed],
    ];

    public function __construct(private readonly Documents $documents)
    {
        parent::__construct(['singular' => 'document', 'plural' => 'documents', 'ajax' => false]);
    }

    /** @return array<string, string> */
    public function get_columns(): array
    {
        return [
            'cb' => '<input type="checkbox">',
            'title' => __('Title', 'deskhand'),
            'kind' => __('Kind', 'deskhand'),
            'state' => __('State', 'deskhand'),
            'changed' => __('Changed', 'deskhand'),
        ];
    }

    protected function get_primary_column_name(): string
    {
        return 'title';
    }

    /** @return array<string, string> */
    protected function get_bulk_actions(): array
    {
        return ['again' => __('Read again', 'deskhand')];
    }

    public function prepare_items(): void
    {
        $states = self::VIEWS[self::view()];
        $search = self::asked('s');
        $this->_column_headers = [$this->get_columns(), [], [], 'title'];
        $total = $this->documents->count(self::source(), $states, $search);
        $this->items = $this->documents->page(self::source(), $states, $search, ($this->get_pagenum() - 1) * self::PAGE, self::PAGE);
        _prime_post_caches(array_map(static fn (Row $r): int => $r->objectId, $this->items), false, true);
        $this->set_pagination_args(['total_items' => $total, 'per_page' => self::PAGE]);
    }

    public function no_items(): void
    {
        echo esc_html(match (true) {
            ($this->_pagination_args['total_items'] ?? 0) > 0 => __('The list isn\'t that long.', 'deskhand'),
            self::asked('s') !== '' => __('No title has these words.', 'deskhand'),
            self::view() !== '' || self::source() !== null => __('Nothing is like that just now.', 'deskhand'),
            default => __('Nothing here. Press “Send everything” to have the chat read this site’s pages and files.', 'deskhand'),
        });
    }

    /** @return array<string, string> */
    protected function get_views(): array
    {
        $counts = $this->documents->counts();
        $labels = [
            '' => __('All', 'deskhand'),
            'live' => __('Known', 'deskhand'),
            'coming' => __('On their way', 'deskhand'),
            'review' => __('To be approved', 'deskhand'),
            'failed' => __('Failed', 'deskhand'),
            'out' => __('Left out', 'deskhand'),
        ];
        $views = [];
        foreach (self::VIEWS as $name => $states) {
            $count = $states === [] ? array_sum($counts) : array_sum(array_map(static fn (State $s): int => $counts[$s->value] ?? 0, $states));
            if ($count === 0 && $name !== '' && $name !== self::view()) {
                continue;
            }
            $current = $name === self::view() ? ' class="current" aria-current="page"' : '';
            $views[$name ?: 'all'] = sprintf('<a href="%s"%s>%s <span class="count">(%s)</span></a>', esc_url(add_query_arg('view', $name ?: false, DocumentsPage::url())), $current, esc_html($labels[$name]), esc_html(number_format_i18n($count)));
        }
        return $views;
    }

    /** Keeps the view while the list is searched. */
    public function hidden(): void
    {
        if (self::view() !== '') {
            echo '<input type="hidden" name="view" value="' . esc_attr(self::view()) . '">';
        }
    }

    /** @param string $which */
    protected function extra_tablenav($which): void
    {
        if ($which !== 'top') {
            return;
        }
        $chosen = self::source()?->value;
        echo '<div class="alignleft actions"><label class="screen-reader-text" for="deskhand-source">' . esc_html__('Filter by kind', 'deskhand') . '</label><select name="source" id="deskhand-source">';
        foreach (['' => __('Pages and files', 'deskhand'), Source::Post->value => __('Pages', 'deskhand'), Source::Media->value => __('Files', 'deskhand')] as $value => $label) {
            printf('<option value="%s"%s>%s</option>', esc_attr($value), selected((string) $chosen, $value, false), esc_html($label));
        }
        echo '</select>';
        submit_button(__('Filter', 'deskhand'), '', 'filter_action', false);
        echo '</div>';
    }

    /** @param Row $row */
    protected function column_cb($row): string
    {
        $label = sprintf(/* translators: %s: a title */ __('Select %s', 'deskhand'), self::title($row));
        return sprintf('<input type="checkbox" name="post[]" value="%d" aria-label="%s">', $row->objectId, esc_attr($label));
    }

    /** @param Row $row */
    protected function column_title($row): string
    {
        $edit = get_edit_post_link($row->objectId);
        $title = esc_html(self::title($row));
        $html = '<strong>' . ($edit ? '<a class="row-title" href="' . esc_url($edit) . "\">$title</a>" : $title) . '</strong>';
        $actions = [];
        if (get_post($row->objectId) && current_user_can('edit_post', $row->objectId)) {
            $actions['again'] = '<a href="' . esc_url(Columns::link($row->objectId)) . '">' . esc_html__('Read again', 'deskhand') . '</a>';
        }
        if ($row->state === State::Review && $row->documentId !== '') {
            $actions['approve'] = '<a href="' . esc_url(DocumentsPage::approveLink($row->documentId)) . '">' . esc_html__('Approve', 'deskhand') . '</a>';
        }
        return $html . $this->row_actions($actions);
    }

    /** @param Row $row */
    protected function column_kind($row): string
    {
        if ($row->source === Source::Media) {
            $file = get_attached_file($row->objectId);
            return esc_html($file ? strtoupper(pathinfo($file, PATHINFO_EXTENSION)) : __('File', 'deskhand'));
        }
        return esc_html(get_post_type_object((string) get_post_type($row->objectId))->labels->singular_name ?? '');
    }

    /** @param Row $row */
    protected function column_state($row): string
    {
        return sprintf('<div data-deskhand-source="%s" data-deskhand-id="%d" data-deskhand-state="%s">%s</div>', esc_attr($row->source->value), $row->objectId, esc_attr($row->state->value), Badge::html($row));
    }

    /** @param Row $row */
    protected function column_changed($row): string
    {
        /* translators: %s: a span of time, such as 5 mins */
        $ago = sprintf(__('%s ago', 'deskhand'), human_time_diff($row->updatedAt));
        return sprintf('<time datetime="%s" title="%s">%s</time>', esc_attr(gmdate('c', $row->updatedAt)), esc_attr((string) wp_date(get_option('date_format') . ' ' . get_option('time_format'), $row->updatedAt)), esc_html($ago));
    }

    private static function title(Row $row): string
    {
        $title = trim(wp_strip_all_tags(get_the_title($row->objectId)));
        /* translators: %d: a number */
        return $title !== '' ? html_entity_decode($title, ENT_QUOTES) : sprintf(__('(no title, %d)', 'deskhand'), $row->objectId);
    }

    private static function view(): string
    {
        $view = self::asked('view');
        return isset(self::VIEWS[$view]) ? $view : '';
    }

    private static function source(): ?Source
    {
        return Source::tryFrom(self::asked('source'));
    }

    private static function asked(string $name): string
    {
        // phpcs:ignore WordPress.Security.NonceVerification -- only chooses what is shown
        return isset($_GET[$name]) && is_string($_GET[$name]) ? sanitize_text_field(wp_unslash($_GET[$name])) : '';
    }
}
