<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Capability;
use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * AI jobs for editors and for other plugins: a prompt goes to the backend, its result comes back by itself.
 */
final class JobRoutes implements Part
{
    /** Characters of a prompt, as the backend takes them. */
    private const LONGEST = 8000;

    public function __construct(
        private readonly JobStore $jobs,
        private readonly Sender $sender,
        private readonly Access $access,
        private readonly Settings $settings,
    ) {
    }

    public function register(): void
    {
        Routes::onInit($this->routes(...));
    }

    private function routes(): void
    {
        $args = [
            'prompt' => ['type' => 'string', 'minLength' => 1, 'maxLength' => 32000, 'required' => true],
            'model' => ['type' => 'string', 'pattern' => '^[\w.:/@-]{1,100}$'],
            'max_tokens' => ['type' => 'integer', 'minimum' => 50, 'maximum' => 800, 'default' => 400],
            'temperature' => ['type' => 'number', 'minimum' => 0, 'maximum' => 1, 'default' => 0.2],
            'priority' => ['type' => 'string', 'enum' => ['high', 'standard', 'batch'], 'default' => 'standard'],
        ];
        $post = ['methods' => 'POST', 'callback' => $this->submit(...), 'permission_callback' => $this->access->maySubmit(...)];
        Routes::add('/infer', $post + ['args' => $args]);
        Routes::add('/jobs', $post + ['args' => $args + ['route' => ['type' => 'string', 'enum' => ['infer'], 'default' => 'infer']]]);
        Routes::add('/jobs/(?P<id>[0-9a-fA-F-]{36})', [
            'methods' => 'GET',
            'callback' => $this->poll(...),
            'permission_callback' => $this->access->maySubmit(...),
        ]);
    }

    private function submit(\WP_REST_Request $request): \WP_REST_Response
    {
        $user = get_current_user_id();
        $body = ['prompt' => trim(Mask::apply((string) $request['prompt'], (array) $this->settings->get('masking')))];
        // Kept with the job, so that each try of it sends the same.
        $addition = trim((string) $this->settings->get('prompt_addition'));
        $most = self::LONGEST - ($addition === '' ? 0 : mb_strlen($addition . Sender::AFTER_ADDITION));
        if ($body['prompt'] === '' || mb_strlen($body['prompt']) > $most) {
            return Problem::response(422, 'invalid_field', $most === self::LONGEST
                ? __('The prompt must have 1 to 8000 characters.', 'deskhand')
                /* translators: %d: a number of characters */
                : sprintf(__('The prompt must have 1 to %d characters: what the settings put before each prompt counts, too.', 'deskhand'), $most));
        }
        $key = trim((string) $request->get_header('idempotency_key'));
        if (strlen($key) > 200) {
            return Problem::response(422, 'invalid_field', __('The Idempotency-Key must have at most 200 characters.', 'deskhand'));
        }
        foreach (['model', 'max_tokens', 'temperature', 'priority'] as $name) {
            if (isset($request[$name])) {
                $body[$name] = $request[$name];
            }
        }
        // Not by priority, which changes nothing about the result.
        $input = hash('sha256', (string) wp_json_encode([$user, array_diff_key($body, ['priority' => 0])]));
        if ($addition !== '') {
            $body['addition'] = $addition;
        }
        // Without a key of its own, the same under other words before it is something else.
        $key = $key === '' ? hash('sha256', "$input|$addition") : hash('sha256', "infer|$user|$key");
        [$job, $isNew] = $this->jobs->add('infer', $user, '', $body, $input, $key, $this->sender->claim());
        if (!$isNew && $job->inputHash !== '' && $job->inputHash !== $input) {
            return Problem::response(409, 'idempotency_key_reused', __('This Idempotency-Key was used for another input.', 'deskhand'));
        }
        if ($isNew) {
            // Repeats don't count, and what is one the row has told.
            $late = $this->access->limit('jobs', (int) $this->settings->get('job_limit'), Access::JOB_WINDOW);
            if ($late > 0) {
                $this->jobs->drop($job);
                return Access::tooMany($late);
            }
            $this->sender->sendSoon($job);
        } else {
            $job = $this->jobs->newest($job);
        }
        $links = ['status_url' => Routes::url("/jobs/$job->uid")];
        return new \WP_REST_Response($job->public() + $links, $isNew ? 202 : 200, ['Cache-Control' => 'no-store', 'Location' => $links['status_url']]);
    }

    private function poll(\WP_REST_Request $request): \WP_REST_Response
    {
        $began = hrtime(true);
        $job = $this->jobs->find((string) $request['id']);
        if ($job === null || ($job->userId !== get_current_user_id() && !Capability::isAdmin())) {
            return Problem::response(404, 'job_not_found', __('There is no such job of yours.', 'deskhand'));
        }
        return JobAnswer::of($this->sender->advance($job), $request, $began);
    }
}
