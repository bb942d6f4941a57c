<?php

declare(strict_types=1);

namespace Deskhand\Events;

use Deskhand\Install\Schema;
use Deskhand\Privacy\Mention;

defined('ABSPATH') || exit;

/**
 * The table of events that the backend hasn't got yet. What it has got is deleted: forms hold what people wrote.
 */
final class Outbox
{
    /** What one event may hold: the backend takes 256 KB. */
    private const LARGEST = 200 * KB_IN_BYTES;
    /** More than that wait for a backend that is gone for good. */
    private const MOST = 10_000;
    /** Longer than one event takes to send. */
    private const CLAIM = 60;

    /**
     * Keeps an event for sending.
     *
     * @param array<string, mixed> $data
     * @param string $instead names what a newer event takes the place of, while it waits; empty: none
     * @return string|null why it can't be sent, for developers; null when it is kept
     */
    public function add(string $type, string $objectRef, array $data, string $instead = ''): ?string
    {
        global $wpdb;
        $json = wp_json_encode($data === [] ? new \stdClass() : $data, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);
        $problem = match (true) {
            !Event::isType($type) => 'the type must be two to four words in small letters with dots between',
            trim($objectRef) === '' || mb_strlen($objectRef) > 200 => 'the object\'s reference must have 1 to 200 characters',
            !is_string($json) || strlen($json) > self::LARGEST => 'the data can\'t be written as JSON, or is larger than 200 KB',
            $data !== [] && array_is_list($data) => 'the data must have names',
            $this->count(Event::WAITING) >= self::MOST => 'too many events wait already',
            default => null,
        };
        if ($problem !== null) {
            return $problem;
        }
        $now = time();
        $uid = $instead === '' ? wp_generate_uuid4() : Event::NEWEST . substr(hash('sha256', "$type|$instead"), 0, 29);
        // phpcs:ignore WordPress.DB -- our own table; what waits under the same name is replaced in one statement
        $wpdb->query($wpdb->prepare(
            'INSERT INTO ' . self::table() . ' (uid, type, object_ref, data, occurred_at, revision, due_at, claimed_until, attempts, state, code, detail, created_at)
            VALUES (%s, %s, %s, %s, %d, 1, %d, 0, 0, %s, %s, %s, %d)
            ON DUPLICATE KEY UPDATE revision = revision + 1, data = %s, occurred_at = %d, due_at = %d, attempts = 0, state = %s, code = %s, detail = %s, created_at = %d',
            $uid,
            $type,
            trim($objectRef),
            $json,
            $now,
            $now,
            Event::WAITING,
            '',
            '',
            $now,
            $json,
            $now,
            $now,
            Event::WAITING,
            '',
            '',
            // What is new has all its days before it.
            $now,
        ));
        return null;
    }

    /**
     * Events that are due, which nobody else gets for a minute; the oldest first.
     *
     * @return list<Event>
     */
    public function claim(int $most): array
    {
        global $wpdb;
        $now = time();
        $claimed = [];
        foreach ($this->many('state = %s AND due_at <= %d AND claimed_until <= %d', [Event::WAITING, $now, $now], 'id', $most, 0) as $event) {
            // phpcs:ignore WordPress.DB -- our own table
            $got = $wpdb->query($wpdb->prepare('UPDATE ' . self::table() . ' SET claimed_until = %d WHERE id = %d AND claimed_until <= %d', $now + self::CLAIM, $event->id, $now));
            if ($got === 1) {
                $claimed[] = $event;
            }
        }
        return $claimed;
    }

    /** The backend has it. If it was replaced meanwhile, the newer one is still due. */
    public function delivered(Event $event): void
    {
        if ($this->change('DELETE FROM', '', 'id = %d AND revision = %d', [$event->id, $event->revision]) === 0) {
            $this->change('UPDATE', 'SET claimed_until = 0', 'id = %d', [$event->id]);
        }
    }

    public function postpone(Event $event, int $seconds, string $code, string $detail): void
    {
        $this->change('UPDATE', 'SET due_at = %d, claimed_until = 0, attempts = attempts + 1, code = %s, detail = %s', 'id = %d AND revision = %d', [time() + $seconds, $code, $detail, $event->id, $event->revision]);
    }

