//! The moderation endpoint, in both directions: what trips it is never seen by a model, or
//! never by a visitor; it is told no personal data; and while it is away the closed rules
//! decide alone, or nothing passes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deskhand::agent::brain::extractive::Extractive;
use deskhand::domain::clock::SystemClock;
use deskhand::domain::ids::VisitorId;
use deskhand::guardrails::moderation::Moderation;
use deskhand::models::openai::moderation::{ModerationSettings, Moderator};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, message};
use crate::support::fake_provider::{FakeProvider, Reply, Request};
use crate::support::model_brain::{brain, honest};
use crate::support::sse::first;

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.\n\n## Label\n\nA return label costs €4.90. It is sent by e-mail.",
);
const QUESTION: &str = "How long can I send goods back?";
const ANSWER: &str = "You can send goods back within 30 days. [1] A return label costs €4.90. [1]";

fn moderation(base_url: &str, closed: bool, ms: u64) -> Moderation {
    let moderator = Moderator::open(ModerationSettings {
        base_url: base_url.to_owned(),
        key: Some(SecretString::from("test-key")),
        model: "watcher".to_owned(),
        time: Duration::from_millis(ms),
        ignored: BTreeSet::from(["harassment".to_owned()]),
    });
    Moderation::by(moderator.unwrap(), closed, Arc::new(SystemClock))
}

async fn with(model: &FakeProvider, moderation: Moderation) -> TestApp {
    let app = TestApp::with(Setup {
        brains: vec![brain("a", model), Arc::new(Extractive)],
        moderation,
        ..Setup::default()
    })
    .await;
    app.know(&[RETURNS]).await;
    app
}

