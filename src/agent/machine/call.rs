//! A tool's call as the machine sees it: which tool, where its arguments lie, whether
//! it changes anything, and what came of it. Values and free text stay with the hands.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{CallId, ProposalId};

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its row in `tool_calls`; the driver gives the id.
    pub call_id: CallId,
    /// The tool's registered name.
    pub tool: String,
    /// Where its arguments lie.
    pub args: ArgsRef,
    /// Whether it changes anything: what the registry says of the tool.
    pub effect: Effect,
    /// How long it may take, where it is a change that has a time of its own: broken off sooner,
    /// nobody would know what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u32>,
}

/// Where a call's arguments lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ArgsRef {
    /// The brain's own, stored with the call.
    Call,
    /// Those of a proposal that the visitor has said yes to.
    Proposal {
        /// Which one.
        proposal: ProposalId,
    },
}

/// Whether a tool changes anything outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// It only reads: it may be repeated.
    Read,
    /// It changes something: it happens at most once for its key.
    Write {
        /// The key in the ledger `effects`.
        key: String,
    },
}

impl Effect {
    /// The key of a write.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Read => None,
            Self::Write { key } => Some(key),
        }
    }
}

/// Why the hands turned a call down before running it (AGT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// No such tool.
    Unknown,
    /// Its arguments break the tool's schema.
    Schema,
}

/// How well a search's result fits, by the site's threshold (GRD-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// At or above it.
    Enough,
    /// Below it.
    Low,
}

/// What the ledger of effects says of a write after a crash. A row that was `started`
/// has been reconciled with the remote side by then, or is `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ledger {
    /// It never began; also what is given where no write was open.
    None,
    /// It is done, its result is stored.
    Done,
    /// It may have happened.
    Unknown,
}
