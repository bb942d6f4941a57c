<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * Seals what must lie in the database, with a key from the salts of wp-config.php: a copy of the database alone
 * doesn't open it. New salts close it for good; then the secret has to be pasted again.
 */
final class Vault
{
    private const CONTEXT = 'deskhand/option/v1';

    public static function seal(#[\SensitiveParameter] string $plain): string
    {
        $nonce = random_bytes(SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES);
        $sealed = sodium_crypto_aead_xchacha20poly1305_ietf_encrypt($plain, self::CONTEXT, $nonce, self::key());
        return 'v1:' . base64_encode($nonce . $sealed);
    }

    public static function open(string $sealed): ?string
    {
        $bytes = str_starts_with($sealed, 'v1:') ? base64_decode(substr($sealed, 3), true) : false;
        $length = SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES;
        if ($bytes === false || strlen($bytes) < $length + SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_ABYTES) {
            return null;
        }
        $plain = sodium_crypto_aead_xchacha20poly1305_ietf_decrypt(substr($bytes, $length), self::CONTEXT, substr($bytes, 0, $length), self::key());
        return $plain === false ? null : $plain;
    }

    private static function key(): string
    {
        return hash_hkdf('sha256', wp_salt('secure_auth'), SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_KEYBYTES, self::CONTEXT);
    }
}
