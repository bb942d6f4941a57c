//! Planning: the model is given the tools and three ways to end, and must call one. Several
//! calls at once are taken in their order; words instead of a call mean that it wants to
//! answer.

use std::sync::Arc;

use minijinja::context;
use serde_json::{Value, json};

use super::{ModelBrain, context as shown};
use crate::agent::brain::{Plan, ToolCall, TurnView, connected};
use crate::agent::machine::action::{Correction, HandoffReason, Question};
use crate::agent::machine::call::Rejection;
use crate::agent::machine::ctx::MAX_TOOLS;
use crate::agent::machine::input::LinkFailure;
use crate::agent::meter::Meter;
use crate::domain::tool::KB_SEARCH;
use crate::models::chat::{ChatMessage, ChatRequest, Chunk, ToolChoice, ToolSpec};
use crate::models::prompts;
use crate::models::tokens::Counter;

/// A plan is a call; this is room for long arguments.
const PLAN_TOKENS: u32 = 500;
/// Calls read of one plan.
const CALLS: usize = 8;

const ANSWER: &str = "write_answer";
pub(super) const HAND_OVER: &str = "hand_over";
const ASK: &str = "ask_for_address";

/// How planning can end beside a tool.
pub(super) fn ends() -> [ToolSpec; 3] {
    let spec = |name: &str, description: &str, properties: Value, required: Value| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        }),
    };
    [
        spec(
            ANSWER,
            "What is known is enough: the answer is written next.",
            json!({}),
            json!([]),
        ),
        spec(
            HAND_OVER,
            "A person of the team takes over.",
            json!({ "reason": {
                "type": "string",
                "enum": ["visitor_asked", "policy", "low_confidence", "out_of_scope"],
            } }),
            json!(["reason"]),
        ),
        spec(
            ASK,
            "Asks the visitor for an e-mail address, so that a person can reply.",
            json!({}),
            json!([]),
        ),
    ]
}

pub(super) async fn plan(brain: &ModelBrain, view: &TurnView, meter: &Meter) -> Result<Plan, LinkFailure> {
    // What the visitor has said yes to has run: that is told, and nothing else is done.
    if connected::done(view).is_some() {
        return Ok(Plan::Draft);
    }
    let settings = brain.provider.settings();
    let calls_left = usize::from(MAX_TOOLS).saturating_sub(view.outcomes.len());
    let system = prompts::PLAN.render(context! {
        site_name => view.site_name,
        calls_left => calls_left,
        customer => view.customer,
        correction => view.correction.map(correction),
        handled => view.handled > 0,
    });
    let budget = brain.budget;
    let tools = if calls_left > 0 {
        callable(brain, view)
    } else {
        Arc::clone(&brain.ends)
    };
    let fixed = shown::bound(&system) + shown::bound(&view.message) + brain.size_of(&tools) + PLAN_TOKENS;
    let room = settings.context_tokens.saturating_sub(fixed);
    let mut messages = vec![ChatMessage::System(system)];
    messages.extend(shown::history(
        view,
        budget.history_messages,
        budget
            .history_tokens
            .min(usize::try_from(room / 2).unwrap_or(usize::MAX)),
        Counter::of(&settings.plan_model),
    ));
    messages.push(ChatMessage::User(view.message.clone()));
    messages.extend(shown::outcomes(view, room / 2));
    let request = ChatRequest {
        model: settings.plan_model.clone(),
        messages,
        tools,
        tool_choice: ToolChoice::Required,
        temperature: settings.plan_temperature,
        max_tokens: PLAN_TOKENS,
    };
    let mut answer = brain.ask(meter, "plan", &prompts::PLAN.id, request).await?;
    let mut calls = Vec::new();
    let mut wrote = false;
    let plan = loop {
        match answer.next().await {
            Ok(Chunk::Call(call)) if calls.len() < CALLS => calls.push(call),
            Ok(Chunk::Call(_)) => {}
            Ok(Chunk::Text(text)) => wrote |= !text.trim().is_empty(),
            Ok(Chunk::End { .. }) => break read(calls, wrote),
            Err(failure) => break Err(failure),
        }
    };
    answer.end(plan.as_ref().map(|_| ()).map_err(|f| *f));
    plan
}

