<?php

declare(strict_types=1);

namespace Deskhand\Rest;

use Deskhand\Install\Schema;

defined('ABSPATH') || exit;

/**
 * Whether something is here for the first time within a time.
 */
final class Seen
{
    public static function isFirst(string $what, int $seconds): bool
    {
        global $wpdb;
        $sql = 'INSERT IGNORE INTO ' . Schema::table('windows') . ' (bucket, hits, until_at) VALUES (%s, 1, %d)';
        // phpcs:ignore WordPress.DB -- our own table; its unique key tells which of two is the first
        return (bool) $wpdb->query($wpdb->prepare($sql, 'seen-' . substr(hash('sha256', $what), 0, 50), time() + $seconds));
    }
}
