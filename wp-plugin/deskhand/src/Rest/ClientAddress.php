<?php

declare(strict_types=1);

namespace Deskhand\Rest;

defined('ABSPATH') || exit;

/**
 * Where a request comes from. X-Forwarded-For counts only as far as proxies that the owner has named have written it.
 */
final class ClientAddress
{
    /** @param list<string> $proxies addresses and ranges */
    public static function of(array $proxies): string
    {
        $address = self::server('REMOTE_ADDR');
        if ($proxies === [] || !self::isIn($address, $proxies)) {
            return $address;
        }
        $chain = array_map('trim', explode(',', self::server('HTTP_X_FORWARDED_FOR')));
        while ($chain && self::isIn($address, $proxies)) {
            $next = (string) array_pop($chain);
            if (!filter_var($next, FILTER_VALIDATE_IP)) {
                break;
            }
            $address = $next;
        }
        return $address;
    }

    /** What a limit counts by: a household's IPv6 addresses are one. */
    public static function network(string $address): string
    {
        $packed = @inet_pton($address);
        return $packed !== false && strlen($packed) === 16 ? bin2hex(substr($packed, 0, 8)) . '/64' : $address;
    }

    /** @param list<string> $ranges */
    public static function isIn(string $address, array $ranges): bool
    {
        $packed = @inet_pton($address);
        if ($packed === false) {
            return false;
        }
        foreach ($ranges as $range) {
            [$start, $bits] = array_pad(explode('/', $range, 2), 2, null);
            $network = @inet_pton($start);
            if ($network === false || strlen($network) !== strlen($packed)) {
                continue;
            }
            $most = strlen($packed) * 8;
            if ($bits !== null && (!ctype_digit($bits) || (int) $bits > $most)) {
                continue;
            }
            if (self::head($packed, (int) ($bits ?? $most)) === self::head($network, (int) ($bits ?? $most))) {
                return true;
            }
        }
        return false;
    }

    private static function head(string $packed, int $bits): string
    {
        $whole = intdiv($bits, 8);
        $rest = $bits % 8;
        return substr($packed, 0, $whole) . ($rest === 0 ? '' : chr(ord($packed[$whole]) & (0xff << (8 - $rest)) & 0xff));
    }

    private static function server(string $name): string
    {
        return isset($_SERVER[$name]) ? sanitize_text_field(wp_unslash($_SERVER[$name])) : '';
    }
}
