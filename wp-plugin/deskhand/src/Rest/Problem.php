<?php

declare(strict_types=1);

namespace Deskhand\Rest;

defined('ABSPATH') || exit;

/**
 * Refusals, in the words of the backend's: application/problem+json with a stable code. `message` is there for
 * WordPress's own clients.
 */
final class Problem
{
    public static function response(int $status, string $code, string $detail, int $retryAfter = 0): \WP_REST_Response
    {
        $body = [
            'type' => "urn:deskhand:$code",
            'title' => get_status_header_desc($status),
            'status' => $status,
            'code' => $code,
            'detail' => $detail,
            'message' => $detail,
        ];
        $headers = ['Content-Type' => 'application/problem+json; charset=utf-8', 'Cache-Control' => 'no-store'];
        if ($retryAfter > 0) {
            $body['retry_after'] = $retryAfter;
            $headers['Retry-After'] = (string) $retryAfter;
        }
        return new \WP_REST_Response($body, $status, $headers);
    }

    /** For permission callbacks, which can't answer themselves. */
    public static function error(int $status, string $code, string $detail): \WP_Error
    {
        return new \WP_Error($code, $detail, ['status' => $status]);
    }
}
