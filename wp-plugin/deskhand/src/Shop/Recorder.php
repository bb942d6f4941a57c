<?php

declare(strict_types=1);

namespace Deskhand\Shop;

use Deskhand\Events\Sender;
use Deskhand\Part;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * What happens to orders and subscriptions in WooCommerce, told to the backend: paid once, and that something has
 * changed. By the actions that WooCommerce documents; without it nothing of this is ever called. The customer is told
 * as the number of the account, never by address.
 */
final class Recorder implements Part
{
    public function __construct(private readonly Settings $settings, private readonly Sender $sender)
    {
    }

    public function register(): void
    {
        add_action('woocommerce_payment_complete', $this->paid(...));
        add_action('woocommerce_order_status_changed', fn ($id) => $this->changed($id));
        add_action('woocommerce_update_order', fn ($id) => $this->changed($id));
        add_action('woocommerce_order_refunded', fn ($id) => $this->changed($id));
        add_action('woocommerce_subscription_status_updated', fn ($subscription) => $this->tell($subscription, 'subscription'));
        add_filter('deskhand_profile', $this->profile(...), 5, 2);
    }

    private function paid(mixed $id): void
    {
        $order = $this->order($id);
        if ($order !== null) {
            do_action('deskhand_event', 'order.paid', 'order:' . $order->get_id(), self::data($order));
        }
    }

    private function changed(mixed $id): void
    {
        $this->tell($this->order($id), 'order');
    }

    private function tell(mixed $order, string $kind): void
    {
        // A guest has no profile that could be out of date.
        if ($this->settings->get('orders') && is_object($order) && (int) $order->get_customer_id() > 0) {
            $this->sender->orderUpdated("$kind:" . $order->get_id(), self::data($order));
        }
    }

    private function order(mixed $id): ?object
    {
        if (!$this->settings->get('orders') || !function_exists('wc_get_order')) {
            return null;
        }
        $order = is_object($id) ? $id : wc_get_order($id);
        // A refund is an order of its own there, without a customer.
        return is_object($order) && method_exists($order, 'get_customer_id') ? $order : null;
    }

    /** @return array<string, string|int> */
    private static function data(object $order): array
    {
        return [
            'order_id' => (int) $order->get_id(),
            'status' => (string) $order->get_status(),
            'total' => (string) $order->get_total(),
            'currency' => (string) $order->get_currency(),
            'wp_user_id' => (int) $order->get_customer_id(),
        ];
    }

    /**
     * @param array<string, mixed> $profile
     * @return array<string, mixed>
     */
    private function profile(array $profile, \WP_User $user): array
    {
        if ($this->settings->get('orders')) {
            $profile['orders'] = [...(array) ($profile['orders'] ?? []), ...Orders::of((int) $user->ID)];
        }
        return $profile;
    }
}
