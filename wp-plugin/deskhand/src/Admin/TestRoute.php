<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;
use Deskhand\Connection\Check;
use Deskhand\Connection\Test;
use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * The connection test for the settings page.
 */
final class TestRoute implements Part
{
    public function __construct(private readonly Test $test)
    {
    }

    public function register(): void
    {
        Routes::onInit(fn () => Routes::add('/connection-test', [
            'methods' => 'POST',
            'callback' => fn () => new \WP_REST_Response(
                ['checks' => array_map(static fn (Check $check): array => $check->toArray(), $this->test->run())],
                200,
                ['Cache-Control' => 'no-store'],
            ),
            'permission_callback' => static fn () => Capability::isAdmin()
                ? true
                : Problem::error(is_user_logged_in() ? 403 : 401, 'forbidden', __('Your account may not do this.', 'deskhand')),
        ]));
    }
}
