<?php

declare(strict_types=1);

namespace Deskhand\Rest;

defined('ABSPATH') || exit;

/**
 * Registers routes under deskhand/v1, and under the short ai/v1 where nobody else has that name.
 */
final class Routes
{
    public const SPACE = 'deskhand/v1';
    public const ALIAS = 'ai/v1';

    private static ?bool $aliasIsFree = null;

    /** @param array<string, mixed> $endpoint as for register_rest_route, with a real permission_callback */
    public static function add(string $route, array $endpoint): void
    {
        register_rest_route(self::SPACE, $route, $endpoint);
        // Asked once, before the first of ours: later the name is taken by ourselves.
        self::$aliasIsFree ??= !in_array(self::ALIAS, rest_get_server()->get_namespaces(), true);
        if (self::$aliasIsFree) {
            register_rest_route(self::ALIAS, $route, $endpoint);
        }
    }

    /** Late, so that others have had their turn with the alias. */
    public static function onInit(callable $register): void
    {
        add_action('rest_api_init', $register, 99);
    }

    public static function url(string $route): string
    {
        return rest_url(self::SPACE . $route);
    }

    /** Whether a request's route is one of ours. */
    public static function isOurs(string $route): bool
    {
        return str_starts_with($route, '/' . self::SPACE . '/') || (self::$aliasIsFree && str_starts_with($route, '/' . self::ALIAS . '/'));
    }
}
