//! The orders of the demo shop as their file has them: times are days before the day on which
//! they are set up, so that what is new today is new for whoever tries it tomorrow.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::domain::money::{Currency, Money};
use crate::domain::order::{Address, Order, OrderItem, OrderStatus, is_number};

/// An order as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoOrder {
    /// Its number.
    pub number: String,
    /// The billing e-mail.
    pub email: String,
    /// As [`OrderStatus::parse`] reads it.
    pub status: String,
    /// What was bought.
    pub items: Vec<DemoItem>,
    /// How many days ago it was placed.
    pub placed: i64,
    /// How many days ago it was delivered.
    pub delivered: Option<i64>,
    /// The parcel's number.
    pub tracking: Option<String>,
    /// Where it goes.
    pub shipping: Address,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoItem {
    /// What it is called.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// What all of them cost together, in euros.
    pub total: String,
    /// Slugs.
    pub categories: Vec<String>,
}

/// The demo shop's.
///
/// # Errors
/// When the file isn't as it must be: a defect.
pub fn shipped() -> Result<Vec<DemoOrder>, String> {
    serde_json::from_str(include_str!("demo_orders.json")).map_err(|e| format!("the demo's orders: {e}"))
}

impl DemoOrder {
    /// The order, as of a day.
    ///
    /// # Errors
    /// When a number or an amount is none; the sentence says whose.
    pub fn at(&self, now: DateTime<Utc>) -> Result<Order, String> {
        if !is_number(&self.number) {
            return Err(format!("`{}` can't be an order's number", self.number));
        }
        let none = Money::zero(Currency::EUR);
        let mut total = none;
        let mut items = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let wrong = || format!("order {}: `{}` is no amount", self.number, item.total);
            let cost = Money::parse(&item.total, Currency::EUR).ok_or_else(wrong)?;
            total = total.plus(cost).ok_or_else(wrong)?;
            items.push(OrderItem {
                name: item.name.clone(),
                quantity: item.quantity,
                total: cost,
                product: None,
                categories: Some(item.categories.clone()),
            });
        }
        let ago = |days: i64| now - TimeDelta::days(days);
        Ok(Order {
            number: self.number.clone(),
            email: self.email.clone(),
            customer: None,
            status: OrderStatus::parse(&self.status),
            items,
            total,
            refunded: none,
            placed_at: ago(self.placed),
            delivered_at: self.delivered.map(ago),
            completed_at: None,
            updated_at: ago(self.delivered.unwrap_or(self.placed)),
            tracking: self.tracking.clone(),
            shipping: Some(self.shipping.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_ones_can_be_read() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let orders: Vec<Order> = shipped().unwrap().iter().map(|o| o.at(now).unwrap()).collect();
        let numbers: Vec<&str> = orders.iter().map(|o| o.number.as_str()).collect();
        assert_eq!(
            numbers,
            ["1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008"]
        );
        assert_eq!(orders[3].total.decimal(), "38.70");
        assert_eq!(orders[1].delivered_at, Some(now - TimeDelta::days(6)));
    }
}
