<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;
use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * Sends what waits in the table of documents, in the background, and asks what became of it. A backend that is away
 * is left alone for a while, and nothing is lost by it.
 */
final class Sender implements Part
{
    public const HOOK = 'deskhand_send';
    public const SWEEP = 'deskhand_sweep';
    public const PAUSE = 'deskhand_pause';
    private const PATH = '/webhook/wp-media';
    /** How long one run goes on: less than hosts allow. */
    private const SECONDS = 20;
    private const LONGEST_PAUSE = 15 * MINUTE_IN_SECONDS;
    /**
     * After so many failures of its own, or such a time, an event is given up; it can be sent again by hand. What the
     * backend must no longer show is never given up.
     */
    private const MOST_ATTEMPTS = 8;
    private const KEPT = 3 * DAY_IN_SECONDS;
    private const LONGEST_WAIT_OF_A_REMOVAL = DAY_IN_SECONDS;

    public function __construct(
        private readonly Documents $documents,
        private readonly Payload $payload,
        private readonly Client $client,
    ) {
    }

    public function register(): void
    {
        add_action(self::HOOK, $this->run(...));
        add_action(self::SWEEP, $this->sweep(...));
        // phpcs:ignore WordPress.WP.CronInterval -- one query while nothing waits
        add_filter('cron_schedules', static fn (array $all): array => $all + ['deskhand_often' => ['interval' => 5 * MINUTE_IN_SECONDS, 'display' => __('Every five minutes', 'deskhand')]]);
    }

    public function wake(): void
    {
        Timetable::soon(self::HOOK);
    }

    /** One run: what is due is sent, and what is on its way is asked for. */
    public function run(): void
    {
        $end = time() + self::SECONDS;
        if (self::pausedUntil() <= time()) {
            while (time() < $end && $this->sendSome($end)) {
                continue;
            }
        }
        if (self::pausedUntil() <= time()) {
            $this->check($this->documents->toCheck(200));
        }
        $this->plan();
    }

    /** Sees that what waits goes on waiting for a run that comes, and not for ever. */
    public function sweep(): void
    {
        $since = $this->documents->waitsSince();
        if ($since > 0 && $since < time() - self::KEPT) {
            $end = time() + self::SECONDS;
            for ($after = 0; time() < $end && ($rows = $this->documents->waiting(time() - self::KEPT, $after, 200)) !== []; $after = end($rows)->id) {
                foreach ($rows as $row) {
                    if (!$this->payload->removes($row)) {
                        $this->documents->giveUp($row, 'unreachable', __('The backend couldn\'t be reached for three days. Send it again when it can.', 'deskhand'));
                    }
                }
            }
        }
        $this->plan();
    }

    /**
     * What the backend should no longer show, and hasn't been told of since before a time.
     *
     * @return list<Row> the first hundred or so
     */
    public function lateRemovals(int $before): array
    {
        return array_values(array_filter($this->documents->waiting($before, 0, 500, true), $this->payload->removes(...)));
    }

    /** Goes on at once after a pause: the owner has mended the connection. */
    public static function resume(): void
    {
        delete_option(self::PAUSE);
        Timetable::soon(self::HOOK);
    }

    public static function pausedUntil(): int
    {
        $pause = get_option(self::PAUSE);
        return is_array($pause) ? (int) ($pause['until'] ?? 0) : 0;
    }

    /** @return array{until: int, failures: int, since: int, code: string, detail: string}|null why nothing is sent just now */
    public static function pause(): ?array
    {
        $pause = get_option(self::PAUSE);
        return is_array($pause) ? $pause + ['until' => 0, 'failures' => 0, 'since' => 0, 'code' => '', 'detail' => ''] : null;
    }

    /**
     * Asks the backend what became of documents, and writes it down.
     *
     * @param list<Row> $rows
     */
    public function check(array $rows): void
    {
        foreach (Source::cases() as $source) {
            $ours = array_values(array_filter($rows, static fn (Row $r): bool => $r->source === $source));
            if ($ours === []) {
                continue;
            }
            $answer = $this->client->ask('POST', '/api/documents/lookup', [
                'source' => $source->value,
                'external_ids' => array_map(static fn (Row $r): string => (string) $r->objectId, $ours),
            ]);
            if (!$answer->isOk() || !is_array($answer->json['documents'] ?? null)) {
                foreach ($ours as $row) {
                    $this->documents->checked($row, null);
                }
                continue;
            }
            $found = array_column($answer->json['documents'], null, 'external_id');
            foreach ($ours as $row) {
                $this->take($row, $found[(string) $row->objectId] ?? null);
            }
        }
    }

