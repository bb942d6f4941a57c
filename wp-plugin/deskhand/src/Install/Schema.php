<?php

declare(strict_types=1);

namespace Deskhand\Install;

defined('ABSPATH') || exit;

/**
 * The plugin's own tables. dbDelta makes them and brings them up to date, so each column stands on a line of its own.
 */
final class Schema
{
    /** Raised with every change below. */
    public const VERSION = 4;
    public const OPTION = 'deskhand_schema';

    /** @return array<string, string> a table's columns and keys, by its name without prefix */
    private static function tables(): array
    {
        return [
            // What the backend knows, or is to know, of each post and file of this site.
            'deskhand_documents' => "id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
                source varchar(20) NOT NULL,
                object_id bigint(20) unsigned NOT NULL,
                event varchar(20) NOT NULL DEFAULT '',
                event_at varchar(32) NOT NULL DEFAULT '',
                revision bigint(20) unsigned NOT NULL DEFAULT 0,
                due_at bigint(20) unsigned NOT NULL DEFAULT 0,
                claimed_until bigint(20) unsigned NOT NULL DEFAULT 0,
                attempts int(10) unsigned NOT NULL DEFAULT 0,
                waits_since bigint(20) unsigned NOT NULL DEFAULT 0,
                known tinyint(1) unsigned NOT NULL DEFAULT 0,
                state varchar(20) NOT NULL DEFAULT 'queued',
                code varchar(60) NOT NULL DEFAULT '',
                detail text NOT NULL,
                document_id varchar(36) NOT NULL DEFAULT '',
                check_at bigint(20) unsigned NOT NULL DEFAULT 0,
                checks int(10) unsigned NOT NULL DEFAULT 0,
                updated_at bigint(20) unsigned NOT NULL DEFAULT 0,
                PRIMARY KEY  (id),
                UNIQUE KEY object (source,object_id),
                KEY due_at (due_at),
                KEY check_at (check_at),
                KEY state (state,updated_at)",
            // AI jobs, and what came of them.
            'deskhand_jobs' => "id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
                uid varchar(36) NOT NULL,
                user_id bigint(20) unsigned NOT NULL DEFAULT 0,
                visitor varchar(36) NOT NULL DEFAULT '',
                route varchar(20) NOT NULL,
                status varchar(20) NOT NULL,
                input_hash varchar(64) NOT NULL DEFAULT '',
                request longtext NOT NULL,
                result longtext NOT NULL,
                error varchar(60) NOT NULL DEFAULT '',
                detail text NOT NULL,
                provider varchar(60) NOT NULL DEFAULT '',
                tokens_in int(10) unsigned NOT NULL DEFAULT 0,
                tokens_out int(10) unsigned NOT NULL DEFAULT 0,
                cost bigint(20) unsigned NOT NULL DEFAULT 0,
                currency varchar(3) NOT NULL DEFAULT '',
                idempotency_key varchar(64) NOT NULL,
                remote_id varchar(64) NOT NULL DEFAULT '',
                again_of varchar(36) NOT NULL DEFAULT '',
                attempts int(10) unsigned NOT NULL DEFAULT 0,
                due_at bigint(20) unsigned NOT NULL DEFAULT 0,
                webhook_ts bigint(20) unsigned NOT NULL DEFAULT 0,
                created_at bigint(20) unsigned NOT NULL DEFAULT 0,
                updated_at bigint(20) unsigned NOT NULL DEFAULT 0,
                PRIMARY KEY  (id),
                UNIQUE KEY uid (uid),
                UNIQUE KEY idempotency_key (idempotency_key),
                KEY status_created (status,created_at),
                KEY user_created (user_id,created_at),
                KEY input_hash (input_hash),
                KEY again_of (again_of),
                KEY status_due (status,due_at)",
            // What happened here and the backend hasn't heard of yet.
            'deskhand_events' => "id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
                uid varchar(36) NOT NULL,
                type varchar(64) NOT NULL,
                object_ref varchar(200) NOT NULL,
                data longtext NOT NULL,
                occurred_at bigint(20) unsigned NOT NULL DEFAULT 0,
                revision bigint(20) unsigned NOT NULL DEFAULT 0,
                due_at bigint(20) unsigned NOT NULL DEFAULT 0,
                claimed_until bigint(20) unsigned NOT NULL DEFAULT 0,
                attempts int(10) unsigned NOT NULL DEFAULT 0,
                state varchar(20) NOT NULL DEFAULT 'waiting',
                code varchar(60) NOT NULL DEFAULT '',
                detail text NOT NULL,
                created_at bigint(20) unsigned NOT NULL DEFAULT 0,
                PRIMARY KEY  (id),
                UNIQUE KEY uid (uid),
                KEY state_due (state,due_at)",
            // How often somebody did something within a window of time.
            'deskhand_windows' => 'bucket varchar(64) NOT NULL,
                hits int(10) unsigned NOT NULL DEFAULT 0,
                until_at bigint(20) unsigned NOT NULL DEFAULT 0,
                PRIMARY KEY  (bucket),
                KEY until_at (until_at)',
        ];
    }

    public static function table(string $name): string
    {
        global $wpdb;
        return $wpdb->prefix . 'deskhand_' . $name;
    }

    /** @return list<string> the full names of a network's site's tables */
    public static function tablesOf(int $site): array
    {
        global $wpdb;
        return array_map(static fn (string $name): string => $wpdb->get_blog_prefix($site) . $name, array_keys(self::tables()));
    }

    /**
     * Drops tables of sites that a network no longer has. Another WordPress in the same database may have a prefix that
     * looks like one of its sites' ("wp_2_", "wp_11_"): where somebody's options lie, nothing is dropped.
     */
    public static function dropOrphans(): void
    {
        global $wpdb;
        $there = array_map('intval', get_sites(['fields' => 'ids', 'number' => 0]));
        $pattern = '/^(' . preg_quote($wpdb->base_prefix, '/') . '(\d+)_)(' . implode('|', array_keys(self::tables())) . ')$/';
        // phpcs:ignore WordPress.DB -- names of tables
        $tables = $wpdb->get_col($wpdb->prepare('SHOW TABLES LIKE %s', $wpdb->esc_like($wpdb->base_prefix) . '%'));
        foreach ($tables as $table) {
            if (preg_match($pattern, (string) $table, $found) && !in_array((int) $found[2], $there, true) && !in_array("{$found[1]}options", $tables, true)) {
                // phpcs:ignore WordPress.DB -- a name of our own table, by the pattern
                $wpdb->query("DROP TABLE IF EXISTS $table");
            }
        }
    }

    public static function install(): void
    {
        global $wpdb;
        require_once ABSPATH . 'wp-admin/includes/upgrade.php';
        foreach (self::tables() as $name => $columns) {
            dbDelta("CREATE TABLE {$wpdb->prefix}{$name} (\n" . preg_replace('/^\s+/m', '', $columns) . "\n) {$wpdb->get_charset_collate()};");
        }
        update_option(self::OPTION, self::VERSION, true);
    }

    public static function isCurrent(): bool
    {
        return (int) get_option(self::OPTION, 0) === self::VERSION;
    }

    public static function drop(): void
    {
        global $wpdb;
        foreach (array_keys(self::tables()) as $name) {
            // phpcs:ignore WordPress.DB -- a name of our own table
            $wpdb->query("DROP TABLE IF EXISTS {$wpdb->prefix}{$name}");
        }
        delete_option(self::OPTION);
    }
}
