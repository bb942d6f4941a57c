//! Chat models over real HTTP: every way in which a provider fails has its name, every way
//! in which one differs from another is taken, and nothing is half an answer that looks
//! whole.

mod differences;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::models::chat::{
    ChatError, ChatMessage, ChatRequest, Chunk, Finish, ToolCall, ToolChoice, ToolSpec, Usage,
};
use deskhand::models::price::Price;
use deskhand::models::provider::{Provider, ProviderKind, ProviderSettings, Times};
use futures::StreamExt;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::fake_provider::{FakeProvider, Reply};

fn settings(base_url: &str) -> ProviderSettings {
    ProviderSettings {
        name: "fake".to_owned(),
        kind: ProviderKind::OpenAi,
        base_url: base_url.to_owned(),
        api_version: None,
        api_key: Some(SecretString::from("sk-test-secret")),
        plan_model: "m".to_owned(),
        draft_model: "m".to_owned(),
        plan_temperature: 0.2,
        draft_temperature: 0.5,
        price: Price::default(),
        context_tokens: 8000,
        times: Times {
            connect: Duration::from_secs(5),
            first: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            call: Duration::from_secs(20),
        },
    }
}

fn request(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        messages: vec![
            ChatMessage::System("rules".to_owned()),
            ChatMessage::User("a visitor's secret words".to_owned()),
        ],
        tools: [ToolSpec {
            name: "kb_search".to_owned(),
            description: "Searches.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": { "query": { "type": "string" }, "limit": { "type": "integer" } },
                "required": ["query"],
            }),
        }]
        .into(),
        tool_choice: ToolChoice::Required,
        temperature: 0.2,
        max_tokens: 100,
    }
}

/// What came of a call.
#[derive(Debug, Default, PartialEq)]
struct Got {
    text: String,
    calls: Vec<(String, Value)>,
    end: Option<(Finish, Option<Usage>)>,
    error: Option<ChatError>,
}

async fn ask(provider: &Provider, request: ChatRequest) -> Got {
    let mut got = Got::default();
    let mut stream = match provider.model().stream(request).await {
        Ok(stream) => stream,
        Err(error) => {
            got.error = Some(error);
            return got;
        }
    };
    while let Some(chunk) = stream.next().await {
        assert!(got.end.is_none() && got.error.is_none(), "nothing follows an end");
        match chunk {
            Ok(Chunk::Text(text)) => {
                assert!(!text.is_empty());
                got.text.push_str(&text);
            }
            Ok(Chunk::Call(ToolCall { name, args, .. })) => {
                got.calls.push((name, serde_json::from_str(&args).unwrap()));
            }
            Ok(Chunk::End { finish, usage }) => got.end = Some((finish, usage)),
            Err(error) => got.error = Some(error),
        }
    }
    assert!(got.end.is_some() != got.error.is_some(), "one of both: {got:?}");
    got
}

async fn once(reply: Reply) -> Got {
    let fake = FakeProvider::start().await;
    fake.reply(reply);
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    let got = ask(&provider, request("m")).await;
    fake.finish().await;
    got
}

#[tokio::test]
async fn text_calls_and_usage_come_as_they_were_written() {
    let got = once(Reply::text("Two days, größer 返品.").usage(7, 3).split(1)).await;
    assert_eq!(got.text, "Two days, größer 返品.", "cut inside letters");
    let usage = Usage { input: 7, output: 3 };
    assert_eq!(got.end, Some((Finish::Stop, Some(usage))));

    let two = [
        ("kb_search", json!({ "query": "a" })),
        ("order", json!({ "n": 1 })),
    ];
    let got = once(Reply::calls(&two).first_saying("Let me see.")).await;
    assert_eq!(got.text, "Let me see.");
    assert_eq!(got.calls, two.map(|(n, a)| (n.to_owned(), a)));
    assert_eq!(got.end.unwrap().0, Finish::Calls);
}

#[tokio::test]
async fn who_leaves_ends_the_call() {
    let fake = FakeProvider::start().await;
    fake.reply(Reply::stall_after(1));
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    let mut stream = provider.model().stream(request("m")).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Chunk::Text(_)))));
    assert_eq!(fake.under_way(), 1);
    drop(stream);
    fake.wait_for_left(1).await;

    fake.reply(Reply::never());
    let waiting = provider.model().stream(request("m"));
    tokio::select! {
        _ = waiting => panic!("nothing was answered"),
        () = fake.wait_for_requests(2) => {}
    }
    fake.wait_for_left(2).await;
    fake.finish().await;
}

