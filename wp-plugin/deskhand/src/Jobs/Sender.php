<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Chat\Token;
use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;
use Deskhand\Connection\CredentialStore;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * Hands jobs to the backend, and asks it about those whose callback hasn't come. Any request may try: a claim on the
 * row decides which one does.
 */
final class Sender
{
    /** Between what the owner puts before each prompt and the prompt. */
    public const AFTER_ADDITION = "\n\n";
    /** Tries until a job is given up, and the longest wait between two. */
    public const TRIES = 12;
    private const LONGEST_WAIT = HOUR_IN_SECONDS;
    /** A job that the backend is silent about for so long has failed. */
    private const GIVEN_UP_AFTER = DAY_IN_SECONDS;
    /** Longer than a try takes. */
    private const CLAIM = 10;
    /** Loaded with every request: read for each job, and seldom written. */
    public const PAUSE = 'deskhand_jobs_pause';

    public function __construct(
        private readonly JobStore $jobs,
        private readonly CredentialStore $credentials,
        private readonly Client $client,
    ) {
    }

    /** How long who stores a job has it to itself, to be given to `add`: not at all while the backend is away. */
    public function claim(): int
    {
        return (int) get_option(self::PAUSE, 0) > time() ? 0 : time() + self::CLAIM;
    }

    /** Sends a new job after the answer, where the server can end that first; one that isn't claimed waits for its turn. */
    public function sendSoon(Job $job): void
    {
        if ($job->attempts === 0 && !($this->claim() > 0 && $this->jobs->claim($job, time() + self::CLAIM))) {
            $this->schedule();
            return;
        }
        $attempt = max(1, $job->attempts);
        add_action('shutdown', function () use ($job, $attempt): void {
            if (function_exists('fastcgi_finish_request')) {
                fastcgi_finish_request();
            } elseif (function_exists('litespeed_finish_request')) {
                litespeed_finish_request();
            }
            $this->send($job, $attempt);
        });
    }

    /** Brings what is due one step on: for who polls, and for cron. */
    public function advance(Job $job): Job
    {
        if ($job->isOver() || $job->dueAt > time()) {
            return $job;
        }
        if ($job->status === Job::PENDING) {
            if ($this->jobs->claim($job, time() + self::CLAIM)) {
                $this->send($job, $job->attempts + 1);
            }
        } else {
            $this->look($job, 2);
        }
        return $this->jobs->byKey($job->idempotencyKey) ?? $job;
    }

    /** Everything that is due, for a while; the rest is for the next run. */
    public function run(): void
    {
        $end = microtime(true) + 20;
        do {
            $due = $this->jobs->due(20);
            foreach ($due as $job) {
                $this->advance($job);
                if (microtime(true) > $end || (int) get_option(self::PAUSE, 0) > time()) {
                    break 2;
                }
            }
        } while ($due !== []);
        if ($this->jobs->count(['status' => Job::PENDING]) + $this->jobs->count(['status' => Job::RUNNING]) > 0) {
            $this->schedule();
        }
    }

    /** Whoever calls has claimed it. */
    private function send(Job $job, int $attempt): void
    {
        $as = $this->credentials->current();
        if ($as === null) {
            $this->retry($job, $attempt, 'not_connected', $this->credentials->problem() ?: __('This site isn\'t connected to a backend yet.', 'deskhand'), 0);
            return;
        }
        $answer = $this->client->submit('/jobs', $this->body($job), Token::forJob($as, $job->visitor ?: 'site', $job->idempotencyKey, $job->userId));
        $remote = is_array($answer->json) && is_string($answer->json['job_id'] ?? null) ? $answer->json['job_id'] : '';
        if ($answer->isOk() && preg_match('/^[\w-]{1,64}$/', $remote)) {
            $this->jobs->sent($job, $remote);
            $this->schedule();
        } elseif ($answer->isOk() || !$answer->isPassing()) {
            $this->jobs->finish($job, Job::FAILED, null, $answer->code ?: 'no_job', $answer->detail ?: __('The backend took the job and gave no id for it.', 'deskhand'));
        } else {
            if ($answer->status === 0 || $answer->status >= 500) {
                update_option(self::PAUSE, time() + 15, true);
            }
            $this->retry($job, $attempt, $answer->code, $answer->detail, $answer->retryAfter);
        }
    }

