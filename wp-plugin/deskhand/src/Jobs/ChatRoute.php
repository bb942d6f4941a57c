<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * The chat without streams: a question becomes a job, whose answer the widget polls for.
 */
final class ChatRoute implements Part
{
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
        $uuid = ['type' => 'string', 'format' => 'uuid'];
        Routes::add('/chat', [
            'methods' => 'POST',
            'callback' => $this->ask(...),
            'permission_callback' => $this->access->mayChat(...),
            'args' => [
                'message_id' => $uuid + ['required' => true],
                'thread_id' => $uuid,
                'user_msg' => ['type' => 'string', 'maxLength' => 16000, 'required' => true],
                'page' => ['type' => 'string', 'maxLength' => 2000],
                'locale' => ['type' => 'string', 'pattern' => '^[A-Za-z0-9-]{1,35}$'],
                'confirm' => [
                    'type' => 'object',
                    'additionalProperties' => false,
                    'properties' => ['proposal_id' => $uuid + ['required' => true], 'accept' => ['type' => 'boolean', 'required' => true]],
                ],
                'contact' => [
                    'type' => 'object',
                    'additionalProperties' => false,
                    'properties' => ['email' => ['type' => 'string', 'format' => 'email', 'maxLength' => 254, 'required' => true]],
                ],
            ],
        ]);
        Routes::add('/chat/(?P<id>[0-9a-fA-F-]{36})', [
            'methods' => 'GET',
            'callback' => $this->poll(...),
            'permission_callback' => $this->access->mayChat(...),
        ]);
    }

    private function ask(\WP_REST_Request $request): \WP_REST_Response
    {
        $text = trim((string) $request['user_msg']);
        if (mb_strlen($text) > 4000) {
            return Problem::response(422, 'invalid_field', __('Please use at most 4000 characters.', 'deskhand'));
        }
        if ($text === '' && !isset($request['confirm']) && !isset($request['contact'])) {
            return Problem::response(422, 'invalid_field', __('Please write your question.', 'deskhand'));
        }
        $visitor = $this->access->visitor();
        if ($visitor === null) {
            return Problem::response(403, 'token_missing', __('Please allow this site\'s cookies, and reload the page.', 'deskhand'));
        }
        $late = $this->access->limit('chat', (int) $this->settings->get('chat_limit'), Access::CHAT_WINDOW);
        if ($late > 0) {
            return Access::tooMany($late);
        }
        $body = ['user_msg' => Mask::apply($text, (array) $this->settings->get('masking'))];
        foreach (['message_id', 'thread_id', 'page', 'locale', 'confirm', 'contact'] as $name) {
            if (isset($request[$name])) {
                $body[$name] = $request[$name];
            }
        }
        $key = hash('sha256', "chat|$visitor|" . strtolower((string) $request['message_id']));
        [$job, $isNew] = $this->jobs->add('chat', get_current_user_id(), $visitor, $body, hash('sha256', (string) wp_json_encode($body)), $key, $this->sender->claim());
        if ($isNew) {
            $this->sender->sendSoon($job);
        } else {
            // "Try again" sends the same message.
            $again = $this->jobs->again($this->jobs->newest($job));
            if ($again !== null) {
                $this->sender->sendSoon($again);
            }
            $job = $again ?? $this->jobs->newest($job);
        }
        $links = ['status_url' => Routes::url("/chat/$job->uid")];
        return new \WP_REST_Response($job->public() + $links, $isNew ? 202 : 200, ['Cache-Control' => 'no-store', 'Location' => $links['status_url']]);
    }

    private function poll(\WP_REST_Request $request): \WP_REST_Response
    {
        $began = hrtime(true);
        $job = $this->jobs->find((string) $request['id']);
        $visitor = $this->access->visitor();
        if ($job === null || $job->route !== 'chat' || $visitor === null || !hash_equals($job->visitor, $visitor)) {
            return Problem::response(404, 'job_not_found', __('There is no such question of yours.', 'deskhand'));
        }
        return JobAnswer::of($this->sender->advance($job), $request, $began);
    }
}
