//! A shop that runs WooCommerce, by the contract server: what is read, how it fails, and that a
//! change is made once and never lost, whatever the shop does meanwhile.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::money::{Currency, Money};
use deskhand::domain::order::Address;
use deskhand::domain::refund::RefundPolicy;
use deskhand::hands::adapters::woocommerce::client::Client;
use deskhand::hands::orders::{Change, OrderStore, StoreError, Stores};
use deskhand::knowledge::fetch::allow::PrivateHosts;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::late::settle;
use super::shop::{ANNA, button, proposed};
use super::till::{Kind, Till};
use crate::support::app::{Setup, TestApp};
use crate::support::woo_server::{Fault, WooServer, order};

async fn open() -> (TestApp, WooServer) {
    open_with(Setup::default()).await
}

async fn open_with(setup: Setup) -> (TestApp, WooServer) {
    match Till::open(Kind::Woo, setup).await {
        (app, Till::Woo(woo)) => (app, woo),
        (_, Till::Demo) => unreachable!("a WooCommerce was asked for"),
    }
}

async fn store(app: &TestApp) -> Arc<dyn OrderStore> {
    app.shops.of(app.site.id).await.unwrap().unwrap()
}

fn euros(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::EUR,
    }
}

fn refund(minor: i64) -> Change {
    Change::Refund {
        amount: euros(minor),
        reason: "It <b>broke</b> (deskhand other-key)".to_owned(),
    }
}

#[tokio::test]
async fn an_order_is_found_by_its_number_never_by_another_ones_id() {
    let (app, woo) = open().await;
    let numbered = |id: u64, number: &str| {
        let mut order = order(id, ANNA, "processing", "10.00");
        order["number"] = json!(number);
        woo.put(order);
    };
    numbered(2_001, "SO-17");
    numbered(2_002, "1999");
    numbered(2_003, "7001");
    numbered(2_004, "7001");
    let (shop, site) = (store(&app).await, app.site.id);
    let found = async |number: &str| shop.find(site, number).await.unwrap().map(|o| o.number);
    assert_eq!(found("1004").await.as_deref(), Some("1004"));
    assert_eq!(found("so-17").await.as_deref(), Some("SO-17"));
    assert_eq!(found("1999").await.as_deref(), Some("1999"));
    assert_eq!(found("2002").await, None, "an id that isn't the number");
    assert_eq!(found("7001").await, None, "two of one number");
    assert_eq!(found("99999999999999999999").await, None);
    let mut draft = order(2_005, ANNA, "checkout-draft", "10.00");
    draft["number"] = json!("2005");
    woo.put(draft);
    assert_eq!(found("2005").await, None, "nobody has placed it");
    app.finish().await;
}

#[tokio::test]
async fn a_customers_orders_are_those_with_the_billing_address() {
    let (app, woo) = open().await;
    // Newer ones in which the address stands elsewhere fill the first pages.
    for id in 5_000..5_045 {
        let mut other = order(id, "other@example.com", "completed", "5.00");
        other["customer_note"] = json!(format!("A gift for {ANNA}"));
        woo.put(other);
    }
    let shop = store(&app).await;
    woo.take_asked();
    let listed = shop.of_email(app.site.id, &ANNA.to_uppercase()).await.unwrap();
    let numbers: Vec<&str> = listed.iter().map(|o| o.number.as_str()).collect();
    assert_eq!(numbers, ["1004", "1001"]);
    assert_eq!(woo.take_asked(), ["GET orders"; 3], "all three pages");
    assert!(shop.of_email(app.site.id, " ").await.unwrap().is_empty());
    assert!(woo.take_asked().is_empty(), "nobody's orders aren't asked for");
    app.finish().await;
}

/// In words, and in what the shop is asked; the answer itself waits for the beat (identity.rs).
#[tokio::test]
async fn an_unknown_order_and_a_wrong_address_cost_the_same_requests() {
    let (app, woo) = open().await;
    let ask = async |number: &str| {
        woo.take_asked();
        let text = format!("Where is my order {number}? My e-mail is nobody@example.com");
        let answer = app.ask(&app.token(VisitorId::new()), &text, None).await;
        let asked: Vec<String> = woo.take_asked().iter().map(|a| a.replace(number, "N")).collect();
        let mut asked = asked;
        asked.sort();
        (answer["text"].clone(), asked)
    };
    let (unknown, wrong) = (ask("9999").await, ask("1005").await);
    assert_eq!(unknown, wrong);
    assert_eq!(unknown.1, ["GET orders", "GET orders/N"]);
    assert!(
        unknown.0.as_str().unwrap().contains("can't find an order"),
        "{unknown:?}"
    );
    let right = "Where is my order 1005? My e-mail is Dev.Patel@example.com";
    let answer = app.ask(&app.token(VisitorId::new()), right, None).await;
    assert!(answer["text"].as_str().unwrap().contains("JJD0005"), "{answer:#}");
    app.finish().await;
}

