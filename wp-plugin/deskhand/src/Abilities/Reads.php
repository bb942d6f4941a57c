<?php

declare(strict_types=1);

namespace Deskhand\Abilities;

use Deskhand\Capability;
use Deskhand\Admin\Usage;
use Deskhand\Connection\Answer;
use Deskhand\Connection\Check;
use Deskhand\Connection\Client;
use Deskhand\Connection\Test;
use Deskhand\Jobs\JobStore;
use Deskhand\Part;
use Deskhand\Shop\Orders;

defined('ABSPATH') || exit;

/**
 * What other programs may read by WordPress's abilities, where WordPress has them. Nothing here writes.
 */
final class Reads implements Part
{
    private const CATEGORY = 'deskhand';

    public function __construct(
        private readonly Usage $usage,
        private readonly Test $test,
        private readonly JobStore $jobs,
        private readonly Client $client,
    ) {
    }

    public function register(): void
    {
        add_action('wp_abilities_api_categories_init', static function (): void {
            if (function_exists('wp_register_ability_category')) {
                wp_register_ability_category(self::CATEGORY, ['label' => __('Deskhand', 'deskhand'), 'description' => __('The support agent: its usage, connection, documents and jobs.', 'deskhand')]);
            }
        });
        add_action('wp_abilities_api_init', function (): void {
            if (function_exists('wp_register_ability')) {
                $this->abilities();
            }
        });
    }

    private function abilities(): void
    {
        $days = ['type' => 'object', 'properties' => ['days' => ['type' => 'integer', 'minimum' => 1, 'maximum' => 366, 'default' => 30]], 'additionalProperties' => false, 'default' => ['days' => 30]];
        $figure = ['type' => 'integer', 'minimum' => 0];
        self::add('get-usage', __('Get usage', 'deskhand'), __('Questions, answers, handoffs, tokens and cost, day by day.', 'deskhand'), $days, [
            'type' => 'array',
            'items' => ['type' => 'object', 'properties' => ['date' => ['type' => 'string'], 'currency' => ['type' => 'string']] + array_fill_keys(Usage::FIGURES, $figure)],
        ], function (mixed $input): array|\WP_Error {
            $rows = $this->usage->of(is_array($input) ? (int) ($input['days'] ?? 30) : 30);
            return $rows instanceof Answer ? $rows->toError() : $rows;
        });
        $state = ['type' => 'string', 'enum' => [Check::GOOD, Check::WARNING, Check::BAD]];
        $check = ['type' => 'object', 'properties' => ['id' => ['type' => 'string'], 'label' => ['type' => 'string'], 'state' => $state, 'detail' => ['type' => 'string'], 'mend' => ['type' => 'string']]];
        self::add('test-connection', __('Test the connection', 'deskhand'), __('Tries each part of the connection to the backend.', 'deskhand'), ['type' => 'object', 'properties' => [], 'additionalProperties' => false, 'default' => []], [
            'type' => 'object',
            'properties' => ['state' => $state, 'checks' => ['type' => 'array', 'items' => $check]],
        ], function (): array {
            $checks = $this->test->run();
            return ['state' => Test::worst($checks), 'checks' => array_map(static fn (Check $c): array => $c->toArray(), $checks)];
        });
        self::add('count-jobs', __('Count AI jobs', 'deskhand'), __('How many AI jobs of this site are in which state.', 'deskhand'), $days, [
            'type' => 'object',
            'properties' => array_fill_keys(['pending', 'running', 'succeeded', 'failed'], $figure),
        ], fn (mixed $input): array => $this->jobs->states(time() - (is_array($input) ? (int) ($input['days'] ?? 30) : 30) * DAY_IN_SECONDS));
        self::add('count-handoffs', __('Count conversations that wait', 'deskhand'), __('How many conversations wait for a person, since when and why, and how many tickets are open.', 'deskhand'), ['type' => 'object', 'properties' => [], 'additionalProperties' => false, 'default' => []], [
            'type' => 'object',
            'properties' => ['count' => $figure, 'oldest' => ['type' => 'string'], 'reasons' => ['type' => 'object', 'additionalProperties' => $figure], 'tickets' => $figure],
        ], function (): array|\WP_Error {
            $answer = $this->client->ask('GET', '/api/handoffs');
            if (!$answer->isOk() || !is_array($answer->json)) {
                return $answer->toError();
            }
            return [
                'count' => absint($answer->json['count'] ?? 0),
                'oldest' => (string) ($answer->json['oldest'] ?? ''),
                'reasons' => array_map('absint', (array) ($answer->json['reasons'] ?? [])),
                'tickets' => absint($answer->json['tickets'] ?? 0),
            ];
        });
        if (Orders::exist()) {
            $text = ['type' => 'string'];
            self::add('list-orders', __('List a customer\'s orders', 'deskhand'), __('The last orders of a customer\'s account: number, state, total.', 'deskhand'), [
                'type' => 'object',
                'properties' => ['user_id' => ['type' => 'integer', 'minimum' => 1], 'limit' => ['type' => 'integer', 'minimum' => 1, 'maximum' => 20, 'default' => 5]],
                'required' => ['user_id'],
                'additionalProperties' => false,
            ], [
                'type' => 'array',
                'items' => ['type' => 'object', 'properties' => ['number' => $text, 'status' => $text, 'total' => $text, 'currency' => $text, 'items' => $figure, 'created_at' => $text]],
            ], static fn (mixed $input): array => Orders::of((int) ($input['user_id'] ?? 0), (int) ($input['limit'] ?? 5)), static fn (): bool => current_user_can('edit_shop_orders') || current_user_can('manage_woocommerce'));
        }
        self::add('list-documents', __('List documents', 'deskhand'), __('What the agent answers from: title, address and state of each document.', 'deskhand'), [
            'type' => 'object',
            'properties' => ['state' => ['type' => 'string', 'enum' => ['waiting', 'processing', 'live', 'pending_review', 'failed', 'removed']], 'limit' => ['type' => 'integer', 'minimum' => 1, 'maximum' => 100, 'default' => 50]],
            'additionalProperties' => false,
            'default' => [],
        ], [
            'type' => 'array',
            'items' => ['type' => 'object', 'properties' => ['title' => ['type' => 'string'], 'url' => ['type' => 'string'], 'state' => ['type' => 'string'], 'source' => ['type' => 'string'], 'reason' => ['type' => 'string']]],
        ], $this->documents(...));
    }

