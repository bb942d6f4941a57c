//! Tickets and people without a model: a wish for a ticket, what it is about, where to reply, and
//! the yes to an offer of a person, read by rules over the conversation since a person last
//! answered in it. English and German, whatever the locale says.

mod say;
mod wish;

use serde_json::json;

use self::wish::Wish;
use super::Sentence;
use crate::agent::brain::{Plan, ToolCall, TurnView};
use crate::agent::machine::action::HandoffReason;
use crate::agent::phrases::Tongue;
use crate::hands::Tool;
use crate::hands::create_ticket::CreateTicket;
use crate::hands::update_ticket::UpdateTicket;
use crate::knowledge::words::words;

const CREATE: &str = CreateTicket::NAME;
const UPDATE: &str = UpdateTicket::NAME;
/// The longest subject, in characters.
const SUBJECT: usize = 80;
/// The longest text, as the tool takes it.
const BODY: usize = 4_000;
/// What makes a ticket urgent.
const HASTE: &[&str] = &[
    "urgent",
    "urgently",
    "asap",
    "immediately",
    "dringend",
    "sofort",
    "eilig",
];

fn subject(body: &str) -> String {
    let first = body
        .split(['\n', '.', '!', '?'])
        .map(str::trim)
        .find(|p| !p.is_empty())
        .unwrap_or(body);
    if first.chars().count() <= SUBJECT {
        return first.to_owned();
    }
    let cut: String = first.chars().take(SUBJECT).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole}…")
}

fn ran<'a>(view: &'a TurnView, tool: &str) -> Option<&'a Result<serde_json::Value, String>> {
    view.outcomes.iter().find(|o| o.tool == tool).map(|o| &o.result)
}

/// What to do next about tickets and people; none when the message isn't about them.
pub fn plan(view: &TurnView) -> Option<Plan> {
    if ran(view, CREATE).or_else(|| ran(view, UPDATE)).is_some() {
        return Some(Plan::Draft);
    }
    let call = |tool: &str, args: serde_json::Value| {
        Plan::Calls(vec![ToolCall {
            tool: tool.to_owned(),
            args,
        }])
    };
    Some(match wish::read(view)? {
        Wish::Person => Plan::Handoff(HandoffReason::VisitorAsked),
        Wish::Open { .. } | Wish::About if view.off.contains(CREATE) => Plan::Draft,
        Wish::Add(_) if view.off.contains(UPDATE) => Plan::Draft,
        Wish::About | Wish::Nothing => Plan::Draft,
        Wish::Open { body, email } => {
            let body: String = body.chars().take(BODY).collect();
            let mut args = json!({ "subject": subject(&body), "body": body });
            if let Some(email) = email {
                args["email"] = json!(email);
            }
            if words(&body).iter().any(|w| HASTE.contains(&w.lower.as_str())) {
                args["priority"] = json!("high");
            }
            call(CREATE, args)
        }
        Wish::Add(number) => {
            let message: String = view.message.chars().take(BODY).collect();
            let mut args = json!({ "message": message });
            if let Some(number) = number {
                args["ticket_id"] = json!(number);
            }
            call(UPDATE, args)
        }
    })
}

/// What came of it, in words; none when the message isn't about tickets.
pub fn draft(view: &TurnView) -> Option<Vec<Sentence>> {
    let tongue = Tongue::of(&view.locale);
    let line = match (ran(view, CREATE), ran(view, UPDATE)) {
        (Some(Ok(output)), _) => say::opened(output["ticket_id"].as_str().unwrap_or_default(), tongue),
        (_, Some(Ok(output))) => say::added(output["ticket_id"].as_str().unwrap_or_default(), tongue),
        (Some(Err(code)), _) => say::failed(code, tongue),
        (_, Some(Err(code))) if code == "NOT_FOUND" => say::missing(tongue),
        (_, Some(Err(code))) => say::failed(code, tongue),
        (None, None) => match wish::read(view)? {
            Wish::About if !view.off.contains(CREATE) => vec![say::asks_about(tongue).to_owned()],
            Wish::Nothing => say::nothing(tongue),
            _ => say::failed("DISABLED", tongue),
        },
    };
    let sentence = |md: String| Sentence {
        fixed: true,
        gap: None,
        md,
        cites: Vec::new(),
    };
    Some(line.into_iter().map(sentence).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_short() {
        assert_eq!(subject("The shade is broken. It came so."), "The shade is broken");
        let long = "word ".repeat(40);
        assert!(subject(&long).chars().count() <= SUBJECT + 1);
    }
}
