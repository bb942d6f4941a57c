<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

defined('ABSPATH') || exit;

/**
 * A job's state as an answer to who polls: with an ETag, and empty when nothing has changed.
 */
final class JobAnswer
{
    public static function of(Job $job, \WP_REST_Request $request, int $began): \WP_REST_Response
    {
        $public = $job->public();
        $tag = '"' . substr(hash('sha256', (string) wp_json_encode($public)), 0, 32) . '"';
        $headers = [
            'ETag' => $tag,
            // Kept by the browser alone, and asked about each time.
            'Cache-Control' => 'private, no-cache',
            'Server-Timing' => sprintf('job;dur=%.1f', (hrtime(true) - $began) / 1e6),
        ];
        // WordPress would forbid the browser of who is logged in to keep anything, and then nothing is known to ask about.
        add_filter('rest_send_nocache_headers', '__return_false');
        if (!$job->isOver()) {
            $headers['Retry-After'] = '1';
        }
        $known = array_map('trim', explode(',', str_replace('W/', '', (string) $request->get_header('if_none_match'))));
        return in_array($tag, $known, true)
            ? new \WP_REST_Response(null, 304, $headers)
            : new \WP_REST_Response($public, 200, $headers);
    }
}
