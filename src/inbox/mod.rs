//! What people of the site do: they take threads over and write in them ([`desk`]), decide
//! about what waits for their approval ([`decide`]), send what was drafted for them ([`drafts`]),
//! hear how a doubtful effect has ended ([`ends`]), and work on tickets ([`tickets`]), which other systems mirror ([`mirror`]). What they are told
//! of ([`notices`]), and how their replies reach a visitor who has gone ([`followup`]). The
//! command line, the API and, later, the console call these.

pub mod decide;
pub mod desk;
mod drafts;
pub mod ends;
pub mod followup;
pub mod mirror;
pub mod notices;
mod slack;
pub mod tickets;

use crate::db::pool::DbError;
use crate::domain::seal::SealError;

/// The longest name of staff, and the longest reply, in characters.
pub const LONGEST_NAME: usize = 200;
/// The longest reply, in characters.
pub const LONGEST_REPLY: usize = 8_000;

/// Why something can't be done.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// No such thread on this site.
    #[error("there is no such conversation on this site")]
    NoThread,
    /// No such proposal on this site.
    #[error("there is no such proposal on this site")]
    NoProposal,
    /// No such ticket on this site.
    #[error("there is no such ticket on this site; `deskhand tickets list` shows them")]
    NoTicket,
    /// No such draft on this site.
    #[error("there is no such draft on this site; `deskhand inbox list` shows those that wait")]
    NoDraft,
    /// The draft was sent or dropped before.
    #[error("this draft was decided before: it is {0}")]
    Decided(String),
    /// A field with a value that it doesn't take.
    #[error(transparent)]
    Field(#[from] tickets::BadField),
    /// Somebody else has it.
    #[error("{0} has claimed it; `--take` takes it over")]
    Claimed(String),
    /// One must have claimed it first.
    #[error("the agent has this conversation; claim it first")]
    NotHeld,
    /// The proposal doesn't wait for a decision.
    #[error("it doesn't wait for a decision: it is {0}")]
    NotWaiting(String),
    /// A text that can't be sent.
    #[error("{0}")]
    BadText(&'static str),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}
