//! Placeholders for the personal data in what a tool returned, before a brain sees it.

use serde_json::Value;

use crate::guardrails::pii::placeholders::Placeholders;
use crate::hands::Reply;

/// Masks a tool's output and the passages that may be cited.
pub(super) fn reply(vault: &mut Placeholders, reply: &mut Reply<Value>) {
    mask(vault, &mut reply.output);
    for p in reply.found.iter_mut().flat_map(|f| &mut f.passages) {
        p.text = vault.mask(&p.text);
        p.title = vault.mask(&p.title);
        p.snippet = vault.mask(&p.snippet);
        for heading in &mut p.heading_path {
            *heading = vault.mask(heading);
        }
    }
}

fn mask(vault: &mut Placeholders, value: &mut Value) {
    match value {
        Value::String(text) => *text = vault.mask(text),
        Value::Array(items) => items.iter_mut().for_each(|v| mask(vault, v)),
        Value::Object(fields) => fields.values_mut().for_each(|v| mask(vault, v)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
