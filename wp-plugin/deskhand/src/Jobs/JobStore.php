<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Install\Schema;
use Deskhand\Privacy\Mention;

defined('ABSPATH') || exit;

/**
 * The table of AI jobs. All of its SQL is here.
 */
final class JobStore
{
    /** Seconds for the callback. */
    private const PATIENCE = 4;
    /** Rows that are read at once where all have to be looked at. */
    private const SOME = 500;

    /**
     * Stores a job, unless its key is known. A new one is claimed already, by whoever stores it, until $claimedUntil.
     *
     * @param array<string, mixed> $request
     * @param string $againOf the job that this is another try of
     * @return array{Job, bool} the job, and whether it is new
     */
    public function add(string $route, int $user, string $visitor, array $request, string $inputHash, string $key, int $claimedUntil = 0, string $againOf = ''): array
    {
        global $wpdb;
        $now = time();
        $row = [
            'uid' => wp_generate_uuid4(),
            'user_id' => $user,
            'visitor' => $visitor,
            'route' => $route,
            'status' => Job::PENDING,
            'input_hash' => $inputHash,
            'request' => self::json($request),
            'result' => '',
            'detail' => '',
            'idempotency_key' => $key,
            'again_of' => $againOf,
            'attempts' => $claimedUntil > 0 ? 1 : 0,
            'due_at' => $claimedUntil > 0 ? $claimedUntil : $now,
            'created_at' => $now,
            'updated_at' => $now,
        ];
        $places = implode(', ', array_map(static fn (mixed $value): string => is_int($value) ? '%d' : '%s', $row));
        // phpcs:ignore WordPress.DB -- our own table; a repeat is decided by its unique key, not by a look before
        $isNew = (bool) $wpdb->query($wpdb->prepare('INSERT IGNORE INTO ' . self::table() . ' (' . implode(', ', array_keys($row)) . ") VALUES ($places)", array_values($row)));
        $untold = ['id' => (int) $wpdb->insert_id] + array_fill_keys(['error', 'provider', 'currency', 'remote_id'], '') + array_fill_keys(['tokens_in', 'tokens_out', 'cost', 'webhook_ts'], 0);
        $job = $isNew ? Job::fromRow((object) ($row + $untold)) : $this->byKey($key);
        if ($job === null) {
            throw new \RuntimeException('the job could not be stored');
        }
        return [$job, $isNew];
    }

    public function find(string $uid): ?Job
    {
        return wp_is_uuid($uid) ? $this->one('uid = %s', $uid) : null;
    }

    public function byKey(string $key): ?Job
    {
        return $this->one('idempotency_key = %s', $key);
    }

    /** As if it had never been. */
    public function drop(Job $job): void
    {
        $this->remove([$job]);
    }

    /** Claims a job for sending: of two that try at once, one gets it. */
    public function claim(Job $job, int $until): bool
    {
        return $this->change('due_at = %d, attempts = attempts + 1', 'id = %d AND status = %s AND due_at = %d', [$until, $job->id, Job::PENDING, $job->dueAt]) === 1;
    }

    /** The backend has it; its callback may have come before this. Who polls has it asked when none comes for a while. */
    public function sent(Job $job, string $remoteId): void
    {
        $this->change('remote_id = %s, status = %s, due_at = %d, updated_at = %d', 'id = %d AND status = %s', [$remoteId, Job::RUNNING, time() + self::PATIENCE, time(), $job->id, Job::PENDING]);
    }

    /** Looks at it, or tries it, again at another time. */
    public function postpone(Job $job, int $dueAt, string $error = '', string $detail = ''): void
    {
        $this->change('due_at = %d, error = %s, detail = %s', 'id = %d AND status IN (%s, %s)', [$dueAt, $error, $detail, $job->id, Job::PENDING, Job::RUNNING]);
    }

    /**
     * The end of a job. The first one counts.
     *
     * @param array<string, mixed>|null $result
     * @param array<string, mixed> $usage
     */
    public function finish(Job $job, string $status, ?array $result, string $error, string $detail, array $usage = [], int $webhookTs = 0): bool
    {
        $number = static fn (string $name): int => max(0, (int) (is_numeric($usage[$name] ?? null) ? $usage[$name] : 0));
        $text = static fn (string $name, int $most): string => mb_substr(sanitize_text_field(is_string($usage[$name] ?? null) ? $usage[$name] : ''), 0, $most);
        return $this->change(
            'status = %s, result = %s, error = %s, detail = %s, provider = %s, tokens_in = %d, tokens_out = %d, cost = %d, currency = %s, webhook_ts = %d, updated_at = %d, due_at = 0',
            'id = %d AND status IN (%s, %s)',
            [
                $status,
                $result === null ? '' : self::json($result),
                $error,
                $detail,
                $text('provider', 60),
                $number('tokens_in'),
                $number('tokens_out'),
                $number('cost_micro'),
                $text('currency', 3),
                $webhookTs,
                time(),
                $job->id,
                Job::PENDING,
                Job::RUNNING,
            ],
        ) === 1;
    }