fn inputs(request: &Request) -> Vec<String> {
    match &request.body["input"] {
        Value::Array(all) => all.iter().map(|t| t.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// Objects to every text with this word in it.
fn against(word: &'static str) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| {
        let of = |text: &String| json!({ "flagged": text.contains(word), "categories": { "illicit": text.contains(word), "violence": false } });
        let results: Vec<Value> = inputs(request).iter().map(of).collect();
        let body = json!({ "id": "modr-1", "model": "watcher", "results": results }).to_string();
        Reply::raw("application/json", &[body.as_bytes()])
    }
}

#[tokio::test]
async fn a_message_that_trips_it_reaches_no_model_and_tells_nothing_of_the_visitor() {
    let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
    watcher.always(against("dynamite"));
    let app = with(&model, moderation(&watcher.base_url, false, 5_000)).await;
    let token = app.token(VisitorId::new());
    let text = "Write to me at ann@shop.example how to pack dynamite";
    let answer = app.ask(&token, text, None).await;
    assert_eq!(answer["outcome"], "degraded", "{answer:#}");
    assert!(
        answer["text"].as_str().unwrap().contains("our team can"),
        "{answer:#}"
    );
    assert_eq!(
        app.count("SELECT count(*) FROM tickets WHERE reason = 'blocked'")
            .await,
        1
    );
    assert!(model.requests().is_empty(), "no brain saw it");
    let asked = watcher.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/v1/moderations");
    assert_eq!(asked[0].headers["authorization"], "Bearer test-key");
    assert_eq!(asked[0].body["model"], "watcher");
    assert_eq!(
        inputs(&asked[0]),
        ["Write to me at [EMAIL_1] how to pack dynamite"]
    );
    // A wish for a person is granted without asking anybody.
    let answer = app.ask(&token, "I want to talk to a person", None).await;
    assert_eq!(answer["handoff"]["reason"], "visitor_asked", "{answer:#}");
    assert_eq!(watcher.requests().len(), 1);
    app.finish().await;
    model.finish().await;
    watcher.finish().await;
}

#[tokio::test]
async fn a_sentence_that_trips_it_is_never_sent() {
    let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
    model.always(honest(ANSWER));
    watcher.always(against("label"));
    let app = with(&model, moderation(&watcher.base_url, false, 5_000)).await;
    let events = app
        .stream(&app.token(VisitorId::new()), &message(QUESTION, None))
        .await;
    assert_eq!(first(&events, "handoff")["reason"], "guardrail", "{events:#?}");
    let deltas: Vec<_> = events.iter().filter(|e| e.name == "delta").collect();
    assert!(!deltas.is_empty(), "what passed was sent: {events:#?}");
    assert!(
        !deltas.iter().any(|e| e.data.to_string().contains("label")),
        "{deltas:#?}"
    );
    let held = app
        .text("SELECT string_agg(DISTINCT reason, ' ') FROM held_sentences")
        .await;
    assert_eq!(held, "content");
    app.finish().await;
    model.finish().await;
    watcher.finish().await;
}

#[tokio::test]
async fn sentences_that_wait_are_asked_about_together() {
    let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
    model.always(honest(
        "You can send goods back within 30 days. [1] A return label costs €4.90. [1] It is sent by e-mail. [1]",
    ));
    // Slower than the model writes.
    watcher.always(|request| against("dynamite")(request).first_ms(150));
    let app = with(&model, moderation(&watcher.base_url, true, 5_000)).await;
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    let asked: Vec<usize> = watcher.requests().iter().map(|r| inputs(r).len()).collect();
    assert_eq!(asked, [1, 1, 2], "the message, the first sentence, the others");
    app.finish().await;
    model.finish().await;
    watcher.finish().await;
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Away,
    Slow,
    ServerError,
    WrongKey,
    Garbage,
    TooFew,
    Cut,
}

impl Fault {
    fn reply(self) -> Reply {
        match self {
            Self::Away | Self::Slow => Reply::never(),
            Self::ServerError => Reply::status(500),
            Self::WrongKey => Reply::status(401),
            Self::Garbage => Reply::raw("text/html", &[b"<html>busy"]),
            Self::TooFew => Reply::raw("application/json", &[br#"{"results": []}"#]),
            Self::Cut => Reply::cut_after(1),
        }
    }
}

#[rstest]
#[case(Fault::Away)]
#[case(Fault::Slow)]
#[case(Fault::ServerError)]
#[case(Fault::WrongKey)]
#[case(Fault::Garbage)]
#[case(Fault::TooFew)]
#[case(Fault::Cut)]
#[tokio::test]
async fn while_it_is_away_the_rules_decide_or_nothing_passes(#[case] fault: Fault) {
    for closed in [false, true] {
        let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
        model.always(honest(ANSWER));
        watcher.always(move |_| fault.reply());
        let url = match fault {
            Fault::Away => "http://127.0.0.1:9/v1",
            _ => &watcher.base_url,
        };
        let ms = if matches!(fault, Fault::Slow) { 300 } else { 5_000 };
        let app = with(&model, moderation(url, closed, ms)).await;
        let token = app.token(VisitorId::new());
        let answer = app.ask(&token, QUESTION, None).await;
        if closed {
            assert_eq!(answer["handoff"]["reason"], "unmoderated", "{fault:?} {answer:#}");
            assert!(model.requests().is_empty(), "no brain saw it: {fault:?}");
        } else {
            assert_eq!(answer["outcome"], "answered", "{fault:?} {answer:#}");
            assert_eq!(answer["text"], ANSWER);
        }
        // The rules hold all the same.
        let blocked = app.ask(&token, "there is a bomb in your shop", None).await;
        assert_eq!(blocked["outcome"], "degraded", "{fault:?} {blocked:#}");
        app.finish().await;
        model.finish().await;
        watcher.finish().await;
    }
}

#[tokio::test]
async fn one_that_goes_away_in_the_middle_lets_nothing_more_out_when_it_must_be_asked() {
    let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
    model.always(honest(ANSWER));
    // The message and the first sentence.
    for _ in 0..2 {
        watcher.reply(Reply::raw(
            "application/json",
            &[br#"{"results": [{"flagged": false}]}"#],
        ));
    }
    watcher.always(|_| Reply::status(503));
    let app = with(&model, moderation(&watcher.base_url, true, 5_000)).await;
    let events = app
        .stream(&app.token(VisitorId::new()), &message(QUESTION, None))
        .await;
    assert_eq!(first(&events, "handoff")["reason"], "unmoderated", "{events:#?}");
    assert_eq!(first(&events, "replace")["from"], 0, "what was out is taken back");
    assert!(
        !first(&events, "final")["text"]
            .as_str()
            .unwrap()
            .contains("30 days")
    );
    app.finish().await;
    model.finish().await;
    watcher.finish().await;
}

#[tokio::test]
async fn one_that_fails_again_and_again_is_left_alone() {
    let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
    model.always(honest(ANSWER));
    watcher.always(|_| Reply::status(500));
    let app = with(&model, moderation(&watcher.base_url, false, 5_000)).await;
    let token = app.token(VisitorId::new());
    for _ in 0..4 {
        assert_eq!(app.ask(&token, QUESTION, None).await["outcome"], "answered");
    }
    assert_eq!(watcher.requests().len(), 5);
    app.finish().await;
    model.finish().await;
    watcher.finish().await;
}

#[tokio::test]
async fn a_single_question_is_moderated_too() {
    let (model, watcher) = (FakeProvider::start().await, FakeProvider::start().await);
    model.always(honest(ANSWER));
    watcher.always(against("dynamite"));
    let app = with(&model, moderation(&watcher.base_url, true, 5_000)).await;
    let ask = async |question: &str| -> Value {
        let body = json!({ "site_id": app.site.id, "question": question });
        let sent = app.post("/rag/query", &app.site.api_key()).json(&body).send();
        sent.await.unwrap().json().await.unwrap()
    };
    let blocked = ask("How long can I send dynamite back?").await;
    assert_eq!(
        (&blocked["answer"], &blocked["brain"]),
        (&json!(""), &json!("none")),
        "{blocked:#}"
    );
    assert!(model.requests().is_empty());
    assert_eq!(ask(QUESTION).await["answer"], ANSWER);
    app.finish().await;
    model.finish().await;
    watcher.finish().await;
}
