//! Who may see an order: a wrong pair and an unknown order look alike, guessing is limited, and
//! what one has shown is good for that order only.

use deskhand::domain::ids::VisitorId;
use serde_json::Value;

use super::shop::{ANNA, stock};
use crate::support::app::{TestApp, message};

/// An answer without what differs each time.
fn bare(mut answer: Value) -> Value {
    for key in ["thread_id", "turn_id"] {
        answer[key] = Value::Null;
    }
    answer
}

#[tokio::test]
async fn an_unknown_order_and_a_wrong_address_look_alike() {
    let app = TestApp::start().await;
    stock(&app).await;
    let ask = async |text: &str| bare(app.ask(&app.token(VisitorId::new()), text, None).await);
    let unknown = ask("Where is my order 9999? My e-mail is nobody@example.com").await;
    let wrong = ask("Where is my order 1005? My e-mail is nobody@example.com").await;
    assert_eq!(unknown, wrong);
    assert!(
        unknown["text"].as_str().unwrap().contains("can't find an order"),
        "{unknown:#}"
    );
    let right = ask("Where is my order 1005? My e-mail is Dev.Patel@example.com").await;
    assert!(right["text"].as_str().unwrap().contains("JJD0005"), "{right:#}");
    // Nobody who says nothing of themselves learns whether there is such an order.
    let (there, not) = (
        ask("Where is my order 1005?").await,
        ask("Where is my order 9999?").await,
    );
    assert_eq!(there, not);
    assert_eq!(there["ask"]["kind"], "identity");
    app.finish().await;
}

#[tokio::test]
async fn guessing_is_limited_for_a_visitor_and_for_an_order() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    for n in 0..5 {
        let text = format!("Where is my order 1005? My e-mail is guess{n}@example.com");
        let answer = app.ask(&token, &text, None).await;
        assert!(
            answer["text"].as_str().unwrap().contains("can't find"),
            "{answer:#}"
        );
    }
    let right = "Where is my order 1005? My e-mail is dev.patel@example.com";
    let answer = app.ask(&token, right, None).await;
    assert!(
        answer["text"].as_str().unwrap().contains("can't find"),
        "{answer:#}"
    );
    // However often that happens, the tool is for others what it was.
    for _ in 0..5 {
        app.ask(&token, right, None).await;
    }
    let other = "Where is my order 1004? My e-mail is anna.huber@example.com";
    let answer = app.ask(&app.token(VisitorId::new()), other, None).await;
    assert!(answer["text"].as_str().unwrap().contains("1004"), "{answer:#}");
    // Fifteen further visitors, one guess each: the order is closed for a while, and nobody hears so.
    for n in 0..15 {
        let text = format!("Where is my order 1005? My e-mail is other{n}@example.com");
        app.ask(&app.token(VisitorId::new()), &text, None).await;
    }
    let answer = app.ask(&app.token(VisitorId::new()), right, None).await;
    assert!(
        answer["text"].as_str().unwrap().contains("can't find"),
        "{answer:#}"
    );
    app.finish().await;
}

/// A new visitor and another order cost nothing: the address that is tried, and the one of the network
/// that it is tried from, are counted too. Who is over the limit hears what a wrong pair gets.
#[tokio::test]
async fn guessing_is_limited_for_an_address_and_for_where_it_comes_from() {
    let app = TestApp::start().await;
    stock(&app).await;
    let from = async |client: &str, text: &str| {
        let sent = app
            .post("/api/agent/messages", &app.token(VisitorId::new()))
            .header("x-forwarded-for", client)
            .json(&message(text, None))
            .send()
            .await
            .unwrap();
        bare(sent.json().await.unwrap())
    };
    let wrong = from("198.51.100.1", "Where is my order 7000? dev.patel@example.com").await;
    for n in 1..20 {
        let text = format!("Where is my order {}? dev.patel@example.com", 7_000 + n);
        assert_eq!(from(&format!("198.51.100.{n}"), &text).await, wrong);
    }
    let right = "Where is my order 1005? dev.patel@example.com";
    assert_eq!(
        from("198.51.100.99", right).await,
        wrong,
        "locked out, in the same words"
    );
    // Other addresses aren't concerned.
    let other = "Where is my order 1004? anna.huber@example.com";
    let seen = from("198.51.100.99", other).await;
    assert!(seen["text"].as_str().unwrap().contains("38.70"), "{seen:#}");
    // A hundred from one place, each with another order and address.
    let tries = (0..100).map(|n| {
        let text = format!("Where is my order {}? guess{n}@example.com", 8_000 + n);
        let from = &from;
        async move { from("203.0.113.7", &text).await }
    });
    let tried: Vec<Value> = futures::stream::StreamExt::collect(
        futures::stream::StreamExt::buffer_unordered(futures::stream::iter(tries), 5),
    )
    .await;
    assert!(tried.iter().all(|t| *t == wrong), "{tried:#?}");
    assert_eq!(from("203.0.113.7", other).await, wrong);
    let seen = from("203.0.113.8", other).await;
    assert!(seen["text"].as_str().unwrap().contains("38.70"), "{seen:#}");
    app.finish().await;
}

#[tokio::test]
async fn a_proof_is_good_for_its_order_and_its_visitor_only() {
    let app = TestApp::start().await;
    stock(&app).await;
    let visitor = VisitorId::new();
    let (anna, other) = (app.token(visitor), app.token(VisitorId::new()));
    let seen = app
        .ask(&anna, &format!("Where is my order 1004? {ANNA}"), None)
        .await;
    assert!(seen["text"].as_str().unwrap().contains("1004"), "{seen:#}");
    let again = app.ask(&anna, "Where is my order 1004?", None).await;
    assert_eq!(again["outcome"], "answered", "{again:#}");
    // Another order of the same address: nothing was shown for it.
    let second = app.ask(&anna, "Where is my order 1001?", None).await;
    assert_eq!(second["ask"]["kind"], "identity", "{second:#}");
    let stranger = app.ask(&other, "Where is my order 1004?", None).await;
    assert_eq!(stranger["ask"]["kind"], "identity", "{stranger:#}");
    let list = app.ask(&anna, "Show me my orders", None).await;
    let text = list["text"].as_str().unwrap();
    assert!(text.contains("1004") && !text.contains("1001"), "{text}");
    // After half an hour it is over.
    app.clock.advance(chrono::TimeDelta::minutes(31));
    let late = app
        .ask(&app.token(visitor), "Where is my order 1004?", None)
        .await;
    assert_eq!(late["ask"]["kind"], "identity", "{late:#}");
    app.finish().await;
}
