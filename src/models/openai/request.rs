//! A request as it is sent. Calls of earlier answers get ids of our own by their place:
//! they may come from another provider, and some take only their own form of ids.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use super::schema;
use crate::models::chat::{ChatMessage, ChatRequest, ToolCall, ToolChoice, ToolSpec};

/// What Google takes instead of the signature that it gave with a call.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The body. `google`: its newer models want something beside every call.
pub fn body(request: &ChatRequest, dialect: Dialect, google: bool) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    put("model", json!(request.model));
    put("messages", messages(&request.messages, google));
    put("stream", json!(true));
    if dialect.stream_options {
        put("stream_options", json!({ "include_usage": true }));
    }
    if dialect.temperature {
        // Through text, since 0.2 as a double of the float is 0.20000000298.
        let number: f64 = request.temperature.to_string().parse().unwrap_or(0.0);
        put("temperature", json!(number));
    }
    let limit = if dialect.completion_limit {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    put(limit, json!(request.max_tokens));
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|t| tool(t, dialect)).collect();
        put("tools", Value::Array(tools));
        match request.tool_choice {
            ToolChoice::Required if dialect.required => {
                put("tool_choice", json!("required"));
            }
            ToolChoice::None => {
                put("tool_choice", json!("none"));
            }
            ToolChoice::Auto | ToolChoice::Required => {}
        }
    }
    Value::Object(body)
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

fn messages(all: &[ChatMessage], google: bool) -> Value {
    let mut ids: HashMap<&str, String> = HashMap::new();
    let mut out = Vec::with_capacity(all.len());
    let mut calls_so_far = 0_u32;
    for message in all {
        out.push(match message {
            ChatMessage::System(text) => json!({ "role": "system", "content": text }),
            ChatMessage::User(text) => json!({ "role": "user", "content": text }),
            ChatMessage::Assistant { text, calls } if calls.is_empty() => {
                json!({ "role": "assistant", "content": text })
            }
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
                let text = Some(text).filter(|t| !t.is_empty());
                json!({ "role": "assistant", "content": text, "tool_calls": calls })
            }
            ChatMessage::Tool { call_id, content } => {
                let id = ids.get(call_id.as_str()).map_or(call_id.as_str(), String::as_str);
                json!({ "role": "tool", "tool_call_id": id, "content": content })
            }
        });
    }
    Value::Array(out)
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
            tools: vec![ToolSpec {
                name: "kb_search".to_owned(),
                description: "Searches.".to_owned(),
                parameters: json!({ "type": "object", "properties": { "query": { "type": "string" } } }),
            }],
            tool_choice: ToolChoice::Required,
            temperature: 0.2,
            max_tokens: 800,
        }
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
