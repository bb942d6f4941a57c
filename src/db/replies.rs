//! What staff wrote, and whether it has reached its visitor (INB-6). An open stream of any
//! replica notes what it was told; the visitor's client shows what it has when it comes back for
//! what follows, at the latest when its token ends. What nobody has read is mailed.

use chrono::{DateTime, Utc};

use super::jobs;
use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{ThreadId, VisitorId};
use crate::domain::job::{Job, Priority, Work};

/// Notes a reply that its visitor hasn't read yet, and the job that looks whether they do.
///
/// # Errors
/// When the database does.
pub async fn add(tx: &mut SiteTx, thread: ThreadId, seq: i64, at: DateTime<Utc>) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO staff_replies (site_id, thread_id, seq, at) VALUES ($1, $2, $3, $4)",
        tx.site().0,
        thread.0,
        seq,
        at
    )
    .execute(tx.conn())
    .await?;
    let job = Job {
        work: Work::MailReply { thread, seq },
        key: format!("{thread}/{seq}"),
        priority: Priority::Standard,
    };
    jobs::enqueue(tx, &job).await?;
    Ok(())
}

/// Notes that an open stream was sent everything up to an event.
///
/// # Errors
/// When the database does.
pub async fn told(tx: &mut SiteTx, thread: ThreadId, seq: i64, now: DateTime<Utc>) -> DbResult<u64> {
    let done = sqlx::query!(
        "UPDATE staff_replies SET told_at = $3 WHERE thread_id = $1 AND seq <= $2 AND told_at IS NULL",
        thread.0,
        seq,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Notes that the visitor's client has everything up to an event.
///
/// # Errors
/// When the database does.
pub async fn read(tx: &mut SiteTx, thread: ThreadId, seq: i64, now: DateTime<Utc>) -> DbResult<u64> {
    let done = sqlx::query!(
        "UPDATE staff_replies SET read_at = $3 WHERE thread_id = $1 AND seq <= $2 AND read_at IS NULL",
        thread.0,
        seq,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// A reply that nobody is known to have read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The number of its event.
    pub seq: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Whether an open stream was sent it.
    pub told: bool,
    /// Who wrote it, as visitors know them.
    pub name: Option<String>,
    /// What it says, personal data behind placeholders.
    pub text: String,
}

/// What of a thread is neither read nor mailed, oldest first.
///
/// # Errors
/// When the database does.
pub async fn unread(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Vec<Unread>> {
    let rows = sqlx::query_as!(
        Unread,
        r#"SELECT r.seq, r.at, r.told_at IS NOT NULL AS "told!", e.body ->> 'name' AS name, m.text
           FROM staff_replies r
           JOIN messages m ON m.thread_id = r.thread_id AND m.seq = r.seq
           LEFT JOIN thread_events e ON e.thread_id = r.thread_id AND e.seq = r.seq
           WHERE r.thread_id = $1 AND r.read_at IS NULL AND r.mailed_at IS NULL
           ORDER BY r.seq LIMIT 100 FOR UPDATE OF r"#,
        thread.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Notes that everything up to a reply was mailed, or can't be.
///
/// # Errors
/// When the database does.
pub async fn mailed(tx: &mut SiteTx, thread: ThreadId, seq: i64, now: DateTime<Utc>) -> DbResult<()> {
    sqlx::query!(
        "UPDATE staff_replies SET mailed_at = $3 WHERE thread_id = $1 AND seq <= $2 AND mailed_at IS NULL",
        thread.0,
        seq,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Where a reply goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The visitor.
    pub visitor: VisitorId,
    /// The address that they left, sealed.
    pub email_sealed: Option<Vec<u8>>,
    /// What their site said of them, sealed.
    pub profile_sealed: Option<Vec<u8>>,
    /// Their language.
    pub lang: String,
    /// The page that the chat was on.
    pub page: Option<String>,
}

/// Whom a thread's replies go to.
///
/// # Errors
/// When the database does.
pub async fn recipient(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Option<Recipient>> {
    let row = sqlx::query!(
        r#"SELECT t.visitor_id, v.email_sealed, v.profile_sealed, coalesce(t.lang, 'en') AS "lang!", t.page
           FROM threads t JOIN visitors v ON v.id = t.visitor_id WHERE t.id = $1"#,
        thread.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Recipient {
        visitor: r.visitor_id.into(),
        email_sealed: r.email_sealed,
        profile_sealed: r.profile_sealed,
        lang: r.lang,
        page: r.page,
    }))
}

/// Keeps the page that a thread's chat is on, where it is known.
///
/// # Errors
/// When the database does.
pub async fn set_page(tx: &mut SiteTx, thread: ThreadId, page: Option<&str>) -> DbResult<()> {
    let Some(page) = page else {
        return Ok(());
    };
    sqlx::query!("UPDATE threads SET page = $2 WHERE id = $1", thread.0, page)
        .execute(tx.conn())
        .await?;
    Ok(())
}
