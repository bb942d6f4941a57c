//! The built-in store of a fresh install: its orders lie in the database, and what is done to
//! them is remembered under the ledger's key, in one transaction with the change.

use std::sync::Arc;

use futures::FutureExt;

use crate::db::demo_orders::{self, Act};
use crate::db::pool::Db;
use crate::domain::clock::SharedClock;
use crate::domain::ids::SiteId;
use crate::domain::order::{Order, OrderStatus};
use crate::hands::orders::{Change, MOST_LISTED, OrderStore, StoreError, StoreResult, Stores};

/// The built-in store.
#[derive(Clone)]
pub struct DemoStore {
    db: Db,
    clock: SharedClock,
}

impl DemoStore {
    /// Over this database.
    #[must_use]
    pub fn new(db: Db, clock: SharedClock) -> Self {
        Self { db, clock }
    }
}

/// The act that a change is noted as.
fn act(number: &str, change: &Change) -> Act {
    let (act, amount_minor) = match change {
        Change::Refund { amount, .. } => ("refund", Some(amount.minor)),
        Change::Address(_) => ("address", None),
    };
    Act {
        number: number.to_owned(),
        act: act.to_owned(),
        amount_minor,
    }
}

/// What a key's act is called to the outside.
fn named(key: &str) -> String {
    format!("demo-{key}")
}

/// The order after the change; the store's own rules, as a shop has them.
fn changed(mut order: Order, change: &Change) -> Result<Order, StoreError> {
    let refuse = |why: &str| StoreError::Refused(why.to_owned());
    match change {
        Change::Refund { amount, .. } => {
            let back = order
                .refunded
                .plus(*amount)
                .ok_or_else(|| refuse("another currency"))?;
            let left = order
                .total
                .less(back)
                .ok_or_else(|| refuse("more than was paid"))?;
            order.refunded = back;
            if left.minor == 0 {
                order.status = OrderStatus::Refunded;
            }
        }
        Change::Address(address) => {
            if !order.status.is_before_shipping() {
                return Err(refuse("it has left already"));
            }
            order.shipping = Some(address.clone());
        }
    }
    Ok(order)
}

impl OrderStore for DemoStore {
    fn name(&self) -> &'static str {
        "demo store"
    }

    fn find<'a>(&'a self, site: SiteId, number: &'a str) -> StoreResult<'a, Option<Order>> {
        async move {
            let mut tx = self.db.site(site).await?;
            Ok(demo_orders::find(&mut tx, number).await?)
        }
        .boxed()
    }

    fn of_email<'a>(&'a self, site: SiteId, email: &'a str) -> StoreResult<'a, Vec<Order>> {
        async move {
            let mut tx = self.db.site(site).await?;
            let most = i64::try_from(MOST_LISTED).unwrap_or(i64::MAX);
            Ok(demo_orders::of_email(&mut tx, email.trim(), most).await?)
        }
        .boxed()
    }

    fn change<'a>(
        &'a self,
        site: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> StoreResult<'a, String> {
        async move {
            let mut tx = self.db.site(site).await?;
            let order = demo_orders::lock(&mut tx, number)
                .await?
                .ok_or_else(|| StoreError::Refused("no such order".to_owned()))?;
            let now = self.clock.now();
            if demo_orders::note_act(&mut tx, key, &act(number, change), now).await? {
                let mut order = changed(order, change)?;
                order.updated_at = now;
                demo_orders::put(&mut tx, &order).await?;
            }
            tx.commit().await?;
            Ok(named(key))
        }
        .boxed()
    }

    fn done<'a>(
        &'a self,
        site: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> StoreResult<'a, Option<String>> {
        async move {
            let mut tx = self.db.site(site).await?;
            let found = demo_orders::act(&mut tx, key).await?;
            Ok(found.filter(|a| *a == act(number, change)).map(|_| named(key)))
        }
        .boxed()
    }
}

impl Stores for DemoStore {
    fn of(&self, site: SiteId) -> StoreResult<'_, Option<Arc<dyn OrderStore>>> {
        async move {
            let mut tx = self.db.site(site).await?;
            let any = demo_orders::count(&mut tx).await? > 0;
            Ok(any.then(|| Arc::new(self.clone()) as Arc<dyn OrderStore>))
        }
        .boxed()
    }
}
