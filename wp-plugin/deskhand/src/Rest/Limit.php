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
     * Counts one more for each, in one go.
     *
     * @param non-empty-list<array{string, string, int}> $counted what, who, and how often at most
     * @return int 0 when all are within their limits, else the seconds until they will be
     */
    public static function hits(array $counted, int $seconds): int
    {
        $start = intdiv(time(), $seconds) * $seconds;
        $most = [];
        foreach ($counted as [$what, $who, $limit]) {
            $most[substr(hash_hmac('sha256', "$what|$who|$start", wp_salt('nonce')), 0, 40)] = $limit;
        }
        $hits = wp_using_ext_object_cache() ? self::inCache(array_keys($most), $seconds) : self::inTable(array_keys($most), $start + $seconds);
        foreach ($most as $bucket => $limit) {
            if (($hits[$bucket] ?? 0) > $limit) {
                return max(1, $start + $seconds - time());
            }
        }
        return 0;
    }

    /** Forgets windows that are over. */
    public static function clean(): void
    {
        global $wpdb;
        // phpcs:ignore WordPress.DB -- our own table
        $wpdb->query($wpdb->prepare('DELETE FROM ' . Schema::table('windows') . ' WHERE until_at < %d', time()));
    }

    /**
     * @param list<string> $buckets
     * @return array<string, int>
     */
    private static function inCache(array $buckets, int $seconds): array
    {
        $hits = [];
        foreach ($buckets as $bucket) {
            wp_cache_add($bucket, 0, self::GROUP, $seconds);
            $hits[$bucket] = (int) wp_cache_incr($bucket, 1, self::GROUP);
        }
        return $hits;
    }

    /**
     * @param list<string> $buckets
     * @return array<string, int>
     */
    private static function inTable(array $buckets, int $until): array
    {
        global $wpdb;
        $table = Schema::table('windows');
        $rows = implode(', ', array_fill(0, count($buckets), '(%s, 1, %d)'));
        $places = implode(', ', array_fill(0, count($buckets), '%s'));
        $values = array_merge(...array_map(static fn (string $bucket): array => [$bucket, $until], $buckets));
        // phpcs:disable WordPress.DB -- one statement, so that two at once count as two
        $wpdb->query($wpdb->prepare("INSERT INTO $table (bucket, hits, until_at) VALUES $rows ON DUPLICATE KEY UPDATE hits = hits + 1", $values));
        $found = $wpdb->get_results($wpdb->prepare("SELECT bucket, hits FROM $table WHERE bucket IN ($places)", $buckets));
        // phpcs:enable
        return array_map('intval', array_column((array) $found, 'hits', 'bucket'));
    }
}
