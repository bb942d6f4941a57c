<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Install\Schema;

defined('ABSPATH') || exit;

// phpcs:disable WordPress.DB -- the one place that speaks to the plugin's own table of documents

/**
 * The table of documents: the newest event of each post and file, kept until the backend has it (an outbox), and then
 * what became of it. A newer event takes the place of an older one that still waits.
 */
final class Documents
{
    /** Longer than one event takes to send. */
    private const CLAIM = 60;

    public static function now(): string
    {
        [$part, $seconds] = explode(' ', microtime());
        return gmdate('Y-m-d\TH:i:s', (int) $seconds) . substr($part, 1, 7) . 'Z';
    }

    /** Something happened to a post or file, now. */
    public function record(Source $source, int $objectId, string $event): void
    {
        global $wpdb;
        $table = Schema::table('documents');
        $now = time();
        $at = self::now();
        $wpdb->query($wpdb->prepare(
            "INSERT INTO $table (source, object_id, event, event_at, revision, due_at, waits_since, state, detail, updated_at)
            VALUES (%s, %d, %s, %s, 1, %d, %d, 'queued', '', %d)
            ON DUPLICATE KEY UPDATE revision = revision + 1, event = %s, event_at = %s, waits_since = CASE WHEN due_at > 0 THEN waits_since ELSE %d END,
                due_at = %d, attempts = 0, state = 'queued', code = '', detail = '', check_at = 0, checks = 0, updated_at = %d",
            $source->value,
            $objectId,
            $event,
            $at,
            $now,
            $now,
            $now,
            $event,
            $at,
            $now,
            $now,
            $now,
        ));
    }

    /**
     * Rows that are due, which nobody else gets for a minute.
     *
     * @return list<Row>
     */
    public function claim(int $most): array
    {
        global $wpdb;
        $table = Schema::table('documents');
        $now = time();
        $due = $wpdb->get_results($wpdb->prepare("SELECT * FROM $table WHERE due_at > 0 AND due_at <= %d AND claimed_until <= %d ORDER BY due_at, id LIMIT %d", $now, $now, $most), ARRAY_A);
        $claimed = [];
        foreach ((array) $due as $row) {
            $got = $wpdb->query($wpdb->prepare("UPDATE $table SET claimed_until = %d WHERE id = %d AND revision = %d AND claimed_until = %d", $now + self::CLAIM, $row['id'], $row['revision'], $row['claimed_until']));
            if ($got === 1) {
                $claimed[] = Row::of($row);
            }
        }
        return $claimed;
    }

    /** Before content leaves: from now on it has to be taken back if it is no longer public. */
    public function markKnown(Row $row): void
    {
        global $wpdb;
        $wpdb->update(Schema::table('documents'), ['known' => 1], ['id' => $row->id]);
    }

    /** Gives claimed rows back untouched. @param list<Row> $rows */
    public function release(array $rows): void
    {
        global $wpdb;
        foreach ($rows as $row) {
            $wpdb->update(Schema::table('documents'), ['claimed_until' => 0], ['id' => $row->id]);
        }
    }

    /** The backend has this event. If a newer one came meanwhile, that is still due. */
    public function delivered(Row $row, State $state, string $documentId): void
    {
        $this->settle($row, [
            'due_at' => 0,
            'waits_since' => 0,
            'attempts' => 0,
            'known' => $state === State::Removed ? 0 : 1,
            'state' => $state->value,
            'code' => '',
            'detail' => '',
            'document_id' => $documentId ?: $row->documentId,
            'check_at' => $state->isPassing() ? time() + 5 : 0,
            'checks' => 0,
        ]);
    }

    /** There is nothing to tell the backend: why, by a code and a sentence. */
    public function leftOut(Row $row, string $code, string $why): void
    {
        $this->settle($row, ['due_at' => 0, 'waits_since' => 0, 'attempts' => 0, 'known' => 0, 'state' => State::LeftOut->value, 'code' => $code, 'detail' => $why]);
    }

    /** It couldn't be sent, and will be at another time. */
    public function postpone(Row $row, int $seconds, string $code, string $why): void
    {
        $this->settle($row, ['due_at' => time() + $seconds, 'attempts' => $row->attempts + 1, 'code' => $code, 'detail' => $why]);
    }

