//! One event of a stream, read as leniently as endpoints write it: fields missing, null or
//! of another type, a whole answer where a piece was asked for, and errors in any of their
//! forms inside an answer that began well.

use serde::Deserialize;
use serde_json::Value;

use super::calls::Fragment;
use crate::models::chat::{ChatError, Failure, Finish, Usage};

/// A piece of an answer, or a whole one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
    object: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<Value>,
    code: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    index: Option<Value>,
    delta: Option<Delta>,
    message: Option<Delta>,
    finish_reason: Option<Value>,
    /// Google's endpoint has written it so, beside a `finish_reason` of null.
    #[serde(rename = "finishReason")]
    finish_reason_too: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Option<Value>,
    refusal: Option<Value>,
    tool_calls: Option<Vec<Fragment>>,
}

/// What an event says.
#[derive(Debug, Default)]
pub struct Said {
    /// Text to show.
    pub text: String,
    /// Parts of calls.
    pub calls: Vec<Fragment>,
    /// Why it stopped, if it did.
    pub finish: Option<Finish>,
    /// What it used so far.
    pub usage: Option<Usage>,
}

impl Event {
    /// What it says, or the error that it is.
    pub fn read(self) -> Result<Said, ChatError> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        let mut said = Said {
            usage: self.usage.as_ref().and_then(usage),
            ..Said::default()
        };
        let first = self
            .choices
            .unwrap_or_default()
            .into_iter()
            // One answer was asked for. A single choice is it, whatever its number.
            .min_by_key(|c| c.index.as_ref().and_then(Value::as_u64).unwrap_or(0));
        let Some(choice) = first else { return Ok(said) };
        if let Some(delta) = choice.delta.or(choice.message) {
            said.text = text(delta.content);
            if said.text.is_empty() {
                said.text = text(delta.refusal);
            }
            said.calls = delta.tool_calls.unwrap_or_default();
        }
        let reasons = [&choice.finish_reason, &choice.finish_reason_too];
        let mut reasons = reasons.into_iter().flatten().filter_map(Value::as_str);
        if let Some(reason) = reasons.find(|r| !r.is_empty()) {
            said.finish = Some(finish(reason)?);
        }
        Ok(said)
    }

    fn error(&self) -> Option<ChatError> {
        let is = |value: &Option<Value>, word: &str| value.as_ref().is_some_and(|v| v == word);
        let inner = self.error.as_ref().filter(|e| !is_blank(e));
        let flat = is(&self.object, "error")
            || is(&self.kind, "error")
            || (self.choices.is_none() && self.usage.is_none())
                && (self.detail.is_some() || self.message.as_ref().is_some_and(Value::is_string));
        if inner.is_none() && !flat {
            return None;
        }
        let field = |name: &str, own: &Option<Value>| {
            let inner = inner.and_then(|e| e.get(name));
            inner.or(own.as_ref()).filter(|v| !v.is_null()).cloned()
        };
        let code = field("code", &self.code);
        let status = code
            .as_ref()
            .and_then(Value::as_u64)
            .and_then(|c| u16::try_from(c).ok());
        let names = identifiers(&[field("type", &self.kind), code]);
        Some(ChatError {
            status: status.filter(|s| (400..600).contains(s)),
            ..ChatError::new(Failure::LateError, format!("an error inside its answer{names}"))
        })
    }
}

/// ` (a, b)`: the codes among these, and nothing that could be a sentence.
pub fn identifiers(values: &[Option<Value>]) -> String {
    let word = |value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        (!text.is_empty() && text.len() <= 64 && text.bytes().all(fits)).then_some(text)
    };
    let words: Vec<String> = values.iter().flatten().filter_map(word).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Text as it is, or the texts among typed parts; thoughts are such parts too and are left out.
fn text(content: Option<Value>) -> String {
    match content {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts
            .iter()
            .filter(|p| p.get("type").is_none_or(|t| t == "text"))
            .filter_map(|p| p.get("text")?.as_str())
            .collect(),
        _ => String::new(),
    }
}

fn usage(value: &Value) -> Option<Usage> {
    let number = |names: [&str; 2]| {
        let found = names.iter().find_map(|n| value.get(n)?.as_u64())?;
        Some(u32::try_from(found).unwrap_or(u32::MAX))
    };
    let input = number(["prompt_tokens", "input_tokens"]);
    let output = number(["completion_tokens", "output_tokens"]);
    (input.is_some() || output.is_some()).then(|| Usage {
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
    })
}

