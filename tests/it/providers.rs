//! Chat models over real HTTP: every way in which a provider fails has its name, every way
//! in which one differs from another is taken, and nothing is half an answer that looks
//! whole.

use std::time::Duration;

use chrono::TimeDelta;
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::models::chat::{
    ChatError, ChatMessage, ChatRequest, Chunk, Failure, Finish, ToolCall, ToolChoice, ToolSpec, Usage,
};
use deskhand::models::price::Price;
use deskhand::models::provider::{Provider, ProviderKind, ProviderSettings, Times};
use futures::StreamExt;
use secrecy::SecretString;
use serde_json::{Value, json};

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
        tools: vec![ToolSpec {
            name: "kb_search".to_owned(),
            description: "Searches.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": { "query": { "type": "string" }, "limit": { "type": "integer" } },
                "required": ["query"],
            }),
        }],
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
async fn every_fault_has_its_name() {
    let limited = |seconds| Failure::RateLimit {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let late = |error: Value| {
        let first = json!({ "choices": [{ "delta": { "content": "half" } }] }).to_string();
        Reply::events(&[&first, &error.to_string()])
    };
    let unfinished = r#"{"choices":[{"index":0,"delta":{"content":"half "}}]}"#;
    for (name, reply, kind, status, text) in [
        (
            "429 with a wait",
            Reply::status(429).retry_after(9),
            limited(9),
            Some(429),
            "",
        ),
        (
            "429",
            Reply::status(429),
            Failure::RateLimit { retry_after: None },
            Some(429),
            "",
        ),
        ("500", Reply::status(500), Failure::ServerError, Some(500), ""),
        ("529", Reply::status(529), Failure::ServerError, Some(529), ""),
        ("408", Reply::status(408), Failure::Timeout, Some(408), ""),
        ("401", Reply::status(401), Failure::Refused, Some(401), ""),
        ("404", Reply::status(404), Failure::Refused, Some(404), ""),
        ("400", Reply::status(400), Failure::Refused, Some(400), ""),
        (
            "a redirect",
            Reply::status(307).header("location", "http://127.0.0.1:1/"),
            Failure::Refused,
            Some(307),
            "",
        ),
        ("cut at once", Reply::cut_after(0), Failure::Cut, None, ""),
        ("cut", Reply::cut_after(2), Failure::Cut, None, "word0 word1 "),
        (
            "cut without a word",
            Reply::raw("text/event-stream", &[b"data: {"]).then_cut(),
            Failure::Cut,
            None,
            "",
        ),
        (
            "ended without an end",
            Reply::events(&[unfinished]),
            Failure::Cut,
            None,
            "half ",
        ),
        ("garbage", Reply::garbage(), Failure::Malformed, None, ""),
        (
            "garbage later",
            Reply::events(&[unfinished, "{not json"]),
            Failure::Malformed,
            None,
            "half ",
        ),
        (
            "HTML",
            Reply::raw("text/html", &[b"\n<!doctype html><p>Sign in"]),
            Failure::Malformed,
            None,
            "",
        ),
        (
            "plain text",
            Reply::raw("text/plain", &[b"upstream busy"]),
            Failure::Malformed,
            None,
            "",
        ),
        (
            "half a JSON",
            Reply::raw("application/json", &[b"{\"choices\":[{"]),
            Failure::Malformed,
            None,
            "",
        ),
        ("empty", Reply::empty(), Failure::Empty, None, ""),
        (
            "blanks",
            Reply::raw("text/event-stream", &[b"\n\n", b" \n"]),
            Failure::Empty,
            None,
            "",
        ),
        (
            "comments alone",
            Reply::raw("text/event-stream", &[b": ping\n\n"]),
            Failure::Empty,
            None,
            "",
        ),
        ("no word", Reply::text(""), Failure::Empty, None, ""),
        (
            "done at once",
            Reply::events(&["[DONE]"]),
            Failure::Empty,
            None,
            "",
        ),
        (
            "late error",
            Reply::late_error(1),
            Failure::LateError,
            Some(500),
            "word0 ",
        ),
        (
            "late, as Anthropic",
            late(json!({ "type": "error", "error": { "type": "overloaded_error" } })),
            Failure::LateError,
            None,
            "half",
        ),
        (
            "late, as vLLM",
            late(json!({ "object": "error", "message": "x", "code": 400 })),
            Failure::LateError,
            Some(400),
            "half",
        ),
        (
            "an error as JSON",
            Reply::raw("application/json", &[br#"{"error":{"code":503,"message":"x"}}"#]),
            Failure::LateError,
            Some(503),
            "",
        ),
        (
            "in a list",
            Reply::raw(
                "application/json",
                &[br#"[{"error":{"code":503,"message":"x"}}]"#],
            ),
            Failure::LateError,
            Some(503),
            "",
        ),
    ] {
        let got = once(reply).await;
        let error = got
            .error
            .unwrap_or_else(|| panic!("{name}: no error, {:?}", got.end));
        assert_eq!((error.kind, error.status), (kind, status), "{name}: {error}");
        assert_eq!(got.text, text, "{name}");
    }
}

#[tokio::test]
async fn nothing_waits_for_ever() {
    let short = Duration::from_millis(500);
    let long = Duration::from_secs(20);
    let times = |first, idle, call| Times {
        connect: long,
        first,
        idle,
        call,
    };
    for (name, reply, times, kind, text) in [
        (
            "no answer",
            Reply::never(),
            times(short, long, long),
            Failure::Timeout,
            "",
        ),
        (
            "headers alone",
            Reply::raw("text/event-stream", &[]).then_stall(),
            times(short, long, long),
            Failure::Timeout,
            "",
        ),
        (
            "comments alone",
            Reply::raw("text/event-stream", &[b": wait\n\n"]).then_stall(),
            times(short, long, long),
            Failure::Timeout,
            "",
        ),
        (
            "a stall",
            Reply::stall_after(2),
            times(long, short, long),
            Failure::Stall,
            "word0 word1 ",
        ),
        (
            "too long in all",
            Reply::stall_after(1),
            times(long, long, short),
            Failure::Timeout,
            "word0 ",
        ),
    ] {
        let fake = FakeProvider::start().await;
        fake.reply(reply);
        let provider = Provider::open(ProviderSettings {
            times,
            ..settings(&fake.base_url)
        });
        let got = ask(&provider.unwrap(), request("m")).await;
        assert_eq!(got.error.map(|e| e.kind), Some(kind), "{name}");
        assert_eq!(got.text, text, "{name}");
        // The call is over for the provider too.
        fake.wait_for_left(1).await;
        fake.finish().await;
    }
    // Nobody listens there.
    let nowhere = Provider::open(settings("http://127.0.0.1:9/v1")).unwrap();
    let error = ask(&nowhere, request("m")).await.error.unwrap();
    assert_eq!(error.kind, Failure::Cut);
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
async fn what_providers_do_differently_is_taken() {
    let stop = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let hello = r#"{"choices":[{"index":0,"delta":{"content":"Hello"}}]}"#;
    let call =
        |delta: Value| json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [delta] } }] }).to_string();
    let kb = |args: Value| json!({ "name": "kb_search", "arguments": args });
    let whole = json!({
        "object": "chat.completion",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hello" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 1 },
    });
    let crlf = format!(
        ": hi\r\n\r\nevent: message\r\ndata: {hello}\r\n\r\nid: 7\r\ndata:{stop}\r\n\r\ndata: [DONE]\r\n\r\n"
    );
    let unclosed = format!("data: {hello}\n\ndata: {stop}");
    let pretty = serde_json::to_string_pretty(&whole).unwrap();
    for (name, reply) in [
        ("no [DONE]", Reply::events(&[hello, stop])),
        ("no finish_reason", Reply::events(&[hello, "[DONE]"])),
        ("cut after the end", Reply::events(&[hello, stop]).then_cut()),
        (
            "never closed",
            Reply::events(&[hello, stop, "[DONE]"]).then_stall(),
        ),
        ("never even done", Reply::events(&[hello, stop]).then_stall()),
        ("blank data", Reply::events(&["", hello, " ", stop, "[DONE]"])),
        (
            "comments, CRLF, no blank",
            Reply::raw("text/event-stream", &[crlf.as_bytes()]),
        ),
        (
            "byte by byte",
            Reply::raw("text/event-stream", &[crlf.as_bytes()]).split(1),
        ),
        (
            "last event unclosed",
            Reply::raw("text/event-stream", &[unclosed.as_bytes()]),
        ),
        (
            "another content type",
            Reply::raw("text/plain", &[unclosed.as_bytes()]),
        ),
        (
            "no stream at all",
            Reply::raw("application/json", &[pretty.as_bytes()]),
        ),
        (
            "with a byte order mark",
            Reply::raw("application/json", &[b"\xEF\xBB\xBF", pretty.as_bytes()]).split(2),
        ),
        (
            "null content",
            Reply::events(&[
                r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#,
                hello,
                stop,
            ]),
        ),
        (
            "thoughts in a field",
            Reply::events(&[
                r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
                hello,
                stop,
            ]),
        ),
        (
            "thoughts in the text",
            Reply::events(&[
                r#"{"choices":[{"delta":{"content":"<think>hm</th"}}]}"#,
                r#"{"choices":[{"delta":{"content":"ink>\n"}}]}"#,
                hello,
                stop,
            ]),
        ),
        (
            "filter results first",
            Reply::events(&[r#"{"choices":[],"prompt_filter_results":[{}]}"#, hello, stop]),
        ),
        (
            "unknown fields",
            Reply::events(&[
                r#"{"x":1,"choices":[{"delta":{"content":"Hello","x":{}},"logprobs":[]}],"error":null}"#,
                stop,
            ]),
        ),
    ] {
        let got = once(reply).await;
        assert_eq!((got.text.as_str(), &got.error), ("Hello", &None), "{name}");
        assert!(
            matches!(got.end, Some((Finish::Stop | Finish::Other, _))),
            "{name}"
        );
    }
    for (name, reply, finish) in [
        (
            "an unknown end",
            Reply::text("Hello").finish("insane"),
            Finish::Other,
        ),
        ("length", Reply::text("Hello").finish("length"), Finish::Length),
        (
            "filter",
            Reply::text("Hello").finish("content_filter"),
            Finish::Filter,
        ),
        (
            "filtered whole",
            Reply::text("").finish("content_filter"),
            Finish::Filter,
        ),
    ] {
        assert_eq!(once(reply).await.end.unwrap().0, finish, "{name}");
    }
    let stopped = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    for (name, events) in [
        (
            "in fragments",
            vec![
                call(json!({ "index": 0, "id": "a", "function": kb(json!("")) })),
                call(json!({ "index": 0, "function": { "arguments": "{\"query\"" } })),
                call(json!({ "index": 0, "function": { "arguments": ":\"x\"}" } })),
            ],
        ),
        (
            "whole, no index, no id",
            vec![call(
                json!({ "id": "", "function": kb(json!("{\"query\":\"x\"}")) }),
            )],
        ),
        (
            "arguments as an object",
            vec![call(
                json!({ "index": 0, "function": kb(json!({ "query": "x" })) }),
            )],
        ),
        (
            "a null for what is optional",
            vec![call(
                json!({ "index": 0, "function": kb(json!("{\"query\":\"x\",\"limit\":null}")) }),
            )],
        ),
    ] {
        let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
        events.push(stopped);
        let got = once(Reply::events(&events)).await;
        assert_eq!(
            got.calls,
            [("kb_search".to_owned(), json!({ "query": "x" }))],
            "{name}"
        );
        assert_eq!(got.end.unwrap().0, Finish::Calls, "{name}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_refused_by_name_is_left_out_from_then_on() {
    let refuses = |message: &str| Reply::status(400).saying_json(json!({ "error": { "message": message } }));
    let fake = FakeProvider::start().await;
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    fake.reply(refuses(
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
    ))
    .reply(refuses("Unsupported value: 'temperature' does not support 0.2"))
    .reply(Reply::status(422).saying_json(json!({ "detail": [{ "loc": ["body", "stream_options"] }] })))
    .reply(refuses("tools.0.strict: unknown field"))
    .reply(Reply::text("Fine."));
    assert_eq!(ask(&provider, request("m")).await.text, "Fine.");
    fake.reply(Reply::text("Again."));
    assert_eq!(ask(&provider, request("m")).await.text, "Again.");
    let sent: Vec<Value> = fake.requests().into_iter().map(|r| r.body).collect();
    assert_eq!(sent.len(), 6);
    assert!(sent[0]["max_tokens"] == 100 && sent[0]["tools"][0]["function"]["strict"] == true);
    assert_eq!(sent[4], sent[5], "what was learnt is kept");
    assert_eq!(sent[5]["max_completion_tokens"], 100);
    for gone in ["max_tokens", "temperature", "stream_options"] {
        assert!(sent[5].get(gone).is_none(), "{gone}");
    }
    assert!(sent[5]["tools"][0]["function"].get("strict").is_none());
    // Another model of the same provider is another matter.
    fake.reply(Reply::text("Hi."));
    ask(&provider, request("n")).await;
    assert_eq!(fake.requests()[6].body["max_tokens"], 100);

    // What doesn't help isn't remembered, and isn't tried for ever.
    let refused = ChatRequest {
        max_tokens: 1_000_000,
        ..request("o")
    };
    fake.reply(refuses("max_tokens is too large"))
        .reply(refuses("max_completion_tokens is too large"));
    assert_eq!(
        ask(&provider, refused).await.error.unwrap().kind,
        Failure::Refused
    );
    fake.reply(Reply::text("Hi."));
    ask(&provider, request("o")).await;
    assert!(fake.requests().last().unwrap().body.get("max_tokens").is_some());
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
async fn errors_hold_no_key_and_no_words_of_anybody() {
    let fake = FakeProvider::start().await;
    let echo = |request: &str| json!({ "error": { "message": request, "type": request, "code": "bad_thing", "param": request } });
    let secret = "a visitor's secret words with sk-test-secret";
    fake.reply(Reply::status(401).saying_json(echo(secret)))
        .reply(Reply::status(500).saying_json(json!(secret)))
        .reply(Reply::events(&[&echo(secret).to_string()]))
        .reply(Reply::events(&[&format!("{{{secret}")]));
    let provider = Provider::open(settings(&fake.base_url)).unwrap();
    for i in 0..4 {
        let error = ask(&provider, request("m")).await.error.unwrap();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("visitor") && !shown.contains("sk-test"),
            "{shown}"
        );
        assert!(i != 0 || shown.contains("bad_thing"), "codes help: {shown}");
    }
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
async fn an_answer_is_bounded() {
    let event = json!({ "choices": [{ "delta": { "content": "x".repeat(1 << 20) } }] }).to_string();
    let got = once(Reply::events(&[event.as_str(); 5]).then_stall()).await;
    assert_eq!(got.error.unwrap().kind, Failure::Malformed);
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