    /** It couldn't be sent, and won't be by itself. */
    public function giveUp(Row $row, string $code, string $why): void
    {
        $this->settle($row, ['due_at' => 0, 'waits_since' => 0, 'state' => State::Failed->value, 'code' => $code, 'detail' => $why]);
    }

    /**
     * What has waited since before a time, by id.
     *
     * @return list<Row>
     */
    public function waiting(int $since, int $after, int $most, bool $onlyKnown = false): array
    {
        global $wpdb;
        $known = $onlyKnown ? 'AND known = 1' : '';
        return self::rows($wpdb->prepare('SELECT * FROM ' . Schema::table('documents') . " WHERE due_at > 0 AND waits_since > 0 AND waits_since < %d AND id > %d $known ORDER BY id LIMIT %d", $since, $after, $most));
    }

    public function forget(Row $row): void
    {
        global $wpdb;
        $wpdb->delete(Schema::table('documents'), ['id' => $row->id, 'revision' => $row->revision]);
    }

    public function forgetAll(): void
    {
        global $wpdb;
        $wpdb->query('DELETE FROM ' . Schema::table('documents'));
    }

    /** @param array<string, mixed> $values */
    private function settle(Row $row, array $values): void
    {
        global $wpdb;
        $table = Schema::table('documents');
        $done = $wpdb->update($table, $values + ['claimed_until' => 0, 'updated_at' => time()], ['id' => $row->id, 'revision' => $row->revision]);
        if ($done !== 1) {
            $kept = array_intersect_key($values, ['document_id' => 1]);
            $wpdb->update($table, $kept + ['claimed_until' => 0], ['id' => $row->id]);
        }
    }

    /** @return list<Row> those whose state at the backend should be asked for */
    public function toCheck(int $most): array
    {
        global $wpdb;
        return self::rows($wpdb->prepare('SELECT * FROM ' . Schema::table('documents') . ' WHERE check_at > 0 AND check_at <= %d ORDER BY check_at LIMIT %d', time(), $most));
    }

    /** What the backend says of a document; `null` as it is unchanged. */
    public function checked(Row $row, ?State $state, string $code = '', string $detail = '', string $documentId = ''): void
    {
        global $wpdb;
        $passing = ($state ?? $row->state)->isPassing();
        // Less and less often, for as long as it takes.
        $values = ['checks' => $row->checks + 1, 'check_at' => $passing ? time() + min(3600, 5 * 2 ** min($row->checks, 10)) : 0];
        if ($state !== null) {
            $values += ['state' => $state->value, 'code' => $code, 'detail' => $detail, 'updated_at' => time()];
        }
        if ($documentId !== '') {
            $values['document_id'] = $documentId;
        }
        $wpdb->update(Schema::table('documents'), $values, ['id' => $row->id, 'revision' => $row->revision, 'due_at' => 0]);
    }

    public function find(Source $source, int $objectId): ?Row
    {
        global $wpdb;
        return self::rows($wpdb->prepare('SELECT * FROM ' . Schema::table('documents') . ' WHERE source = %s AND object_id = %d', $source->value, $objectId))[0] ?? null;
    }

    /**
     * @param list<int> $ids
     * @return array<int, Row> by the object's id
     */
    public function of(Source $source, array $ids): array
    {
        global $wpdb;
        if ($ids === []) {
            return [];
        }
        $places = implode(',', array_fill(0, count($ids), '%d'));
        $rows = self::rows($wpdb->prepare('SELECT * FROM ' . Schema::table('documents') . " WHERE source = %s AND object_id IN ($places)", $source->value, ...$ids));
        return array_combine(array_map(static fn (Row $r): int => $r->objectId, $rows), $rows);
    }

    /**
     * @param list<State> $states all when empty
     * @return list<Row> the newest first
     */
    public function page(?Source $source, array $states, string $search, int $offset, int $most): array
    {
        global $wpdb;
        [$where, $values] = $this->where($source, $states, $search);
        return self::rows($wpdb->prepare('SELECT d.* FROM ' . Schema::table('documents') . " d LEFT JOIN {$wpdb->posts} p ON p.ID = d.object_id WHERE $where ORDER BY d.updated_at DESC, d.id DESC LIMIT %d OFFSET %d", ...[...$values, $most, $offset]));
    }

