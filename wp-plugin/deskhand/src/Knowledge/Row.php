<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * What this site knows of one post or file as a document.
 */
final class Row
{
    private function __construct(
        public readonly int $id,
        public readonly Source $source,
        public readonly int $objectId,
        public readonly string $event,
        public readonly string $eventAt,
        public readonly int $revision,
        public readonly int $dueAt,
        public readonly int $attempts,
        public readonly int $waitsSince,
        /** Whether the backend may have its content. */
        public readonly bool $known,
        public readonly State $state,
        public readonly string $code,
        public readonly string $detail,
        public readonly string $documentId,
        public readonly int $checks,
        public readonly int $updatedAt,
    ) {
    }

    /** @param array<string, mixed> $row */
    public static function of(array $row): self
    {
        return new self(
            (int) $row['id'],
            Source::from((string) $row['source']),
            (int) $row['object_id'],
            (string) $row['event'],
            (string) $row['event_at'],
            (int) $row['revision'],
            (int) $row['due_at'],
            (int) $row['attempts'],
            (int) $row['waits_since'],
            (bool) (int) $row['known'],
            State::tryFrom((string) $row['state']) ?? State::Sent,
            (string) $row['code'],
            (string) $row['detail'],
            (string) $row['document_id'],
            (int) $row['checks'],
            (int) $row['updated_at'],
        );
    }

    /**
     * Tells a repeat of this event from another one, by all that is told of it: what was new when it was first told may be
     * told as an update after that answer was lost, and a page may come out otherwise each time. The backend refuses the
     * same key with another content.
     *
     * @param array<string, mixed> $told
     */
    public function idempotencyKey(array $told): string
    {
        return hash('sha256', implode('|', [home_url(), $this->source->value, $this->objectId, $this->revision, (string) wp_json_encode($told), $this->eventAt]));
    }
}
