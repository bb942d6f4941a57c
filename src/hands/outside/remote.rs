//! The other side of a connected tool, however it is spoken to, and what can go wrong there:
//! above all, whether something may have been done although no answer came.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::domain::tool::ToolCode;
use crate::hands::ToolError;
use crate::knowledge::fetch::error::{FetchError, Reason};

/// A call as the other side gets it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The arguments; they fit the tool's schema.
    pub args: &'a Value,
    /// Of a write: the same key is the same effect, however often it comes.
    pub key: Option<&'a str>,
    /// What the visitor has shown to be theirs, where the connection asks for that.
    pub emails: &'a [String],
    /// How long it may take.
    pub time: Duration,
}

/// The other side of one tool.
pub trait Remote: Send + Sync {
    /// Asks it once.
    fn ask<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<Value, Fault>>;
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It never got there.
    #[error("it can't be reached: {0}")]
    Unsent(String),
    /// No whole answer came; it may have acted.
    #[error("no answer: {0}")]
    Silent(String),
    /// It answered that it failed, or what nobody can read; it may have acted.
    #[error("it failed: {0}")]
    Failed(String),
    /// This tool's answer was of no use; the other side is there, and may have acted.
    #[error("a bad answer: {0}")]
    Useless(String),
    /// It asks for fewer calls.
    #[error("it asks for fewer calls")]
    Limited,
    /// It says no: nothing was done.
    #[error("{code}: {why}", code = .0.as_str(), why = .1)]
    Refused(ToolCode, String),
}

impl Fault {
    /// Whether a write may have done its work all the same.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Silent(_) | Self::Failed(_) | Self::Useless(_))
    }

    /// By an answer's status that isn't a success.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let said = format!("status {status}");
        match status {
            401 | 403 | 407 => Self::Refused(
                ToolCode::Disabled,
                format!("{said}: what the connection shows isn't accepted there"),
            ),
            404 | 410 => Self::Refused(ToolCode::NotFound, said),
            408 | 425 => Self::Silent(said),
            429 => Self::Limited,
            400..500 => Self::Refused(ToolCode::InvalidInput, said),
            500.. => Self::Failed(said),
            _ => Self::Refused(ToolCode::Disabled, format!("{said}: no answer to use")),
        }
    }
}

impl From<FetchError> for Fault {
    fn from(error: FetchError) -> Self {
        match &error.reason {
            Reason::BadUrl
            | Reason::Scheme
            | Reason::UserInfo
            | Reason::Port(_)
            | Reason::Origin(_)
            | Reason::Address(_)
            | Reason::Disk => Self::Refused(ToolCode::Disabled, error.to_string()),
            Reason::Unresolvable(_) | Reason::Connect(_) | Reason::Tls(_) => Self::Unsent(error.to_string()),
            Reason::TooLarge(_) | Reason::Encoding | Reason::NotForAll | Reason::Mistyped(_) => {
                Self::Useless(error.to_string())
            }
            Reason::Status(status) => Self::of_status(*status),
            Reason::Timeout(_) | Reason::CutOff | Reason::Redirect { .. } => Self::Silent(error.to_string()),
        }
    }
}

impl From<Fault> for ToolError {
    fn from(fault: Fault) -> Self {
        let cause = fault.to_string();
        match fault {
            Fault::Unsent(_) | Fault::Failed(_) => Self::new(ToolCode::Upstream5xx, cause).away(),
            Fault::Silent(_) => Self::new(ToolCode::Timeout, cause).away(),
            Fault::Useless(_) => Self::new(ToolCode::Upstream5xx, cause).lasting(),
            Fault::Limited => Self::new(ToolCode::RateLimit, cause),
            Fault::Refused(code, why) => Self::new(code, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_have_happened_leaves_doubt() {
        for (status, code, doubt) in [
            (400, ToolCode::InvalidInput, false),
            (401, ToolCode::Disabled, false),
            (404, ToolCode::NotFound, false),
            (302, ToolCode::Disabled, false),
            (408, ToolCode::Timeout, true),
            (429, ToolCode::RateLimit, false),
            (500, ToolCode::Upstream5xx, true),
            (503, ToolCode::Upstream5xx, true),
        ] {
            let fault = Fault::of_status(status);
            assert_eq!(fault.leaves_doubt(), doubt, "{status}");
            assert_eq!(ToolError::from(fault).code, code, "{status}");
        }
        let fault = |reason: Reason| Fault::from(FetchError::from(reason));
        assert!(!fault(Reason::Connect("a".into())).leaves_doubt());
        assert!(!fault(Reason::Address("a".into())).leaves_doubt());
        assert!(fault(Reason::CutOff).leaves_doubt());
        assert!(fault(Reason::TooLarge(1)).leaves_doubt());
    }
}
