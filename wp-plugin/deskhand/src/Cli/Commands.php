<?php

declare(strict_types=1);

namespace Deskhand\Cli;

use Deskhand\Admin\Usage;
use Deskhand\Connection\Answer;
use Deskhand\Connection\Check;
use Deskhand\Connection\Test;
use Deskhand\Jobs\JobStore;
use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * What `wp deskhand` does; WP-CLI itself is touched in `register` alone.
 */
final class Commands implements Part
{
    /** @param callable(): int $reindex asks for all content anew, and gives how much that is */
    public function __construct(private readonly Usage $usage, private readonly Test $test, private readonly JobStore $jobs, private $reindex)
    {
    }

    public function register(): void
    {
        if (!defined('WP_CLI') || !\WP_CLI) {
            return;
        }
        foreach (['deskhand', 'ai'] as $name) {
            if ($name === 'ai' && isset(\WP_CLI::get_root_command()->get_subcommands()['ai'])) {
                continue;
            }
            \WP_CLI::add_command("$name stats", function (array $args, array $named): void {
                $stats = $this->stats((int) ($named['days'] ?? 30));
                is_string($stats) ? \WP_CLI::error($stats) : \WP_CLI\Utils\format_items($named['format'] ?? 'table', $stats, ['figure', 'value']);
            }, ['shortdesc' => 'Questions, answers, tokens and cost.', 'synopsis' => [
                ['type' => 'assoc', 'name' => 'days', 'optional' => true, 'default' => 30],
                ['type' => 'assoc', 'name' => 'format', 'optional' => true, 'default' => 'table', 'options' => ['table', 'json', 'csv', 'yaml']],
            ]]);
            \WP_CLI::add_command("$name test", function (): void {
                [$lines, $isGood] = $this->test();
                array_map(\WP_CLI::log(...), $lines);
                $isGood ? \WP_CLI::success('The connection works.') : \WP_CLI::error('The connection doesn\'t work.');
            }, ['shortdesc' => 'Tries the connection to the backend.']);
            \WP_CLI::add_command("$name reindex", function (): void {
                \WP_CLI::success(sprintf('%d documents will be sent in the background.', ($this->reindex)()));
            }, ['shortdesc' => 'Sends all content to the backend anew.']);
        }
    }

    /** @return list<array{figure: string, value: string}>|string the figures, or why there are none */
    public function stats(int $days): array|string
    {
        $rows = $this->usage->of(max(1, min(366, $days)));
        if ($rows instanceof Answer) {
            return $rows->detail;
        }
        $sum = Usage::sum($rows);
        $stats = [];
        foreach (['turns', 'answered', 'handoffs', 'degraded', 'tokens_in', 'tokens_out'] as $figure) {
            $stats[] = ['figure' => $figure, 'value' => (string) $sum[$figure]];
        }
        $stats[] = ['figure' => 'cost', 'value' => Usage::money((int) $sum['cost_micro'], (string) $sum['currency'])];
        foreach ($this->jobs->states(time() - $days * DAY_IN_SECONDS) as $state => $count) {
            $stats[] = ['figure' => "jobs $state", 'value' => (string) $count];
        }
        return $stats;
    }

    /** @return array{list<string>, bool} lines to print, and whether the connection works */
    public function test(): array
    {
        $checks = $this->test->run();
        $signs = [Check::GOOD => '✓', Check::WARNING => '!', Check::BAD => '✗'];
        $lines = array_map(static fn (Check $c): string => rtrim("{$signs[$c->state]} $c->label: $c->detail $c->mend"), $checks);
        return [$lines, Test::worst($checks) !== Check::BAD];
    }
}
