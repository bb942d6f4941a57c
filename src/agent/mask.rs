//! Placeholders for the personal data in what a tool gave, before any brain reads it. Most
//! passages hold none, and are found again and again: those are remembered.

use std::collections::HashMap;
use std::sync::LazyLock;

use moka::sync::Cache;
use serde_json::Value;

use crate::domain::document::Found;
use crate::domain::tool::KB_SEARCH;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::hands::Reply;

/// How many bytes of texts without personal data are remembered.
const MOST_KEPT: u64 = 8 << 20;
/// Shorter ones are looked through as fast.
const SHORT: usize = 100;
/// Numbers of fewer digits are nobody's.
const DIGITS: usize = 7;

/// Texts that hold neither personal data nor anything like a placeholder.
static PLAIN: LazyLock<Cache<String, ()>> = LazyLock::new(|| {
    Cache::builder()
        .max_capacity(MOST_KEPT)
        .weigher(|text: &String, ()| u32::try_from(text.len()).unwrap_or(u32::MAX))
        .build()
});

/// Puts placeholders into a reply, its passages first.
pub(super) fn reply(vault: &mut Placeholders, reply: &mut Reply<Value>) {
    let mut mask = Mask {
        vault,
        known: HashMap::new(),
    };
    // A search's numbers are its own: chunks and scores.
    let numbers = reply.found.is_none();
    if let Some(found) = &mut reply.found {
        mask.found(found);
    }
    mask.value(&mut reply.output, numbers.then_some(""));
}

/// Masks each different text once: a search's output repeats its passages.
struct Mask<'v> {
    vault: &'v mut Placeholders,
    /// What became of a text; none when nothing had to be hidden.
    known: HashMap<String, Option<String>>,
}

impl Mask<'_> {
    fn text(&mut self, text: &mut String) {
        if let Some(known) = self.known.get(text.as_str()) {
            if let Some(masked) = known {
                text.clone_from(masked);
            }
            return;
        }
        let long = text.len() >= SHORT;
        if long && PLAIN.get(text.as_str()).is_some() {
            return;
        }
        let masked = self.vault.mask(text);
        if long && masked == *text {
            PLAIN.insert(masked, ());
            return;
        }
        let changed = (masked != *text).then(|| masked.clone());
        self.known.insert(std::mem::replace(text, masked), changed);
    }

    /// A value, and what it is called; without that, numbers are left alone.
    fn value(&mut self, value: &mut Value, called: Option<&str>) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|v| self.value(v, called)),
            Value::Object(fields) => {
                for (key, v) in fields {
                    self.value(v, called.map(|_| key.as_str()));
                }
            }
            Value::Number(_) => {
                if let Some(text) = called.and_then(|called| self.number(value, called)) {
                    *value = Value::String(text);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// What stands for a number that is personal data: a card or a phone as a number of JSON.
    fn number(&mut self, number: &Value, called: &str) -> Option<String> {
        let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e19);
        let text = match (number.as_i64(), number.as_u64(), whole) {
            (Some(n), ..) => n.to_string(),
            (_, Some(n), _) => n.to_string(),
            (.., Some(n)) => format!("{n:.0}"),
            _ => return None,
        };
        if text.len() < DIGITS {
            return None;
        }
        // What it is called says what it may be.
        let label = format!("{}: ", called.replace('_', " "));
        let masked = self.vault.mask(&format!("{label}{text}"));
        let masked = masked.strip_prefix(&label)?;
        (masked != text).then(|| masked.to_owned())
    }

    fn found(&mut self, found: &mut Found) {
        for p in &mut found.passages {
            self.text(&mut p.text);
            self.text(&mut p.title);
            self.text(&mut p.snippet);
            p.heading_path.iter_mut().for_each(|h| self.text(h));
        }
    }
}

/// What a tool gets of arguments: with the personal data in its place, at the hands' border. A search
/// of the pages gets none of it, since a provider may turn what is searched into vectors.
pub(super) fn for_tool(vault: &Placeholders, tool: &str, args: &Value) -> Value {
    if tool != KB_SEARCH {
        return revealed(vault, args);
    }
    let mut args = args.clone();
    if let Some(Value::String(query)) = args.get_mut("query") {
        let words = Placeholders::without(query);
        // Of a message that is nothing else, its placeholders stay: a search needs words.
        if words.contains(char::is_alphanumeric) {
            *query = words;
        }
    }
    args
}

/// The same arguments with the personal data in its place.
fn revealed(vault: &Placeholders, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(vault.reveal(text)),
        Value::Array(items) => items.iter().map(|v| revealed(vault, v)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, v)| (key.clone(), revealed(vault, v)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_looked_through_as_their_text() {
        let mut vault = Placeholders::default();
        let mut given = Reply::of(json!({
            "card": 4_111_111_111_111_111_u64, "card_too": 4_111_111_111_111_111.0,
            "contact": { "phone_number": 436_641_234_567_u64 },
            "order_id": 1002, "total_minor": 42_900, "window_days": 30, "rate": 0.411_111_111_111_111_1,
        }));
        reply(&mut vault, &mut given);
        assert_eq!(
            given.output,
            json!({
                "card": "[CARD]", "card_too": "[CARD]", "contact": { "phone_number": "[PHONE_1]" },
                "order_id": 1002, "total_minor": 42_900, "window_days": 30, "rate": 0.411_111_111_111_111_1,
            })
        );
        assert_eq!(vault.reveal("[PHONE_1]"), "436641234567");
    }

    #[test]
    fn a_searchs_own_numbers_stay() {
        let mut vault = Placeholders::default();
        let mut given = Reply {
            output: json!([{ "chunk_id": 4_111_111_111_111_111_u64, "snippet": "Write to anna@example.com." }]),
            found: Some(Found::default()),
        };
        reply(&mut vault, &mut given);
        assert_eq!(given.output[0]["chunk_id"], 4_111_111_111_111_111_u64);
        assert_eq!(given.output[0]["snippet"], "Write to [EMAIL_1].");
    }

    #[test]
    fn a_search_is_told_nobodys_data() {
        let mut vault = Placeholders::default();
        let args = json!({ "query": vault.mask("my mail is anna@example.com"), "top_k": 5 });
        assert_eq!(for_tool(&vault, KB_SEARCH, &args)["query"], "my mail is ");
        let alone = json!({ "query": vault.mask("anna@example.com") });
        assert_eq!(for_tool(&vault, KB_SEARCH, &alone), alone);
        let revealed = for_tool(&vault, "get_order_status", &args);
        assert_eq!(revealed["query"], "my mail is anna@example.com");
    }
}
