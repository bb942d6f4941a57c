<?php

declare(strict_types=1);

namespace Deskhand\Rest;

use Deskhand\Install\Schema;

defined('ABSPATH') || exit;

/**
 * So many times within a window of time. Counted by the object cache where it outlives a request, else by one row a
 * window; who is counted can't be read from either.
 */
final class Limit
{
    private const GROUP = 'deskhand_limits';

    /**
     * Counts one more.
     *
     * @return int 0 when it is within the limit, else the seconds until it will be
     */
    public static function hit(string $what, string $who, int $most, int $seconds): int
    {
        $start = intdiv(time(), $seconds) * $seconds;
        $bucket = substr(hash_hmac('sha256', "$what|$who|$start", wp_salt('nonce')), 0, 40);
        $hits = wp_using_ext_object_cache() ? self::inCache($bucket, $seconds) : self::inTable($bucket, $start + $seconds);
        return $hits <= $most ? 0 : max(1, $start + $seconds - time());
    }

    /** Forgets windows that are over. */
    public static function clean(): void
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table
        $wpdb->query($wpdb->prepare('DELETE FROM ' . Schema::table('windows') . ' WHERE until_at < %d', time()));
    }

    private static function inCache(string $bucket, int $seconds): int
    {
        wp_cache_add($bucket, 0, self::GROUP, $seconds);
        return (int) wp_cache_incr($bucket, 1, self::GROUP);
    }

    private static function inTable(string $bucket, int $until): int
    {
        global $wpdb;
        $table = Schema::table('windows');
        // phpcs:disable WordPress.DB -- one statement, so that two at once count as two
        $wpdb->query($wpdb->prepare("INSERT INTO $table (bucket, hits, until_at) VALUES (%s, 1, %d) ON DUPLICATE KEY UPDATE hits = hits + 1", $bucket, $until));
        return (int) $wpdb->get_var($wpdb->prepare("SELECT hits FROM $table WHERE bucket = %s", $bucket));
        // phpcs:enable
    }
}
