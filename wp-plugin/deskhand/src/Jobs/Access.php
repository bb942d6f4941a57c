<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Capability;
use Deskhand\Chat\TokenRoute;
use Deskhand\Chat\Visitor;
use Deskhand\Connection\CredentialStore;
use Deskhand\Rest\ClientAddress;
use Deskhand\Rest\Limit;
use Deskhand\Rest\Problem;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * Who asks, whether they may, and how often.
 */
final class Access
{
    private const ADDRESS_FACTOR = 4;
    public const CHAT_WINDOW = 5 * MINUTE_IN_SECONDS;
    public const JOB_WINDOW = 10 * MINUTE_IN_SECONDS;

    public function __construct(private readonly Settings $settings, private readonly CredentialStore $credentials)
    {
    }

    /** A page of this site, with its nonce, whose visitor may chat. */
    public function mayChat(\WP_REST_Request $request): bool|\WP_Error
    {
        $asked = TokenRoute::mayHaveToken($request);
        if ($asked !== true) {
            return $asked;
        }
        $user = get_current_user_id();
        // As for a token (Chat\TokenRoute).
        return apply_filters('deskhand_may_chat', $this->settings->get('access') === 'public' || $user > 0, $user)
            ? true
            : Problem::error(401, 'members_only', __('Please log in to chat with us.', 'deskhand'));
    }

    /** Who may have AI jobs done: each costs money. */
    public function maySubmit(): bool|\WP_Error
    {
        if (!is_user_logged_in()) {
            return Problem::error(401, 'unauthorized', __('Please log in, or show an application password.', 'deskhand'));
        }
        if (!$this->settings->get('jobs')) {
            return Problem::error(403, 'switched_off', __('AI jobs are switched off in the settings.', 'deskhand'));
        }
        /**
         * Whether the current user may have AI jobs done.
         *
         * @param bool $may by default, for who can edit posts
         */
        return apply_filters('deskhand_may_submit_jobs', current_user_can('edit_posts') || Capability::isAdmin())
            ? true
            : Problem::error(403, 'forbidden', __('Your account may not use AI jobs.', 'deskhand'));
    }

    /** The visitor's id, as its token has it; null for a browser that hasn't got any yet. */
    public function visitor(): ?string
    {
        $as = $this->credentials->current();
        $user = get_current_user_id();
        return $as !== null && $user > 0 ? Visitor::ofUser($as->siteId, $user) : Visitor::fromCookie();
    }

    /** @return int 0, or the seconds to wait */
    public function limit(string $what, int $most, int $window): int
    {
        $address = ClientAddress::network(ClientAddress::of((array) $this->settings->get('trusted_proxies')));
        $user = get_current_user_id();
        return Limit::hits([
            ["$what-address", $address, $most * self::ADDRESS_FACTOR],
            ["$what-who", $user > 0 ? "user-$user" : (string) $this->visitor(), $most],
        ], $window);
    }

    public static function tooMany(int $seconds): \WP_REST_Response
    {
        return Problem::response(429, 'rate_limited', __('That was a lot at once. Please wait a moment.', 'deskhand'), $seconds);
    }
}
