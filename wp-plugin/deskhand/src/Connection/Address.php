<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * Which addresses a backend may have. What is typed into the settings page must lie in the public internet, or the
 * page would be a way to knock at machines beside this one; wp-config.php may name any, and may allow any (DESKHAND_ALLOW_PRIVATE).
 * WordPress's own check of addresses knows neither IPv6 nor ports but three, so it isn't used.
 */
final class Address
{
    /**
     * Whether a backend may be there: asks for what the name stands for, so it isn't for each page that is shown.
     *
     * @return string|\WP_Error the origin in its plain form, without a path
     */
    public static function check(string $url, bool $trusted): string|\WP_Error
    {
        $origin = self::plain($url, $trusted);
        if ($origin instanceof \WP_Error || $trusted || self::mayBePrivate() || self::publicOnes(self::host($origin)) !== []) {
            return $origin;
        }
        return new \WP_Error('deskhand_address', __('This address doesn\'t lie in the public internet. If the backend really is there, add this to wp-config.php: define(\'DESKHAND_ALLOW_PRIVATE\', true);', 'deskhand'));
    }

    /**
     * Whether an address has the form that a backend's must have; nobody is asked anything. Within a network of one's
     * own wp-config.php may do without https, as containers on one machine do.
     *
     * @return string|\WP_Error the origin in its plain form, without a path
     */
    public static function plain(string $url, bool $trusted): string|\WP_Error
    {
        $url = rtrim(trim($url), '/');
        $parts = wp_parse_url($url);
        $refuse = static fn (string $why): \WP_Error => new \WP_Error('deskhand_address', $why);
        if (!is_array($parts) || !in_array($parts['scheme'] ?? '', ['http', 'https'], true) || ($parts['host'] ?? '') === '') {
            return $refuse(__('The address must begin with https:// and name a host.', 'deskhand'));
        }
        if (isset($parts['user']) || isset($parts['pass']) || isset($parts['path']) || isset($parts['query']) || isset($parts['fragment'])) {
            return $refuse(__('The address must be a plain one: scheme, host and port, nothing else.', 'deskhand'));
        }
        $host = strtolower(trim($parts['host'], '[]'));
        if (!filter_var($host, FILTER_VALIDATE_IP) && !preg_match('/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/', $host)) {
            return $refuse(__('The host must be a name or an ordinary IP address.', 'deskhand'));
        }
        if ($parts['scheme'] === 'http' && !self::isLoopback($host) && !($trusted && self::isWithin($host))) {
            return $refuse(__('The address must begin with https://; http is for a backend on this very machine, and in wp-config.php for one in a private network.', 'deskhand'));
        }
        if (isset($parts['port']) && $parts['port'] < 1) {
            return $refuse(__('The port must be a number from 1 to 65535.', 'deskhand'));
        }
        return $parts['scheme'] . '://' . (str_contains($host, ':') ? "[$host]" : $host) . (isset($parts['port']) ? ':' . $parts['port'] : '');
    }

    /** Whether wp-config.php lets the settings page name private addresses. */
    public static function mayBePrivate(): bool
    {
        return defined('DESKHAND_ALLOW_PRIVATE') && constant('DESKHAND_ALLOW_PRIVATE') === true;
    }

    public static function isLoopback(string $host): bool
    {
        return in_array($host, ['localhost', '127.0.0.1', '::1'], true);
    }

    /** Whether a host is one of a private network by its very name: a private address, or a name that the internet has none like. */
    private static function isWithin(string $host): bool
    {
        return filter_var($host, FILTER_VALIDATE_IP)
            ? !self::isPublicIp($host)
            : !str_contains($host, '.') || preg_match('/\.(internal|local|lan|home\.arpa)$/', $host) === 1;
    }

    /** The host of an origin, without the brackets of an IPv6 address. */
    public static function host(string $origin): string
    {
        return trim((string) wp_parse_url($origin, PHP_URL_HOST), '[]');
    }

    /**
     * What a host's name stands for just now, if all of that lies in the public internet; nothing if any of it doesn't.
     *
     * @return list<string>
     */
    public static function publicOnes(string $host): array
    {
        if (filter_var($host, FILTER_VALIDATE_IP)) {
            $addresses = [$host];
        } else {
            $addresses = gethostbynamel($host) ?: [];
            foreach (function_exists('dns_get_record') ? (@dns_get_record($host, DNS_AAAA) ?: []) : [] as $record) {
                $addresses[] = (string) ($record['ipv6'] ?? '');
            }
        }
        foreach ($addresses as $address) {
            if (!self::isPublicIp($address)) {
                return [];
            }
        }
        return array_values(array_unique($addresses));
    }

    private static function isPublicIp(string $address): bool
    {
        $packed = @inet_pton($address);
        if ($packed === false) {
            return false;
        }
        if (strlen($packed) === 16) {
            // Only what is global unicast, and of that nothing that carries an IPv4 address (6to4, Teredo) or is for examples.
            $first = bin2hex(substr($packed, 0, 4));
            return (ord($packed[0]) & 0xe0) === 0x20 && !str_starts_with($first, '2002') && $first !== '20010000' && $first !== '20010db8';
        }
        $number = (int) hexdec(bin2hex($packed));
        foreach (['100.64.0.0/10', '192.0.0.0/24', '192.0.2.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4'] as $range) {
            [$start, $bits] = explode('/', $range);
            $mask = ~((1 << (32 - (int) $bits)) - 1) & 0xffffffff;
            if (($number & $mask) === ip2long($start)) {
                return false;
            }
        }
        return (bool) filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4 | FILTER_FLAG_NO_PRIV_RANGE | FILTER_FLAG_NO_RES_RANGE);
    }
}
