//! Where the orders of a test are: the built-in store, or a WooCommerce of the contract server's
//! kind. What must hold of money holds of both.

use deskhand::db::connections::{self, NewConnection};
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::connection::kinds::WOOCOMMERCE;
use deskhand::domain::connection::seal;
use deskhand::domain::site::Mode;
use serde_json::{Value, json};

use super::shop::{ANNA, BEN, paid_back, stock};
use crate::support::app::{Setup, TestApp};
use crate::support::woo_server::{WooServer, order};

/// Which kind of shop a test runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Demo,
    Woo,
}

/// A shop with the orders 1001, 1002, 1004 and 1005.
pub enum Till {
    Demo,
    Woo(WooServer),
}

impl Till {
    /// A deskhand whose site has such a shop.
    pub async fn open(kind: Kind, setup: Setup) -> (TestApp, Self) {
        match kind {
            Kind::Demo => {
                let app = TestApp::with(setup).await;
                stock(&app).await;
                (app, Self::Demo)
            }
            Kind::Woo => {
                let woo = WooServer::start().await;
                let mut setup = setup;
                setup.callbacks.push(woo.host());
                let app = TestApp::with(setup).await;
                connect(&app, &woo).await;
                fill(&app, &woo);
                (app, Self::Woo(woo))
            }
        }
    }

    /// What was paid back of an order, in cents.
    pub async fn paid_back(&self, app: &TestApp, number: &str) -> i64 {
        match self {
            Self::Demo => paid_back(app, number).await,
            Self::Woo(woo) => woo.paid(number.parse().unwrap()).iter().sum(),
        }
    }

    /// How often anything was done to an order.
    pub async fn acts(&self, app: &TestApp, number: &str) -> i64 {
        match self {
            Self::Demo => app.count("SELECT count(*) FROM demo_acts").await,
            Self::Woo(woo) => i64::try_from(woo.refunds(number.parse().unwrap()).len()).unwrap(),
        }
    }

    /// A host on this machine that the server must be allowed to reach.
    pub fn private(&self) -> Option<String> {
        match self {
            Self::Demo => None,
            Self::Woo(woo) => Some(woo.host()),
        }
    }
}

/// Connects the site to this shop, in the mode and with the policy of the demo.
pub async fn connect(app: &TestApp, woo: &WooServer) {
    let sealed = seal(&app.master, app.site.id, WOOCOMMERCE, "", &woo.secret).unwrap();
    let config = json!({ "url": woo.url() });
    let new = NewConnection {
        kind: WOOCOMMERCE,
        name: "",
        config: &config,
        secret_sealed: Some(&sealed),
        at: app.clock.now(),
    };
    let mut tx = app.db.site(app.site.id).await.unwrap();
    connections::put(&mut tx, &new).await.unwrap();
    sites::set_mode(&mut tx, Mode::Full).await.unwrap();
    sites::merge_settings(&mut tx, &json!({ "refund_approve_all": false }))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// The orders that [`stock`] puts into the built-in store.
pub fn fill(app: &TestApp, woo: &WooServer) {
    let ago = |days: i64| {
        let at = app.clock.now() - chrono::TimeDelta::days(days);
        json!(at.format("%Y-%m-%dT%H:%M:%S").to_string())
    };
    woo.put_product(51, &["lamps"]);
    let put = |mut order: Value, completed: Option<i64>| {
        order["date_created_gmt"] = ago(10);
        order["date_modified_gmt"] = ago(1);
        if let Some(days) = completed {
            order["date_completed_gmt"] = ago(days);
        }
        woo.put(order);
    };
    put(order(1001, ANNA, "processing", "89.00"), None);
    put(order(1002, BEN, "completed", "429.00"), Some(6));
    put(order(1004, ANNA, "completed", "38.70"), Some(3));
    let mut sent = order(1005, "dev.patel@example.com", "wc-shipped", "199.00");
    sent["meta_data"] = json!([{ "id": 2, "key": "_tracking_number", "value": "JJD0005" }]);
    put(sent, None);
}
