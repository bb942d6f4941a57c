//! Changes of an order, each under the ledger's key: looked up, made, and looked up again when
//! nobody answered.
//!
//! A refund is in the shop's list before its payment service was asked, and is taken out again
//! when that refuses; so one counts as made only when the shop says that the payment was
//! refunded. The key stands in the refund's reason, which is stored with the refund, and in its
//! meta data, which are stored after the payment: a shop that dies in between loses the latter.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::Fault;
use super::plain::plain;
use super::wire::{self, id, meta};
use super::{Found, WooCommerce};
use crate::domain::money::Money;
use crate::domain::order::Address;
use crate::hands::orders::{Change, StoreError};

/// The meta data that a refund of ours has.
const REFUND_KEY: &str = "_deskhand_key";
/// What the meta data of an order begin with whose address we changed; the key follows.
const ADDRESS_KEY: &str = "_deskhand_address_";
/// Refunds on a page, and pages of them.
const PAGE: usize = 100;
const PAGES: usize = 5;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 300;

fn refused(why: &str) -> Fault {
    StoreError::Refused(why.to_owned()).into()
}

/// Makes a change.
pub(super) async fn make(
    shop: &WooCommerce,
    number: &str,
    change: &Change,
    key: &str,
) -> Result<String, Fault> {
    let found = shop
        .look_up(number)
        .await?
        .ok_or_else(|| refused("there is no such order"))?;
    match change {
        Change::Refund { amount, reason } => refund(shop, &found, *amount, reason, key).await,
        Change::Address(address) => readdress(shop, &found, address, key).await,
    }
}

/// What was done under a key.
pub(super) async fn done(
    shop: &WooCommerce,
    number: &str,
    change: &Change,
    key: &str,
) -> Result<Option<String>, Fault> {
    let Some(found) = shop.look_up(number).await? else {
        return Ok(None);
    };
    match change {
        Change::Refund { amount, .. } => Ok(match ours(shop, &found, *amount, key).await? {
            Ours::Paid(name) => Some(name),
            Ours::None | Ours::UnderWay => None,
        }),
        Change::Address(_) => Ok(has_address_of(&found.raw, key).then(|| format!("order-{}", found.id))),
    }
}

/// What the shop has of a refund of ours.
enum Ours {
    None,
    /// Booked; whether the payment service has paid, nobody knows yet.
    UnderWay,
    Paid(String),
}

fn tag(key: &str) -> String {
    format!("(deskhand {key})")
}

fn is_ours(refund: &Value, key: &str) -> bool {
    // At the end only: what stands before it is the visitor's own words.
    let reason = refund["reason"].as_str().unwrap_or_default();
    meta(refund, REFUND_KEY).is_some_and(|v| v == key) || reason.trim_end().ends_with(&tag(key))
}

async fn ours(shop: &WooCommerce, found: &Found, amount: Money, key: &str) -> Result<Ours, Fault> {
    for page in 1..=PAGES {
        let (number, size) = (page.to_string(), PAGE.to_string());
        let query = [
            ("page", number.as_str()),
            ("per_page", size.as_str()),
            ("_fields", "id,amount,reason,refunded_payment,meta_data"),
        ];
        let path = format!("orders/{}/refunds", found.id);
        let Some(answer) = shop.client.get(&path, &query).await? else {
            return Ok(Ours::None);
        };
        let Value::Array(refunds) = &answer.body else {
            return Err(Fault::unreadable("a list of refunds is none"));
        };
        let mine = |r: &&Value| is_ours(r, key) && wire::money(&r["amount"], amount.currency) == Some(amount);
        if let Some(refund) = refunds.iter().find(mine) {
            return Ok(paid(refund));
        }
        if !answer.has_more(page, PAGE) {
            break;
        }
    }
    Ok(Ours::None)
}

fn paid(refund: &Value) -> Ours {
    match (refund["refunded_payment"].as_bool(), id(&refund["id"])) {
        (Some(true), Some(id)) => Ours::Paid(format!("refund-{id}")),
        _ => Ours::UnderWay,
    }
}

async fn refund(
    shop: &WooCommerce,
    found: &Found,
    amount: Money,
    reason: &str,
    key: &str,
) -> Result<String, Fault> {
    match ours(shop, found, amount, key).await? {
        Ours::Paid(name) => return Ok(name),
        Ours::UnderWay => return Err(Fault::unreadable("a refund under this key is under way")),
        Ours::None => {}
    }
    let order = &found.order;
    let left = order.total.less(order.refunded);
    if amount.minor <= 0 || left.and_then(|left| left.less(amount)).is_none() {
        return Err(refused("more than is left of what was paid"));
    }
    let body = json!({
        "amount": amount.decimal(),
        "reason": format!("{} {}", plain(reason, LONGEST_REASON), tag(key)),
        "api_refund": true,
        // Nothing has come back yet.
        "api_restock": false,
        "meta_data": [{ "key": REFUND_KEY, "value": key }],
    });
    let path = format!("orders/{}/refunds", found.id);
    let answer = shop.client.write(Method::POST, &path, &body).await?;
    let made = answer.ok_or_else(|| refused("there is no such order"))?.body;
    match paid(&made) {
        Ours::Paid(name) if wire::money(&made["amount"], amount.currency) == Some(amount) => Ok(name),
        // Booked in the shop, but not by its payment service, or another amount: a person looks.
        _ => Err(Fault::unreadable(
            "the shop booked something else than was asked for",
        )),
    }
}

fn has_address_of(raw: &Value, key: &str) -> bool {
    meta(raw, &format!("{ADDRESS_KEY}{key}")).is_some()
}

async fn readdress(shop: &WooCommerce, found: &Found, address: &Address, key: &str) -> Result<String, Fault> {
    let name = format!("order-{}", found.id);
    if has_address_of(&found.raw, key) {
        return Ok(name);
    }
    if !found.order.status.is_before_shipping() {
        return Err(refused("it has left already"));
    }
    let (first, last) = address.name.rsplit_once(' ').unwrap_or(("", &address.name));
    let body = json!({
        "shipping": {
            "first_name": first,
            "last_name": last,
            // Parts of the old address have no place beside the new one.
            "company": "",
            "address_1": address.street,
            "address_2": address.extra.as_deref().unwrap_or_default(),
            "city": address.city,
            "state": "",
            "postcode": address.postcode,
            "country": address.country,
        },
        "meta_data": [{ "key": format!("{ADDRESS_KEY}{key}"), "value": "changed" }],
    });
    let answer = shop
        .client
        .write(Method::PUT, &format!("orders/{}", found.id), &body)
        .await?;
    let changed = answer.ok_or_else(|| refused("there is no such order"))?.body;
    if id(&changed["id"]) == Some(found.id) && has_address_of(&changed, key) {
        Ok(name)
    } else {
        Err(Fault::unreadable(
            "the shop doesn't say that the address was changed",
        ))
    }
}