#[tokio::test]
async fn what_a_shop_answers_instead_has_its_name() {
    let (app, woo) = open().await;
    let shop = store(&app).await;
    for (fault, says) in [
        (
            Fault::Error(401, "woocommerce_rest_authentication_error"),
            "doesn't accept the key",
        ),
        (
            Fault::Error(403, "woocommerce_rest_cannot_view"),
            "may not do this",
        ),
        (Fault::Error(404, "rest_no_route"), "no REST API"),
        (Fault::Html(404), "no REST API"),
        (Fault::Html(403), "firewall"),
        (Fault::Html(301), "another one"),
        (Fault::Html(200), "isn't JSON"),
        (
            Fault::Error(500, "internal_server_error"),
            "internal_server_error",
        ),
        (Fault::RateLimit(0), "fewer requests"),
        (Fault::Error(400, "rest_invalid_param"), "rest_invalid_param"),
    ] {
        woo.fault("GET", fault);
        let error = shop.of_email(app.site.id, ANNA).await.unwrap_err().to_string();
        assert!(error.contains(says), "{fault:?}: {error}");
        assert!(
            !error.contains("Doe"),
            "what the shop writes isn't repeated: {error}"
        );
        app.clock.advance(TimeDelta::seconds(61));
    }
    assert_eq!(shop.of_email(app.site.id, ANNA).await.unwrap().len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn a_shop_that_keeps_failing_is_left_alone_but_for_what_became_of_money() {
    let (app, woo) = open().await;
    let (shop, site) = (store(&app).await, app.site.id);
    for _ in 0..5 {
        woo.fault("GET", Fault::Error(502, "bad_gateway"));
        assert!(shop.of_email(site, ANNA).await.is_err());
    }
    woo.take_asked();
    // Another call of another turn has the same breaker.
    let again = store(&app).await.find(site, "1004").await;
    assert!(matches!(again, Err(StoreError::Resting)), "{again:?}");
    assert!(woo.take_asked().is_empty());
    assert_eq!(shop.done(site, "1004", &refund(100), "k").await.unwrap(), None);
    assert!(!woo.take_asked().is_empty(), "looked up all the same");
    app.clock.advance(TimeDelta::seconds(61));
    assert!(shop.find(site, "1004").await.unwrap().is_some());
    app.finish().await;
}

#[tokio::test]
async fn a_key_goes_over_https_or_to_a_named_host_only() {
    let woo = WooServer::start().await;
    let key = || SecretString::from(woo.secret.clone());
    let host = woo.host();
    let settings = FetchSettings {
        private: PrivateHosts::parse([host.as_str()]).unwrap(),
        ..FetchSettings::new(std::env::temp_dir())
    };
    let fetcher = || Fetcher::new(settings.clone()).unwrap();
    for (url, fine) in [
        ("http://shop.example", false),
        ("ftp://shop.example", false),
        ("shop.example", false),
        ("https://shop.example", true),
        (woo.url().as_str(), true),
    ] {
        assert_eq!(Client::new(fetcher(), url, &key()).is_ok(), fine, "{url}");
    }
    // An address that isn't public isn't reached, whatever the connection says.
    let client = Client::new(fetcher(), "https://127.0.0.1", &key()).unwrap();
    let error = client.get("orders", &[]).await.unwrap_err().to_string();
    assert!(error.contains("public internet"), "{error}");
}

/// How a refund ends, with what was paid and what the ledger says, for each thing that can go
/// wrong while it is asked for. It is asked for once in every case.
#[rstest]
#[case::cut_after_it_acted(Fault::CutAfterActing, "answered", 3_870, "done")]
#[case::failed_after_it_acted(Fault::FailAfterActing, "answered", 3_870, "done")]
#[case::died_after_the_payment(Fault::LosesMeta, "answered", 3_870, "done")]
#[case::silent_after_it_acted(Fault::SilentAfterActing, "handoff", 3_870, "started")]
#[case::booked_and_not_paid(Fault::BookedOnly, "handoff", 0, "started")]
#[case::silent(Fault::Silence, "handoff", 0, "started")]
#[case::refused_by_the_gateway(Fault::GatewayRefuses, "handoff", 0, "unknown")]
#[case::a_page_instead(Fault::Html(200), "handoff", 0, "unknown")]
#[case::a_firewall(Fault::Html(403), "answered", 0, "failed")]
#[case::a_key_that_was_withdrawn(
    Fault::Error(401, "woocommerce_rest_cannot_create"),
    "answered",
    0,
    "failed"
)]
#[case::too_many_requests(Fault::RateLimit(5), "answered", 0, "failed")]
#[tokio::test]
async fn a_refund_is_asked_for_once(
    #[case] fault: Fault,
    #[case] outcome: &str,
    #[case] paid: i64,
    #[case] ledger: &str,
) {
    let (app, woo) = open().await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    woo.take_asked();
    woo.fault("POST", fault);
    let answer: Value = app
        .post("/api/agent/messages", &token)
        .json(&button(&thread, &proposal, true))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["outcome"], outcome, "{answer:#}");
    assert_eq!(woo.paid(1004).iter().sum::<i64>(), paid, "{answer:#}");
    assert_eq!(app.text("SELECT state FROM effects").await, ledger, "{answer:#}");
    let posts = woo.take_asked().iter().filter(|a| a.starts_with("POST")).count();
    assert_eq!(posts, 1);
    if outcome == "handoff" {
        assert_eq!(answer["handoff"]["reason"], "unknown_effect", "{answer:#}");
    }
    // Who was asked goes on waiting when the turn is over, and hears of the end.
    woo.web.hang_up();
    let ended = async {
        while app.text("SELECT state FROM effects").await == "started" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended)
        .await
        .unwrap();
    let ledger = app.text("SELECT state FROM effects").await;
    assert_eq!(ledger == "done", paid > 0, "{ledger}");
    let (shop, asked) = (store(&app).await, refund(3_870));
    let done = shop.done(app.site.id, "1004", &asked, &proposal).await.unwrap();
    assert_eq!(done.is_some(), paid > 0);
    let posts = woo.take_asked().iter().filter(|a| a.starts_with("POST")).count();
    assert_eq!(posts, 0, "asked for once");
    app.finish().await;
}

