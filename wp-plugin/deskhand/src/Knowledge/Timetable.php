<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * When a hook runs next, outside of any visitor's request: by Action Scheduler where it is, else by WordPress's cron.
 */
final class Timetable
{
    private const GROUP = 'deskhand';

    /** @var array<string, true> hooks for which this request has asked WordPress to start its cron */
    private static array $spawned = [];

    /** Has a hook run at a time, or earlier if it was going to. */
    public static function at(string $hook, int $time): void
    {
        if (self::hasScheduler()) {
            $next = self::pending($hook);
            if ($next !== null && $next <= $time) {
                return;
            }
            if ($next !== null) {
                as_unschedule_all_actions($hook, [], self::GROUP);
            }
            $time <= time() ? as_enqueue_async_action($hook, [], self::GROUP) : as_schedule_single_action($time, $hook, [], self::GROUP);
            return;
        }
        $next = wp_next_scheduled($hook);
        if ($next === false || $next > $time) {
            // WordPress refuses a second event within ten minutes of another.
            wp_clear_scheduled_hook($hook);
            wp_schedule_single_event($time, $hook);
        }
    }

    /** Has a hook run as soon as may be, without waiting for the next visitor. */
    public static function soon(string $hook, int $delay = 0): void
    {
        self::at($hook, time() + $delay);
        if ($delay > 0 || self::hasScheduler() || isset(self::$spawned[$hook]) || wp_doing_cron() || (defined('DISABLE_WP_CRON') && DISABLE_WP_CRON)) {
            return;
        }
        self::$spawned[$hook] = true;
        // Sends a request to this site itself and doesn't wait for its answer; whoever asks has theirs before, where the
        // server can do so.
        add_action('shutdown', static function (): void {
            if (function_exists('fastcgi_finish_request')) {
                fastcgi_finish_request();
            }
            spawn_cron();
        }, PHP_INT_MAX);
    }

    public static function isPlanned(string $hook): bool
    {
        return (self::hasScheduler() && self::pending($hook) !== null) || wp_next_scheduled($hook) !== false;
    }

    /**
     * When Action Scheduler runs a hook next, 0 for at once. What runs just now doesn't count: it may be who asks, and
     * as_next_scheduled_action() would count it.
     */
    private static function pending(string $hook): ?int
    {
        $actions = as_get_scheduled_actions(['hook' => $hook, 'args' => [], 'group' => self::GROUP, 'status' => 'pending', 'per_page' => 1, 'orderby' => 'date', 'order' => 'ASC']);
        $next = reset($actions);
        return is_object($next) ? (int) $next->get_schedule()->get_date()?->format('U') : null;
    }

    private static function hasScheduler(): bool
    {
        return function_exists('as_enqueue_async_action') && class_exists('ActionScheduler') && \ActionScheduler::is_initialized();
    }
}