    /** @return array<string, mixed> */
    private function body(Job $job): array
    {
        $body = array_diff_key($job->request, ['addition' => '']);
        if (isset($job->request['addition'])) {
            $body['prompt'] = $job->request['addition'] . self::AFTER_ADDITION . $body['prompt'];
        }
        return ['route' => $job->route, 'callback_url' => Routes::url('/webhook')] + $body;
    }

    private function retry(Job $job, int $attempt, string $code, string $detail, int $wait): void
    {
        if ($attempt >= self::TRIES) {
            $this->jobs->finish($job, Job::FAILED, null, $code, $detail);
            return;
        }
        $wait = max($wait, min(self::LONGEST_WAIT, 5 * 3 ** ($attempt - 1)));
        $this->jobs->postpone($job, time() + $wait, $code, $detail);
        $this->schedule();
    }

    /** Asks how a job stands, not more often than every so many seconds. */
    private function look(Job $job, int $every): void
    {
        // Before asking, so that of two who poll one asks.
        $this->jobs->postpone($job, time() + $every);
        $answer = $this->client->ask('GET', '/jobs/' . rawurlencode($job->remoteId));
        if ($answer->isOk() && is_array($answer->json)) {
            $this->take($job, $answer->json, 0);
        } elseif ($answer->status === 404 && time() - $job->createdAt > 10 * MINUTE_IN_SECONDS) {
            $this->jobs->finish($job, Job::FAILED, null, 'job_unknown', __('The backend no longer knows this job.', 'deskhand'));
        } elseif (time() - $job->createdAt > self::GIVEN_UP_AFTER) {
            $this->jobs->finish($job, Job::FAILED, null, 'job_lost', __('The backend hasn\'t said for a day how this job ended.', 'deskhand'));
        }
        if (time() - $job->createdAt > 5 * MINUTE_IN_SECONDS) {
            // Nobody waits on a page any more: its callback, or an hour, will tell.
            $this->jobs->postpone($job, time() + HOUR_IN_SECONDS);
        }
    }

    /**
     * Takes a result, from a callback or an answer.
     *
     * @param array<string, mixed> $told
     */
    public function take(Job $job, array $told, int $webhookTs): void
    {
        $status = $told['status'] ?? '';
        if (!in_array($status, [Job::SUCCEEDED, Job::FAILED], true)) {
            return;
        }
        $error = is_array($told['error'] ?? null) ? $told['error'] : [];
        $result = is_array($told['result_json'] ?? null) ? $told['result_json'] : null;
        if ($status === Job::SUCCEEDED && $result === null) {
            $status = Job::FAILED;
            $error = ['code' => 'empty_result', 'detail' => __('The backend sent no result.', 'deskhand')];
        }
        $ended = $this->jobs->finish(
            $job,
            $status,
            $status === Job::SUCCEEDED ? $result : null,
            sanitize_key(is_string($error['code'] ?? null) ? $error['code'] : ''),
            mb_substr(sanitize_text_field(is_string($error['detail'] ?? null) ? $error['detail'] : ''), 0, 500),
            is_array($told['usage'] ?? null) ? $told['usage'] : [],
            $webhookTs,
        );
        if ($ended) {
            /**
             * An AI job has ended.
             *
             * @param Job $job as it was; its result is the second argument
             * @param array<string, mixed>|null $result
             */
            do_action('deskhand_job_done', $job, $status === Job::SUCCEEDED ? $result : null);
        }
    }

    public function schedule(): void
    {
        if (!wp_next_scheduled('deskhand_jobs')) {
            wp_schedule_single_event(time() + 15, 'deskhand_jobs');
        }
    }
}
