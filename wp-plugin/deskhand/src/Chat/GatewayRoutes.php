<?php

declare(strict_types=1);

namespace Deskhand\Chat;

use Deskhand\Part;
use Deskhand\Rest\FromBackend;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;
use Deskhand\Rest\Seen;

defined('ABSPATH') || exit;

/**
 * What the backend learns elsewhere about users and orders, for other plugins of this site: each becomes an action,
 * once for its idempotency key.
 */
final class GatewayRoutes implements Part
{
    private const REMEMBERED = 72 * HOUR_IN_SECONDS;

    public function __construct(private readonly FromBackend $backend)
    {
    }

    public function register(): void
    {
        Routes::onInit($this->routes(...));
    }

    private function routes(): void
    {
        $key = ['idempotency_key' => ['type' => 'string', 'minLength' => 1, 'maxLength' => 200, 'required' => true]];
        $time = ['occurred_at' => ['type' => 'string', 'format' => 'date-time', 'required' => true]];
        $data = ['data' => ['type' => 'object', 'default' => []]];
        $this->add('/user-sync', 'deskhand_user_sync', $key + $time + $data + [
            'email' => ['type' => 'string', 'format' => 'email', 'required' => true],
        ]);
        $this->add('/order-event', 'deskhand_order_event', $key + $time + $data + [
            'order_id' => ['type' => 'string', 'minLength' => 1, 'maxLength' => 64, 'required' => true],
            'event' => ['type' => 'string', 'pattern' => '^[a-z][a-z0-9_.]{0,63}$', 'required' => true],
        ]);
    }

    /** @param array<string, mixed> $args */
    private function add(string $route, string $action, array $args): void
    {
        Routes::add($route, [
            'methods' => 'POST',
            'callback' => $this->backend->once(static fn (\WP_REST_Request $request): \WP_REST_Response => self::take($request, $action, array_keys($args))),
            'permission_callback' => $this->backend->isIt(...),
            'args' => $args,
        ]);
    }

    /** @param list<string> $names */
    private static function take(\WP_REST_Request $request, string $action, array $names): \WP_REST_Response
    {
        if (strlen((string) $request->get_body()) > 256 * KB_IN_BYTES) {
            return Problem::response(413, 'too_large', __('The body is too large.', 'deskhand'));
        }
        $isNew = Seen::isFirst("$action|{$request['idempotency_key']}", self::REMEMBERED);
        if ($isNew) {
            $event = [];
            foreach ($names as $name) {
                $event[$name] = $request[$name];
            }
            /**
             * The backend tells of a user (deskhand_user_sync) or an order (deskhand_order_event).
             *
             * @param array<string, mixed> $event
             */
            do_action($action, $event);
        }
        return new \WP_REST_Response(['accepted' => true, 'repeat' => !$isNew], $isNew ? 202 : 200);
    }
}