    /** @param list<State> $states */
    public function count(?Source $source, array $states, string $search): int
    {
        global $wpdb;
        [$where, $values] = $this->where($source, $states, $search);
        return (int) $wpdb->get_var($wpdb->prepare('SELECT COUNT(*) FROM ' . Schema::table('documents') . " d LEFT JOIN {$wpdb->posts} p ON p.ID = d.object_id WHERE $where", ...$values));
    }

    /**
     * @param list<State> $states
     * @return array{string, list<mixed>} a condition with places, and what goes there
     */
    private function where(?Source $source, array $states, string $search): array
    {
        global $wpdb;
        $where = ['d.id > %d'];
        $values = [0];
        if ($source !== null) {
            $where[] = 'd.source = %s';
            $values[] = $source->value;
        }
        if ($states !== []) {
            $where[] = 'd.state IN (' . implode(',', array_fill(0, count($states), '%s')) . ')';
            array_push($values, ...array_map(static fn (State $s): string => $s->value, $states));
        }
        if ($search !== '') {
            $where[] = 'p.post_title LIKE %s';
            $values[] = '%' . $wpdb->esc_like($search) . '%';
        }
        return [implode(' AND ', $where), $values];
    }

    /** @return array<string, int> how many there are in each state */
    public function counts(): array
    {
        global $wpdb;
        $found = $wpdb->get_results('SELECT state, COUNT(*) AS n FROM ' . Schema::table('documents') . ' GROUP BY state', ARRAY_A);
        return array_map('intval', array_column((array) $found, 'n', 'state'));
    }

    /**
     * How many the backend may know that are of a kind which isn't taken in.
     *
     * @param list<string> $types of posts that are
     */
    public function countOfOtherKinds(array $types, bool $media): int
    {
        global $wpdb;
        $places = implode(',', array_fill(0, count($types) + 1, '%s'));
        $where = "d.known = 1 AND ((d.source = %s AND p.post_type NOT IN ($places)) OR (d.source = %s AND %d = 0))";
        return (int) $wpdb->get_var($wpdb->prepare('SELECT COUNT(*) FROM ' . Schema::table('documents') . " d JOIN {$wpdb->posts} p ON p.ID = d.object_id WHERE $where", Source::Post->value, '', ...[...$types, Source::Media->value, (int) $media]));
    }

    /** Something was done to a document at the backend: it is to be asked for at once. */
    public function lookAgain(string $documentId): void
    {
        global $wpdb;
        $wpdb->update(Schema::table('documents'), ['check_at' => time(), 'checks' => 0], ['document_id' => $documentId]);
    }

    /** When the oldest event that still waits happened; 0 when none does. */
    public function waitsSince(): int
    {
        global $wpdb;
        return (int) $wpdb->get_var('SELECT MIN(waits_since) FROM ' . Schema::table('documents') . ' WHERE due_at > 0 AND waits_since > 0');
    }

    /** When the next event is due; 0 when none waits. */
    public function nextDue(): int
    {
        global $wpdb;
        return (int) $wpdb->get_var('SELECT MIN(due_at) FROM ' . Schema::table('documents') . ' WHERE due_at > 0');
    }

    /** When the backend should be asked next; 0 for never. */
    public function nextCheck(): int
    {
        global $wpdb;
        return (int) $wpdb->get_var('SELECT MIN(check_at) FROM ' . Schema::table('documents') . ' WHERE check_at > 0');
    }

    /** What waits is due at once: the connection has been mended. */
    public function hurry(): void
    {
        global $wpdb;
        $wpdb->query($wpdb->prepare('UPDATE ' . Schema::table('documents') . ' SET due_at = %d WHERE due_at > %d', time(), time()));
    }

    /**
     * Documents whose post or file is gone without a word, as after an import of a database.
     *
     * @return list<Row>
     */
    public function orphans(int $most): array
    {
        global $wpdb;
        return self::rows($wpdb->prepare('SELECT d.* FROM ' . Schema::table('documents') . " d LEFT JOIN {$wpdb->posts} p ON p.ID = d.object_id WHERE p.ID IS NULL AND d.due_at = 0 AND d.state <> 'removed' LIMIT %d", $most));
    }

    /** @return list<Row> */
    private static function rows(string $query): array
    {
        global $wpdb;
        return array_map(Row::of(...), (array) $wpdb->get_results($query, ARRAY_A));
    }
}
