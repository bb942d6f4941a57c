<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

defined('ABSPATH') || exit;

/**
 * An AI job: a question or a prompt that the backend answers later, as its row has it.
 */
final class Job
{
    public const PENDING = 'pending';
    public const RUNNING = 'running';
    public const SUCCEEDED = 'succeeded';
    public const FAILED = 'failed';
    public const STATES = [self::PENDING, self::RUNNING, self::SUCCEEDED, self::FAILED];

    /**
     * @param array<string, mixed> $request
     * @param array<string, mixed>|null $result
     */
    public function __construct(
        public readonly int $id,
        public readonly string $uid,
        public readonly int $userId,
        public readonly string $visitor,
        public readonly string $route,
        public readonly string $status,
        public readonly string $inputHash,
        public readonly array $request,
        public readonly ?array $result,
        public readonly string $error,
        public readonly string $detail,
        public readonly string $provider,
        public readonly int $tokensIn,
        public readonly int $tokensOut,
        public readonly int $costMicro,
        public readonly string $currency,
        public readonly string $idempotencyKey,
        public readonly string $remoteId,
        /** The job that this is another try of; empty: the first. */
        public readonly string $againOf,
        public readonly int $attempts,
        public readonly int $dueAt,
        public readonly int $webhookTs,
        public readonly int $createdAt,
        public readonly int $updatedAt,
    ) {
    }

    public static function fromRow(object $row): self
    {
        $result = json_decode((string) $row->result, true);
        $request = json_decode((string) $row->request, true);
        return new self(
            (int) $row->id,
            (string) $row->uid,
            (int) $row->user_id,
            (string) $row->visitor,
            (string) $row->route,
            (string) $row->status,
            (string) $row->input_hash,
            is_array($request) ? $request : [],
            is_array($result) ? $result : null,
            (string) $row->error,
            (string) $row->detail,
            (string) $row->provider,
            (int) $row->tokens_in,
            (int) $row->tokens_out,
            (int) $row->cost,
            (string) $row->currency,
            (string) $row->idempotency_key,
            (string) $row->remote_id,
            (string) $row->again_of,
            (int) $row->attempts,
            (int) $row->due_at,
            (int) $row->webhook_ts,
            (int) $row->created_at,
            (int) $row->updated_at,
        );
    }

    public function isOver(): bool
    {
        return in_array($this->status, [self::SUCCEEDED, self::FAILED], true);
    }

    /** Whether its texts are still there: what was anonymised can't be sent again. */
    public function canBeSentAgain(): bool
    {
        return $this->status === self::FAILED && $this->request !== [];
    }

    /** The key of the try that follows this one: there is one at most, whoever asks for it and however often. */
    public function nextKey(): string
    {
        return hash('sha256', "again|$this->idempotencyKey");
    }

    /**
     * What the try that follows this one asks. A message that the backend ended without an answer is found again under
     * its id, with that end; so it gets another.
     *
     * @return array<string, mixed>
     */
    public function nextRequest(): array
    {
        if ($this->route !== 'chat' || !in_array($this->error, ['no_answer', 'message_id_reused'], true)) {
            return $this->request;
        }
        $hex = substr_replace(substr_replace(substr($this->nextKey(), 0, 32), '4', 12, 1), '8', 16, 1);
        return ['message_id' => preg_replace('/^(.{8})(.{4})(.{4})(.{4})(.{12})$/', '$1-$2-$3-$4-$5', $hex)] + $this->request;
    }

    /** @return array<string, mixed> what its owner is told */
    public function public(): array
    {
        $public = [
            'id' => $this->uid,
            'route' => $this->route,
            'status' => $this->status,
            'created_at' => gmdate('Y-m-d\TH:i:s\Z', $this->createdAt),
            'updated_at' => gmdate('Y-m-d\TH:i:s\Z', $this->updatedAt),
        ];
        if ($this->result !== null) {
            $public['result'] = $this->result;
        }
        if ($this->status === self::FAILED) {
            $public['error'] = ['code' => $this->error, 'detail' => $this->detail];
        }
        if ($this->isOver()) {
            $public['usage'] = ['tokens_in' => $this->tokensIn, 'tokens_out' => $this->tokensOut, 'provider' => $this->provider];
        }
        return $public;
    }
}
