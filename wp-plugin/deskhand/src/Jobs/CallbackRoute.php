<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Part;
use Deskhand\Rest\FromBackend;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * Where the backend brings results.
 */
final class CallbackRoute implements Part
{
    public function __construct(private readonly JobStore $jobs, private readonly Sender $sender, private readonly FromBackend $backend)
    {
    }

    public function register(): void
    {
        Routes::onInit(fn () => Routes::add('/webhook', [
            'methods' => 'POST',
            'callback' => $this->backend->once($this->take(...)),
            'permission_callback' => $this->backend->isIt(...),
        ]));
    }

    private function take(\WP_REST_Request $request): \WP_REST_Response
    {
        $told = json_decode((string) $request->get_body(), true);
        if (!is_array($told)) {
            return Problem::response(400, 'bad_json', __('The body must be a JSON object.', 'deskhand'));
        }
        $key = $told['idempotency_key'] ?? '';
        if (!is_string($key) || !in_array($told['status'] ?? '', [Job::SUCCEEDED, Job::FAILED], true) || !is_string($told['job_id'] ?? null)) {
            return Problem::response(422, 'invalid_field', __('job_id, idempotency_key and status (succeeded or failed) are needed.', 'deskhand'));
        }
        $job = $this->jobs->byKey($key);
        if ($job === null) {
            return Problem::response(404, 'job_not_found', __('This site has no such job.', 'deskhand'));
        }
        // A repeat changes nothing, and is as welcome.
        $this->sender->take($job, $told, (int) $request->get_header('x_ai_timestamp'));
        return new \WP_REST_Response(null, 204);
    }
}
