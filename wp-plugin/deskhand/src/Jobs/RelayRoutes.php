<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Chat\Token;
use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;
use Deskhand\Connection\CredentialStore;
use Deskhand\Part;
use Deskhand\Rest\Origin;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * The widget's small requests, carried to the backend under the visitor's own token where its browser can't reach it.
 */
final class RelayRoutes implements Part
{
    /** Polling: two streams' worth of a patient widget. */
    private const MOST = 200;

    public function __construct(
        private readonly CredentialStore $credentials,
        private readonly Client $client,
        private readonly Access $access,
    ) {
    }

    public function register(): void
    {
        Routes::onInit($this->routes(...));
    }

    private function routes(): void
    {
        $thread = '/thread/(?P<id>[0-9a-fA-F-]{36})';
        $may = $this->access->mayChat(...);
        Routes::add($thread, [
            'methods' => 'GET',
            'callback' => fn (\WP_REST_Request $request) => $this->relay('GET', "/api/agent/thread/{$request['id']}"),
            'permission_callback' => $may,
        ]);
        Routes::add("$thread/cancel", [
            'methods' => 'POST',
            'callback' => fn (\WP_REST_Request $request) => $this->relay('POST', "/api/agent/thread/{$request['id']}/cancel"),
            'permission_callback' => $may,
        ]);
        Routes::add('/feedback', [
            'methods' => 'POST',
            'callback' => fn (\WP_REST_Request $request) => $this->relay('POST', '/api/agent/feedback', [
                'turn_id' => $request['turn_id'],
                'value' => $request['value'],
                'tags' => $request['tags'] ?? [],
            ]),
            'permission_callback' => $may,
            'args' => [
                'turn_id' => ['type' => 'string', 'format' => 'uuid', 'required' => true],
                'value' => ['type' => 'string', 'enum' => ['up', 'down'], 'required' => true],
                'tags' => ['type' => 'array', 'maxItems' => 10, 'items' => ['type' => 'string', 'pattern' => '^[a-z_]{1,40}$']],
            ],
        ]);
    }

    /** @param array<string, mixed>|null $body */
    private function relay(string $method, string $path, ?array $body = null): \WP_REST_Response
    {
        $as = $this->credentials->current();
        $visitor = $this->access->visitor();
        if ($as === null || $visitor === null) {
            return Problem::response(403, 'token_missing', __('Please reload the page.', 'deskhand'));
        }
        $late = $this->access->limit('relay', self::MOST, Access::CHAT_WINDOW);
        if ($late > 0) {
            return Access::tooMany($late);
        }
        $token = Token::forVisitor($as, $visitor, Origin::own()[0] ?? '', get_current_user_id())['token'];
        return self::passOn($this->client->as($method, $path, $body, $token));
    }

    /** What the backend said, and nothing of what else it sent. */
    private static function passOn(Answer $answer): \WP_REST_Response
    {
        if ($answer->isOk()) {
            return new \WP_REST_Response($answer->json, $answer->status, ['Cache-Control' => 'private, no-cache']);
        }
        return Problem::response(
            $answer->status >= 400 ? $answer->status : 503,
            $answer->code,
            $answer->status >= 400 ? $answer->detail : __('Our answering service can\'t be reached right now. Please try again in a moment.', 'deskhand'),
            $answer->retryAfter ?: ($answer->status === 0 ? 5 : 0),
        );
    }
}
