//! The fake provider keeps its word: what is scripted comes over real HTTP as scripted.

use std::time::Duration;

use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::fake_provider::{FakeProvider, Reply};

async fn call(provider: &FakeProvider, stream: bool) -> reqwest::Result<reqwest::Response> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let body =
        json!({ "model": "fake", "stream": stream, "messages": [{ "role": "user", "content": "hi" }] });
    client
        .post(format!("{}/chat/completions", provider.base_url))
        .json(&body)
        .send()
        .await
}

/// The text that a stream carries, and whether it ended as streams end.
async fn streamed(provider: &FakeProvider) -> (String, bool) {
    let mut events = call(provider, true).await.unwrap().bytes_stream().eventsource();
    let (mut text, mut whole) = (String::new(), false);
    while let Some(Ok(event)) = events.next().await {
        whole |= event.data == "[DONE]";
        let chunk: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
        text.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or(""));
    }
    (text, whole)
}

#[tokio::test]
async fn replies_come_as_scripted() {
    let provider = FakeProvider::start().await;
    provider.then(Reply::text("one two three"));
    assert_eq!(streamed(&provider).await, ("one two three".into(), true));
    provider.then(Reply::Tool {
        name: "kb_search".into(),
        args: json!({ "query": "x" }),
    });
    let whole: Value = call(&provider, false).await.unwrap().json().await.unwrap();
    assert_eq!(
        whole["choices"][0]["message"]["tool_calls"][0]["function"]["name"],
        "kb_search"
    );
    provider.then(Reply::Status(429));
    assert_eq!(call(&provider, true).await.unwrap().status(), 429);
    provider.then(Reply::Cut {
        tokens: vec!["half".into()],
    });
    assert_eq!(streamed(&provider).await, ("half".into(), false));
    provider
        .then(Reply::LateError {
            tokens: vec!["then".into()],
        })
        .then(Reply::Malformed);
    assert_eq!(streamed(&provider).await.0, "then");
    assert_eq!(streamed(&provider).await.0, "");
    let pause = Duration::from_millis(1);
    provider.then(Reply::Tokens {
        tokens: vec!["slow".into()],
        pause,
    });
    assert_eq!(streamed(&provider).await, ("slow".into(), true));
    provider.then(Reply::Stall {
        tokens: vec!["and".into()],
    });
    let mut stalled = call(&provider, true).await.unwrap().bytes_stream();
    assert!(stalled.next().await.is_some());
    drop(stalled);
    assert_eq!(
        call(&provider, true).await.unwrap().status(),
        500,
        "what isn't scripted is an error"
    );
    assert_eq!(provider.calls().len(), 9);
    provider.finish().await;
}