/// What may be called on this site: what is switched off is hidden, but for the search, whose
/// being off leads to a person. What the site's operator has connected is added.
fn callable(brain: &ModelBrain, view: &TurnView) -> Arc<[ToolSpec]> {
    let connected = view.site_tools.specs();
    if connected.is_empty() && view.off.is_empty() {
        return Arc::clone(&brain.tools);
    }
    let on = |name: &str| name == KB_SEARCH || !view.off.contains(name);
    let own = brain.tools.iter().cloned();
    own.chain(connected).filter(|t| on(&t.name)).collect()
}

fn read(calls: Vec<crate::models::chat::ToolCall>, wrote: bool) -> Result<Plan, LinkFailure> {
    let (ends, tools): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .partition(|c| [ANSWER, HAND_OVER, ASK].contains(&c.name.as_str()));
    if !tools.is_empty() {
        let call = |c: crate::models::chat::ToolCall| ToolCall {
            // Broken JSON breaks the tool's schema as well, and is told so.
            args: storable(serde_json::from_str(&c.args).unwrap_or(Value::String(c.args))),
            tool: c.name,
        };
        return Ok(Plan::Calls(tools.into_iter().map(call).collect()));
    }
    match ends.first() {
        Some(end) if end.name == HAND_OVER => Ok(Plan::Handoff(handoff(&end.args))),
        Some(end) if end.name == ASK => Ok(Plan::Ask(Question::Contact)),
        Some(_) => Ok(Plan::Draft),
        None if wrote => Ok(Plan::Draft),
        None => Err(LinkFailure::Empty),
    }
}

/// Without U+0000, which the database refuses.
fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(items) => Value::Array(items.into_iter().map(storable).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key.replace('\0', ""), storable(value)))
                .collect(),
        ),
        other => other,
    }
}

fn handoff(args: &str) -> HandoffReason {
    let args: Value = serde_json::from_str(args).unwrap_or_default();
    match args.get("reason").and_then(Value::as_str) {
        Some("visitor_asked") => HandoffReason::VisitorAsked,
        Some("policy") => HandoffReason::Policy,
        Some("low_confidence") => HandoffReason::LowConfidence,
        _ => HandoffReason::OutOfScope,
    }
}

fn correction(correction: Correction) -> String {
    match correction {
        Correction::Rejected {
            why: Rejection::Unknown,
        } => "there is no such tool".to_owned(),
        Correction::Rejected {
            why: Rejection::Schema,
        } => "its arguments break the tool's schema".to_owned(),
        Correction::ToolFailed { code } => format!("the tool failed with {}", code.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, args: &str) -> crate::models::chat::ToolCall {
        crate::models::chat::ToolCall {
            id: "1".into(),
            name: name.into(),
            args: args.into(),
        }
    }

    #[test]
    fn calls_are_read_leniently() {
        let search = call("kb_search", r#"{"query":"q"}"#);
        let read_one = |c| read(vec![c], false);
        assert_eq!(
            read(vec![call(ANSWER, "{}"), search.clone(), search], false),
            Ok(Plan::Calls(vec![
                ToolCall {
                    tool: "kb_search".into(),
                    args: json!({"query": "q"})
                };
                2
            ]))
        );
        assert_eq!(read_one(call(ANSWER, "not json")), Ok(Plan::Draft));
        assert_eq!(
            read_one(call(HAND_OVER, r#"{"reason":"policy"}"#)),
            Ok(Plan::Handoff(HandoffReason::Policy))
        );
        assert_eq!(
            read_one(call(HAND_OVER, "")),
            Ok(Plan::Handoff(HandoffReason::OutOfScope))
        );
        assert_eq!(read_one(call(ASK, "{}")), Ok(Plan::Ask(Question::Contact)));
        let broken = read_one(call("kb_search", r#"{"query":"#));
        assert_eq!(
            broken,
            Ok(Plan::Calls(vec![ToolCall {
                tool: "kb_search".into(),
                args: json!("{\"query\":")
            }]))
        );
        let nul = read_one(call("kb_search", r#"{"que\u0000ry":["a\u0000b"]}"#));
        assert_eq!(
            nul,
            Ok(Plan::Calls(vec![ToolCall {
                tool: "kb_search".into(),
                args: json!({"query": ["ab"]})
            }]))
        );
        assert_eq!(read(vec![], true), Ok(Plan::Draft));
        assert_eq!(read(vec![], false), Err(LinkFailure::Empty));
    }
}
