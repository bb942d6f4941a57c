//! Orders of a shop that runs WooCommerce, through its REST API (version 3). It has no
//! idempotency keys: before a change it is looked up whether our key is there already, the
//! change carries the key, and after doubt it is looked up again. What can't be told then stays
//! unknown; nothing is asked for twice.

mod change;
pub mod client;
mod goods;
mod plain;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join};
use serde_json::Value;
use tokio::time::Instant;

use client::{Client, Fault};

use crate::domain::clock::SharedClock;
use crate::domain::customer::Account;
use crate::domain::ids::SiteId;
use crate::domain::order::{Order, same_email};
use crate::hands::orders::{Change, MOST_LISTED, OrderStore, StoreError, StoreResult};
use crate::models::breaker::{Breaker, Outcome, Ticket};

/// Orders on a page of a search, and pages that are read of one.
const PAGE: usize = 20;
const PAGES: usize = 5;
/// A look-up that was given up after this long counts as the shop's failure.
const SLOW: Duration = Duration::from_secs(2);

/// What is read of an order.
const FIELDS: &str = "id,number,status,currency,total,billing,shipping,customer_id,line_items,refunds,\
    date_created_gmt,date_modified_gmt,date_completed_gmt,meta_data";

/// An order with what only the shop knows it by.
#[derive(Debug, Clone)]
struct Found {
    /// In the shop's addresses.
    id: u64,
    order: Order,
    /// As it came.
    raw: Value,
}

/// A shop.
#[derive(Clone)]
pub struct WooCommerce {
    client: Client,
    breaker: Arc<Mutex<Breaker>>,
    clock: SharedClock,
}

/// Tells the breaker what came of what it let through, also when nobody waited for it.
struct Watch<'a> {
    shop: &'a WooCommerce,
    ticket: Option<Ticket>,
    begun: Instant,
}

impl Watch<'_> {
    fn end(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            let mut breaker = self.shop.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.record(ticket, outcome, self.shop.clock.now());
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // The tool's time ran out over it, or the visitor stopped.
        let slow = self.begun.elapsed() >= SLOW;
        self.end(if slow { Outcome::Bad } else { Outcome::Abandoned });
    }
}

impl WooCommerce {
    /// Over this client.
    #[must_use]
    pub fn new(client: Client, breaker: Arc<Mutex<Breaker>>, clock: SharedClock) -> Self {
        Self {
            client,
            breaker,
            clock,
        }
    }

    /// Asks the shop, unless it has failed too often of late.
    async fn guarded<T>(&self, asking: impl Future<Output = Result<T, Fault>>) -> Result<T, StoreError> {
        let admitted = {
            let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.admit(self.clock.now())
        };
        let mut watch = Watch {
            shop: self,
            ticket: Some(admitted.map_err(|_| StoreError::Resting)?),
            begun: Instant::now(),
        };
        let done = asking.await;
        watch.end(match &done {
            Ok(_) => Outcome::Good,
            Err(fault) => {
                // The operator has to mend some of these; the visitor hears none of it.
                tracing::warn!(%fault, "a shop can't be asked as it should");
                fault.outcome()
            }
        });
        Ok(done?)
    }

    /// An order by its number, which in many shops isn't its id. Both ways are always gone, so
    /// that an order that there is takes as many requests as one that there isn't.
    async fn look_up(&self, number: &str) -> Result<Option<Found>, Fault> {
        let by_id = async {
            let digits = number.len() <= 18 && number.bytes().all(|b| b.is_ascii_digit());
            match number.parse::<u64>().ok().filter(|_| digits) {
                Some(id) => {
                    self.client
                        .get(&format!("orders/{id}"), &[("_fields", FIELDS)])
                        .await
                }
                None => Ok(None),
            }
        };
        let (by_id, found) = join(
            by_id,
            self.search(("search", number), |raw| wire::has_number(raw, number), 2),
        )
        .await;
        let by_id = by_id.map(|answer| answer.map(|a| a.body).filter(|raw| wire::has_number(raw, number)));
        let mut orders = match (by_id, found) {
            (Ok(Some(raw)), found) => [vec![raw], found.unwrap_or_default()].concat(),
            (Ok(None), found) => found?,
            (Err(fault), Ok(found)) if found.is_empty() => return Err(fault),
            (Err(_), found) => found?,
        };
        orders.retain(|raw| !wire::is_draft(raw));
        orders.dedup_by_key(|raw| wire::id(&raw["id"]));
        match &orders[..] {
            [] => Ok(None),
            [raw] => Ok(Some(wire::found(raw)?)),
            _ => {
                tracing::warn!("a shop has several orders of one number; none is taken");
                Ok(None)
            }
        }
    }

