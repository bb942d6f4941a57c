//! A site with orders, and a shop that fails as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::db::{demo_orders, sites};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::SiteId;
use deskhand::domain::money::{Currency, Money};
use deskhand::domain::order::{Address, Order, OrderItem, OrderStatus};
use deskhand::domain::site::Mode;
use deskhand::hands::orders::{Change, OrderStore, StoreError, StoreResult, Stores};
use futures::FutureExt;
use serde_json::{Value, json};

use crate::support::app::{TestApp, message};

pub const ANNA: &str = "anna.huber@example.com";
pub const BEN: &str = "ben.okafor@example.com";

fn order(
    app: &TestApp,
    number: &str,
    email: &str,
    status: &str,
    cents: i64,
    delivered: Option<i64>,
) -> Order {
    let now = app.clock.now();
    let money = |minor| Money {
        minor,
        currency: Currency::EUR,
    };
    Order {
        number: number.to_owned(),
        email: email.to_owned(),
        customer: None,
        status: OrderStatus::parse(status),
        items: vec![OrderItem {
            name: "Birch".to_owned(),
            quantity: 1,
            total: money(cents),
            product: None,
            categories: Some(vec!["lamps".to_owned()]),
        }],
        total: money(cents),
        refunded: money(0),
        placed_at: now - TimeDelta::days(10),
        delivered_at: delivered.map(|days| now - TimeDelta::days(days)),
        completed_at: None,
        updated_at: now,
        tracking: (status == "shipped").then(|| "JJD0005".to_owned()),
        shipping: Some(Address {
            name: "Anna Huber".to_owned(),
            street: "Seegasse 4".to_owned(),
            extra: None,
            postcode: "4810".to_owned(),
            city: "Gmunden".to_owned(),
            country: "AT".to_owned(),
        }),
    }
}

/// Orders, full rights for the agent, and the demo's policy.
pub async fn stock(app: &TestApp) {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    for order in [
        order(app, "1001", ANNA, "processing", 8_900, None),
        order(app, "1002", BEN, "completed", 42_900, Some(6)),
        order(app, "1004", ANNA, "completed", 3_870, Some(3)),
        order(app, "1005", "dev.patel@example.com", "shipped", 19_900, None),
    ] {
        demo_orders::put(&mut tx, &order).await.unwrap();
    }
    sites::set_mode(&mut tx, Mode::Full).await.unwrap();
    sites::merge_settings(&mut tx, &json!({ "refund_approve_all": false }))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// What was paid back of an order, in cents.
pub async fn paid_back(app: &TestApp, number: &str) -> i64 {
    let query =
        format!("SELECT (body->'refunded'->>'minor')::bigint FROM demo_orders WHERE number = '{number}'");
    app.count(&query).await
}

/// Talks until a refund of order 1004 is proposed; gives the thread and the proposal.
pub async fn proposed(app: &TestApp, token: &str) -> (String, String) {
    let answer = app
        .ask(token, &format!("I want a refund for order 1004, {ANNA}"), None)
        .await;
    assert_eq!(answer["outcome"], "asked", "{answer:#}");
    let ask = &answer["ask"];
    assert_eq!(ask["kind"], "confirm", "{answer:#}");
    assert_eq!(ask["amount_minor"], 3_870);
    assert_eq!(ask["currency"], "EUR");
    assert!(ask["summary"].as_str().unwrap().contains("38.70 EUR"), "{ask}");
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    (text(&answer["thread_id"]), text(&ask["proposal_id"]))
}

/// A yes or no by the button.
pub fn button(thread: &str, proposal: &str, accept: bool) -> Value {
    let mut body = message("", Some(thread));
    body["confirm"] = json!({ "proposal_id": proposal, "accept": accept });
    body
}

/// How the shop behaves when it is asked to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It does it and its answer is lost.
    ActsAndIsCut,
    /// It does nothing and doesn't answer.
    IsSilent,
    /// It refuses.
    Refuses,
    /// It does it long after everybody has given up waiting.
    ActsTooLate,
}

/// The built-in store with such manners.
#[derive(Clone)]
pub struct Moody {
    inner: Arc<dyn Stores>,
    manner: Manner,
    pub asked: Arc<AtomicUsize>,
    /// What it does when nobody waits any more.
    late: tokio_util::task::TaskTracker,
}

impl Moody {
    pub fn new(inner: impl Stores, manner: Manner) -> Self {
        Self {
            inner: Arc::new(inner),
            manner,
            asked: Arc::default(),
            late: tokio_util::task::TaskTracker::new(),
        }
    }
}

struct MoodyShop {
    inner: Arc<dyn OrderStore>,
    mood: Moody,
}

impl Stores for Moody {
    fn of(&self, site: SiteId) -> StoreResult<'_, Option<Arc<dyn OrderStore>>> {
        async move {
            let inner = self.inner.of(site).await?;
            Ok(inner.map(|inner| {
                Arc::new(MoodyShop {
                    inner,
                    mood: self.clone(),
                }) as Arc<dyn OrderStore>
            }))
        }
        .boxed()
    }
}

impl OrderStore for MoodyShop {
    fn name(&self) -> &'static str {
        "moody shop"
    }

    fn find<'a>(&'a self, site: SiteId, number: &'a str) -> StoreResult<'a, Option<Order>> {
        self.inner.find(site, number)
    }

    fn of_email<'a>(&'a self, site: SiteId, email: &'a str) -> StoreResult<'a, Vec<Order>> {
        self.inner.of_email(site, email)
    }

    fn change<'a>(
        &'a self,
        site: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> StoreResult<'a, String> {
        async move {
            self.mood.asked.fetch_add(1, Ordering::SeqCst);
            let cut = || StoreError::Silent("cut".to_owned());
            match self.mood.manner {
                Manner::ActsAndIsCut => {
                    self.inner.change(site, number, change, key).await?;
                    Err(cut())
                }
                Manner::IsSilent => Err(cut()),
                Manner::Refuses => Err(StoreError::Refused("no".to_owned())),
                Manner::ActsTooLate => {
                    let (inner, number, change, key) = (
                        Arc::clone(&self.inner),
                        number.to_owned(),
                        change.clone(),
                        key.to_owned(),
                    );
                    self.mood.late.spawn(async move {
                        tokio::time::sleep(Duration::from_secs(5)).await;
                        let _ = inner.change(site, &number, &change, &key).await;
                    });
                    tokio::time::sleep(Duration::from_secs(8)).await;
                    Err(cut())
                }
            }
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
        self.inner.done(site, number, change, key)
    }
}
