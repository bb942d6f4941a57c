//! Placeholders for the personal data in what a tool gave, before any brain reads it. Most
//! passages hold none, and are found again and again: those are remembered.

use std::collections::HashMap;
use std::sync::LazyLock;

use moka::sync::Cache;
use serde_json::Value;

use crate::domain::document::Found;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::hands::Reply;

/// How many bytes of texts without personal data are remembered.
const MOST_KEPT: u64 = 8 << 20;
/// Shorter ones are looked through as fast.
const SHORT: usize = 100;

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
    if let Some(found) = &mut reply.found {
        mask.found(found);
    }
    mask.value(&mut reply.output);
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

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|v| self.value(v)),
            Value::Object(fields) => fields.values_mut().for_each(|v| self.value(v)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
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

/// The same arguments with the personal data in its place: what the hands get.
pub(super) fn revealed(vault: &Placeholders, value: &Value) -> Value {
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
