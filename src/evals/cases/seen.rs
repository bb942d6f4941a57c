//! What came of a step of a conversation, as the visitor could see it.

use std::time::Duration;

use crate::db::events::StoredEvent;
use crate::db::tool_calls;
use crate::domain::event::{Asks, ThreadEvent};
use crate::domain::ids::TurnId;
use crate::evals::cases::run::{CallSeen, Said};

/// What came of a step.
pub(super) struct Came {
    /// How it ended.
    pub(super) outcome: String,
    /// Which brain answered.
    pub(super) brain: String,
    /// What counts in the end.
    pub(super) text: String,
    /// What is cited.
    pub(super) citations: Vec<String>,
    /// What the visitor is asked.
    pub(super) asks: Option<Asks>,
    /// The agent's turn, where there was one.
    pub(super) turn: Option<TurnId>,
    /// To the first sentence.
    pub(super) first: Option<Duration>,
}

impl Came {
    /// Nothing that the agent did.
    pub(super) fn outside(outcome: &str) -> Self {
        Self {
            outcome: outcome.to_owned(),
            brain: "none".to_owned(),
            text: String::new(),
            citations: Vec::new(),
            asks: None,
            turn: None,
            first: None,
        }
    }
}

/// What the agent let the visitor read, also what it took back.
#[derive(Default)]
pub(super) struct Heard {
    /// All of it.
    pub(super) seen: String,
    /// Why it went to staff, if it did.
    pub(super) reason: Option<String>,
}

impl Heard {
    pub(super) fn hear(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::Delta { md, .. } => self.seen.push_str(md),
            ThreadEvent::Ask(asks) => self.seen.push_str(&format!("\n{}", asks.summary)),
            ThreadEvent::Handoff { reason, next, .. } => {
                self.reason = Some(reason.clone());
                self.seen.push_str(&format!("\n{next}"));
            }
            _ => {}
        }
    }
}

/// A step as it is scored and reported.
pub(super) fn said(
    came: Came,
    events: &[StoredEvent],
    calls: Vec<tool_calls::CallRow>,
    whole: Duration,
) -> Said {
    let (mut heard, mut by_staff) = (Heard::default(), String::new());
    for stored in events {
        heard.hear(&stored.event);
        if let ThreadEvent::Staff { md: Some(md), .. } = &stored.event {
            by_staff.push_str(&format!("{md}\n"));
            heard.seen.push_str(&format!("\n{md}"));
        }
    }
    let ask = came.asks.as_ref().map(|a| a.kind.as_str().to_owned());
    Said {
        outcome: came.outcome,
        brain: came.brain,
        // A question to the visitor is an answer of its kind.
        text: match came.asks {
            Some(asks) if came.text.is_empty() => asks.summary,
            _ if came.text.is_empty() => by_staff,
            _ => came.text,
        },
        seen: heard.seen,
        citations: came.citations,
        calls: calls.into_iter().map(CallSeen::from).collect(),
        ask,
        handoff_reason: heard.reason,
        first: came.first,
        whole,
    }
}

/// An event as a case names it; none for words, searches and progress.
pub(super) fn named(event: &ThreadEvent) -> Option<String> {
    Some(match event {
        ThreadEvent::Ask(asks) => format!("ask.{}", asks.kind.as_str()),
        ThreadEvent::Handoff { reason, .. } => format!("handoff.{reason}"),
        ThreadEvent::Staff { kind, .. } => format!("staff.{}", kind.as_str()),
        ThreadEvent::Final { outcome, .. } => format!("final.{}", outcome.as_str()),
        ThreadEvent::Error { code, .. } => format!("error.{code}"),
        ThreadEvent::Replace { .. } => "replace".to_owned(),
        _ => return None,
    })
}
