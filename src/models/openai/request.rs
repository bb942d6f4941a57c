//! A request as it is sent. Calls of earlier answers get ids of our own by their place:
//! they may come from another provider, and some take only their own form of ids.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::dialect::Dialect;
use super::schema;
use crate::models::chat::{ChatMessage, ChatRequest, ToolCall, ToolChoice, ToolSpec};

/// What Google takes instead of the signature that it gave with a call.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";
/// Sets of tools whose form is kept; a brain has two.
const KEPT: usize = 8;

/// The tools as they are sent, by what they are made of: the same few go with every request.
#[derive(Default)]
pub struct Tools(Mutex<Vec<Written>>);

/// Tools, the dialect that they were written for, and what was written.
type Written = (Arc<[ToolSpec]>, Dialect, Arc<RawValue>);

impl Tools {
    fn form(&self, tools: &Arc<[ToolSpec]>, dialect: Dialect) -> serde_json::Result<Arc<RawValue>> {
        // Held for short looks only, none of which can panic half-way.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept
            .iter()
            .find(|(of, by, _)| *by == dialect && (Arc::ptr_eq(of, tools) || of == tools));
        if let Some((_, _, form)) = known {
            return Ok(Arc::clone(form));
        }
        let all: Vec<Value> = tools.iter().map(|t| tool(t, dialect)).collect();
        let form: Arc<RawValue> = serde_json::value::to_raw_value(&all)?.into();
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((Arc::clone(tools), dialect, Arc::clone(&form)));
        Ok(form)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<Value>>,
}

/// The body, JSON. `google`: its newer models want something beside every call.
pub fn body(
    request: &ChatRequest,
    dialect: Dialect,
    google: bool,
    tools: &Tools,
) -> serde_json::Result<Box<RawValue>> {
    let form = if request.tools.is_empty() {
        None
    } else {
        Some(tools.form(&request.tools, dialect)?)
    };
    let choice = match request.tool_choice {
        ToolChoice::Required if dialect.required => Some("required"),
        ToolChoice::None => Some("none"),
        ToolChoice::Auto | ToolChoice::Required => None,
    };
    // Through text, since 0.2 as a double of the float is 0.20000000298.
    let temperature = || request.temperature.to_string().parse().unwrap_or(0.0);
    let limit = |wanted: bool| wanted.then_some(request.max_tokens);
    serde_json::value::to_raw_value(&Body {
        model: &request.model,
        messages: messages(&request.messages, google),
        stream: true,
        stream_options: dialect.stream_options.then(|| json!({ "include_usage": true })),
        temperature: dialect.temperature.then(temperature),
        max_completion_tokens: limit(dialect.completion_limit),
        max_tokens: limit(!dialect.completion_limit),
        tools: form.as_deref(),
        tool_choice: choice.filter(|_| !request.tools.is_empty()),
    })
}

fn tool(tool: &ToolSpec, dialect: Dialect) -> Value {
    let mut function = json!({ "name": tool.name, "description": tool.description });
    match schema::strict(&tool.parameters).filter(|_| dialect.strict) {
        Some(strict) => {
            function["parameters"] = strict;
            function["strict"] = json!(true);
        }
        None => function["parameters"] = schema::plain(&tool.parameters),
    }
    json!({ "type": "function", "function": function })
}

fn messages(all: &[ChatMessage], google: bool) -> Vec<Message<'_>> {
    let mut ids: HashMap<&str, String> = HashMap::new();
    let mut calls_so_far = 0_u32;
    let mut out = Vec::with_capacity(all.len());
    for message in all {
        out.push(match message {
            ChatMessage::System(text) => plain("system", text),
            ChatMessage::User(text) => plain("user", text),
            ChatMessage::Assistant { text, calls } if calls.is_empty() => plain("assistant", text),
            ChatMessage::Assistant { text, calls } => {
                let calls: Vec<Value> = calls
                    .iter()
                    .map(|c| {
                        calls_so_far += 1;
                        // Nine letters and digits: the one form that all take.
                        let id = format!("call{calls_so_far:05}");
                        ids.insert(&c.id, id.clone());
                        call(c, &id, google)
                    })
                    .collect();
                Message {
                    content: Some(text.as_str()).filter(|t| !t.is_empty()),
                    tool_calls: Some(calls),
                    ..plain("assistant", text)
                }
            }
            ChatMessage::Tool { call_id, content } => Message {
                tool_call_id: Some(ids.get(call_id.as_str()).unwrap_or(call_id).clone()),
                ..plain("tool", content)
            },
        });
    }
    out
}

