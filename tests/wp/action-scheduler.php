<?php

/**
 * Action Scheduler's functions as far as the plugin uses them, with its documented behaviour: what is pending, running
 * or done, at a time or at once. The library itself is in no registry that the tests use.
 */

// phpcs:ignore PSR1.Classes.ClassDeclaration -- its own name
final class ActionScheduler
{
    public static bool $isOn = false;

    /** @var list<array{hook: string, group: string, when: ?int, status: string}> */
    public static array $actions = [];

    public static function is_initialized(?string $function = null): bool
    {
        return self::$isOn;
    }

    /** Runs what is due, as its queue runner does. */
    public static function run(): int
    {
        $ran = 0;
        foreach (array_keys(self::$actions) as $i) {
            $action = &self::$actions[$i];
            if ($action['status'] === 'pending' && ($action['when'] ?? 0) <= time()) {
                $action['status'] = 'in-progress';
                do_action($action['hook']);
                $action['status'] = 'complete';
                $ran++;
            }
            unset($action);
        }
        return $ran;
    }
}

function as_enqueue_async_action(string $hook, array $args = [], string $group = '', bool $unique = false, int $priority = 10): int
{
    return count(ActionScheduler::$actions = [...ActionScheduler::$actions, ['hook' => $hook, 'group' => $group, 'when' => null, 'status' => 'pending']]);
}

function as_schedule_single_action(int $timestamp, string $hook, array $args = [], string $group = '', bool $unique = false, int $priority = 10): int
{
    return count(ActionScheduler::$actions = [...ActionScheduler::$actions, ['hook' => $hook, 'group' => $group, 'when' => $timestamp, 'status' => 'pending']]);
}

function as_unschedule_all_actions(string $hook, array $args = [], string $group = ''): void
{
    foreach (ActionScheduler::$actions as &$action) {
        if ($action['hook'] === $hook && in_array($group, ['', $action['group']], true) && $action['status'] === 'pending') {
            $action['status'] = 'canceled';
        }
    }
}

/** @return array<int, object> */
function as_get_scheduled_actions(array $args = []): array
{
    $found = array_filter(ActionScheduler::$actions, static fn (array $a): bool => $a['hook'] === $args['hook'] && $a['group'] === $args['group'] && $a['status'] === $args['status']);
    usort($found, static fn (array $a, array $b): int => ($a['when'] ?? 0) <=> ($b['when'] ?? 0));
    return array_map(static fn (array $a): object => new class ($a['when']) {
        public function __construct(private readonly ?int $when)
        {
        }

        public function get_schedule(): object
        {
            return $this;
        }

        public function get_date(): ?DateTime
        {
            return $this->when === null ? null : new DateTime("@{$this->when}");
        }
    }, array_slice($found, 0, $args['per_page'] ?? 5));
}