#[tokio::test]
async fn keys_go_where_they_belong_and_nowhere_else() {
    let fake = FakeProvider::start().await;
    fake.always(|_| Reply::text("Hi."));
    let host = fake.base_url.trim_end_matches("/v1");
    let azure = ProviderSettings {
        kind: ProviderKind::Azure,
        api_version: Some("2025-01-01".to_owned()),
        ..settings(host)
    };
    let keyless = ProviderSettings {
        api_key: None,
        ..settings(&fake.base_url)
    };
    for settings in [settings(&fake.base_url), azure, keyless] {
        ask(&Provider::open(settings).unwrap(), request("my-model")).await;
    }
    let seen = fake.requests();
    let header = |i: usize, name: &str| seen[i].headers.get(name).map(String::as_str);
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(
        (header(0, "authorization"), header(0, "api-key")),
        (Some("Bearer sk-test-secret"), None)
    );
    assert_eq!(
        seen[1].path,
        "/openai/deployments/my-model/chat/completions?api-version=2025-01-01"
    );
    assert_eq!(
        (header(1, "authorization"), header(1, "api-key")),
        (None, Some("sk-test-secret"))
    );
    assert_eq!((header(2, "authorization"), header(2, "api-key")), (None, None));
    fake.finish().await;
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let fake = FakeProvider::start().await;
    fake.always(|_| Reply::text("One two."));
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    for _ in 0..20 {
        assert_eq!(ask(&provider, request("m")).await.text, "One two.");
    }
    // Now and then one comes back a moment too late.
    assert!(fake.connections() < 5, "{}", fake.connections());
    fake.finish().await;
}

#[tokio::test]
async fn a_failing_provider_is_left_alone_and_tried_again() {
    let fake = FakeProvider::start().await;
    fake.always(|_| Reply::status(503));
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    let mut now = SystemClock.now();
    for _ in 0..5 {
        let ticket = provider.admit(now).unwrap();
        let error = ask(&provider, request("m")).await.error.unwrap();
        provider.record(ticket, Err(&error), now);
    }
    assert!(provider.admit(now).is_err());
    now += TimeDelta::seconds(60);
    let ticket = provider.admit(now).unwrap();
    assert!(provider.admit(now).is_err(), "one trial");
    fake.always(|_| Reply::text("Back."));
    assert!(ask(&provider, request("m")).await.error.is_none());
    provider.record(ticket, Ok(()), now);
    assert!(provider.admit(now).is_ok());

    fake.reply(Reply::status(429).retry_after(7));
    let ticket = provider.admit(now).unwrap();
    let error = ask(&provider, request("m")).await.error.unwrap();
    provider.record(ticket, Err(&error), now);
    assert_eq!(
        provider.admit(now).unwrap_err().until,
        now + TimeDelta::seconds(7)
    );
    fake.finish().await;
}

#[tokio::test]
async fn text_arrives_while_the_model_still_writes() {
    let fake = FakeProvider::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    fake.always(move |request| {
        assert!(request.has_tools() && request.last_text().contains("secret words"));
        Reply::text("One two three.").gated(&held).first_ms(1).token_ms(1)
    });
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    let mut stream = provider.model().stream(request("m")).await.unwrap();
    gate.add_permits(1);
    assert_eq!(stream.next().await, Some(Ok(Chunk::Text("One ".to_owned()))));
    assert!(futures::poll!(stream.next()).is_pending());
    gate.add_permits(2);
    assert_eq!(stream.next().await, Some(Ok(Chunk::Text("two ".to_owned()))));
    assert_eq!(stream.next().await, Some(Ok(Chunk::Text("three.".to_owned()))));
    assert!(matches!(stream.next().await, Some(Ok(Chunk::End { .. }))));
    assert_eq!(stream.next().await, None);
    fake.finish().await;

    assert_eq!(once(Reply::cut_after(2).saying("a b c")).await.text, "a b ");
}