    public function giveUp(Event $event, string $code, string $detail): void
    {
        $this->change('UPDATE', 'SET state = %s, claimed_until = 0, code = %s, detail = %s', 'id = %d AND revision = %d', [Event::FAILED, $code, $detail, $event->id, $event->revision]);
    }

    public function giveUpOlderThan(int $time, string $detail): void
    {
        $this->change('UPDATE', 'SET state = %s, code = %s, detail = %s', 'state = %s AND created_at < %d', [Event::FAILED, 'too_old', $detail, Event::WAITING, $time]);
    }

    /** Gives claimed events back untouched. @param list<Event> $events */
    public function release(array $events): void
    {
        foreach ($events as $event) {
            $this->change('UPDATE', 'SET claimed_until = 0', 'id = %d', [$event->id]);
        }
    }

    /** Tries one that failed anew. */
    public function again(int $id): bool
    {
        return $this->change('UPDATE', 'SET state = %s, due_at = %d, attempts = 0, created_at = %d, code = %s, detail = %s', 'id = %d AND state = %s', [Event::WAITING, time(), time(), '', '', $id, Event::FAILED]) === 1;
    }

    public function discard(int $id): bool
    {
        return $this->change('DELETE FROM', '', 'id = %d AND state = %s', [$id, Event::FAILED]) === 1;
    }

    /** What failed long ago goes. */
    public function retire(int $before): void
    {
        $this->change('DELETE FROM', '', 'state = %s AND created_at < %d', [Event::FAILED, $before]);
    }

    public function count(string $state): int
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table
        return (int) $wpdb->get_var($wpdb->prepare('SELECT COUNT(*) FROM ' . self::table() . ' WHERE state = %s', $state));
    }

    /** @return list<Event> the newest first */
    public function list(int $most, int $skip): array
    {
        return $this->many('id > %d', [0], 'id DESC', $most, $skip);
    }

    /** The number of the newest that failed; 0: none did. */
    public function newestFailed(): int
    {
        return $this->many('state = %s', [Event::FAILED], 'id DESC', 1, 0)[0]->id ?? 0;
    }

    /** When the next one is due; 0: none waits. */
    public function nextDue(): int
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table
        return (int) $wpdb->get_var($wpdb->prepare('SELECT MIN(CASE WHEN due_at > claimed_until THEN due_at ELSE claimed_until END) FROM ' . self::table() . ' WHERE state = %s', Event::WAITING));
    }

    /**
     * What waits here about a person.
     *
     * @return list<Event>
     */
    public function ofPerson(string $email): array
    {
        global $wpdb;
        if ($email === '') {
            return [];
        }
        // The database finds what may be meant, and the address as a whole decides.
        $like = '%' . $wpdb->esc_like(strtolower($email)) . '%';
        $mention = new Mention($email);
        return array_values(array_filter(
            $this->many('LOWER(data) LIKE %s OR LOWER(object_ref) LIKE %s', [$like, $like], 'id', self::MOST, 0),
            static fn (Event $event): bool => $mention->isIn([$event->data, $event->objectRef]),
        ));
    }

    public function erasePerson(string $email): int
    {
        $gone = 0;
        foreach (array_chunk($this->ofPerson($email), 500) as $some) {
            $ids = array_map(static fn (Event $event): int => $event->id, $some);
            $gone += $this->change('DELETE FROM', '', 'id IN (' . implode(', ', array_fill(0, count($ids), '%d')) . ')', $ids);
        }
        return $gone;
    }

    /**
     * @param list<mixed> $values
     * @return list<Event>
     */
    private function many(string $where, array $values, string $order, int $most, int $skip): array
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table, values prepared
        $rows = $wpdb->get_results($wpdb->prepare('SELECT * FROM ' . self::table() . " WHERE $where ORDER BY $order LIMIT %d OFFSET %d", [...$values, $most, $skip]));
        return array_map(Event::fromRow(...), (array) $rows);
    }

    /** @param list<mixed> $values */
    private function change(string $act, string $set, string $where, array $values): int
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table, values prepared
        return (int) $wpdb->query($wpdb->prepare("$act " . self::table() . " $set WHERE $where", $values));
    }

    private static function table(): string
    {
        return Schema::table('events');
    }
}
