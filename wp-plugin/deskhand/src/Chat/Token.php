<?php

declare(strict_types=1);

namespace Deskhand\Chat;

use Deskhand\Connection\Credentials;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * JSON Web Tokens, HS256 with the site's token key.
 */
final class Token
{
    /** The backend takes none that live longer. */
    public const SECONDS = 300;
    public const JOB_SECONDS = 60;

    /**
     * For a visitor's browser, good for one origin.
     *
     * @return array{token: string, expires_at: string}
     */
    public static function forVisitor(Credentials $as, string $visitorId, string $origin, int $user = 0): array
    {
        $expires = time() + self::SECONDS;
        $claims = ['sub' => $visitorId, 'aud' => 'deskhand', 'origin' => $origin, 'exp' => $expires, 'jti' => wp_generate_uuid4()];
        return [
            'token' => self::sign($as, $claims + self::login($user)),
            'expires_at' => gmdate('Y-m-d\TH:i:s\Z', $expires),
        ];
    }

    /** For handing over one AI job; its id is the job's idempotency key. */
    public static function forJob(Credentials $as, string $subject, string $idempotencyKey, int $user = 0): string
    {
        $claims = ['sub' => $subject, 'aud' => 'deskhand-jobs', 'exp' => time() + self::JOB_SECONDS - 1, 'jti' => $idempotencyKey];
        return self::sign($as, $claims + ($subject === 'site' ? [] : self::login($user)));
    }

    /** For telling an event; good once. */
    public static function forEvent(Credentials $as): string
    {
        return self::sign($as, ['sub' => 'site', 'aud' => 'deskhand-events', 'exp' => time() + self::JOB_SECONDS, 'jti' => wp_generate_uuid4()]);
    }

    /**
     * Who is logged in, and where the backend may ask about them: WordPress knows where its REST routes are.
     *
     * @return array<string, mixed>
     */
    private static function login(int $user): array
    {
        return $user > 0 ? ['wp_user' => $user, 'profile' => Routes::url('/profile')] : [];
    }

    /** @param array<string, mixed> $claims */
    private static function sign(Credentials $as, array $claims): string
    {
        $claims = ['iss' => $as->siteId, 'iat' => time()] + $claims;
        $signed = self::part(['alg' => 'HS256', 'typ' => 'JWT', 'kid' => $as->keyId]) . '.' . self::part($claims);
        return $signed . '.' . self::encode(hash_hmac('sha256', $signed, $as->keys()->token(), true));
    }

    /** @param array<string, mixed> $part */
    private static function part(array $part): string
    {
        return self::encode((string) wp_json_encode($part, JSON_UNESCAPED_SLASHES));
    }

    private static function encode(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}
