<?php

declare(strict_types=1);

namespace Deskhand\Chat;

defined('ABSPATH') || exit;

/**
 * Who a visitor is to the backend. A logged-in user always has the same id; anybody else a random one in a cookie that
 * scripts can't read and that only this site can write, so that knowing an id isn't being that visitor.
 */
final class Visitor
{
    public const COOKIE = 'deskhand_visitor';
    private const DAYS = 90;

    public static function ofUser(string $siteId, int $user): string
    {
        return self::uuid5($siteId, "wp-user:$user");
    }

    /** The id in the browser's cookie, or null when there is none that we wrote. */
    public static function fromCookie(): ?string
    {
        $value = isset($_COOKIE[self::COOKIE]) && is_string($_COOKIE[self::COOKIE]) ? sanitize_text_field(wp_unslash($_COOKIE[self::COOKIE])) : '';
        [$id, $mac] = array_pad(explode('.', $value, 2), 2, '');
        return wp_is_uuid($id) && hash_equals(self::mac($id), $mac) ? $id : null;
    }

    /** The browser's id, a new one if it has none; its cookie lives on. */
    public static function remember(): string
    {
        $id = self::fromCookie() ?? wp_generate_uuid4();
        $value = "$id." . self::mac($id);
        if (!headers_sent()) {
            setcookie(self::COOKIE, $value, [
                'expires' => time() + self::DAYS * DAY_IN_SECONDS,
                'path' => COOKIEPATH ?: '/',
                'domain' => COOKIE_DOMAIN ?: '',
                'secure' => is_ssl(),
                'httponly' => true,
                'samesite' => 'Lax',
            ]);
        }
        $_COOKIE[self::COOKIE] = $value;
        return $id;
    }

    private static function mac(string $id): string
    {
        return substr(hash_hmac('sha256', "deskhand-visitor|$id", wp_salt('secure_auth')), 0, 32);
    }

    private static function uuid5(string $space, string $name): string
    {
        $hash = substr(sha1(hex2bin(str_replace('-', '', $space)) . $name, true), 0, 16);
        $hash[6] = chr(ord($hash[6]) & 0x0f | 0x50);
        $hash[8] = chr(ord($hash[8]) & 0x3f | 0x80);
        return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($hash), 4));
    }
}
