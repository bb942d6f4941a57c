<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Jobs\Job;
use Deskhand\Jobs\JobStore;
use Deskhand\Jobs\Sender;

defined('ABSPATH') || exit;

/**
 * The list of AI jobs: filtered, sent again, taken away as CSV.
 */
final class JobsPage extends Page
{
    private const CSV_ROWS = 50_000;

    public function __construct(private readonly JobStore $jobs, private readonly Sender $sender)
    {
        add_action('admin_post_deskhand_jobs', $this->act(...));
        add_action('admin_post_deskhand_jobs_csv', $this->csv(...));
    }

    public function show(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
        $filter = self::filter();
        $table = new JobsTable($this->jobs, $filter);
        $table->prepare_items();
        self::open(__('AI jobs', 'deskhand'));
        $this->filters($filter);
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '"><input type="hidden" name="action" value="deskhand_jobs">';
        // The table prints its own nonce.
        $table->display();
        echo '</form>';
        self::close();
    }

    /** @param array<string, mixed> $filter */
    private function filters(array $filter): void
    {
        echo '<form method="get" class="deskhand-filters"><input type="hidden" name="page" value="' . esc_attr(Menu::SLUG . '-jobs') . '">';
        printf('<label>%s <select name="status"><option value="">%s</option>', esc_html__('State', 'deskhand'), esc_html__('All', 'deskhand'));
        foreach (JobsTable::states() as $state => $label) {
            printf('<option value="%s"%s>%s</option>', esc_attr($state), selected($filter['status'] ?? '', $state, false), esc_html($label));
        }
        printf('</select></label> <label>%s %s</label>', esc_html__('User', 'deskhand'), wp_dropdown_users([
            'echo' => false,
            'name' => 'user',
            'show_option_all' => __('All', 'deskhand'),
            'selected' => $filter['user'] ?? 0,
            'capability' => ['edit_posts'],
            'number' => 200,
        ]));
        foreach (['from' => __('From', 'deskhand'), 'to' => __('To', 'deskhand')] as $name => $label) {
            // phpcs:ignore WordPress.Security.NonceVerification -- a filter of a list
            $value = isset($_GET[$name]) && is_string($_GET[$name]) ? sanitize_text_field(wp_unslash($_GET[$name])) : '';
            printf(' <label>%s <input type="date" name="%s" value="%s"></label>', esc_html($label), esc_attr($name), esc_attr(self::day($value) === null ? '' : $value));
        }
        submit_button(__('Filter', 'deskhand'), 'secondary', '', false);
        $query = array_filter(['status' => $filter['status'] ?? '', 'user' => (string) ($filter['user'] ?? ''), 'from' => (string) ($filter['from'] ?? ''), 'to' => (string) ($filter['to'] ?? '')]);
        $csv = wp_nonce_url(add_query_arg(['action' => 'deskhand_jobs_csv'] + $query, admin_url('admin-post.php')), 'deskhand_jobs_csv');
        printf(' <a class="button" href="%s">%s</a></form>', esc_url($csv), esc_html__('Export as CSV', 'deskhand'));
    }

    /** @return array{status?: string, user?: int, from?: int, to?: int} */
    private static function filter(): array
    {
        // phpcs:disable WordPress.Security.NonceVerification -- a filter of a list
        $text = static fn (string $name): string => isset($_GET[$name]) && is_string($_GET[$name]) ? sanitize_text_field(wp_unslash($_GET[$name])) : '';
        // phpcs:enable
        $filter = [];
        if (in_array($text('status'), Job::STATES, true)) {
            $filter['status'] = $text('status');
        }
        if (absint($text('user')) > 0) {
            $filter['user'] = absint($text('user'));
        }
        foreach (['from', 'to'] as $name) {
            // As the page has it, a day; as its link to the CSV has it, a time.
            $at = ctype_digit($text($name)) ? (int) $text($name) : self::day($text($name), $name === 'to');
            if ($at !== null) {
                $filter[$name] = $at;
            }
        }
        return $filter;
    }

    private static function day(string $text, bool $end = false): ?int
    {
        $day = preg_match('/^\d{4}-\d\d-\d\d$/', $text) ? date_create_immutable($text, wp_timezone()) : false;
        return $day ? ($end ? $day->modify('+1 day') : $day)->getTimestamp() : null;
    }

    private function act(): void
    {
        self::mustBeAllowed('bulk-jobs');
        // phpcs:ignore WordPress.Security -- checked above; find() takes nothing but a UUID
        $job = $this->jobs->find(isset($_POST['again']) && is_string($_POST['again']) ? sanitize_text_field(wp_unslash($_POST['again'])) : '');
        $done = '';
        $again = $job === null ? null : $this->jobs->again($job);
        if ($again !== null) {
            $this->sender->sendSoon($again);
            $done = 'again';
        } else {
            self::leave('error', __('This job can\'t be sent again: it is done, was sent again already, or its text is no longer kept.', 'deskhand'));
        }
        wp_safe_redirect(Menu::url('jobs', $done === '' ? [] : ['done' => $done]));
        exit;
    }

    private function csv(): void
    {
        self::mustBeAllowed('deskhand_jobs_csv');
        nocache_headers();
        header('Content-Type: text/csv; charset=utf-8');
        header('Content-Disposition: attachment; filename="deskhand-jobs-' . gmdate('Y-m-d') . '.csv"');
        header('X-Content-Type-Options: nosniff');
        $out = fopen('php://output', 'w');
        $this->write($out, self::filter());
        exit;
    }

    /**
     * @param resource $out
     * @param array{status?: string, user?: int, from?: int, to?: int} $filter
     */
    public function write($out, array $filter): void
    {
        fputcsv($out, ['id', 'route', 'status', 'user_id', 'created_at', 'updated_at', 'provider', 'tokens_in', 'tokens_out', 'cost', 'currency', 'error', 'request', 'result', 'again_of'], ',', '"', '');
        for ($skip = 0; $skip < self::CSV_ROWS; $skip += 500) {
            $jobs = $this->jobs->list($filter, 500, $skip);
            foreach ($jobs as $job) {
                fputcsv($out, array_map(self::cell(...), [
                    $job->uid, $job->route, $job->status, $job->userId, gmdate('c', $job->createdAt), gmdate('c', $job->updatedAt), $job->provider,
                    $job->tokensIn, $job->tokensOut, sprintf('%.6f', $job->costMicro / 1_000_000), $job->currency, $job->error,
                    $job->request['user_msg'] ?? $job->request['prompt'] ?? '', $job->result['text'] ?? '', $job->againOf,
                ]), ',', '"', '');
            }
            if (count($jobs) < 500) {
                return;
            }
        }
    }

    /** A spreadsheet takes a cell that begins so for a formula. */
    private static function cell(mixed $value): string
    {
        $text = is_scalar($value) ? (string) $value : '';
        return preg_match('/^[=+\-@\t\r]/', $text) ? "'$text" : $text;
    }
}
