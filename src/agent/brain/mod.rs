//! The brain: it reads the question and what the tools returned, plans the next call,
//! and drafts the answer sentence by sentence. It never touches data or keys.

mod connected;
pub mod extractive;
pub mod model;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::agent::machine::action::{Correction, HandoffReason, Question};
use crate::agent::machine::input::LinkFailure;
use crate::agent::meter::Meter;
use crate::domain::customer::Account;
use crate::domain::document::Found;
use crate::hands::outside::tools::SiteTools;

/// A message of the thread, oldest first in a [`TurnView`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Whether the visitor said it; else the agent or staff did.
    pub by_visitor: bool,
    /// The text.
    pub text: String,
}

/// What one tool call of this turn returned.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutcome {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
    /// Its output, or the error's code.
    pub result: Result<Value, String>,
    /// What a search of the knowledge base found; passages that may be cited.
    pub found: Option<Found>,
}

/// What the brain may see of a turn. Personal data is behind placeholders.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnView {
    /// The visitor's message.
    pub message: String,
    /// What was said before.
    pub history: Vec<Exchange>,
    /// How many messages of that, from the first on, a person has dealt with.
    pub handled: usize,
    /// The visitor's language, a BCP 47 tag.
    pub locale: String,
    /// The site's name.
    pub site_name: String,
    /// What stands for the visitor's name, where they are logged in.
    pub customer: Option<String>,
    /// The account that they are logged in to: for the hands, and no word of it for a model.
    pub account: Option<Account>,
    /// What the tools of this turn returned, in order.
    pub outcomes: Vec<ToolOutcome>,
    /// What went wrong with the last call.
    pub correction: Option<Correction>,
    /// Tools that the site doesn't let the agent use.
    pub off: Arc<BTreeSet<String>>,
    /// How well the best passage must fit for an answer, in percent; below it a person answers.
    pub confidence: u8,
    /// Tools that the site's operator has connected.
    pub site_tools: Arc<SiteTools>,
    /// The visitor was asked for a yes or a no, and their message is neither clearly.
    pub unclear: bool,
    /// Sentences of a draft that the gate held back; the next one must do without them.
    pub refused: Vec<Refused>,
}

impl TurnView {
    /// What was said since a person last dealt with the conversation.
    #[must_use]
    pub fn since(&self) -> &[Exchange] {
        self.history.get(self.handled..).unwrap_or_default()
    }

    /// What this turn's searches found; only that may be cited.
    pub fn found(&self) -> impl Iterator<Item = &Found> {
        self.outcomes.iter().filter_map(|o| o.found.as_ref())
    }
}

/// A sentence that the gate held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the brain wrote.
    pub md: String,
    /// Why it can't stand.
    pub why: String,
}

/// A tool and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Its name.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Call tools, one after the other; at least one.
    Calls(Vec<ToolCall>),
    /// Write the answer.
    Draft,
    /// Ask the visitor for something.
    Ask(Question),
    /// Give the thread to a person.
    Handoff(HandoffReason),
}

/// One sentence of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The white space before it, as the brain wrote it; none where it is for the answer to
    /// find one.
    pub gap: Option<String>,
    /// Markdown, without citation marks.
    pub md: String,
    /// The chunks that it rests on.
    pub cites: Vec<i64>,
    /// Whether it is a fixed sentence of this program, filled with what a tool returned: no
    /// model wrote a word of it. Its figures are checked all the same.
    pub fixed: bool,
}

/// Plans and drafts.
pub trait Brain: Send + Sync {
    /// Recorded on the turn and sent with the answer; a link of the fallback chain.
    fn name(&self) -> &str;

    /// What to do next. What it costs goes through the meter.
    fn plan<'a>(&'a self, view: &'a TurnView, meter: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>>;

    /// Writes the answer into `out`, a sentence at a time.
    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        meter: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>>;
}
