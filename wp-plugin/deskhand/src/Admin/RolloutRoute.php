<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;
use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;
use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * How far the agent may go on this site. The backend keeps that, and is asked when the settings are open.
 */
final class RolloutRoute implements Part
{
    public const MODES = ['shadow', 'assist', 'full'];

    public function __construct(private readonly Client $client)
    {
    }

    public function register(): void
    {
        $may = static fn () => Capability::isAdmin()
            ? true
            : Problem::error(is_user_logged_in() ? 403 : 401, 'forbidden', __('Your account may not do this.', 'deskhand'));
        Routes::onInit(fn () => Routes::add('/rollout', [
            ['methods' => 'GET', 'callback' => fn () => self::told($this->client->ask('GET', '/api/site')), 'permission_callback' => $may],
            [
                'methods' => 'POST',
                'callback' => fn (\WP_REST_Request $request) => self::told($this->client->ask('PATCH', '/api/site', ['mode' => $request['mode']])),
                'permission_callback' => $may,
                'args' => ['mode' => ['type' => 'string', 'enum' => self::MODES, 'required' => true]],
            ],
        ]));
    }

    private static function told(Answer $answer): \WP_REST_Response
    {
        $mode = is_array($answer->json) ? $answer->json['mode'] ?? '' : '';
        if ($answer->isOk() && in_array($mode, self::MODES, true)) {
            return new \WP_REST_Response(['mode' => $mode], 200, ['Cache-Control' => 'no-store']);
        }
        return SiteProblem::of($answer, 'deskhand site mode', false);
    }
}
