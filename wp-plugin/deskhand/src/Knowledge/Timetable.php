<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * When a hook runs next, outside of any visitor's request: by Action Scheduler where it is, else by WordPress's cron.
 */
final class Timetable implements Part
{
    private const GROUP = 'deskhand';

    /** What is to be done soon after it was asked for. */
    private const SOON = [Sender::HOOK, FullSync::HOOK, 'deskhand_events', 'deskhand_jobs'];

    /** @var array<string, true> hooks for which this request has asked WordPress to start its cron */
    private static array $spawned = [];

    public function register(): void
    {
        if (wp_doing_cron()) {
            // WordPress runs its cron once at a time, and starts no other while one runs: what came due meanwhile would
            // wait for the next visitor. Its own end is past by then, and its lock is gone. It may also have written its
            // own timetable over what others had planned; so who has something waiting plans anew.
            add_action('shutdown', static function (): void {
                self::forget();
                do_action(Sender::SWEEP);
                self::catchUp(self::SOON);
            }, PHP_INT_MAX);
        }
    }

    /**
     * Runs what is due, here and now.
     *
     * @param list<string> $hooks
     */
    public static function catchUp(array $hooks): void
    {
        self::forget();
        foreach ($hooks as $hook) {
            $next = wp_next_scheduled($hook);
            if ($next !== false && $next <= time() + 1) {
                wp_unschedule_event($next, $hook);
                do_action($hook);
            }
        }
    }

    /** Reads the timetable from the database again: others have planned since this request began. */
    private static function forget(): void
    {
        wp_cache_delete('alloptions', 'options');
        wp_cache_delete('cron', 'options');
    }

    /** Starts WordPress's cron; where another run keeps it from starting, and nobody waits for this request any more, its work is done here. */
    public static function start(string $hook, bool $isAnswered): void
    {
        // Sends a request to this site itself and doesn't wait for its answer.
        if (!spawn_cron() && $isAnswered) {
            self::catchUp([$hook]);
        }
    }

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
        // Whoever asks has their answer before, where the server can do so.
        add_action('shutdown', static fn () => self::start($hook, self::answer()), PHP_INT_MAX);
    }

    /** Ends the answer, where the server can do so before the program ends. */
    private static function answer(): bool
    {
        foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
            if (function_exists($finish)) {
                $finish();
                return true;
            }
        }
        return false;
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
