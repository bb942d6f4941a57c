<?php

declare(strict_types=1);

namespace Deskhand\Install;

use Deskhand\Jobs\Sender;
use Deskhand\Knowledge\FullSync;
use Deskhand\Part;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * Activation, upgrades and deactivation, on every site of a network.
 */
final class Lifecycle implements Part
{
    /** Every recurring or single event of the plugin: deactivation ends them. */
    public const EVENTS = ['deskhand_send', 'deskhand_sweep', 'deskhand_clean', 'deskhand_sync', 'deskhand_jobs', 'deskhand_events', 'deskhand_handoffs'];
    public const CAPABILITIES = ['deskhand_admin', 'deskhand_staff'];

    public function register(): void
    {
        register_activation_hook(DESKHAND_FILE, static fn ($network = false) => self::onEachSite((bool) $network, static function (): void {
            self::activate();
            FullSync::afterAbsence();
        }));
        register_deactivation_hook(DESKHAND_FILE, static fn ($network = false) => self::onEachSite((bool) $network, self::deactivate(...)));
        // A site of a network that is deleted takes the plugin's tables along, as it does WordPress's own.
        add_filter('wpmu_drop_tables', static fn (array $tables, $site): array => [...$tables, ...Schema::tablesOf((int) $site)], 10, 2);
        // A plugin that is updated by files, or a site that joins a network, is never activated.
        add_action('init', static fn () => Schema::isCurrent() || self::activate(), 1);
    }

    public static function activate(): void
    {
        Schema::install();
        foreach (self::CAPABILITIES as $capability) {
            get_role('administrator')?->add_cap($capability);
        }
        // There from the beginning, they are loaded with all others and cost no query of their own.
        add_option(Settings::OPTION, [], '', true);
        add_option(Sender::PAUSE, 0, '', true);
        if (!wp_next_scheduled('deskhand_sweep')) {
            wp_schedule_event(time() + 5 * MINUTE_IN_SECONDS, 'deskhand_often', 'deskhand_sweep');
        }
        if (!wp_next_scheduled('deskhand_clean')) {
            wp_schedule_event(time() + HOUR_IN_SECONDS, 'daily', 'deskhand_clean');
        }
    }

    public static function deactivate(): void
    {
        foreach (self::EVENTS as $event) {
            wp_unschedule_hook($event);
            if (function_exists('as_unschedule_all_actions')) {
                as_unschedule_all_actions($event);
            }
        }
    }

    /** Leaves nothing of the plugin on this site. */
    public static function uninstall(): void
    {
        global $wpdb;
        self::deactivate();
        Schema::drop();
        foreach (wp_roles()->role_objects as $role) {
            foreach (self::CAPABILITIES as $capability) {
                $role->remove_cap($capability);
            }
        }
        // phpcs:disable WordPress.DB -- by prefix there is no other way
        $like = $wpdb->esc_like('deskhand_') . '%';
        $transient = $wpdb->esc_like('_transient_deskhand_') . '%';
        $timeout = $wpdb->esc_like('_transient_timeout_deskhand_') . '%';
        $names = $wpdb->get_col($wpdb->prepare("SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE %s OR option_name LIKE %s OR option_name LIKE %s", $like, $transient, $timeout));
        foreach ($names as $name) {
            delete_option($name);
        }
        delete_post_meta_by_key(\Deskhand\Knowledge\Eligibility::EXCLUDED);
        $wpdb->query($wpdb->prepare("DELETE FROM {$wpdb->usermeta} WHERE meta_key LIKE %s", $like));
        // phpcs:enable
        wp_cache_flush();
    }

    /** On a network, also what sites left behind that were deleted while the plugin wasn't there to see it. */
    public static function uninstallEverywhere(): void
    {
        self::onEachSite(true, self::uninstall(...));
        if (is_multisite()) {
            Schema::dropOrphans();
        }
    }

    /** @param callable(): void $work */
    public static function onEachSite(bool $network, callable $work): void
    {
        if (!$network || !is_multisite()) {
            $work();
            return;
        }
        foreach (get_sites(['fields' => 'ids', 'number' => 0]) as $site) {
            switch_to_blog((int) $site);
            $work();
            restore_current_blog();
        }
    }
}
