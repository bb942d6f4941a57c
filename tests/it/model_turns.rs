//! Whole turns with a language model behind them: what the visitor sees while it writes,
//! what a provider is told and what it isn't, and what is left to explain it by.

use std::sync::Arc;

use deskhand::agent::explain::{What, explain};
use deskhand::domain::ids::VisitorId;
use deskhand::models::embedder::ModelSpec;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::app::{Setup, TestApp, message};
use crate::support::fake_embedder::FakeEmbedder;
use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::knowledge::{knowledge, settings};
use crate::support::model_brain::{brain, chain, honest, wants_search};
use crate::support::sse::{self, first};

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.\n\n## Label\n\nA return label costs €4.90. It is sent by e-mail.",
);
const QUESTION: &str = "How long can I send goods back?";

async fn with(fake: &FakeProvider) -> TestApp {
    let app = TestApp::with(Setup {
        brains: chain(fake, fake),
        ..Setup::default()
    })
    .await;
    app.know(&[RETURNS]).await;
    app
}

#[tokio::test]
async fn a_model_plans_searches_and_answers_with_sources() {
    let fake = FakeProvider::start().await;
    fake.always(honest(
        "You can send goods back within 30 days. [1] A return label costs €4.90. [1]",
    ));
    let app = with(&fake).await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, QUESTION, None).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert_eq!(
        answer["text"],
        "You can send goods back within 30 days. [1] A return label costs €4.90. [1]"
    );
    assert_eq!(answer["citations"][0]["title"], "Returns");
    let requests = fake.requests();
    assert_eq!(requests.len(), 3, "plan, plan, draft");
    assert_eq!(requests[0].body["model"], "planner");
    assert_eq!(requests[2].body["model"], "writer");
    assert!(requests[2].body.get("tools").is_none(), "a draft calls nothing");

    // A follow-up carries what was said.
    let thread = answer["thread_id"].as_str();
    app.ask(&token, "And what does a label cost?", thread).await;
    let last = fake.requests().pop().unwrap().body["messages"].to_string();
    assert!(
        last.contains(QUESTION) && last.contains("within 30 days"),
        "{last}"
    );

    let spent = app.count("SELECT spent_micro FROM spend_daily").await;
    let cost = app.count("SELECT sum(cost_micro)::bigint FROM model_calls").await;
    assert_eq!(spent, cost, "what was reserved is settled");
    // 300 + 700 + 800 read at 1.00, 20 + 10 + 40 written at 4.00 a million, twice.
    assert_eq!(cost, 2 * (1_800 + 4 * 70));
    let prompts = app
        .text("SELECT string_agg(DISTINCT split_part(prompt, ':', 1), ' ' ORDER BY split_part(prompt, ':', 1)) FROM model_calls")
        .await;
    assert_eq!(prompts, "draft@2 plan@3");
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn the_first_sentence_is_out_while_the_model_still_writes() {
    let fake = FakeProvider::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    fake.always(move |request| {
        if wants_search(request) {
            Reply::call("kb_search", json!({ "query": "return" }))
        } else if request.has_tools() {
            Reply::call("write_answer", json!({}))
        } else {
            Reply::text("You can send goods back within 30 days. [1] A return label costs €4.90. [1]")
                .gated(&held)
        }
    });
    let app = with(&fake).await;
    let token = app.token(VisitorId::new());
    let body = message(QUESTION, None);
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let sending = request.json(&body).send();
    let response = sending.await.unwrap();
    // Enough tokens for the first sentence, its mark, and the beginning of the next.
    gate.add_permits(14);
    let mut seen = 0;
    let events = sse::read_until(response, |e| {
        if e.name == "delta" {
            seen += 1;
            if seen == 1 {
                assert_eq!(fake.under_way(), 1, "the model still writes");
                gate.add_permits(1_000);
            }
        }
        e.name == "done"
    })
    .await;
    assert_eq!(seen, 2, "{events:#?}");
    assert_eq!(first(&events, "final")["outcome"], "answered");
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn what_the_gate_holds_back_is_never_sent_and_drafted_once_more() {
    let fake = FakeProvider::start().await;
    fake.always(|request| {
        if wants_search(request) {
            Reply::call("kb_search", json!({ "query": "return label" }))
        } else if request.has_tools() {
            Reply::call("write_answer", json!({}))
        } else if request.body["messages"][0].to_string().contains("was not sent") {
            Reply::text("A return label costs €4.90. [1]")
        } else {
            Reply::text("You can send goods back within 30 days. [1] A return label costs €9.99. [1]")
        }
    });
    let app = with(&fake).await;
    let token = app.token(VisitorId::new());
    let events = app.stream(&token, &message(QUESTION, None)).await;
    let sent = serde_json::to_string(&events.iter().map(|e| &e.data).collect::<Vec<_>>()).unwrap();
    assert!(!sent.contains("9.99"), "{sent}");
    assert_eq!(first(&events, "replace")["reason"], "guardrail");
    assert_eq!(first(&events, "final")["text"], "A return label costs €4.90. [1]");
    let last = fake.requests().pop().unwrap().body["messages"][0].to_string();
    assert!(last.contains("9.99"), "the model is told what was wrong: {last}");
    assert_eq!(
        app.text("SELECT text FROM held_sentences").await,
        "A return label costs €9.99."
    );
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn a_model_that_insists_is_handed_over() {
    let fake = FakeProvider::start().await;
    fake.always(honest("Shipping to the moon is free. [1]"));
    let app = with(&fake).await;
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    assert_eq!(answer["outcome"], "handoff", "{answer:#}");
    assert_eq!(answer["handoff"]["reason"], "guardrail");
    assert!(!answer["text"].as_str().unwrap().contains("moon"), "{answer:#}");
    app.finish().await;
    fake.finish().await;
}

/// Everything that the database holds, as text.
async fn everything(app: &TestApp) -> String {
    let mut all = String::new();
    for table in [
        "messages",
        "thread_events",
        "turns",
        "steps",
        "tool_calls",
        "model_calls",
        "held_sentences",
        "gaps",
        "tickets",
        "handoffs",
        "pii_vault",
        "jobs",
    ] {
        let rows = format!("SELECT coalesce(string_agg(x::text, ' '), '') FROM {table} x");
        all.push_str(&app.text(&rows).await);
    }
    all
}

#[tokio::test]
async fn personal_data_reaches_no_provider_and_comes_back_to_its_visitor() {
    const SECRETS: [&str; 5] = [
        "anna.huber@example.com",
        "+49 170 1234567",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "203.0.113.7",
    ];
    let fake = FakeProvider::start().await;
    fake.always(|request| {
        if wants_search(request) {
            Reply::call("kb_search", json!({ "query": request.last_text() }))
        } else if request.has_tools() {
            Reply::call("write_answer", json!({}))
        } else {
            Reply::text("Thank you. You can send goods back within 30 days. [1] Shall we write to [EMAIL_1]?")
        }
    });
    let embedder = FakeEmbedder::start().await;
    let vectors = ModelSpec::OpenAi("fake".to_owned());
    let app = TestApp::with(Setup {
        brains: chain(&fake, &fake),
        knowledge: knowledge(settings(Some(vectors), &embedder.base_url)),
        ..Setup::default()
    })
    .await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let text = format!(
        "I am {} or {}, my card is {} and IBAN {} from {}. {QUESTION}",
        SECRETS[0], SECRETS[1], SECRETS[2], SECRETS[3], SECRETS[4]
    );
    let answer = app.ask(&token, &text, None).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert!(
        answer["text"].as_str().unwrap().contains(SECRETS[0]),
        "{answer:#}"
    );
    let asked: String = fake.requests().iter().map(|r| r.body.to_string()).collect();
    let kept = everything(&app).await;
    for secret in SECRETS {
        assert!(!asked.contains(secret), "a provider was told {secret}");
        assert!(!kept.contains(secret), "{secret} is stored");
    }
    assert!(!asked.contains("41111111") && !kept.contains("41111111"));
    assert!(asked.contains("[EMAIL_1]") && asked.contains("[CARD]"), "{asked}");
    // Nor one that makes vectors of what is searched for.
    let embedded: String = embedder.calls().iter().map(Value::to_string).collect();
    assert!(embedded.contains(QUESTION), "{embedded}");
    for secret in SECRETS {
        assert!(!embedded.contains(secret), "a provider was told {secret}");
    }

    // The visitor reads their own words again; the card is gone for good.
    let url = format!("/api/agent/thread/{}", answer["thread_id"].as_str().unwrap());
    let thread: Value = app.get(&url, &token).send().await.unwrap().json().await.unwrap();
    let own = thread["messages"][0]["text"].as_str().unwrap();
    assert_eq!(own, text.replace(SECRETS[2], "[CARD]"));
    // The same on a second replica, from the stored events.
    let other = app.replica(Setup::default()).await;
    let stream = other
        .get(&format!("{url}/events?after=0"), &token)
        .send()
        .await
        .unwrap();
    let events = sse::read_until(stream, |e| e.name == "done").await;
    assert!(
        first(&events, "final")["text"]
            .as_str()
            .unwrap()
            .contains(SECRETS[0])
    );
    other.stop().await;
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn history_is_windowed_and_the_message_is_never_cut() {
    let fake = FakeProvider::start().await;
    fake.always(honest("You can send goods back within 30 days. [1]"));
    let app = with(&fake).await;
    let token = app.token(VisitorId::new());
    let mut thread: Option<String> = None;
    for n in 0..8 {
        let answer = app
            .ask(&token, &format!("marker{n} {QUESTION}"), thread.as_deref())
            .await;
        thread = Some(answer["thread_id"].as_str().unwrap().to_owned());
    }
    let long = format!("marker8 {}", "lamp ".repeat(790));
    app.ask(&token, &long, thread.as_deref()).await;
    let plans: Vec<_> = fake.requests().into_iter().filter(wants_search).collect();
    let last = plans.last().unwrap().body["messages"].to_string();
    assert!(last.contains(long.trim()), "the message is whole");
    // Ten messages back: five turns.
    assert!(last.contains("marker3") && !last.contains("marker2"), "{last}");
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn several_calls_of_one_plan_run_one_after_the_other() {
    let fake = FakeProvider::start().await;
    fake.reply(Reply::calls(&[
        ("kb_search", json!({ "query": "return label cost" })),
        ("kb_search", json!({ "query": "how long send goods back" })),
    ]));
    fake.reply(Reply::call("write_answer", json!({})));
    fake.reply(Reply::text("A return label costs €4.90. [1]"));
    let app = with(&fake).await;
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert_eq!(
        app.count("SELECT count(*) FROM tool_calls WHERE code IS NULL")
            .await,
        2
    );
    // Afterwards each stands after the step that asked for it, and before the one that got it.
    let turn = answer["turn_id"].as_str().unwrap().parse().unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let explained = explain(&mut tx, turn).await.unwrap().unwrap();
    let order: Vec<&str> = explained
        .timeline
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Step { input, .. } if input["input"] == "tool_ok" => Some("got"),
            What::Step { actions, .. } if actions.iter().any(|a| a == "call_tool") => Some("asked"),
            What::Tool { .. } => Some("tool"),
            _ => None,
        })
        .collect();
    assert_eq!(
        order,
        ["asked", "tool", "got", "asked", "tool", "got"],
        "{explained:#?}"
    );
    let mut last = 0;
    for entry in &explained.timeline {
        assert!(entry.after_ms >= last, "{explained:#?}");
        last = entry.after_ms;
    }
    drop(tx);
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn a_bad_call_is_corrected_once_and_then_handed_over() {
    for (second, outcome) in [
        (
            Reply::call("kb_search", json!({ "query": "return label" })),
            "answered",
        ),
        (Reply::call("kb_search", json!({ "question": 1 })), "handoff"),
    ] {
        let fake = FakeProvider::start().await;
        fake.reply(Reply::call("kb_search", json!({ "question": 1 })));
        fake.reply(second);
        if outcome == "answered" {
            fake.reply(Reply::call("write_answer", json!({})));
            fake.reply(Reply::text("A return label costs €4.90. [1]"));
        }
        let app = with(&fake).await;
        let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
        assert_eq!(answer["outcome"], outcome, "{answer:#}");
        let told = fake.requests()[1].body["messages"][0].to_string();
        assert!(told.contains("break the tool's schema"), "{told}");
        app.finish().await;
        fake.finish().await;
    }
}

#[tokio::test]
async fn a_question_without_a_conversation_is_answered_and_counted() {
    let fake = FakeProvider::start().await;
    fake.always(|request| {
        assert!(!request.has_tools(), "nothing is planned");
        Reply::text("A return label costs €4.90. [1]").usage(500, 20)
    });
    let app = TestApp::with(Setup {
        brains: vec![brain("a", &fake)],
        ..Setup::default()
    })
    .await;
    app.know(&[RETURNS]).await;
    let body =
        json!({ "site_id": app.site.id, "question": "What does a return label cost? I am anna@example.com" });
    let token = app.token(VisitorId::new());
    let answer: Value = app
        .post("/rag/query", &token)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["answer"], "A return label costs €4.90. [1]", "{answer:#}");
    assert_eq!(answer["brain"], "a");
    assert_eq!(answer["citations"].as_array().unwrap().len(), 1);
    assert!(!answer["hits"].as_array().unwrap().is_empty());
    assert!(!fake.requests()[0].body.to_string().contains("anna@example.com"));
    assert_eq!(app.count("SELECT spent_micro FROM spend_daily").await, 580);

    let key = app
        .site
        .root
        .derive(app.site.id, deskhand::domain::keys::Purpose::Api);
    let key = format!("{}.{}", app.site.kid, hex::encode(key.expose()));
    let good = app.post("/rag/query", &key).json(&body).send().await.unwrap();
    assert_eq!(good.status(), 200);
    for wrong in [
        key.replace('.', ".0"),
        key[..key.len() - 1].to_owned(),
        "x.y".to_owned(),
        "a.b.c".to_owned(),
    ] {
        let refused = app.post("/rag/query", &wrong).json(&body).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{wrong}");
    }
    let other = json!({ "site_id": deskhand::domain::ids::SiteId::new(), "question": "x" });
    assert_eq!(
        app.post("/rag/query", &key)
            .json(&other)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    app.finish().await;
    fake.finish().await;
}