    /** @param array<string, mixed>|null $document as the backend has it */
    private function take(Row $row, mixed $document): void
    {
        if (!is_array($document)) {
            // Not there yet, or no longer.
            $this->documents->checked($row, null);
            return;
        }
        $state = State::tryFrom((string) ($document['state'] ?? ''));
        $failure = is_array($document['failure'] ?? null) ? $document['failure'] : [];
        $this->documents->checked(
            $row,
            $state,
            sanitize_key((string) ($failure['code'] ?? '')),
            mb_substr(sanitize_text_field((string) ($failure['detail'] ?? '')), 0, 500),
            wp_is_uuid((string) ($document['id'] ?? '')) ? (string) $document['id'] : '',
        );
    }

    /** @return bool whether there may be more */
    private function sendSome(int $end): bool
    {
        $rows = $this->documents->claim(10);
        foreach ($rows as $i => $row) {
            if (time() >= $end || !$this->send($row)) {
                $this->documents->release(array_slice($rows, $i + (time() >= $end ? 0 : 1)));
                return false;
            }
        }
        return $rows !== [];
    }

    /** @return bool whether to go on with others */
    private function send(Row $row): bool
    {
        $body = $this->payload->of($row);
        if (is_string($body)) {
            $body === 'deleted' ? $this->documents->forget($row) : $this->documents->leftOut($row, $body, Eligibility::explain($body));
            return true;
        }
        $removes = str_ends_with($body['event'], '.deleted') || str_ends_with($body['event'], '.trashed') || ($body['excluded'] ?? false);
        if (!$removes && !$row->known) {
            $this->documents->markKnown($row);
        }
        $answer = $this->client->tell(self::PATH, $body, $row->idempotencyKey($body));
        if ($answer->isOk()) {
            delete_option(self::PAUSE);
            $this->sent($row, $removes, $answer);
            return true;
        }
        return $this->failed($row, $answer, $removes);
    }

    private function sent(Row $row, bool $removes, Answer $answer): void
    {
        $id = (string) ($answer->json['document_id'] ?? '');
        $this->documents->delivered($row, $removes ? State::Removed : State::Sent, wp_is_uuid($id) ? $id : '');
        if ($removes && str_ends_with($row->event, '.deleted')) {
            $this->documents->forget($row);
        }
    }

    private function failed(Row $row, Answer $answer, bool $removes): bool
    {
        $concernsAll = $answer->status < 500 || $answer->status === 503;
        if ($answer->isPassing() && $concernsAll) {
            $seconds = $this->halt($answer);
            $this->documents->postpone($row, $seconds, $answer->code, $answer->detail);
            return false;
        }
        if (!$removes && (!$answer->isPassing() || $row->attempts + 1 >= self::MOST_ATTEMPTS)) {
            $this->documents->giveUp($row, $answer->code, $answer->detail);
            return true;
        }
        $longest = $removes ? self::LONGEST_WAIT_OF_A_REMOVAL : HOUR_IN_SECONDS;
        $this->documents->postpone($row, min($longest, 60 * 2 ** min(20, $row->attempts)) + wp_rand(0, 10), $answer->code, $answer->detail);
        return true;
    }

    /** Leaves the backend alone for a while that grows. @return int seconds */
    private function halt(Answer $answer): int
    {
        $failures = (int) (self::pause()['failures'] ?? 0) + 1;
        $seconds = max($answer->retryAfter, min(self::LONGEST_PAUSE, 5 * 2 ** min($failures, 12)));
        $seconds += wp_rand(0, max(1, intdiv($seconds, 10)));
        $until = time() + $seconds;
        $since = (int) (self::pause()['since'] ?? 0) ?: time();
        update_option(self::PAUSE, ['until' => $until, 'failures' => $failures, 'since' => $since, 'code' => $answer->code, 'detail' => $answer->detail], false);
        return $seconds;
    }

    private function plan(): void
    {
        $next = array_filter([$this->documents->nextDue(), $this->documents->nextCheck()]);
        if ($next !== []) {
            $time = max(min($next), self::pausedUntil(), time());
            $time <= time() + 1 ? Timetable::soon(self::HOOK, 1) : Timetable::at(self::HOOK, $time);
        }
    }
}
