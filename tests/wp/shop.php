<?php

// phpcs:disable PSR1.Classes, Squiz.Classes -- others' names

/**
 * WooCommerce isn't to be had here. These are doubles of what it documents, as far as the plugin uses it: wc_get_order(),
 * wc_get_orders() and an order's getters. They prove that the plugin keeps to that, not that WooCommerce does.
 */

final class DeskhandTestOrder
{
    /** @var array<int, self> */
    public static array $all = [];

    public function __construct(public int $id, public int $customer, public string $status, public string $total, public int $at)
    {
        self::$all[$id] = $this;
    }

    public function get_id(): int
    {
        return $this->id;
    }

    public function get_order_number(): string
    {
        return "S-$this->id";
    }

    public function get_customer_id(): int
    {
        return $this->customer;
    }

    public function get_status(): string
    {
        return $this->status;
    }

    public function get_total(): string
    {
        return $this->total;
    }

    public function get_currency(): string
    {
        return 'EUR';
    }

    public function get_item_count(): int
    {
        return 2;
    }

    public function get_date_created(): ?DateTime
    {
        return $this->at === 0 ? null : (new DateTime('@' . $this->at));
    }
}

function wc_get_order($id)
{
    return DeskhandTestOrder::$all[(int) $id] ?? false;
}

function wc_get_orders(array $query)
{
    $found = array_filter(DeskhandTestOrder::$all, static fn (DeskhandTestOrder $o): bool => $o->customer === (int) $query['customer_id']);
    usort($found, static fn (DeskhandTestOrder $a, DeskhandTestOrder $b): int => $b->at <=> $a->at);
    return array_slice($found, 0, $query['limit']);
}