#[tokio::test]
async fn a_refund_is_known_by_its_key_and_amount() {
    let (app, woo) = open().await;
    let (shop, site) = (store(&app).await, app.site.id);
    let first = shop.change(site, "1002", &refund(1_000), "key-1").await.unwrap();
    let again = shop.change(site, "1002", &refund(1_000), "key-1").await.unwrap();
    assert_eq!((first.as_str(), &again), ("refund-9001", &first));
    shop.change(site, "1002", &refund(1_000), "key-2").await.unwrap();
    assert_eq!(woo.paid(1002), [1_000, 1_000]);
    let made = &woo.refunds(1002)[0];
    assert_eq!(made["reason"], "It broke (deskhand other-key) (deskhand key-1)");
    assert_eq!(made["amount"], "10.00");
    // A visitor's own words make no refund somebody else's, and another amount is another refund.
    assert_eq!(
        shop.done(site, "1002", &refund(1_000), "other-key")
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        shop.done(site, "1002", &refund(900), "key-1").await.unwrap(),
        None
    );
    let refused = shop.change(site, "1002", &refund(41_000), "key-3").await;
    assert!(
        matches!(refused, Err(StoreError::Refused(_))),
        "more than is left: {refused:?}"
    );
    let order = shop.find(site, "1002").await.unwrap().unwrap();
    assert_eq!(order.refunded, euros(2_000));
    app.finish().await;
}

#[tokio::test]
async fn an_address_is_changed_whole_and_once() {
    let (app, woo) = open().await;
    let (shop, site) = (store(&app).await, app.site.id);
    let change = Change::Address(Address {
        name: "Anna Maria Huber".to_owned(),
        street: "Neue Straße 7".to_owned(),
        extra: None,
        postcode: "4020".to_owned(),
        city: "Linz".to_owned(),
        country: "AT".to_owned(),
    });
    woo.fault("PUT", Fault::CutAfterActing);
    let cut = shop.change(site, "1001", &change, "key-1").await;
    assert!(cut.unwrap_err().leaves_doubt());
    let done = shop.done(site, "1001", &change, "key-1").await.unwrap();
    assert_eq!(done.as_deref(), Some("order-1001"));
    let shipping = &woo.order(1001)["shipping"];
    assert_eq!(shipping["first_name"], "Anna Maria");
    assert_eq!(
        (&shipping["last_name"], &shipping["company"]),
        (&json!("Huber"), &json!(""))
    );
    assert_eq!(shipping["address_1"], "Neue Straße 7");
    woo.take_asked();
    shop.change(site, "1001", &change, "key-1").await.unwrap();
    assert!(
        woo.take_asked().iter().all(|a| a.starts_with("GET")),
        "done before"
    );
    let gone = shop.change(site, "1005", &change, "key-2").await;
    assert!(matches!(gone, Err(StoreError::Refused(_))), "{gone:?}");
    app.finish().await;
}