    /// The orders that a search gives and `is_it` takes, at most `most`, as they came. What a
    /// search gives is only a hint: one for words looks into names, addresses and products too.
    async fn search(
        &self,
        by: (&str, &str),
        is_it: impl Fn(&Value) -> bool,
        most: usize,
    ) -> Result<Vec<Value>, Fault> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let (number, size) = (page.to_string(), PAGE.to_string());
            let query = [
                by,
                ("page", number.as_str()),
                ("per_page", size.as_str()),
                ("_fields", FIELDS),
            ];
            let Some(answer) = self.client.get("orders", &query).await? else {
                break;
            };
            let more = answer.has_more(page, PAGE);
            let Value::Array(orders) = answer.body else {
                return Err(Fault::unreadable("a list of orders is none"));
            };
            found.extend(orders.into_iter().filter(&is_it));
            if found.len() >= most || !more {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    async fn listed(
        &self,
        by: (&str, &str),
        is_theirs: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Order>, Fault> {
        let is_theirs = |raw: &Value| is_theirs(raw) && !wire::is_draft(raw);
        let found = self.search(by, is_theirs, MOST_LISTED).await?;
        let mut orders: Vec<Order> = found
            .iter()
            .filter_map(|raw| match wire::found(raw) {
                Ok(found) => Some(found.order),
                Err(fault) => {
                    tracing::warn!(%fault, "an order of a shop can't be read and isn't listed");
                    None
                }
            })
            .collect();
        orders.sort_by_key(|order| std::cmp::Reverse(order.placed_at));
        Ok(orders)
    }

    /// Tries the connection: whether orders can be read, and whether they may be changed.
    ///
    /// # Errors
    /// What the shop gives.
    pub async fn check(&self) -> Result<Access, StoreError> {
        let query = [("per_page", "1"), ("_fields", "id")];
        let orders = self.client.get("orders", &query).await?;
        let orders = orders
            .filter(|answer| answer.body.is_array())
            .ok_or_else(|| StoreError::NoAccess("no list of orders came".to_owned()))?;
        Ok(Access {
            orders: orders.total,
            may_write: self.client.may_write().await?,
        })
    }
}

/// What a connection's key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// How many orders there are, where the shop says so.
    pub orders: Option<u64>,
    /// Whether it may change orders.
    pub may_write: bool,
}

impl OrderStore for WooCommerce {
    fn name(&self) -> &'static str {
        "WooCommerce"
    }

    fn find<'a>(&'a self, _: SiteId, number: &'a str) -> StoreResult<'a, Option<Order>> {
        async move {
            let found = self.guarded(self.look_up(number)).await?;
            Ok(found.map(|f| f.order))
        }
        .boxed()
    }

    fn of_email<'a>(&'a self, _: SiteId, email: &'a str) -> StoreResult<'a, Vec<Order>> {
        async move {
            let email = email.trim();
            if email.is_empty() {
                return Ok(Vec::new());
            }
            let is_theirs = |raw: &Value| same_email(&wire::email(raw), email);
            self.guarded(self.listed(("search", email), is_theirs)).await
        }
        .boxed()
    }

    fn account(&self, account: &Account) -> Option<String> {
        account
            .is_at(self.client.home())
            .then(|| account.user.to_string())
    }

    fn of_account<'a>(&'a self, _: SiteId, account: &'a str) -> StoreResult<'a, Vec<Order>> {
        async move {
            let is_theirs = |raw: &Value| wire::customer(raw).as_deref() == Some(account);
            self.guarded(self.listed(("customer", account), is_theirs)).await
        }
        .boxed()
    }

    fn with_categories(&self, _: SiteId, order: Order) -> StoreResult<'_, Order> {
        async move { self.guarded(goods::with_categories(&self.client, order)).await }.boxed()
    }

    fn change<'a>(
        &'a self,
        _: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> StoreResult<'a, String> {
        async move { self.guarded(change::make(self, number, change, key)).await }.boxed()
    }

    fn done<'a>(
        &'a self,
        _: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        // A shop that is left alone is asked all the same: what became of money can't wait.
        async move { Ok(change::done(self, number, change, key).await?) }.boxed()
    }
}
