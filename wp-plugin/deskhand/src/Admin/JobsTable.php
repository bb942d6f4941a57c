<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Jobs\Job;
use Deskhand\Jobs\JobStore;

defined('ABSPATH') || exit;

/**
 * AI jobs as WordPress lists things.
 */
final class JobsTable extends \WP_List_Table
{
    private const PER_PAGE = 20;

    /** @var array<string, Job> what was sent again, by the job whose try it is */
    private array $tries = [];

    /** @param array{status?: string, user?: int, from?: int, to?: int} $filter */
    public function __construct(private readonly JobStore $jobs, private readonly array $filter)
    {
        parent::__construct(['singular' => 'job', 'plural' => 'jobs', 'ajax' => false]);
    }

    /** @return array<string, string> */
    public static function states(): array
    {
        return [
            Job::PENDING => __('Waiting', 'deskhand'),
            Job::RUNNING => __('Running', 'deskhand'),
            Job::SUCCEEDED => __('Done', 'deskhand'),
            Job::FAILED => __('Failed', 'deskhand'),
        ];
    }

    /** @return array<string, string> */
    public function get_columns(): array
    {
        return [
            'text' => __('Job', 'deskhand'),
            'status' => __('State', 'deskhand'),
            'user' => __('User', 'deskhand'),
            'usage' => __('Usage', 'deskhand'),
            'created' => __('Created', 'deskhand'),
        ];
    }

    public function prepare_items(): void
    {
        $this->_column_headers = [$this->get_columns(), [], [], 'text'];
        $this->items = $this->jobs->list($this->filter, self::PER_PAGE, ($this->get_pagenum() - 1) * self::PER_PAGE);
        $this->tries = $this->jobs->triesAfter($this->items);
        $this->set_pagination_args(['total_items' => $this->jobs->count($this->filter), 'per_page' => self::PER_PAGE]);
    }

    public function no_items(): void
    {
        if (($this->_pagination_args['total_items'] ?? 0) > 0) {
            echo esc_html__('The list isn\'t that long.', 'deskhand');
            return;
        }
        echo esc_html($this->filter === [] ? __('No AI jobs yet. Questions that go by WordPress, and prompts of editors, appear here.', 'deskhand') : __('No job fits this filter.', 'deskhand'));
    }

    /** @param Job $job */
    protected function column_text(object $job): string
    {
        $text = (string) ($job->request['user_msg'] ?? $job->request['prompt'] ?? '');
        $answer = (string) ($job->result['text'] ?? '');
        $html = '<strong>' . esc_html($job->route === 'chat' ? __('Question', 'deskhand') : __('Prompt', 'deskhand')) . '</strong> ';
        $html .= '<span class="deskhand-clip" dir="auto">' . esc_html($text === '' ? __('(no text kept)', 'deskhand') : mb_strimwidth($text, 0, 160, '…')) . '</span>';
        if ($answer !== '') {
            $html .= '<details><summary>' . esc_html__('Answer', 'deskhand') . '</summary><div class="deskhand-answer" dir="auto">' . nl2br(esc_html($answer)) . '</div></details>';
        }
        $actions = [];
        if ($job->canBeSentAgain() && !isset($this->tries[$job->uid])) {
            $actions['again'] = sprintf(
                '<button type="submit" class="button-link" name="again" value="%s">%s</button>',
                esc_attr($job->uid),
                esc_html__('Send again', 'deskhand'),
            );
        }
        return $html . $this->row_actions($actions, true);
    }

    /** @param Job $job */
    protected function column_status(object $job): string
    {
        $html = sprintf('<span class="deskhand-state deskhand-%s">%s</span>', esc_attr($job->status), esc_html(self::states()[$job->status] ?? $job->status));
        $notes = array_filter([
            $job->detail,
            $job->againOf !== '' ? __('Another try of a job that failed.', 'deskhand') : '',
            isset($this->tries[$job->uid])
                /* translators: %s: a date and time */
                ? sprintf(__('Sent again: %s.', 'deskhand'), self::time($this->tries[$job->uid]->createdAt))
                : '',
        ], static fn (string $note): bool => $note !== '');
        return $html . implode('', array_map(static fn (string $note): string => '<br><small>' . esc_html($note) . '</small>', $notes));
    }

    /** @param Job $job */
    protected function column_user(object $job): string
    {
        $user = $job->userId > 0 ? get_userdata($job->userId) : false;
        return esc_html($user ? $user->display_name : __('Visitor', 'deskhand'));
    }

    /** @param Job $job */
    protected function column_usage(object $job): string
    {
        if (!$job->isOver()) {
            return '—';
        }
        $lines = [];
        if ($job->provider !== '') {
            $lines[] = $job->provider;
        }
        if ($job->tokensIn + $job->tokensOut > 0) {
            /* translators: 1: tokens read, 2: tokens written */
            $lines[] = sprintf(__('%1$s in, %2$s out', 'deskhand'), number_format_i18n($job->tokensIn), number_format_i18n($job->tokensOut));
        }
        if ($job->costMicro > 0) {
            $lines[] = Usage::money($job->costMicro, $job->currency);
        }
        return $lines === [] ? '—' : implode('<br>', array_map('esc_html', $lines));
    }

    /** @param Job $job */
    protected function column_created(object $job): string
    {
        return sprintf('<time datetime="%s">%s</time>', esc_attr(gmdate('c', $job->createdAt)), esc_html(self::time($job->createdAt)));
    }

    private static function time(int $at): string
    {
        return (string) wp_date(get_option('date_format') . ' ' . get_option('time_format'), $at);
    }
}