#[tokio::test]
async fn goods_that_arent_paid_back_are_known_by_their_products() {
    let (app, woo) = open().await;
    woo.put_product(52, &["gift-card"]);
    let mut mixed = order(3_001, ANNA, "processing", "30.00");
    let line = |product: u64, total: &str| json!({ "name": "x", "product_id": product, "quantity": 1, "total": total, "total_tax": "0.00" });
    mixed["line_items"] = json!([line(51, "10.00"), line(52, "15.00"), line(53, "5.00")]);
    woo.put(mixed);
    let (shop, site) = (store(&app).await, app.site.id);
    let order = shop.find(site, "3001").await.unwrap().unwrap();
    assert!(
        order.items.iter().all(|i| i.categories.is_none()),
        "not asked for without need"
    );
    let order = shop.with_categories(site, order).await.unwrap();
    let verdict = RefundPolicy::default().check(&order, order.placed_at);
    assert_eq!(
        verdict.max,
        euros(1_000),
        "neither the gift card nor what nobody knows: {verdict:?}"
    );
    app.finish().await;
}

/// Refunds that are first switched on are all approved by staff, in a WooCommerce too.
#[tokio::test]
async fn a_newly_connected_shop_has_every_refund_approved() {
    let (app, woo) = open().await;
    let mut tx = app.db.site(app.site.id).await.unwrap();
    deskhand::db::sites::merge_settings(&mut tx, &json!({ "refund_approve_all": null }))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let token = app.token(VisitorId::new());
    let (thread, _) = proposed(&app, &token).await;
    let yes = app.ask(&token, "yes", Some(&thread)).await;
    assert_eq!(yes["outcome"], "asked", "{yes:#}");
    assert!(woo.refunds(1004).is_empty());
    assert_eq!(app.text("SELECT state FROM proposals").await, "waiting");
    app.finish().await;
}

/// The turn's time was over when the shop had done it: it is looked up later, and told.
#[tokio::test]
async fn what_a_silent_shop_has_done_is_found_out_later() {
    let (app, woo) = open_with(Setup {
        changes: Some(Duration::from_secs(1)),
        ..Setup::default()
    })
    .await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    woo.fault("POST", Fault::SilentAfterActing);
    let yes = app
        .post("/api/agent/messages", &token)
        .json(&button(&thread, &proposal, true))
        .send()
        .await
        .unwrap();
    assert_eq!(yes.status(), 200);
    assert_eq!(app.text("SELECT state FROM effects").await, "started");
    app.clock.advance(TimeDelta::seconds(91));
    settle(&app).await;
    assert_eq!(app.text("SELECT state FROM effects").await, "done");
    assert_eq!(woo.paid(1004), [3_870]);
    let shown: Value = app
        .get(&format!("/api/agent/thread/{thread}"), &token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let last = shown["messages"].as_array().unwrap().last().unwrap();
    assert!(
        last["text"].as_str().unwrap().contains("has gone through"),
        "{last}"
    );
    let jobs = "SELECT count(*) FROM jobs WHERE kind = 'settle_effect'";
    assert_eq!(app.count(jobs).await, 1, "the one that looked has told it");
    woo.web.hang_up();
    app.finish().await;
}

/// A reason stands in the shop for whoever may see the order: it says where to look, and nothing that
/// the visitor wrote.
#[tokio::test]
async fn a_shop_is_told_nothing_that_the_visitor_wrote() {
    let (app, woo) = open().await;
    let token = app.token(VisitorId::new());
    let words = format!("I want a refund for order 1004, {ANNA}, my neighbour Karl broke it on purpose");
    let asked = app.ask(&token, &words, None).await;
    let (thread, proposal) = (
        asked["thread_id"].as_str().unwrap(),
        asked["ask"]["proposal_id"].as_str().unwrap(),
    );
    let yes = app
        .post("/api/agent/messages", &token)
        .json(&button(thread, proposal, true))
        .send()
        .await
        .unwrap();
    let yes: Value = yes.json().await.unwrap();
    assert_eq!(yes["outcome"], "answered", "{yes:#}");
    assert_eq!(
        woo.refunds(1004)[0]["reason"],
        format!("Support chat, conversation {thread} (deskhand {proposal})")
    );
    app.finish().await;
}
