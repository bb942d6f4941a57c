//! The words that brain, machine and hands share about tools: the closed list of what
//! can go wrong with one, what one may need first, and how much it may change.

use serde::{Deserialize, Serialize};

use crate::domain::ids::ProposalId;
use crate::domain::site::Mode;

/// The tool that searches the site's documents.
pub const KB_SEARCH: &str = "kb_search";
/// The tool that gives a conversation to a person.
pub const HANDOFF_HUMAN: &str = "handoff_human";

/// How much a tool changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Nothing: it may be repeated.
    Reads,
    /// Something of the support's own: a ticket, a handoff, a mail to the visitor.
    Serves,
    /// Orders, money, addresses. A call of it only makes a proposal; what the visitor has said
    /// yes to runs later, with the stored arguments.
    Guarded,
}

impl Power {
    /// Whether the agent may use such a tool on a site (AGT-15).
    #[must_use]
    pub fn is_allowed(self, mode: Mode) -> bool {
        match mode {
            Mode::Shadow => self == Self::Reads,
            Mode::Assist => self != Self::Guarded,
            Mode::Full => true,
        }
    }

    /// The name in lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Serves => "serves",
            Self::Guarded => "guarded",
        }
    }
}

/// What must happen before a tool does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Need {
    /// The visitor must show who they are.
    Identity,
    /// The visitor must leave an address for the answer.
    Contact,
    /// The visitor must say yes to this very proposal.
    Confirm {
        /// The stored call.
        proposal: ProposalId,
    },
    /// Staff must approve this very proposal.
    Approval {
        /// The stored call.
        proposal: ProposalId,
    },
}

/// The closed list of a tool's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub enum ToolCode {
    NotFound,
    Unauthorized,
    InvalidInput,
    RateLimit,
    Timeout,
    #[serde(rename = "UPSTREAM_5XX")]
    Upstream5xx,
    Disabled,
    NeedsConfirmation,
    NeedsApproval,
}

impl ToolCode {
    /// The name on the wire and in the audit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::InvalidInput => "INVALID_INPUT",
            Self::RateLimit => "RATE_LIMIT",
            Self::Timeout => "TIMEOUT",
            Self::Upstream5xx => "UPSTREAM_5XX",
            Self::Disabled => "DISABLED",
            Self::NeedsConfirmation => "NEEDS_CONFIRMATION",
            Self::NeedsApproval => "NEEDS_APPROVAL",
        }
    }

    /// Whether a write that ended so may have done its work all the same.
    #[must_use]
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Self::Timeout | Self::Upstream5xx)
    }

    /// Whether a read may be tried again.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Timeout | Self::Upstream5xx | Self::RateLimit)
    }
}
