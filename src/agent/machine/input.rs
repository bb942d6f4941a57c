//! What the driver tells the machine: answers to what it asked for, clocks that ran
//! out, and what came from outside. Codes and references only, so that a stored turn
//! can be replayed without anybody's words.

use crate::domain::tool::{Need, ToolCode};
use serde::{Deserialize, Serialize};

use crate::agent::machine::action::{HandoffReason, Question};
use crate::agent::machine::call::{Call, Confidence, Ledger, Rejection};
use crate::agent::machine::ctx::Timer;
use crate::domain::ids::{CallId, ProposalId};

/// Something that happened. Its time comes beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// The turn is stored and begins.
    Started,
    /// Answers `Screen`.
    Screened {
        /// What the message is.
        verdict: Verdict,
    },
    /// Answers `Plan`.
    Planned {
        /// What the brain wants.
        plan: Plan,
    },
    /// Answers `CallTool`: turned down before it ran.
    CallRejected {
        /// The call.
        call_id: CallId,
        /// Why.
        why: Rejection,
    },
    /// Answers `CallTool`: its result is stored under the call's id.
    ToolOk {
        /// The call.
        call_id: CallId,
        /// How well the result fits, where the tool is a search.
        confidence: Option<Confidence>,
    },
    /// Answers `CallTool`: an error, after the hands' own retries.
    ToolErr {
        /// The call.
        call_id: CallId,
        /// Which error.
        code: ToolCode,
    },
    /// Answers `CallTool`: nothing was done yet, something is missing.
    ToolNeeds {
        /// The call.
        call_id: CallId,
        /// What is missing.
        need: Need,
    },
    /// Answers `Plan` or `Draft`: the link gave nothing usable, or nothing more.
    LinkFailed {
        /// How.
        cause: LinkFailure,
    },
    /// Answers `Draft`, once a sentence, in order: the gate has judged it.
    Sentence {
        /// Its index within the draft.
        i: u32,
        /// What the gate says.
        gate: Gate,
    },
    /// Answers `Draft`: no more sentences come.
    DraftEnded,
    /// Answers `CheckAnswer`.
    Checked {
        /// What the check of the whole says.
        gate: Gate,
    },
    /// A clock ran out.
    Timer {
        /// Which.
        timer: Timer,
    },
    /// Answers `CallTool`: the conversation was given to a person by it.
    ToolHandsOver {
        /// The call.
        call_id: CallId,
        /// Why.
        reason: HandoffReason,
    },
    /// Answers `StoreAsk`, `StoreDraft`, `OpenTicket`, `OpenHandoff`: it is stored.
    Closed(Stored),
    /// Answers the same: it could not be stored.
    CloseFailed,
    /// Staff hold the thread now.
    Fenced,
    /// The visitor pressed stop.
    Cancelled,
    /// A worker took the turn over from one that died.
    Resumed {
        /// What the ledger says of the write that was open, else `none`.
        ledger: Ledger,
    },
}

/// What is to be said of something that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stored {
    /// No address of the visitor is known, and one is needed for a reply.
    pub needs_contact: bool,
    /// It was there before this turn: a person has the conversation already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub already: bool,
    /// Nobody of the site's is in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
}

/// What screening makes of the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// An ordinary message.
    Clean,
    /// The content filter tripped (GRD-3).
    Blocked,
    /// The content filter couldn't be asked, and nothing may pass without it.
    Unmoderated,
    /// A closed rule saw a wish for a person (GRD-6).
    WantsHuman,
    /// Yes to a proposal: by the widget's button, or by an exact yes to the agent's last word.
    Confirms {
        /// Which one.
        proposal: ProposalId,
        /// Its stored call, with a fresh call id and the proposal's own key.
        call: Call,
    },
    /// No to a proposal; screening has stored that.
    Declines {
        /// Which one.
        proposal: ProposalId,
    },
    /// The message is only an address to reply to; screening has stored it.
    LeavesAddress,
}

/// What a brain wants to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Plan {
    /// Call a tool.
    Call {
        /// Which, with what.
        call: Call,
    },
    /// Write the answer.
    Draft,
    /// Ask the visitor for something.
    Ask {
        /// What.
        question: Question,
    },
    /// Give the thread to a person.
    Handoff {
        /// Why.
        reason: HandoffReason,
    },
}

/// How a link failed (AGT-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFailure {
    /// No answer in time.
    Timeout,
    /// It wasn't asked: it failed too often just before, or said how long to leave it alone.
    BreakerOpen,
    /// HTTP 429.
    RateLimit,
    /// HTTP 5xx.
    ServerError,
    /// The stream broke off.
    Cut,
    /// The stream fell silent.
    Stall,
    /// What came could not be read.
    Malformed,
    /// Nothing came.
    Empty,
    /// An error came after the answer had begun.
    LateError,
    /// The provider turned the request down: its configuration is wrong, or it filters.
    Refused,
    /// The site's spending cap for the day is reached (AGT-17).
    OverBudget,
}

impl LinkFailure {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::BreakerOpen => "breaker_open",
            Self::RateLimit => "rate_limit",
            Self::ServerError => "server_error",
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::Malformed => "malformed",
            Self::Empty => "empty",
            Self::LateError => "late_error",
            Self::Refused => "refused",
            Self::OverBudget => "over_budget",
        }
    }
}

/// A guardrail's word on a sentence or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Gate {
    /// It may stand.
    Pass,
    /// It may not.
    Fail {
        /// Why.
        reason: GateReason,
    },
}

/// Why a sentence or an answer may not stand (GRD-1, GRD-3, GRD-4, GRD-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateReason {
    /// A fact without a citation.
    Uncited,
    /// A citation of something that was not retrieved in this turn.
    BadCitation,
    /// The cited passage doesn't support the sentence.
    Unsupported,
    /// An order's state, an amount, a date or a number that differs from the tool's result.
    Mismatch,
    /// The content filter tripped.
    Content,
    /// The content filter couldn't be asked, and nothing may pass without it.
    Unmoderated,
    /// Somebody else's personal data.
    PersonalData,
    /// Something internal.
    Internal,
    /// Too long, or not to be rendered safely.
    Form,
    /// The whole answers a question of policy from no document.
    NoDocument,
}
