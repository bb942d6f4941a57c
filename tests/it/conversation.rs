//! A visitor's conversation over the wire: streams, repeats, resuming, stopping, and in
//! `trouble` and `lost` what goes wrong in the middle.

mod lost;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, message, patient};
use crate::support::brains::{Scripted, Wild};
use crate::support::sse::{self, Event, first};
use deskhand::agent::machine::ctx::Limits;
use deskhand::domain::ids::VisitorId;

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.\n\n## Label\n\nA return label costs €4.90.",
);

const SAYS: &[&str] = &[
    "You can send goods back within 30 days.",
    "A return label costs €4.90.",
];

fn with(brain: Scripted) -> Setup {
    Setup {
        brains: vec![Arc::new(brain)],
        ..Setup::default()
    }
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|e| e.name.as_str()).collect()
}

/// What PROTOCOL promises of every turn's events.
fn check_order(events: &[Event]) {
    assert!(
        events.windows(2).all(|w| w[0].id < w[1].id),
        "ids must rise: {events:#?}"
    );
    assert_eq!(events.first().unwrap().name, "turn");
    assert_eq!(events.last().unwrap().name, "done");
    assert_eq!(events.iter().filter(|e| e.name == "done").count(), 1);
    assert!(events.iter().all(|e| e.data.get("type").is_none()));
    let mut known = Vec::new();
    for event in events {
        if event.name == "citation" {
            known.push(event.data["n"].as_u64().unwrap());
        }
        if event.name == "delta" {
            let md = event.data["md"].as_str().unwrap();
            for n in 1..20_u64 {
                assert!(
                    !md.contains(&format!("[{n}]")) || known.contains(&n),
                    "[{n}] before its citation: {events:#?}"
                );
            }
        }
    }
}

fn text_of(events: &[Event]) -> String {
    let mut deltas: Vec<&str> = Vec::new();
    for event in events {
        match event.name.as_str() {
            "delta" => deltas.push(event.data["md"].as_str().unwrap()),
            "replace" => deltas.truncate(usize::try_from(event.data["from"].as_u64().unwrap()).unwrap()),
            _ => {}
        }
    }
    deltas.concat()
}

#[tokio::test]
async fn a_question_is_answered_with_a_citation() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let events = app
        .stream(&token, &message("How long can I send goods back?", None))
        .await;
    check_order(&events);
    let last = first(&events, "final");
    assert_eq!(last["outcome"], "answered", "{events:#?}");
    assert_eq!(last["brain"], "extractive");
    assert_eq!(last["incomplete"], false);
    assert_eq!(last["text"], json!(text_of(&events)));
    assert!(last["text"].as_str().unwrap().contains("30 days"), "{last}");
    let citation = first(&events, "citation");
    assert_eq!(citation["title"], "Returns");
    assert!(last["citations"].as_array().unwrap().contains(&citation["n"]));
    assert!(names(&events).contains(&"step"));

    let thread = first(&events, "turn")["thread_id"].as_str().unwrap().to_owned();
    let seen: Value = app
        .get(&format!("/api/agent/thread/{thread}"), &token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(seen["turn_in_progress"], false);
    assert_eq!(seen["messages"][0]["author"], "visitor");
    assert_eq!(seen["messages"][1]["text"], last["text"]);
    assert_eq!(
        seen["messages"][1]["citations"][0]["chunk_id"],
        citation["chunk_id"]
    );
    app.finish().await;
}

#[tokio::test]
async fn a_stream_is_sent_so_that_no_proxy_holds_it_back() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let response = request.json(&message("hello", None)).send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-cache, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
    assert!(!header("x-request-id").is_empty());
    let body = response.text().await.unwrap();
    assert!(body.starts_with("retry: 1000\n"), "{body}");
    app.finish().await;
}

