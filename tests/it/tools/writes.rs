//! A connected tool that changes something: a proposal, the visitor's yes, one effect; and what
//! can't be told goes to a person.

use std::sync::atomic::{AtomicUsize, Ordering};

use deskhand::domain::ids::VisitorId;
use futures::future::join_all;
use serde_json::{Value, json};

use super::server::{Manner, McpServer, connect, discover, hotel, settings, site};
use crate::hands::shop::button;
use crate::support::app::TestApp;
use crate::support::fake_provider::{FakeProvider, Reply, Request};

/// Wants to cancel, and says that it is done once something came back.
pub fn cancels(request: &Request) -> Reply {
    let messages = request.body["messages"].to_string();
    if !request.has_tools() {
        Reply::text("That is done.")
    } else if messages.contains("\"role\":\"tool\"") {
        Reply::call("write_answer", json!({}))
    } else {
        Reply::call("hotel_cancel_booking", json!({ "number": 17 }))
    }
}

async fn hotel_site(server: &McpServer, change: Value) -> (TestApp, FakeProvider) {
    let (app, fake) = site(&[&server.host], cancels).await;
    let mut config = settings(&server.url);
    for (key, value) in change.as_object().unwrap() {
        config[key] = value.clone();
    }
    connect(&app, config, None).await;
    (app, fake)
}

pub async fn asked(app: &TestApp, token: &str) -> (String, String) {
    let answer = app.ask(token, "Please cancel booking 17", None).await;
    assert_eq!(answer["outcome"], "asked", "{answer:#}");
    assert_eq!(answer["ask"]["kind"], "confirm");
    let summary = answer["ask"]["summary"].as_str().unwrap();
    assert_eq!(summary, "Shall I do this: hotel cancel booking, with number: 17?");
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    (text(&answer["thread_id"]), text(&answer["ask"]["proposal_id"]))
}

async fn press(app: &TestApp, token: &str, body: &Value) -> (u16, Value) {
    let sent = app
        .post("/api/agent/messages", token)
        .json(body)
        .send()
        .await
        .unwrap();
    (sent.status().as_u16(), sent.json().await.unwrap())
}

pub async fn ledger(app: &TestApp) -> String {
    app.text("SELECT coalesce(string_agg(state, ','), '') FROM effects")
        .await
}

#[tokio::test]
async fn nothing_happens_before_the_yes_and_once_after_it() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "cancelled": 17 })));
    let (app, fake) = hotel_site(&server, json!({})).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = asked(&app, &token).await;
    assert_eq!(server.calls().len(), 0);
    let presses = join_all((0..20).map(|_| {
        let body = button(&thread, &proposal, true);
        let (app, token) = (&app, &token);
        async move { press(app, token, &body).await }
    }))
    .await;
    let through: Vec<_> = presses.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(through.len(), 1, "{presses:#?}");
    assert_eq!(through[0].1["outcome"], "answered", "{presses:#?}");
    assert_eq!(through[0].1["text"], "That is done.");
    let calls = server.calls();
    assert_eq!((calls.len(), server.done()), (1, 1));
    assert_eq!(calls[0].meta["deskhand/idempotency-key"], proposal.as_str());
    assert_eq!(ledger(&app).await, "done");
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_no_and_another_word_do_nothing() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({})));
    let (app, fake) = hotel_site(&server, json!({})).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = asked(&app, &token).await;
    assert_eq!(
        press(&app, &token, &button(&thread, &proposal, false)).await.0,
        200
    );
    assert_eq!(
        press(&app, &token, &button(&thread, &proposal, true)).await.0,
        409
    );
    let (thread, _) = asked(&app, &token).await;
    app.ask(&token, "yes but not that one", Some(&thread)).await;
    assert_eq!(server.calls().len(), 0);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_tool_that_is_another_one_by_now_needs_another_yes() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({})));
    let (app, fake) = hotel_site(&server, json!({})).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = asked(&app, &token).await;
    let mut changed = hotel();
    changed[1]["description"] = json!("Cancels a booking and charges the full price.");
    server.tools(changed);
    discover(&app).await.unwrap();
    press(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(server.calls().len(), 0);
    assert_eq!(app.text("SELECT state FROM proposals").await, "void");
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn what_cant_be_told_goes_to_a_person_and_is_never_repeated() {
    for (manner, state, outcome, acted) in [
        (Manner::ActsAndIsCut, "unknown", "handoff", 1),
        (Manner::Garbage, "unknown", "handoff", 1),
        // Whatever breaks inside a tool is told so, also what breaks after it has acted.
        (
            Manner::Result(json!({ "content": [], "isError": true })),
            "unknown",
            "handoff",
            1,
        ),
        (Manner::Status(500), "unknown", "handoff", 0),
        (Manner::Status(400), "failed", "answered", 0),
        (Manner::Status(401), "failed", "answered", 0),
    ] {
        let server = McpServer::start(hotel()).await;
        server.manner(manner.clone());
        let (app, fake) = hotel_site(&server, json!({})).await;
        let token = app.token(VisitorId::new());
        let (thread, proposal) = asked(&app, &token).await;
        let (_, answer) = press(&app, &token, &button(&thread, &proposal, true)).await;
        assert_eq!(answer["outcome"], outcome, "{manner:?} {answer:#}");
        if outcome == "handoff" {
            assert_eq!(answer["handoff"]["reason"], "unknown_effect", "{answer:#}");
        }
        assert_eq!((server.calls().len(), server.done()), (1, acted), "{manner:?}");
        assert_eq!(ledger(&app).await, state, "{manner:?}");
        app.finish().await;
        fake.finish().await;
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_does_nothing_twice_is_asked_again_under_the_same_key() {
    let server = McpServer::start(hotel()).await;
    server
        .manner(Manner::ActsAndIsCut)
        .manner(Manner::Gives(json!({ "cancelled": 17 })));
    let (app, fake) = hotel_site(&server, json!({ "idempotent": ["cancel_booking"] })).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = asked(&app, &token).await;
    let (_, answer) = press(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert_eq!((server.calls().len(), server.done()), (2, 1));
    assert_eq!(ledger(&app).await, "done");
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_visitor_who_has_shown_nothing_is_asked_who_they_are() {
    let server = McpServer::start(hotel()).await;
    let (app, fake) = hotel_site(&server, json!({ "verified": ["cancel_booking"] })).await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "Please cancel booking 17", None).await;
    assert_eq!(answer["ask"]["kind"], "identity", "{answer:#}");
    assert_eq!(server.calls().len(), 0);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn no_model_is_asked_to_tell_what_a_yes_has_done() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({})));
    let plans = AtomicUsize::new(0);
    let (app, fake) = site(&[&server.host], move |request| {
        // The provider goes away after the first plan.
        if plans.fetch_add(1, Ordering::SeqCst) == 0 {
            cancels(request)
        } else {
            Reply::status(500)
        }
    })
    .await;
    connect(&app, settings(&server.url), None).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = asked(&app, &token).await;
    let (_, answer) = press(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(answer["text"], "That is done.", "{answer:#}");
    assert_eq!(fake.requests().len(), 1, "the plan before the yes");
    assert_eq!(server.done(), 1);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}
