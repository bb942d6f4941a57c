//! WooCommerce's orders as the hands see them. Shops differ, and plugins write into orders: an
//! id may be a text, an amount a number, anything may be null or missing. What is needed and
//! can't be read makes the order unreadable; all else is left out.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::Found;
use super::client::Fault;
use super::plain::plain;
use crate::domain::money::{Currency, Money};
use crate::domain::order::{Address, Order, OrderItem, OrderStatus, is_number};

/// Lines of an order that are kept one by one; the rest is one line.
const MOST_LINES: usize = 50;
/// The longest name of goods, in characters.
const LONGEST_NAME: usize = 120;
/// The longest part of an address.
const LONGEST_PART: usize = 200;
/// Parcel numbers that are told.
const MOST_PARCELS: usize = 3;

/// Where plugins keep a parcel's number.
const TRACKING: &[&str] = &[
    "_wc_shipment_tracking_items",
    "_tracking_number",
    "tracking_number",
    "_tracking_code",
    "_shipping_tracking_number",
    "_aftership_tracking_number",
    "_ywot_tracking_code",
    "ywot_tracking_code",
    "_wc_tracking_number",
];

/// An id: a number above zero, or a text that is one.
pub(super) fn id(value: &Value) -> Option<u64> {
    let read = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    read.filter(|id| *id > 0)
}

/// A text, or a number as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An exact amount. One that doesn't fit the currency isn't one.
pub(super) fn money(value: &Value, currency: Currency) -> Option<Money> {
    Money::parse(text(value)?.trim(), currency)
}

/// A line's amount: what shops compute with more decimals than the currency has is rounded up,
/// so that what is taken off a refund is never too little; less than nothing counts as nothing.
fn line_amount(value: &Value, currency: Currency) -> Option<Money> {
    let text = text(value)?;
    let text = text.trim();
    if text.is_empty() || text.starts_with('-') {
        return Some(Money::zero(currency));
    }
    if let Some(exact) = Money::parse(text, currency) {
        return Some(exact);
    }
    let (whole, fraction) = text.split_once('.')?;
    let decimals = usize::try_from(currency.decimals()).ok()?;
    if fraction.len() > 40 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let cut = fraction.get(..decimals)?;
    let floor = if decimals == 0 {
        Money::parse(whole, currency)
    } else {
        Money::parse(&format!("{whole}.{cut}"), currency)
    }?;
    floor.plus(Money { minor: 1, currency })
}

/// A time in GMT, which WooCommerce writes without a zone.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?.trim();
    let bare = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").map(|at| at.and_utc());
    bare.ok()
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()))
}

/// The number that the customer knows.
fn number(raw: &Value) -> Option<String> {
    let given = text(&raw["number"]).or_else(|| text(&raw["id"]))?;
    Some(given.trim().trim_start_matches('#').trim().to_owned())
}

/// Whether an order has this number.
pub(super) fn has_number(raw: &Value, wanted: &str) -> bool {
    number(raw).is_some_and(|n| n.eq_ignore_ascii_case(wanted))
}

/// The billing e-mail; empty where there is none, which nobody's is.
pub(super) fn email(raw: &Value) -> String {
    raw["billing"]["email"]
        .as_str()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The number of the account that it was placed from; none for a guest's.
pub(super) fn customer(raw: &Value) -> Option<String> {
    id(&raw["customer_id"]).map(|id| id.to_string())
}

/// Whether nobody has placed it yet, or it was thrown away.
pub(super) fn is_draft(raw: &Value) -> bool {
    let status = raw["status"].as_str().unwrap_or_default();
    matches!(status, "checkout-draft" | "auto-draft" | "draft" | "trash")
}

/// A pair out of `meta_data` by its key.
pub(super) fn meta<'a>(raw: &'a Value, key: &str) -> Option<&'a Value> {
    let pairs = raw["meta_data"].as_array()?;
    pairs.iter().find(|m| m["key"] == key).map(|m| &m["value"])
}

/// Reads an order.
pub(super) fn found(raw: &Value) -> Result<Found, Fault> {
    let missing = |what: &str| Fault::unreadable(&format!("an order of the shop has no readable {what}"));
    let id = id(&raw["id"]).ok_or_else(|| missing("id"))?;
    let number = number(raw)
        .filter(|n| is_number(n))
        .ok_or_else(|| missing("number"))?;
    let currency = raw["currency"]
        .as_str()
        .and_then(Currency::parse)
        .ok_or_else(|| missing("currency"))?;
    let total = money(&raw["total"], currency).ok_or_else(|| missing("total"))?;
    let refunded = refunded(raw, currency).ok_or_else(|| missing("refunds"))?;
    let modified = time(&raw["date_modified_gmt"]);
    let placed_at = time(&raw["date_created_gmt"])
        .or(modified)
        .ok_or_else(|| missing("date"))?;
    let order = Order {
        number,
        email: email(raw),
        customer: customer(raw),
        status: status(raw),
        items: items(raw, currency).ok_or_else(|| missing("lines"))?,
        total,
        refunded,
        placed_at,
        delivered_at: None,
        completed_at: time(&raw["date_completed_gmt"]),
        updated_at: modified.unwrap_or(placed_at),
        tracking: tracking(raw),
        shipping: address(&raw["shipping"]),
    };
    Ok(Found {
        id,
        order,
        raw: raw.clone(),
    })
}