#[tokio::test]
async fn what_the_documents_do_not_say_is_said_plainly() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let answer = app
        .ask(
            &app.token(VisitorId::new()),
            "Do you sell gluten-free bread?",
            None,
        )
        .await;
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["citations"], json!([]));
    assert!(!answer["text"].as_str().unwrap().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn the_same_message_again_is_the_same_turn() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let body = message("How long can I send goods back?", None);
    // Ten times at once, then once more.
    let all = futures::future::join_all((0..10).map(|_| app.stream(&token, &body))).await;
    let again = app.stream(&token, &body).await;
    for events in &all {
        assert_eq!(events, &again);
    }
    assert_eq!(app.count("SELECT count(*) FROM turns").await, 1);
    let mut other = body.clone();
    other["user_msg"] = json!("Something else");
    let refused = app
        .post("/api/agent/messages", &token)
        .json(&other)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 409);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["code"],
        "message_id_reused"
    );
    // Another visitor's message_id is another message.
    let stranger = app.stream(&app.token(VisitorId::new()), &body).await;
    assert_ne!(
        first(&stranger, "turn")["turn_id"],
        first(&again, "turn")["turn_id"]
    );
    app.finish().await;
}

#[tokio::test]
async fn one_turn_at_a_time_a_thread() {
    let (brain, permits) = Scripted::held(SAYS);
    let app = TestApp::with(with(brain)).await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let hurried = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async");
    let accepted = hurried
        .json(&message("How long can I send goods back?", None))
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), 202);
    let accepted: Value = accepted.json().await.unwrap();
    let thread = accepted["thread_id"].as_str().unwrap();
    let second = app
        .post("/api/agent/messages", &token)
        .json(&message("And?", Some(thread)))
        .send()
        .await
        .unwrap();
    assert_eq!(second.status(), 409);
    let problem: Value = second.json().await.unwrap();
    assert_eq!(problem["code"], "turn_in_progress");
    assert_eq!(problem["turn_id"], accepted["turn_id"]);
    permits.add_permits(10);
    let url = accepted["events_url"].as_str().unwrap();
    let stream = app
        .get(url, &token)
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    let events = sse::read_until(stream, |e| e.name == "done").await;
    check_order(&events);
    let third = app.ask(&token, "And now?", Some(thread)).await;
    assert_eq!(third["thread_id"], accepted["thread_id"]);
    app.finish().await;
}

#[tokio::test]
async fn a_dropped_stream_is_resumed_on_another_replica_without_loss_or_repeat() {
    let (brain, permits) = Scripted::held(SAYS);
    let app = TestApp::with(with(brain)).await;
    let other = app.replica(Setup::default()).await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let stream = request
        .json(&message("How long can I send goods back?", None))
        .send()
        .await
        .unwrap();
    permits.add_permits(1);
    // The client leaves after the first sentence; the turn goes on.
    let before = sse::read_until(stream, |e| e.name == "delta").await;
    permits.add_permits(9);
    let thread = first(&before, "turn")["thread_id"].as_str().unwrap();
    let resumed = other
        .get(&format!("/api/agent/thread/{thread}/events"), &token)
        .header("last-event-id", before.last().unwrap().id.to_string());
    let after = sse::read_until(resumed.send().await.unwrap(), |e| e.name == "done").await;
    let all = [before, after].concat();
    check_order(&all);
    assert_eq!(
        all.iter().map(|e| e.id).collect::<Vec<_>>(),
        (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>()
    );
    assert_eq!(first(&all, "final")["text"], json!(text_of(&all)));
    other.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let app = TestApp::start().await;
    let visitor = VisitorId::new();
    let answer = app.ask(&app.token(visitor), "hello", None).await;
    let url = format!(
        "/api/agent/thread/{}/events",
        answer["thread_id"].as_str().unwrap()
    );
    let stream = app.get(&url, &app.token(visitor)).send().await.unwrap();
    app.clock.advance(chrono::TimeDelta::minutes(6));
    // Ends by itself; `read_all` fails if it doesn't.
    let events = sse::read_all(stream).await;
    check_order(&events);
    app.finish().await;
}

#[tokio::test]
async fn the_visitor_can_stop_an_answer_from_any_replica() {
    let (brain, permits) = Scripted::held(SAYS);
    let app = TestApp::with(with(brain)).await;
    let other = app.replica(Setup::default()).await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let stream = request
        .json(&message("How long can I send goods back?", None))
        .send()
        .await
        .unwrap();
    permits.add_permits(1);
    let before = sse::read_until(stream, |e| e.name == "delta").await;
    let thread = first(&before, "turn")["thread_id"].as_str().unwrap();
    let cancel = other
        .post(&format!("/api/agent/thread/{thread}/cancel"), &token)
        .send()
        .await
        .unwrap();
    assert_eq!(cancel.status(), 204);
    let url = format!(
        "/api/agent/thread/{thread}/events?after={}",
        before.last().unwrap().id
    );
    let after = sse::read_until(app.get(&url, &token).send().await.unwrap(), |e| e.name == "done").await;
    assert_eq!(first(&after, "final")["outcome"], "cancelled");
    // Nothing under way: still 204.
    let again = app
        .post(&format!("/api/agent/thread/{thread}/cancel"), &token)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 204);
    other.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn replay_ends_where_the_turn_did() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let answer = app
        .ask(
            &app.token(VisitorId::new()),
            "How long can I send goods back?",
            None,
        )
        .await;
    let turn = answer["turn_id"].as_str().unwrap().parse().unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let (again, driven) = deskhand::agent::turns::replay(&mut tx, turn)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(again, driven);
    assert!(again.outcome().is_some());
    app.finish().await;
}

