//! What the visitor is asked before a connected tool changes anything: the operator's own
//! question, or one of ours with the very arguments that would run. No word of the server is in
//! it.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::text;
use super::tools::Deed;
use crate::domain::tool::ToolCode;
use crate::hands::proposal::{self, Offer};
use crate::hands::{ToolContext, ToolError};

/// Characters shown of one argument.
const LONGEST: usize = 120;
/// Of the whole question; the database takes no longer one.
const QUESTION: usize = 900;

/// Stores the proposal; always an error for the machine: the visitor must say yes first.
pub(super) async fn offer(ctx: &ToolContext, deed: &Deed, args: &Value) -> Result<ToolError, ToolError> {
    let conversation = ctx.conversation()?;
    let german = ctx.locale.to_ascii_lowercase().starts_with("de");
    let summary = question(deed.terms.confirm.as_deref(), &deed.name, args, german);
    if summary.chars().count() > QUESTION {
        let cause = "its arguments are too long to be shown for a yes";
        return Err(ToolError::new(ToolCode::InvalidInput, cause));
    }
    // The same call of the same visitor is one thing to decide, in whichever conversation: what is in
    // doubt isn't begun anew in the next one. Others don't stand in each other's way.
    let same = Sha256::digest(format!("{}/{}/{args}", conversation.visitor, deed.name).as_bytes());
    let offer = Offer {
        tool: &deed.name,
        order_number: &hex::encode(&same[..8]),
        args,
        policy: &deed.version,
        amount: None,
        summary,
        needs_approval: false,
    };
    proposal::offer(ctx, offer).await
}

/// The question in words.
#[must_use]
pub fn question(confirm: Option<&str>, tool: &str, args: &Value, german: bool) -> String {
    let empty = Map::new();
    let args = args.as_object().unwrap_or(&empty);
    if let Some(template) = confirm {
        return filled(template, args);
    }
    let what = tool.replace(['_', '-'], " ");
    let with: Vec<String> = args
        .iter()
        .map(|(name, value)| format!("{}: {}", name.replace(['_', '-'], " "), shown(value)))
        .collect();
    let with = with.join("; ");
    match (german, with.is_empty()) {
        (false, true) => format!("Shall I do this: {what}?"),
        (false, false) => format!("Shall I do this: {what}, with {with}?"),
        (true, true) => format!("Soll ich das tun: {what}?"),
        (true, false) => format!("Soll ich das tun: {what}, mit {with}?"),
    }
}

/// All of an argument, or the yes would be to something else: what is too long to be shown whole
/// makes the question too long.
fn shown(value: &Value) -> String {
    let said = match value {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    let line = text::line(&said, usize::MAX);
    if line.chars().count() > LONGEST {
        // Nobody reads on.
        return "x".repeat(QUESTION + 1);
    }
    line
}

fn filled(template: &str, args: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, behind)) if args.contains_key(name) => {
                out.push_str(&shown(&args[name]));
                rest = behind;
            }
            Some((_, behind)) => {
                // An argument that wasn't given.
                out.push('–');
                rest = behind;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    text::line(&out, usize::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_very_arguments_are_asked_about() {
        let args = json!({"booking": 17, "note": "late\u{200b}\nfee", "why": null});
        assert_eq!(
            question(None, "hotel_cancel", &args, false),
            "Shall I do this: hotel cancel, with booking: 17; note: late fee; why: null?"
        );
        assert_eq!(
            question(Some("Cancel booking {booking} ({code})?"), "x", &args, true),
            "Cancel booking 17 (–)?"
        );
        let long = json!({"a": "y".repeat(200)});
        assert!(question(None, "x", &long, false).len() > QUESTION);
    }
}
