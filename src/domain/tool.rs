//! The words that brain, machine and hands share about tools: the closed list of what
//! can go wrong with one.

use serde::{Deserialize, Serialize};

/// The tool that searches the site's documents.
pub const KB_SEARCH: &str = "kb_search";

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
