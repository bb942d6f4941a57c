<?php

declare(strict_types=1);

namespace Deskhand\Shop;

defined('ABSPATH') || exit;

/**
 * Orders as WooCommerce has them, for those who may know: read by its documented functions, and empty without it.
 */
final class Orders
{
    /** The backend keeps no more of a customer. */
    private const MOST = 20;

    public static function exist(): bool
    {
        return function_exists('wc_get_orders');
    }

    /**
     * A customer's last orders, the newest first.
     *
     * @return list<array<string, string|int>>
     */
    public static function of(int $user, int $most = 5): array
    {
        if (!self::exist() || $user < 1) {
            return [];
        }
        $found = wc_get_orders(['customer_id' => $user, 'limit' => min(self::MOST, max(1, $most)), 'orderby' => 'date', 'order' => 'DESC', 'type' => 'shop_order']);
        $orders = [];
        foreach (is_array($found) ? $found : [] as $order) {
            if (is_object($order)) {
                $orders[] = self::told($order);
            }
        }
        return $orders;
    }

    /** @return array<string, string|int> number, state, total: what a customer sees in the account too */
    private static function told(object $order): array
    {
        $created = $order->get_date_created();
        return [
            'number' => (string) $order->get_order_number(),
            'status' => (string) $order->get_status(),
            'total' => (string) $order->get_total(),
            'currency' => (string) $order->get_currency(),
            'items' => (int) $order->get_item_count(),
            'created_at' => is_object($created) ? gmdate('Y-m-d\TH:i:s\Z', (int) $created->getTimestamp()) : '',
        ];
    }
}