fn status(raw: &Value) -> OrderStatus {
    let name = raw["status"].as_str().unwrap_or("unknown").trim().to_lowercase();
    let name = name.strip_prefix("wc-").unwrap_or(&name);
    // Some plugins' names for what others call by WooCommerce's own.
    OrderStatus::parse(match name {
        "canceled" => "cancelled",
        "dispatched" | "sent" | "in-transit" => "shipped",
        name => name,
    })
}

/// What was paid back: the refunds' totals, which are written as less than nothing.
fn refunded(raw: &Value, currency: Currency) -> Option<Money> {
    let Some(refunds) = raw["refunds"].as_array() else {
        return Some(Money::zero(currency));
    };
    refunds.iter().try_fold(Money::zero(currency), |sum, refund| {
        let total = text(&refund["total"])?;
        sum.plus(Money::parse(total.trim().trim_start_matches('-'), currency)?)
    })
}

fn items(raw: &Value, currency: Currency) -> Option<Vec<OrderItem>> {
    let none = Vec::new();
    let lines = raw["line_items"].as_array().unwrap_or(&none);
    let (own, rest) = lines.split_at(lines.len().min(MOST_LINES));
    let mut items = own
        .iter()
        .map(|line| item(line, currency))
        .collect::<Option<Vec<_>>>()?;
    if !rest.is_empty() {
        // What isn't listed is never paid back by rule: its categories aren't known.
        let sum = rest.iter().try_fold(Money::zero(currency), |sum, line| {
            sum.plus(item(line, currency)?.total)
        })?;
        items.push(OrderItem {
            name: format!("{} more items", rest.len()),
            quantity: 1,
            total: sum,
            product: None,
            categories: None,
        });
    }
    Some(items)
}

fn item(line: &Value, currency: Currency) -> Option<OrderItem> {
    let name = plain(line["name"].as_str().unwrap_or_default(), LONGEST_NAME);
    let tax = line_amount(&line["total_tax"], currency).unwrap_or_else(|| Money::zero(currency));
    Some(OrderItem {
        name: if name.is_empty() { "?".to_owned() } else { name },
        quantity: quantity(&line["quantity"]),
        total: line_amount(&line["total"], currency)?.plus(tax)?,
        product: id(&line["product_id"]).map(|id| id.to_string()),
        categories: None,
    })
}

/// A count; a part of a piece counts as one, less than nothing as nothing.
fn quantity(value: &Value) -> u32 {
    let read = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let whole = read.filter(|n| n.is_finite()).unwrap_or(1.0).ceil();
    // Within the bounds, so nothing is cut off.
    whole.clamp(0.0, 1_000_000.0) as u32
}

fn address(raw: &Value) -> Option<Address> {
    let part = |key: &str| plain(raw[key].as_str().unwrap_or_default(), LONGEST_PART);
    let name = format!("{} {}", part("first_name"), part("last_name"));
    let name = match name.trim() {
        "" => part("company"),
        name => name.to_owned(),
    };
    let country = part("country").to_uppercase();
    let address = Address {
        name,
        street: part("address_1"),
        extra: Some(part("address_2")).filter(|a| !a.is_empty()),
        postcode: part("postcode"),
        city: part("city"),
        country,
    };
    let is_one = !address.street.is_empty()
        && address.country.len() == 2
        && address.country.bytes().all(|b| b.is_ascii_uppercase());
    is_one.then_some(address)
}

/// The parcels' numbers, from wherever a plugin has put them.
fn tracking(raw: &Value) -> Option<String> {
    let numbers: Vec<String> = TRACKING
        .iter()
        .filter_map(|key| meta(raw, key))
        .map(parcels)
        .find(|numbers| !numbers.is_empty())?;
    Some(numbers.join(", "))
}

fn parcels(value: &Value) -> Vec<String> {
    let fits = |n: &String| {
        (3..=60).contains(&n.len())
            && n.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_. /".contains(c))
    };
    let all: Vec<String> = match value {
        Value::Array(list) => list
            .iter()
            .filter_map(|one| text(&one["tracking_number"]).or_else(|| text(one)))
            .collect(),
        other => text(other)
            .map(|t| t.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
    };
    let trimmed = all.into_iter().map(|n| n.trim().to_owned());
    trimmed.filter(fits).take(MOST_PARCELS).collect()
}

#[cfg(test)]
mod tests;
