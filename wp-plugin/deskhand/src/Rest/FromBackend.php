<?php

declare(strict_types=1);

namespace Deskhand\Rest;

use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Signer;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * Whether a request is the backend's own: from an address that may, signed, of now, and not a copy of an earlier one.
 */
final class FromBackend
{
    private const LARGEST = MB_IN_BYTES;
    private const REMEMBERED = 10 * MINUTE_IN_SECONDS;

    public function __construct(private readonly Settings $settings, private readonly CredentialStore $credentials)
    {
    }

    public function isIt(\WP_REST_Request $request): bool|\WP_Error
    {
        $addresses = (array) $this->settings->get('callback_addresses');
        $address = ClientAddress::of((array) $this->settings->get('trusted_proxies'));
        if ($addresses !== [] && !ClientAddress::isIn($address, $addresses)) {
            return Problem::error(403, 'address_not_allowed', __('This address isn\'t on the list of those that may call back.', 'deskhand'));
        }
        $body = (string) $request->get_body();
        if (strlen($body) > self::LARGEST) {
            return Problem::error(413, 'too_large', __('The body is too large.', 'deskhand'));
        }
        $signature = (string) $request->get_header('x_ai_signature');
        $signed = Signer::callback($this->credentials->accepted(), $body, (string) $request->get_header('x_ai_timestamp'), $signature, (string) $request->get_header('x_key_id'));
        if ($signed === 'unknown_key') {
            // After a rotation the new secret is pasted some minutes later: the backend tries a 409 again.
            return Problem::error(409, 'unknown_key', __('This site doesn\'t know this key.', 'deskhand'));
        }
        if ($signed !== true) {
            return Problem::error(403, $signed, __('This isn\'t signed as it should be.', 'deskhand'));
        }
        return true;
    }

    /**
     * A route's work, done once for what was signed, its time and its body: a signature can be written in several ways,
     * and what was verified in one. On whichever route it comes. Not asked with the permission: WordPress asks that several times.
     *
     * @param callable(\WP_REST_Request): \WP_REST_Response $work
     * @return callable(\WP_REST_Request): \WP_REST_Response
     */
    public function once(callable $work): callable
    {
        return static fn (\WP_REST_Request $request): \WP_REST_Response => Seen::isFirst('signed|' . $request->get_header('x_ai_timestamp') . '.' . $request->get_body(), self::REMEMBERED)
            ? $work($request)
            : Problem::response(409, 'replayed', __('This very request was here already.', 'deskhand'));
    }
}
