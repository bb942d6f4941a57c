<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * Signatures both ways, over the raw bytes of a body.
 */
final class Signer
{
    /** Seconds by which the two clocks may differ in a callback. */
    public const TOLERANCE = 120;

    /**
     * Headers of a webhook to the backend.
     *
     * @return array<string, string>
     */
    public static function webhook(Credentials $as, string $body, string $idempotencyKey = ''): array
    {
        $headers = [
            'X-Site-ID' => $as->siteId,
            'X-Key-Id' => $as->keyId,
            'X-WP-Signature' => 'sha256=' . hash_hmac('sha256', $body, $as->keys()->webhook()),
        ];
        return $idempotencyKey === '' ? $headers : $headers + ['Idempotency-Key' => $idempotencyKey];
    }

    /** @return array<string, string> headers of an event for the bridge */
    public static function event(Credentials $as, string $body): array
    {
        return ['X-Signature' => 'sha256=' . hash_hmac('sha256', $body, $as->keys()->webhook())];
    }

    /**
     * Whether the backend sent this, now: X-AI-Signature is the base64 of an HMAC over the time, a full stop and the body.
     *
     * @param list<Credentials> $accepted
     * @return true|string true, or the code of what is wrong: unknown_key, stale_timestamp, bad_signature
     */
    public static function callback(array $accepted, string $body, string $timestamp, string $signature, string $keyId = ''): bool|string
    {
        $known = array_filter($accepted, static fn (Credentials $c): bool => $keyId === '' || hash_equals($c->keyId, $keyId));
        if ($known === []) {
            return 'unknown_key';
        }
        $given = base64_decode($signature, true);
        $signed = false;
        foreach ($known as $credentials) {
            $right = hash_hmac('sha256', "$timestamp.$body", $credentials->keys()->callback(), true);
            $signed = hash_equals($right, (string) $given) || $signed;
        }
        if (!$signed) {
            return 'bad_signature';
        }
        // After the signature, so that nobody learns this machine's time by asking.
        return ctype_digit($timestamp) && abs(time() - (int) $timestamp) <= self::TOLERANCE ? true : 'stale_timestamp';
    }

    /** Whether an answer of the backend is its own: X-Deskhand-Signature over the raw body. */
    public static function answer(Credentials $as, string $body, string $signature): bool
    {
        return hash_equals('sha256=' . hash_hmac('sha256', $body, $as->keys()->callback()), strtolower(trim($signature)));
    }
}
