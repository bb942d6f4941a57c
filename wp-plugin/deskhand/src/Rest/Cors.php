<?php

declare(strict_types=1);

namespace Deskhand\Rest;

use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * WordPress lets pages of every origin read its REST answers, with cookies. Ours are for the site's own pages alone.
 */
final class Cors implements Part
{
    public function register(): void
    {
        add_filter('rest_pre_serve_request', self::narrow(...), 20, 3);
    }

    public static function narrow(mixed $served, mixed $result, \WP_REST_Request $request): mixed
    {
        if (Routes::isOurs($request->get_route())) {
            $origin = get_http_origin();
            if ($origin && !in_array(Origin::of($origin), Origin::own(), true) && !headers_sent()) {
                header_remove('Access-Control-Allow-Origin');
                header_remove('Access-Control-Allow-Credentials');
            }
        }
        return $served;
    }
}
