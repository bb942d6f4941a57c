<?php

declare(strict_types=1);

namespace Deskhand\Chat;

use Deskhand\Connection\CredentialStore;
use Deskhand\Part;
use Deskhand\Rest\FromBackend;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * Tells the backend who a logged-in visitor is. Asked by signed requests alone, and for ids that belong together.
 */
final class ProfileRoute implements Part
{
    public function __construct(private readonly CredentialStore $credentials, private readonly FromBackend $backend)
    {
    }

    public function register(): void
    {
        Routes::onInit(fn () => Routes::add('/profile', [
            'methods' => 'POST',
            'callback' => $this->backend->once($this->profile(...)),
            'permission_callback' => $this->backend->isIt(...),
            'args' => [
                'visitor_id' => ['type' => 'string', 'format' => 'uuid', 'required' => true],
                'wp_user_id' => ['type' => 'integer', 'minimum' => 1, 'required' => true],
            ],
        ]));
    }

    private function profile(\WP_REST_Request $request): \WP_REST_Response
    {
        $as = $this->credentials->current();
        $user = get_userdata((int) $request['wp_user_id']);
        if ($as === null || !$user || !hash_equals(Visitor::ofUser($as->siteId, (int) $user->ID), strtolower((string) $request['visitor_id']))) {
            return Problem::response(404, 'user_not_found', __('There is no such user.', 'deskhand'));
        }
        /**
         * What the backend is told about a user at the start of a conversation.
         *
         * @param array{name: string, email: string, orders: list<array<string, mixed>>} $profile
         * @param \WP_User $user
         */
        $profile = apply_filters('deskhand_profile', ['name' => $user->display_name, 'email' => $user->user_email, 'orders' => []], $user);
        return new \WP_REST_Response($profile, 200, ['Cache-Control' => 'no-store, private']);
    }
}