    /** @return list<array<string, string>>|\WP_Error */
    private function documents(mixed $input): array|\WP_Error
    {
        $query = ['limit' => (string) (is_array($input) ? ($input['limit'] ?? 50) : 50)] + (is_array($input) && isset($input['state']) ? ['state' => (string) $input['state']] : []);
        $answer = $this->client->ask('GET', '/api/documents?' . http_build_query($query), null, 5.0);
        if (!$answer->isOk() || !is_array($answer->json['documents'] ?? null)) {
            return $answer->toError();
        }
        return array_map(static fn (array $d): array => [
            'title' => (string) ($d['title'] ?? ''),
            'url' => (string) ($d['url'] ?? ''),
            'state' => (string) ($d['state'] ?? ''),
            'source' => (string) ($d['source'] ?? ''),
            'reason' => (string) ($d['failure']['detail'] ?? ''),
        ], array_values(array_filter($answer->json['documents'], 'is_array')));
    }

    /**
     * @param array<string, mixed> $input
     * @param array<string, mixed> $output
     * @param (callable(): bool)|null $may who may; else administrators
     */
    private static function add(string $name, string $label, string $description, array $input, array $output, callable $execute, ?callable $may = null): void
    {
        wp_register_ability("deskhand/$name", [
            'label' => $label,
            'description' => $description,
            'category' => self::CATEGORY,
            'input_schema' => $input,
            'output_schema' => $output,
            'execute_callback' => $execute,
            'permission_callback' => $may ?? static fn (): bool => Capability::isAdmin(),
            'meta' => ['annotations' => ['readonly' => true, 'destructive' => false, 'idempotent' => true], 'show_in_rest' => true],
        ]);
    }
}
