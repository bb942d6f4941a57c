//! The trace of a turn with a language model, from the request to the provider.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use deskhand::domain::ids::VisitorId;
use deskhand::telemetry::trace::Traces;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::app::{Setup, TestApp, message};
use crate::support::fake_provider::FakeProvider;
use crate::support::model_brain::{brain, honest};

/// Keeps spans in memory.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Memory {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key.as_str() == key);
    found.map(|a| a.value.to_string())
}

// One thread, so that the subscriber of this thread sees all of the turn.
#[tokio::test]
async fn a_turn_is_one_trace_from_the_caller_to_the_provider() {
    let memory = Memory::default();
    let traces = Traces::with(memory.clone(), "test", 1.0);
    let _traced =
        tracing::subscriber::set_default(tracing_subscriber::Registry::default().with(traces.layer()));
    let provider = FakeProvider::start().await;
    let app = TestApp::with(Setup {
        brains: vec![brain("fake", &provider)],
        ..Setup::default()
    })
    .await;
    app.know(&[("returns.md", "# Returns\n\nA return label costs 4.90 euros.")])
        .await;
    provider.always(honest("A return label costs 4.90 euros. [1]"));
    let caller = "0af7651916cd43dd8448eb211c80319c";
    let response = app
        .post("/api/agent/messages", &app.token(VisitorId::new()))
        .header("traceparent", format!("00-{caller}-b7ad6b7169203331-01"))
        .json(&message("secretquestion: what does a label cost?", None))
        .send()
        .await
        .unwrap();
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["outcome"], "answered", "{body:#}");
    let requests = provider.requests();
    provider.finish().await;
    let thread = body["thread_id"].as_str().unwrap().to_owned();
    let (turn, site) = (
        body["turn_id"].as_str().unwrap().to_owned(),
        app.site.id.to_string(),
    );
    app.finish().await;
    traces.stop().await;

    let spans = memory.0.lock().unwrap().clone();
    let mut of_turn: Vec<&SpanData> = spans
        .iter()
        .filter(|s| s.span_context.trace_id().to_string() == caller)
        .collect();
    of_turn.sort_by_key(|s| s.start_time);
    let parent = |s: &SpanData| {
        let found = of_turn
            .iter()
            .find(|p| p.span_context.span_id() == s.parent_span_id);
        found.map_or_else(|| s.parent_span_id.to_string(), |p| p.name.to_string())
    };
    let tree: Vec<(String, String)> = of_turn.iter().map(|s| (s.name.to_string(), parent(s))).collect();
    let root = "invoke_agent deskhand";
    let expected = [
        ("POST /api/agent/messages", "b7ad6b7169203331"),
        (root, "POST /api/agent/messages"),
        ("chat planner", root),
        ("execute_tool kb_search", root),
        ("search", "execute_tool kb_search"),
        ("chat planner", root),
        ("chat writer", root),
        ("gate", root),
    ];
    let sorted = |mut pairs: Vec<(String, String)>| {
        pairs.sort();
        pairs
    };
    let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    assert_eq!(sorted(tree), sorted(expected));

    let named = |name: &str| *of_turn.iter().find(|s| s.name == name).unwrap();
    let agent = named(root);
    assert_eq!(attribute(agent, "gen_ai.operation.name").unwrap(), "invoke_agent");
    assert_eq!(attribute(agent, "deskhand.turn.outcome").unwrap(), "answered");
    assert_eq!(attribute(agent, "deskhand.turn.id").unwrap(), turn);
    let hashed = attribute(agent, "gen_ai.conversation.id").unwrap();
    assert_eq!(
        hashed,
        thread
            .parse::<deskhand::domain::ids::ThreadId>()
            .unwrap()
            .hashed()
    );
    let writer = named("chat writer");
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "fake"),
        ("gen_ai.request.model", "writer"),
        ("gen_ai.request.max_tokens", "800"),
        ("gen_ai.request.temperature", "0.5"),
        ("gen_ai.response.finish_reasons", "stop"),
    ] {
        assert_eq!(attribute(writer, key).as_deref(), Some(value), "{key}");
    }
    for key in [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "deskhand.first_token_ms",
        "deskhand.prompt.id",
    ] {
        assert!(attribute(writer, key).is_some(), "{key}");
    }
    let gate = named("gate");
    assert_eq!(attribute(gate, "deskhand.gate.passed").unwrap(), "1");
    assert_eq!(attribute(gate, "deskhand.gate.held").unwrap(), "0");
    assert!(attribute(named("search"), "deskhand.search.words_ms").is_some());
    let request = named("POST /api/agent/messages");
    assert_eq!(attribute(request, "http.response.status_code").unwrap(), "200");

    // The provider is told which call of which trace it is part of.
    let chats = of_turn.iter().filter(|s| s.name.starts_with("chat "));
    for chat in chats {
        let wanted = format!("00-{caller}-{}-01", chat.span_context.span_id());
        let told = requests
            .iter()
            .any(|r| r.headers.get("traceparent") == Some(&wanted));
        assert!(told, "no request has {wanted}");
    }
    let all = format!("{spans:?}");
    for secret in ["secretquestion", "4.90", thread.as_str(), site.as_str()] {
        assert!(!all.contains(secret), "{secret} is in a trace");
    }
    assert!(
        spans.iter().all(|s| s.events.is_empty()),
        "log lines are in a trace"
    );
}

#[tokio::test]
async fn a_trace_that_is_left_out_is_left_out_whole() {
    let memory = Memory::default();
    let traces = Traces::with(memory.clone(), "test", 0.0);
    let _traced =
        tracing::subscriber::set_default(tracing_subscriber::Registry::default().with(traces.layer()));
    let app = TestApp::start().await;
    app.ask(&app.token(VisitorId::new()), "Hello!", None).await;
    app.finish().await;
    tokio::time::timeout(Duration::from_secs(20), traces.stop())
        .await
        .unwrap();
    assert!(memory.0.lock().unwrap().is_empty());
}
