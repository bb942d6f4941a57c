//! Who is logged in at the site: the orders of their account are theirs, and nobody else's, whatever
//! addresses stand in either; another WordPress's users are strangers.

use chrono::TimeDelta;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::http::auth::token::Claims;
use serde_json::{Value, json};

use super::shop::{ANNA, button};
use super::till::{Kind, Till};
use crate::support::app::{ORIGIN, Setup, TestApp};
use crate::support::woo_server::WooServer;

const ANNAS_ACCOUNT: i64 = 7;

/// A WooCommerce in which Anna has placed two orders from her account, and 1005 is a guest's.
async fn open() -> (TestApp, WooServer) {
    let (app, till) = Till::open(Kind::Woo, Setup::default()).await;
    let Till::Woo(woo) = till else { unreachable!() };
    for id in [1001, 1004] {
        let mut order = woo.order(id);
        order["customer_id"] = json!(ANNAS_ACCOUNT);
        woo.put(order);
    }
    (app, woo)
}

/// A token of the WordPress in this folder of the shop's address.
fn token(app: &TestApp, woo: &WooServer, visitor: VisitorId, user: i64, folder: &str) -> String {
    let until = app.clock.now() + TimeDelta::minutes(5);
    app.site.signed(&Claims {
        wp_user: Some(user),
        profile: Some(format!("{}{folder}/wp-json/deskhand/v1/profile", woo.url())),
        ..Claims::new(app.site.id, visitor, ORIGIN, until)
    })
}

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap()
}

async fn press(app: &TestApp, token: &str, asked: &Value) -> Value {
    let id = |v: &Value| v.as_str().unwrap().to_owned();
    let body = button(&id(&asked["thread_id"]), &id(&asked["ask"]["proposal_id"]), true);
    let sent = app.post("/api/agent/messages", token).json(&body).send().await;
    sent.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_orders_of_the_account_need_no_number_and_no_address() {
    let (app, woo) = open().await;
    let visitor = VisitorId::new();
    let anna = token(&app, &woo, visitor, ANNAS_ACCOUNT, "");
    let status = app.ask(&anna, "Where is my order 1001?", None).await;
    assert_eq!(status["outcome"], "answered", "{status:#}");
    assert!(text(&status).contains("89.00 EUR"), "{status:#}");
    let list = app.ask(&anna, "Show me my orders", None).await;
    assert!(
        text(&list).contains("1001") && text(&list).contains("1004"),
        "{list:#}"
    );
    assert!(!text(&list).contains("1002"), "{list:#}");
    // Which order is asked by showing which there are.
    let which = app.ask(&anna, "I want my money back", None).await;
    assert!(text(&which).contains("1004"), "{which:#}");
    let asked = app.ask(&anna, "I want a refund for order 1004", None).await;
    assert_eq!(asked["ask"]["kind"], "confirm", "{asked:#}");
    let done = press(&app, &anna, &asked).await;
    assert_eq!(done["outcome"], "answered", "{done:#}");
    assert_eq!(woo.paid(1004), [3_870]);
    // Nothing of it is kept: the next token says who is there.
    assert_eq!(app.count("SELECT count(*) FROM identity_proofs").await, 0);
    let gone = app.token(visitor);
    let asked = app.ask(&gone, "Where is my order 1001?", None).await;
    assert_eq!(asked["ask"]["kind"], "identity", "{asked:#}");
    app.finish().await;
}

#[tokio::test]
async fn orders_of_others_stay_theirs_whoever_is_logged_in() {
    let (app, woo) = open().await;
    let visitor = VisitorId::new();
    for (user, folder, number) in [
        // A guest's, and one that there isn't.
        (ANNAS_ACCOUNT, "", "1005"),
        (ANNAS_ACCOUNT, "", "4711"),
        // Somebody else's account, which may have Anna's address.
        (8, "", "1001"),
        // The seventh user of another WordPress beside the shop.
        (ANNAS_ACCOUNT, "/blog", "1001"),
    ] {
        let who = token(&app, &woo, visitor, user, folder);
        let answer = app.ask(&who, &format!("Where is my order {number}?"), None).await;
        assert_eq!(answer["ask"]["kind"], "identity", "{user} {number}: {answer:#}");
        let list = app.ask(&who, "Show me my orders", None).await;
        let shown = list.to_string();
        assert!(!shown.contains("1005"), "{user}: {list:#}");
        if user != ANNAS_ACCOUNT || !folder.is_empty() {
            assert!(!shown.contains("1001"), "{user}: {list:#}");
        }
    }
    // What a guest must give opens it to them, too.
    let who = token(&app, &woo, visitor, 8, "");
    let answer = app
        .ask(&who, &format!("Where is my order 1001? {ANNA}"), None)
        .await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    app.finish().await;
}

/// A yes is worth what whoever says it may do at that moment.
#[tokio::test]
async fn a_yes_after_logging_out_refunds_nothing() {
    let (app, woo) = open().await;
    let visitor = VisitorId::new();
    let anna = token(&app, &woo, visitor, ANNAS_ACCOUNT, "");
    let asked = app.ask(&anna, "I want a refund for order 1004", None).await;
    assert_eq!(asked["ask"]["kind"], "confirm", "{asked:#}");
    let answer = press(&app, &app.token(visitor), &asked).await;
    assert_eq!(answer["ask"]["kind"], "identity", "{answer:#}");
    assert!(woo.paid(1004).is_empty());
    app.finish().await;
}
