<?php

declare(strict_types=1);

namespace Deskhand\Connection;

use Deskhand\Part;
use Deskhand\Rest\FromBackend;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * Where the backend tries, for the connection test, whether it gets through to this site as it does with results.
 */
final class WayBack implements Part
{
    private const ROUTE = '/ping';

    public function __construct(private readonly FromBackend $backend)
    {
    }

    public function register(): void
    {
        Routes::onInit(fn () => Routes::add(self::ROUTE, [
            'methods' => 'POST',
            'callback' => static fn (\WP_REST_Request $request) => new \WP_REST_Response(['nonce' => $request['nonce']], 200, ['Cache-Control' => 'no-store']),
            'permission_callback' => $this->backend->isIt(...),
            'args' => ['nonce' => ['type' => 'string', 'maxLength' => 200, 'required' => true]],
        ]));
    }

    public static function url(): string
    {
        return Routes::url(self::ROUTE);
    }
}