#[tokio::test]
async fn too_many_turns_at_once_are_told_to_come_back() {
    let (brain, permits) = Scripted::held(SAYS);
    let app = TestApp::with(Setup {
        turns_at_once: 1,
        ..with(brain)
    })
    .await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let body = message("How long can I send goods back?", None);
    let first = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async")
        .json(&body)
        .send()
        .await;
    assert_eq!(first.unwrap().status(), 202);
    let second = app
        .post("/api/agent/messages", &token)
        .json(&message("Me too", None))
        .send()
        .await
        .unwrap();
    assert_eq!(second.status(), 503);
    assert!(second.headers().contains_key("retry-after"));
    assert_eq!(second.json::<Value>().await.unwrap()["code"], "overloaded");
    // A repeat needs no slot: it finds its turn.
    let repeat = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async")
        .json(&body)
        .send()
        .await;
    assert_eq!(repeat.unwrap().status(), 202);
    permits.add_permits(10);
    app.finish().await;
}

#[tokio::test]
async fn an_address_that_is_left_is_kept_sealed() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    let mut body = message("", None);
    body["contact"] = json!({ "email": "anna.huber@example.com" });
    let answer = app
        .post("/api/agent/messages", &token)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert!(answer["text"].as_str().unwrap().contains("noted"), "{answer}");
    assert_eq!(
        app.count("SELECT count(*) FROM visitors WHERE email_sealed IS NOT NULL")
            .await,
        1
    );
    let plain = "SELECT count(*) FROM visitors WHERE encode(email_sealed, 'escape') LIKE '%anna%'";
    assert_eq!(app.count(plain).await, 0);
    let mut confirm = message("", None);
    confirm["confirm"] = json!({ "proposal_id": uuid::Uuid::now_v7(), "accept": true });
    let refused = app
        .post("/api/agent/messages", &token)
        .json(&confirm)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "proposal_expired");
    app.finish().await;
}

#[tokio::test]
async fn an_order_number_is_recognised_and_told_honestly() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let answer = app
        .ask(&app.token(VisitorId::new()), "where is my order 1002", None)
        .await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    let text = answer["text"].as_str().unwrap();
    assert!(
        text.contains("can't look up orders") && text.contains("1002"),
        "{text}"
    );
    let person = app
        .ask(&app.token(VisitorId::new()), "can I talk to a real person", None)
        .await;
    assert_eq!(person["outcome"], "handoff", "{person:#}");
    assert_eq!(person["handoff"]["reason"], "visitor_asked", "{person:#}");
    assert!(
        person["text"]
            .as_str()
            .unwrap()
            .contains("passed your message on"),
        "{person:#}"
    );
    app.finish().await;
}

/// More turns at once than database connections: none may wait for another's for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_answered() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let body = |_| message("How long can I send goods back?", None);
    let token = app.token(VisitorId::new());
    let all = futures::future::join_all((0..60).map(|n| {
        let request = app.post("/api/agent/messages", &token).json(&body(n));
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    }))
    .await;
    for answer in all {
        assert_eq!(answer["outcome"], "answered", "{answer:#}");
    }
    app.finish().await;
}
