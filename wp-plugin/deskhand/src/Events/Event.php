<?php

declare(strict_types=1);

namespace Deskhand\Events;

defined('ABSPATH') || exit;

/**
 * Something that happened on this site and that the backend is to hear of, as its row has it.
 */
final class Event
{
    public const WAITING = 'waiting';
    public const FAILED = 'failed';
    /** What the keys of events begin with of which the newest alone matters. */
    public const NEWEST = 'newest-';

    /** @param array<string, mixed> $data */
    public function __construct(
        public readonly int $id,
        public readonly string $uid,
        public readonly string $type,
        public readonly string $objectRef,
        public readonly array $data,
        public readonly int $occurredAt,
        public readonly int $revision,
        public readonly int $attempts,
        public readonly string $state,
        public readonly string $code,
        public readonly string $detail,
        public readonly int $createdAt,
    ) {
    }

    public static function fromRow(object $row): self
    {
        $data = json_decode((string) $row->data, true);
        return new self(
            (int) $row->id,
            (string) $row->uid,
            (string) $row->type,
            (string) $row->object_ref,
            is_array($data) ? $data : [],
            (int) $row->occurred_at,
            (int) $row->revision,
            (int) $row->attempts,
            (string) $row->state,
            (string) $row->code,
            (string) $row->detail,
            (int) $row->created_at,
        );
    }

    public function happened(): string
    {
        return gmdate('Y-m-d\TH:i:s\Z', $this->occurredAt);
    }

    public function isNewest(): bool
    {
        return str_starts_with($this->uid, self::NEWEST);
    }

    /** Words in small letters with dots between, as the backend takes them. */
    public static function isType(string $type): bool
    {
        return strlen($type) <= 64 && preg_match('/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}$/D', $type) === 1;
    }
}