    /**
     * Begins one that failed anew, if its texts are still there. The backend knows a job by its key and would tell the
     * same end once more, so what it has had becomes another job; what never got there goes under its own key.
     *
     * @return Job|null the one to send; null when it can't be, or was already
     */
    public function again(Job $job): ?Job
    {
        if (!$job->canBeSentAgain()) {
            return null;
        }
        if ($job->remoteId !== '') {
            [$next, $isNew] = $this->add($job->route, $job->userId, $job->visitor, $job->nextRequest(), $job->inputHash, $job->nextKey(), 0, $job->uid);
            return $isNew ? $next : null;
        }
        $begun = $this->change('status = %s, attempts = 0, due_at = %d, error = %s, detail = %s, created_at = %d, updated_at = %d', 'id = %d AND status = %s', [Job::PENDING, time(), '', '', time(), time(), $job->id, Job::FAILED]);
        return $begun === 1 ? $this->find($job->uid) : null;
    }

    /** The newest try of a job. */
    public function newest(Job $job): Job
    {
        // A chain is as long as somebody was patient.
        for ($i = 0; $i < 100 && $job->status === Job::FAILED; $i++) {
            $next = $this->byKey($job->nextKey());
            if ($next === null) {
                break;
            }
            $job = $next;
        }
        return $job;
    }

    /**
     * @param list<Job> $jobs
     * @return array<string, Job> the tries that followed any of these, by what they are another try of
     */
    public function triesAfter(array $jobs): array
    {
        $uids = array_map(static fn (Job $job): string => $job->uid, $jobs);
        if ($uids === []) {
            return [];
        }
        $tries = $this->many('again_of IN (' . implode(', ', array_fill(0, count($uids), '%s')) . ')', $uids, 'id', count($uids), 0);
        return array_combine(array_map(static fn (Job $job): string => $job->againOf, $tries), $tries);
    }

    /** @return list<Job> those whose time has come, the oldest first */
    public function due(int $most): array
    {
        return $this->many('status IN (%s, %s) AND due_at <= %d', [Job::PENDING, Job::RUNNING, time()], 'due_at', $most, 0);
    }

    /**
     * @param array{status?: string, user?: int, from?: int, to?: int} $filter
     * @return list<Job> the newest first
     */
    public function list(array $filter, int $most, int $skip = 0): array
    {
        [$where, $values] = self::where($filter);
        return $this->many($where, $values, 'created_at DESC, id DESC', $most, $skip);
    }

    /** @param array{status?: string, user?: int, from?: int, to?: int} $filter */
    public function count(array $filter = []): int
    {
        global $wpdb;
        [$where, $values] = self::where($filter);
        // phpcs:ignore WordPress.DB -- our own table, values prepared
        return (int) $wpdb->get_var($wpdb->prepare('SELECT COUNT(*) FROM ' . self::table() . " WHERE $where", $values));
    }

    /** @return array<string, int> how many there are in each state since a time */
    public function states(int $since): array
    {
        $counts = [];
        foreach (Job::STATES as $status) {
            $counts[$status] = $this->count(['status' => $status, 'from' => $since]);
        }
        return $counts;
    }

