//! The brain: it reads the question and what the tools returned, plans the next call,
//! and drafts the answer sentence by sentence. It never touches data or keys.

pub mod extractive;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::domain::document::Found;

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

/// What the brain may see of a turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnView {
    /// The visitor's message.
    pub message: String,
    /// What was said before.
    pub history: Vec<Exchange>,
    /// The visitor's language, a BCP 47 tag.
    pub locale: String,
    /// The site's name.
    pub site_name: String,
    /// What the tools of this turn returned, in order.
    pub outcomes: Vec<ToolOutcome>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Call a tool.
    Call {
        /// Its name.
        tool: String,
        /// Its arguments.
        args: Value,
    },
    /// Write the answer.
    Draft,
    /// Give the thread to a person.
    Handoff,
}

/// One sentence of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Markdown, without citation marks.
    pub md: String,
    /// The chunks that it rests on.
    pub cites: Vec<i64>,
}

/// Why a brain couldn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrainFault {
    /// It has nothing to say.
    #[error("the brain gave an empty draft")]
    Empty,
    /// The listener went away.
    #[error("nobody takes the draft any more")]
    Cut,
}

/// Plans and drafts.
pub trait Brain: Send + Sync {
    /// Recorded on the turn and sent with the answer.
    fn name(&self) -> &'static str;

    /// What to do next.
    fn plan<'a>(&'a self, view: &'a TurnView) -> BoxFuture<'a, Result<Plan, BrainFault>>;

    /// Writes the answer into `out`, a sentence at a time.
    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), BrainFault>>;
}
