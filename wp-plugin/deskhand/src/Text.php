<?php

declare(strict_types=1);

namespace Deskhand;

defined('ABSPATH') || exit;

/**
 * Plain texts as people type them into settings: what they may be, and what is wrong with one. They are escaped where
 * they are shown, so `<`, `&` and `%41` are themselves.
 */
final class Text
{
    public static function of(mixed $value, int $most): string
    {
        return mb_substr(self::whole($value), 0, $most);
    }

    /** @return list<string> the lines that have something in them */
    public static function lines(mixed $value, int $long): array
    {
        return array_values(array_filter(array_map(static fn ($v): string => self::of($v, $long), self::split($value)), static fn (string $v): bool => $v !== ''));
    }

    public static function isTooLong(mixed $value, int $most): string
    {
        $length = mb_strlen(self::whole($value));
        /* translators: 1: most characters, 2: how many there are */
        return $length > $most ? sprintf(__('It may have %1$d characters at most; these are %2$d.', 'deskhand'), $most, $length) : '';
    }

    public static function isNoNumber(mixed $value, int $least, int $most): string
    {
        $text = is_scalar($value) ? trim((string) $value) : '';
        return preg_match('/^\d{1,9}$/', $text) && (int) $text >= $least && (int) $text <= $most
            ? ''
            /* translators: 1: least, 2: most */
            : sprintf(__('It must be a number from %1$d to %2$d.', 'deskhand'), $least, $most);
    }

    public static function areTooMany(mixed $value, int $most, int $long): string
    {
        $lines = array_filter(array_map(self::whole(...), self::split($value)), static fn (string $v): bool => $v !== '');
        if (count($lines) > $most) {
            /* translators: 1: most lines, 2: how many there are */
            return sprintf(__('There may be %1$d lines at most; these are %2$d.', 'deskhand'), $most, count($lines));
        }
        foreach ($lines as $line) {
            if (mb_strlen($line) > $long) {
                /* translators: 1: the beginning of a line, 2: most characters */
                return sprintf(__('The line “%1$s…” has more than %2$d characters.', 'deskhand'), mb_substr($line, 0, 20), $long);
            }
        }
        return '';
    }

    public static function areNoRanges(mixed $value): string
    {
        foreach (self::lines($value, 50) as $line) {
            [$address, $bits] = array_pad(explode('/', $line, 2), 2, null);
            $most = str_contains($address, ':') ? 128 : 32;
            if (!filter_var($address, FILTER_VALIDATE_IP) || ($bits !== null && (!preg_match('/^\d{1,3}$/', $bits) || (int) $bits > $most))) {
                /* translators: %s: what was typed */
                return sprintf(__('“%s” is no IP address and no range such as 203.0.113.0/24 or 2001:db8::/32.', 'deskhand'), $line);
            }
        }
        return '';
    }

    public static function isNoColour(mixed $value): string
    {
        $text = is_string($value) ? trim($value) : '';
        return $text === '' || sanitize_hex_color($text) ? '' : __('It must be a colour such as #1f5f5b, or empty.', 'deskhand');
    }

    /** Without what no keyboard writes, control characters, and with a question mark for bytes that are no UTF-8. */
    private static function whole(mixed $value): string
    {
        $text = is_string($value) ? mb_scrub(str_replace(["\r\n", "\r"], "\n", $value), 'UTF-8') : '';
        return trim((string) preg_replace('/[^\P{Cc}\n\t]/u', '', $text));
    }

    /** @return list<mixed> */
    private static function split(mixed $value): array
    {
        $lines = is_string($value) ? preg_split('/\R/u', mb_scrub($value, 'UTF-8')) : $value;
        return is_array($lines) ? array_slice(array_values($lines), 0, 200) : [];
    }
}