    /**
     * A person's jobs: those of the account, and those of anybody in which the address was left.
     *
     * @return list<Job> those after an id, in its order
     */
    public function ofPerson(int $user, string $email, int $most, int $after = 0): array
    {
        global $wpdb;
        $mention = new Mention($email);
        // The database finds what may be meant, and the address as a whole decides: "ann@x.de" is no part of "joann@x.de".
        // Other letters than ASCII's stand there in another form: then what lies between them is looked for.
        $pieces = preg_split('/[^\x21-\x7e]+/', strtolower($email)) ?: [''];
        usort($pieces, static fn (string $a, string $b): int => strlen($b) <=> strlen($a));
        $like = '%' . $wpdb->esc_like($pieces[0]) . '%';
        $where = 'id > %d AND ((user_id = %d AND user_id > 0) OR ((LOWER(request) LIKE %s OR LOWER(result) LIKE %s) AND %s <> %s))';
        $found = [];
        do {
            $some = $this->many($where, [$after, $user, $like, $like, $email, ''], 'id', self::SOME, 0);
            foreach ($some as $job) {
                $after = $job->id;
                if (($user > 0 && $job->userId === $user) || $mention->isIn([$job->request, $job->result])) {
                    $found[] = $job;
                }
            }
        } while (count($some) === self::SOME && count($found) < $most);
        return array_slice($found, 0, $most);
    }

    public function erasePerson(int $user, string $email): int
    {
        $gone = 0;
        $after = 0;
        while (($jobs = $this->ofPerson($user, $email, self::SOME, $after)) !== []) {
            // Each is looked at once: a database that deletes nothing ends it, too.
            $after = end($jobs)->id;
            $gone += $this->remove($jobs);
        }
        return $gone;
    }

    /** Ends the keeping of what is older: it is deleted, or only its figures stay. */
    public function retire(int $before, bool $anonymise, int $most): int
    {
        $old = $anonymise
            ? $this->many('created_at < %d AND status IN (%s, %s) AND (request <> %s OR user_id <> 0)', [$before, Job::SUCCEEDED, Job::FAILED, ''], 'id', $most, 0)
            : $this->many('created_at < %d', [$before], 'id', $most, 0);
        if ($old === []) {
            return 0;
        }
        if (!$anonymise) {
            return $this->remove($old);
        }
        [$among, $ids] = self::among($old);
        return $this->change('user_id = 0, visitor = %s, request = %s, result = %s, detail = %s, input_hash = %s', $among, ['', '', '', '', '', ...$ids]);
    }

    /** @param non-empty-list<Job> $jobs */
    private function remove(array $jobs): int
    {
        global $wpdb;
        [$among, $ids] = self::among($jobs);
        // phpcs:ignore WordPress.DB -- our own table, values prepared
        return (int) $wpdb->query($wpdb->prepare('DELETE FROM ' . self::table() . " WHERE $among", $ids));
    }

    /**
     * @param non-empty-list<Job> $jobs
     * @return array{string, list<int>}
     */
    private static function among(array $jobs): array
    {
        $ids = array_map(static fn (Job $job): int => $job->id, $jobs);
        return ['id IN (' . implode(', ', array_fill(0, count($ids), '%d')) . ')', $ids];
    }

    /**
     * @param array{status?: string, user?: int, from?: int, to?: int} $filter
     * @return array{string, list<mixed>}
     */
    private static function where(array $filter): array
    {
        $where = ['id > %d'];
        $values = [0];
        if (in_array($filter['status'] ?? '', Job::STATES, true)) {
            $where[] = 'status = %s';
            $values[] = $filter['status'];
        }
        foreach (['user' => 'user_id = %d', 'from' => 'created_at >= %d', 'to' => 'created_at < %d'] as $name => $condition) {
            if (isset($filter[$name])) {
                $where[] = $condition;
                $values[] = (int) $filter[$name];
            }
        }
        return [implode(' AND ', $where), $values];
    }

    private function one(string $where, string $value): ?Job
    {
        return $this->many($where, [$value], 'id', 1, 0)[0] ?? null;
    }

    /**
     * @param list<mixed> $values
     * @return list<Job>
     */
    private function many(string $where, array $values, string $order, int $most, int $skip): array
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table, values prepared
        $rows = $wpdb->get_results($wpdb->prepare('SELECT * FROM ' . self::table() . " WHERE $where ORDER BY $order LIMIT %d OFFSET %d", [...$values, $most, $skip]));
        return array_map(Job::fromRow(...), (array) $rows);
    }

    /** @param list<mixed> $values */
    private function change(string $set, string $where, array $values): int
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table, values prepared
        return (int) $wpdb->query($wpdb->prepare('UPDATE ' . self::table() . " SET $set WHERE $where", $values));
    }

    /**
     * In ASCII: before it writes other letters, WordPress has the database describe the table, in each request anew.
     *
     * @param array<string, mixed> $value
     */
    private static function json(array $value): string
    {
        return (string) wp_json_encode($value, JSON_UNESCAPED_SLASHES);
    }

    private static function table(): string
    {
        return Schema::table('jobs');
    }
}
