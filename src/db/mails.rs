//! Mails that go out: one row a mail and address, its content sealed until it was sent or given
//! up. The row is written in the transaction of what causes it, and its job with it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::jobs;
use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{MailId, ThreadId, VisitorId};
use crate::domain::job::{Job, Priority, Work};

/// A mail to store.
#[derive(Debug)]
pub struct NewMail<'a> {
    /// Its id, which its content is sealed to and its Message-ID made of.
    pub id: MailId,
    /// `code`, `reply`, `message` or `notice`.
    pub kind: &'static str,
    /// Whose it is.
    pub visitor: Option<VisitorId>,
    /// The conversation that it comes from.
    pub thread: Option<ThreadId>,
    /// Address and content, sealed.
    pub letter: &'a [u8],
    /// When it was written.
    pub at: DateTime<Utc>,
    /// After that it isn't sent any more.
    pub not_after: Option<DateTime<Utc>>,
}

/// Puts a mail into the queue. One of this id that is there already stays as it is.
///
/// # Errors
/// When the database does.
pub async fn add(tx: &mut SiteTx, mail: &NewMail<'_>) -> DbResult<()> {
    let new = sqlx::query!(
        "INSERT INTO mails (site_id, id, kind, visitor_id, thread_id, letter, at, not_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (site_id, id) DO NOTHING",
        tx.site().0,
        mail.id.0,
        mail.kind,
        mail.visitor.map(|v| v.0),
        mail.thread.map(|t| t.0),
        mail.letter,
        mail.at,
        mail.not_after
    )
    .execute(tx.conn())
    .await?;
    if new.rows_affected() == 0 {
        return Ok(());
    }
    let job = Job {
        work: Work::SendMail { mail: mail.id },
        key: mail.id.to_string(),
        // Somebody sits and waits for it.
        priority: if mail.kind == "code" {
            Priority::High
        } else {
            Priority::Standard
        },
    };
    jobs::enqueue(tx, &job).await?;
    Ok(())
}

/// A mail that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMail {
    /// `code`, `reply`, `message` or `notice`.
    pub kind: String,
    /// Address and content, sealed.
    pub letter: Vec<u8>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// After that it isn't sent any more.
    pub not_after: Option<DateTime<Utc>>,
}

/// The last mail of a kind to a visitor, with its content, sealed, while that is kept.
///
/// # Errors
/// When the database does.
pub async fn last(tx: &mut SiteTx, visitor: VisitorId, kind: &str) -> DbResult<Option<(MailId, Vec<u8>)>> {
    let row = sqlx::query!(
        r#"SELECT id, letter AS "letter!" FROM mails
           WHERE visitor_id = $1 AND kind = $2 AND letter IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1"#,
        visitor.0,
        kind
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| (MailId(r.id), r.letter)))
}

/// A mail that still has to be sent; none when it was, or was given up, or its person erased.
///
/// # Errors
/// When the database does.
pub async fn waiting(tx: &mut SiteTx, id: MailId) -> DbResult<Option<WaitingMail>> {
    let row = sqlx::query_as!(
        WaitingMail,
        r#"SELECT kind, letter AS "letter!", at, not_after FROM mails WHERE id = $1 AND state = 'waiting'"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Notes how a try ended. With anything but `waiting` the content is taken out.
///
/// # Errors
/// When the database does.
pub async fn note(
    tx: &mut SiteTx,
    id: MailId,
    state: &str,
    code: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE mails SET state = $2, code = $3, tries = tries + 1,
                          letter = CASE WHEN $2 = 'waiting' THEN letter END,
                          ended_at = CASE WHEN $2 <> 'waiting' THEN $4::timestamptz END
         WHERE id = $1 AND state = 'waiting'",
        id.0,
        state,
        code,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A mail as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MailRow {
    /// Its id.
    pub id: Uuid,
    /// `code`, `reply`, `message` or `notice`.
    pub kind: String,
    /// `waiting`, `sent`, `refused` or `expired`.
    pub state: String,
    /// Why the last try failed.
    pub code: Option<String>,
    /// Tries so far.
    pub tries: i32,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// When it was sent or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The last mails, newest first. Nobody sees to whom they went.
///
/// # Errors
/// When the database does.
pub async fn list(tx: &mut SiteTx, most: i64) -> DbResult<Vec<MailRow>> {
    let rows = sqlx::query_as!(
        MailRow,
        "SELECT id, kind, state, code, tries, at, ended_at FROM mails ORDER BY at DESC, id LIMIT $1",
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Mails of a kind that were written to a visitor since then.
///
/// # Errors
/// When the database does.
pub async fn written(tx: &mut SiteTx, visitor: VisitorId, kind: &str, since: DateTime<Utc>) -> DbResult<i64> {
    let n = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM mails WHERE visitor_id = $1 AND kind = $2 AND at > $3"#,
        visitor.0,
        kind,
        since
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(n)
}
