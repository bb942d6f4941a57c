<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * What the backend answered, or that it didn't.
 */
final class Answer
{
    /**
     * @param int $status 0 when there was no answer
     * @param string $code the backend's, or `not_connected`, `not_public`, `unreachable`, `timeout`, `redirected`, `not_json`
     * @param string $detail a sentence for people
     * @param array<string, string> $headers
     */
    public function __construct(
        public readonly int $status,
        public readonly string $code,
        public readonly string $detail,
        public readonly mixed $json = null,
        public readonly string $body = '',
        public readonly array $headers = [],
        public readonly int $retryAfter = 0,
    ) {
    }

    public function isOk(): bool
    {
        return $this->status >= 200 && $this->status < 300 && $this->code === '';
    }

    /** Whether the same request may do better later. */
    public function isPassing(): bool
    {
        // A wrong signature can be mended in the settings, and what waits must not be lost by then.
        return $this->status === 0 || $this->status >= 500 || in_array($this->status, [401, 403, 404, 408, 409, 425, 429], true);
    }

    public function toError(): \WP_Error
    {
        return new \WP_Error($this->code ?: 'deskhand_backend', $this->detail, ['status' => 502]);
    }
}
