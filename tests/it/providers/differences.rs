//! Every way in which one provider differs from another is taken.

use deskhand::models::chat::{ChatRequest, Failure, Finish};
use deskhand::models::provider::Provider;
use serde_json::{Value, json};

use super::{ask, once, request, settings};
use crate::support::fake_provider::{FakeProvider, Reply};

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
        (
            "finishReason",
            Reply::events(&[
                hello,
                r#"{"choices":[{"delta":{},"finish_reason":null,"finishReason":"stop"}]}"#,
                "[DONE]",
            ]),
        ),
        (
            "whole JSON without a reason",
            Reply::raw(
                "application/json",
                &[br#"{"choices":[{"message":{"content":"Hello"}}]}"#],
            ),
        ),
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