fn finish(reason: &str) -> Result<Finish, ChatError> {
    Ok(match reason.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" | "eos" | "complete" => Finish::Stop,
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "tool_calls" | "tool_use" | "function_call" => Finish::Calls,
        "content_filter" | "safety" | "recitation" | "prohibited_content" => Finish::Filter,
        "error" | "network_error" => {
            return Err(ChatError::new(
                Failure::LateError,
                "it ended its answer with an error",
            ));
        }
        _ => Finish::Other,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: Value) -> Result<Said, ChatError> {
        serde_json::from_value::<Event>(event).unwrap().read()
    }

    #[test]
    fn text_comes_in_many_shapes() {
        for (event, wants) in [
            (
                json!({ "choices": [{ "index": 0, "delta": { "content": "a" } }] }),
                "a",
            ),
            (
                json!({ "choices": [{ "delta": { "content": null, "role": "assistant" } }] }),
                "",
            ),
            (
                json!({ "choices": [{ "index": 1, "message": { "content": "whole" } }] }),
                "whole",
            ),
            (
                json!({ "choices": [{ "delta": { "content": [
                { "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] },
                { "type": "text", "text": "so" } ] } }] }),
                "so",
            ),
            (
                json!({ "choices": [{ "delta": { "reasoning_content": "hm", "reasoning": "hm" } }] }),
                "",
            ),
            (
                json!({ "choices": [{ "delta": { "content": "", "refusal": "no" } }] }),
                "no",
            ),
            (json!({ "choices": [{ "delta": null }] }), ""),
            (json!({ "choices": [], "prompt_filter_results": [] }), ""),
            (json!({ "choices": null, "type": "ping" }), ""),
            (json!({}), ""),
        ] {
            assert_eq!(read(event.clone()).unwrap().text, wants, "{event}");
        }
    }

    #[test]
    fn errors_are_known_in_all_their_forms_and_nothing_else_is_one() {
        for (event, status, detail) in [
            (
                json!({ "error": { "message": "boom secret@example.org", "type": "server_error", "code": null } }),
                None,
                "server_error",
            ),
            (
                json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
                None,
                "overloaded_error",
            ),
            (
                json!({ "object": "error", "message": "boom", "type": "BadRequestError", "code": 400 }),
                Some(400),
                "BadRequestError",
            ),
            (
                json!({ "error": { "code": 503, "message": "x" }, "choices": [{ "delta": {} }] }),
                Some(503),
                "503",
            ),
            (json!({ "error": "model crashed while thinking" }), None, "inside"),
            (json!({ "message": "no healthy upstream" }), None, "inside"),
            (json!({ "detail": "Internal" }), None, "inside"),
        ] {
            let error = read(event.clone()).unwrap_err();
            assert_eq!(
                (error.kind, error.status),
                (Failure::LateError, status),
                "{event}"
            );
            assert!(error.detail.contains(detail), "{event}: {}", error.detail);
            assert!(
                !error.detail.contains("boom") && !error.detail.contains("while"),
                "{}",
                error.detail
            );
        }
        assert_eq!(
            read(json!({ "choices": [{ "finish_reason": "error" }] }))
                .unwrap_err()
                .kind,
            Failure::LateError
        );
        for fine in [
            json!({ "error": null, "choices": [] }),
            json!({ "error": {}, "choices": [] }),
        ] {
            assert!(read(fine).is_ok());
        }
    }

    #[test]
    fn ends_and_usage_are_read_whoever_writes_them() {
        for (word, wants) in [
            ("stop", Some(Finish::Stop)),
            ("STOP", Some(Finish::Stop)),
            ("MAX_TOKENS", Some(Finish::Length)),
            ("tool_calls", Some(Finish::Calls)),
            ("content_filter", Some(Finish::Filter)),
            ("something new", Some(Finish::Other)),
            ("", None),
        ] {
            let said = read(json!({ "choices": [{ "finish_reason": word }] })).unwrap();
            assert_eq!(said.finish, wants, "{word}");
        }
        let camel = json!({ "choices": [{ "finish_reason": null, "finishReason": "MAX_TOKENS" }] });
        assert_eq!(read(camel).unwrap().finish, Some(Finish::Length));
        let of = |usage: Value| read(json!({ "usage": usage })).unwrap().usage;
        assert_eq!(
            of(json!({ "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 })),
            Some(Usage { input: 3, output: 2 })
        );
        assert_eq!(
            of(json!({ "input_tokens": 3 })),
            Some(Usage { input: 3, output: 0 })
        );
        assert_eq!(of(json!(null)), None);
        assert_eq!(of(json!([])), None);
    }
}
