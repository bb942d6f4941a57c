<?php

declare(strict_types=1);

namespace Deskhand\Chat;

use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Credentials;
use Deskhand\Part;
use Deskhand\Rest\ClientAddress;
use Deskhand\Rest\Limit;
use Deskhand\Rest\Origin;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * GET session gives the nonce that a page, which may be cached, can't carry; POST token a visitor's token for it.
 * A server of a headless site shows an application password instead.
 */
final class TokenRoute implements Part
{
    private const WINDOW = 5 * MINUTE_IN_SECONDS;
    /** Many people may share an address. */
    private const ADDRESS_FACTOR = 4;

    public function __construct(private readonly Settings $settings, private readonly CredentialStore $credentials)
    {
    }

    public function register(): void
    {
        Routes::onInit($this->routes(...));
    }

    private function routes(): void
    {
        Routes::add('/session', [
            'methods' => 'GET',
            'callback' => $this->session(...),
            'permission_callback' => self::mayAsk(...),
        ]);
        Routes::add('/token', [
            'methods' => 'POST',
            'callback' => $this->token(...),
            'permission_callback' => self::mayHaveToken(...),
            'args' => [
                'origin' => ['type' => 'string', 'format' => 'uri', 'maxLength' => 255],
                'visitor_id' => ['type' => 'string', 'format' => 'uuid'],
            ],
        ]);
    }

    /** Pages of this site only; browsers say which page it is. */
    public static function mayAsk(\WP_REST_Request $request): bool|\WP_Error
    {
        return Origin::ofRequest($request) !== null
            ? true
            : Problem::error(403, 'origin_not_allowed', __('The chat works on this site\'s own pages only.', 'deskhand'));
    }

    public static function mayHaveToken(\WP_REST_Request $request): bool|\WP_Error
    {
        if (rest_get_authenticated_app_password() !== null) {
            return true;
        }
        $nonce = (string) $request->get_header('x_wp_nonce');
        if ($nonce === '' || !wp_verify_nonce($nonce, 'wp_rest')) {
            return Problem::error(403, 'rest_cookie_invalid_nonce', __('This page has been open for long. Please try again.', 'deskhand'));
        }
        return self::mayAsk($request);
    }

    private function session(): \WP_REST_Response
    {
        $late = $this->limit(0, Visitor::fromCookie(), 'session');
        if ($late > 0) {
            return self::tooMany($late);
        }
        // Without a nonce WordPress takes nobody for logged in; the cookie says who the nonce is for.
        $before = get_current_user_id();
        wp_set_current_user((int) wp_validate_auth_cookie('', 'logged_in'));
        $answer = ['nonce' => wp_create_nonce('wp_rest'), 'logged_in' => is_user_logged_in()];
        wp_set_current_user($before);
        return new \WP_REST_Response($answer, 200, ['Cache-Control' => 'no-store, private']);
    }

    private function token(\WP_REST_Request $request): \WP_REST_Response
    {
        $as = $this->credentials->current();
        if ($as === null) {
            return Problem::response(503, 'not_ready', __('The chat isn\'t set up yet.', 'deskhand'), 300);
        }
        return rest_get_authenticated_app_password() !== null ? $this->headless($as, $request) : $this->visitor($as, $request);
    }

    private function visitor(Credentials $as, \WP_REST_Request $request): \WP_REST_Response
    {
        $user = get_current_user_id();
        if (!$this->mayChat($user)) {
            return Problem::response(401, 'members_only', __('Please log in to chat with us.', 'deskhand'));
        }
        $late = $this->limit($user, Visitor::fromCookie(), 'token');
        if ($late > 0) {
            return self::tooMany($late);
        }
        $visitor = $user > 0 ? Visitor::ofUser($as->siteId, $user) : Visitor::remember();
        return $this->answer($as, $visitor, (string) Origin::ofRequest($request), $user);
    }

    /**
     * A token for the password's own user; for a visitor of a headless site's, who keeps the id itself, only an
     * administrator's password is good.
     */
    private function headless(Credentials $as, \WP_REST_Request $request): \WP_REST_Response
    {
        $user = get_current_user_id();
        $given = (string) $request->get_param('visitor_id');
        if ($given !== '' && !current_user_can('deskhand_admin') && !current_user_can('manage_options')) {
            return Problem::response(403, 'forbidden', __('This account may have a token for itself only.', 'deskhand'));
        }
        if ($given === '' && !$this->mayChat($user)) {
            return Problem::response(403, 'forbidden', __('This account may not chat.', 'deskhand'));
        }
        $origin = Origin::of((string) ($request->get_param('origin') ?? home_url()));
        if (!in_array($origin, Origin::own(), true)) {
            return Problem::response(403, 'origin_not_allowed', __('This origin isn\'t one of the site\'s.', 'deskhand'));
        }
        $late = $this->limit($user, $given ?: null, 'token');
        if ($late > 0) {
            return self::tooMany($late);
        }
        return $given === ''
            ? $this->answer($as, Visitor::ofUser($as->siteId, $user), $origin, $user)
            : $this->answer($as, strtolower($given), $origin, 0);
    }

    private function answer(Credentials $as, string $visitor, string $origin, int $user): \WP_REST_Response
    {
        $answer = Token::forVisitor($as, $visitor, $origin, $user) + [
            'backend' => $as->url,
            // For browsers that can't reach the backend, or get no stream from it.
            'relay' => untrailingslashit(Routes::url('')),
        ];
        return new \WP_REST_Response($answer, 200, ['Cache-Control' => 'no-store, private']);
    }

    private function mayChat(int $user): bool
    {
        $may = $this->settings->get('access') === 'public' || $user > 0;
        /**
         * Whether somebody may chat.
         *
         * @param bool $may
         * @param int $user 0 for who isn't logged in
         */
        return (bool) apply_filters('deskhand_may_chat', $may, $user);
    }

    /** @return int 0, or the seconds to wait */
    private function limit(int $user, ?string $visitor, string $what): int
    {
        $most = (int) $this->settings->get('token_limit');
        $address = ClientAddress::of((array) $this->settings->get('trusted_proxies'));
        $counted = [["$what-address", ClientAddress::network($address), $most * self::ADDRESS_FACTOR]];
        if ($user > 0) {
            $counted[] = ["$what-user", (string) $user, $most];
        } elseif ($visitor !== null) {
            $counted[] = ["$what-session", $visitor, $most];
        }
        return Limit::hits($counted, self::WINDOW);
    }

    private static function tooMany(int $seconds): \WP_REST_Response
    {
        return Problem::response(429, 'rate_limited', __('That was a lot at once. Please wait a moment.', 'deskhand'), $seconds);
    }
}
