//! Every way in which a provider fails has its name, in time, and shows nothing of anybody.

use std::time::Duration;

use deskhand::models::chat::Failure;
use deskhand::models::provider::{Provider, ProviderSettings, Times};
use serde_json::{Value, json};

use super::{ask, once, request, settings};
use crate::support::fake_provider::{FakeProvider, Reply};

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
        (
            "done without a reason",
            Reply::events(&[unfinished, "[DONE]"]),
            Failure::Cut,
            None,
            "half ",
        ),
        (
            "done after a call without a reason",
            Reply::events(&[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"kb_search","arguments":"{}"}}]}}]}"#,
                "[DONE]",
            ]),
            Failure::Cut,
            None,
            "",
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
async fn an_answer_is_bounded() {
    let event = json!({ "choices": [{ "delta": { "content": "x".repeat(1 << 20) } }] }).to_string();
    let got = once(Reply::events(&[event.as_str(); 5]).then_stall()).await;
    assert_eq!(got.error.unwrap().kind, Failure::Malformed);
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