fn plain<'a>(role: &'static str, text: &'a str) -> Message<'a> {
    Message {
        role,
        content: Some(text),
        tool_call_id: None,
        tool_calls: None,
    }
}

fn call(call: &ToolCall, id: &str, google: bool) -> Value {
    let args = if call.args.is_empty() { "{}" } else { &call.args };
    let mut value = json!({
        "id": id, "type": "function", "function": { "name": call.name, "arguments": args },
    });
    if google {
        value["extra_content"] = json!({ "google": { "thought_signature": NO_SIGNATURE } });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        let call = |id: &str| ToolCall {
            id: id.to_owned(),
            name: "kb_search".to_owned(),
            args: r#"{"query":"x"}"#.to_owned(),
        };
        let result = |id: &str| ChatMessage::Tool {
            call_id: id.to_owned(),
            content: format!("result of {id}"),
        };
        ChatRequest {
            model: "m".to_owned(),
            messages: vec![
                ChatMessage::System("rules".to_owned()),
                ChatMessage::User("hi".to_owned()),
                ChatMessage::Assistant {
                    text: String::new(),
                    calls: vec![call("toolu_01ABCDEFGHIJKLMNOP"), call("b")],
                },
                result("b"),
                result("toolu_01ABCDEFGHIJKLMNOP"),
                // Some providers begin to count anew with every answer.
                ChatMessage::Assistant {
                    text: "once more".to_owned(),
                    calls: vec![call("b")],
                },
                result("b"),
            ],
            tools: [ToolSpec {
                name: "kb_search".to_owned(),
                description: "Searches.".to_owned(),
                parameters: json!({ "type": "object", "properties": { "query": { "type": "string" } } }),
            }]
            .into(),
            tool_choice: ToolChoice::Required,
            temperature: 0.2,
            max_tokens: 800,
        }
    }

    fn body(request: &ChatRequest, dialect: Dialect, google: bool) -> Value {
        let kept = Tools::default();
        let once = super::body(request, dialect, google, &kept).unwrap();
        let again = super::body(request, dialect, google, &kept).unwrap();
        assert_eq!(once.get(), again.get(), "kept tools are the same");
        serde_json::from_str(once.get()).unwrap()
    }

    #[test]
    fn ids_join_calls_and_outputs_in_a_form_that_all_take() {
        let body = body(&request(), Dialect::guess("m"), false);
        let m = &body["messages"];
        let ids: Vec<&Value> = vec![
            &m[2]["tool_calls"][0]["id"],
            &m[2]["tool_calls"][1]["id"],
            &m[5]["tool_calls"][0]["id"],
        ];
        assert_eq!(ids, ["call00001", "call00002", "call00003"]);
        assert_eq!(m[3]["tool_call_id"], *ids[1]);
        assert_eq!(m[4]["tool_call_id"], *ids[0]);
        assert_eq!(m[6]["tool_call_id"], *ids[2]);
        assert!(m[2]["content"].is_null() && m[5]["content"] == "once more");
        assert!(body["tools"][0]["function"]["strict"] == true && body["temperature"] == 0.2);
        assert!(!body.to_string().contains("thought_signature"));
    }

    #[test]
    fn what_a_dialect_leaves_out_is_out() {
        let mut dialect = Dialect::guess("m");
        for word in [
            "max_tokens",
            "temperature",
            "stream_options",
            "strict",
            "tool_choice",
        ] {
            dialect = dialect.after(word).unwrap();
        }
        let body = body(&request(), dialect, true);
        for gone in ["max_tokens", "temperature", "stream_options", "tool_choice"] {
            assert!(body.get(gone).is_none(), "{gone}");
        }
        assert_eq!(body["max_completion_tokens"], 800);
        let function = &body["tools"][0]["function"];
        assert!(function.get("strict").is_none() && function["parameters"].get("required").is_none());
        let signature = &body["messages"][2]["tool_calls"][0]["extra_content"]["google"];
        assert_eq!(signature["thought_signature"], NO_SIGNATURE);
    }
}
