//! Letters on their way into the queue, sealed with their address; and out of it again, for the
//! job that sends them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::letter::Letter;
use crate::db::mails::{self, NewMail};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::ids::{MailId, SiteId, ThreadId, VisitorId};
use crate::domain::seal::MasterKey;

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A one-time code.
    Code,
    /// What staff wrote.
    Reply,
    /// What the agent sends to a visitor who asked for it.
    Message,
    /// For staff.
    Notice,
}

impl Kind {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Reply => "reply",
            Self::Message => "message",
            Self::Notice => "notice",
        }
    }
}

/// A letter to post.
#[derive(Debug)]
pub struct Posting<'a> {
    /// What for.
    pub kind: Kind,
    /// To one address.
    pub to: &'a str,
    /// Whose it is; it goes with them.
    pub visitor: Option<VisitorId>,
    /// The conversation that it comes from.
    pub thread: Option<ThreadId>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// After that it is of no use.
    pub not_after: Option<DateTime<Utc>>,
}

/// A letter with its address.
#[derive(Debug, Serialize, Deserialize)]
pub struct Addressed {
    /// To one address.
    pub to: String,
    /// What it says.
    pub letter: Letter,
}

fn owner(site: SiteId, mail: MailId) -> String {
    format!("site/{site}/mail/{mail}")
}

fn unreadable(error: impl std::fmt::Display) -> DbError {
    DbError::Unreadable(format!("a letter: {error}"))
}

/// Puts a letter into the queue, with the transaction.
///
/// # Errors
/// When the database does, or the letter is too long.
pub async fn post(
    tx: &mut SiteTx,
    master: &MasterKey,
    posting: &Posting<'_>,
    letter: Letter,
) -> DbResult<MailId> {
    let id = MailId::new();
    post_as(tx, master, id, posting, letter).await?;
    Ok(id)
}

/// The same under an id of the caller's; one that is there already stays as it is.
///
/// # Errors
/// As [`post`].
pub async fn post_as(
    tx: &mut SiteTx,
    master: &MasterKey,
    id: MailId,
    posting: &Posting<'_>,
    letter: Letter,
) -> DbResult<()> {
    if !letter.fits() {
        return Err(unreadable("it is too long"));
    }
    let addressed = Addressed {
        to: posting.to.to_owned(),
        letter,
    };
    let plain = serde_json::to_vec(&addressed).map_err(unreadable)?;
    let sealed = master.seal(&owner(tx.site(), id), &plain).map_err(unreadable)?;
    let mail = NewMail {
        id,
        kind: posting.kind.as_str(),
        visitor: posting.visitor,
        thread: posting.thread,
        letter: &sealed,
        at: posting.at,
        not_after: posting.not_after,
    };
    mails::add(tx, &mail).await
}

/// Opens what was posted.
///
/// # Errors
/// When it can't be opened with this master key.
pub fn open(master: &MasterKey, site: SiteId, id: MailId, sealed: &[u8]) -> DbResult<Addressed> {
    let plain = master.open(&owner(site, id), sealed).map_err(unreadable)?;
    serde_json::from_slice(&plain).map_err(unreadable)
}
