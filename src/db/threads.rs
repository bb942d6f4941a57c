//! Visitors, their threads, and the messages in them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::pool::{DbError, DbResult, SiteTx};
use crate::domain::event::Citation;
use crate::domain::ids::{MessageId, ThreadId, TurnId, VisitorId};

/// A thread as its visitor may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// The thread.
    pub id: ThreadId,
    /// Whether staff hold it.
    pub staff_held: bool,
    /// `open`, `handoff` or `resolved`.
    pub status: String,
    /// The last event's number.
    pub last_seq: i64,
    /// The language of its last message.
    pub lang: Option<String>,
    /// The turn under way.
    pub open_turn: Option<TurnId>,
}

/// A message of a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRow {
    /// `visitor`, `agent`, `staff` or `system`.
    pub author: String,
    /// Markdown, or what the visitor wrote.
    pub text: String,
    /// What it cites.
    pub citations: Vec<Citation>,
    /// When.
    pub at: DateTime<Utc>,
    /// Its turn.
    pub turn_id: Option<TurnId>,
    /// How that turn ended.
    pub outcome: Option<String>,
    /// Its turn's place in the thread's events.
    pub seq: i64,
}

/// A message to store.
#[derive(Debug)]
pub struct NewMessage<'a> {
    /// The thread.
    pub thread: ThreadId,
    /// The visitor of the thread.
    pub visitor: VisitorId,
    /// The turn that it begins or answers.
    pub turn: Option<TurnId>,
    /// The client's id and the body's hash, on a visitor's message.
    pub sent: Option<(MessageId, &'a [u8])>,
    /// `visitor`, `agent`, `staff` or `system`.
    pub author: &'a str,
    /// The text.
    pub text: &'a str,
    /// What it cites.
    pub citations: Value,
    /// When.
    pub at: DateTime<Utc>,
    /// The number of its event.
    pub seq: i64,
}

/// Makes sure that the visitor is known.
///
/// # Errors
/// When the database does.
pub async fn ensure_visitor(tx: &mut SiteTx, visitor: VisitorId) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO visitors (site_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        tx.site().0,
        visitor.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps the address that a visitor left, sealed.
///
/// # Errors
/// When the database does.
pub async fn set_email(tx: &mut SiteTx, visitor: VisitorId, sealed: &[u8]) -> DbResult<()> {
    sqlx::query!(
        "UPDATE visitors SET email_sealed = $2, email_hash = NULL WHERE id = $1",
        visitor.0,
        sealed
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether an address of the visitor is known.
///
/// # Errors
/// When the database does.
pub async fn has_email(tx: &mut SiteTx, visitor: VisitorId) -> DbResult<bool> {
    let known = sqlx::query_scalar!(
        r#"SELECT email_sealed IS NOT NULL OR profile_hash IS NOT NULL AS "known!" FROM visitors WHERE id = $1"#,
        visitor.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(known.unwrap_or(false))
}

/// Whether a visitor has written a text, such as a placeholder, in a thread.
///
/// # Errors
/// When the database does.
pub async fn visitor_wrote(tx: &mut SiteTx, thread: ThreadId, text: &str) -> DbResult<bool> {
    let wrote = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM messages WHERE thread_id = $1 AND author = 'visitor'
                                                AND position($2 IN text) > 0) AS "wrote!""#,
        thread.0,
        text
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(wrote)
}

/// A visitor's thread, locked until the transaction ends. Another visitor's isn't found.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, id: ThreadId, visitor: VisitorId) -> DbResult<Option<ThreadRow>> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM threads WHERE id = $1 AND visitor_id = $2 FOR UPDATE",
        id.0,
        visitor.0
    )
    .fetch_optional(tx.conn())
    .await?;
    match found {
        Some(_) => find(tx, id, visitor).await,
        None => Ok(None),
    }
}

/// A visitor's thread. Another visitor's isn't found.
///
/// # Errors
/// When the database does.
pub async fn find(tx: &mut SiteTx, id: ThreadId, visitor: VisitorId) -> DbResult<Option<ThreadRow>> {
    let row = sqlx::query!(
        r#"SELECT t.id, t.fence, t.status, t.last_seq, t.lang,
                  (SELECT u.id FROM turns u WHERE u.thread_id = t.id AND u.finished_at IS NULL) AS open_turn
           FROM threads t WHERE t.id = $1 AND t.visitor_id = $2"#,
        id.0,
        visitor.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| ThreadRow {
        id: r.id.into(),
        staff_held: r.fence == "staff",
        status: r.status,
        last_seq: r.last_seq,
        lang: r.lang,
        open_turn: r.open_turn.map(TurnId),
    }))
}

/// A visitor's threads, newest first, at most 100.
///
/// # Errors
/// When the database does.
pub async fn of_visitor(tx: &mut SiteTx, visitor: VisitorId) -> DbResult<Vec<ThreadId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM threads WHERE visitor_id = $1 ORDER BY created_at DESC LIMIT 100",
        visitor.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(ids.into_iter().map(ThreadId).collect())
}

/// Stores a message.
///
/// # Errors
/// A unique violation when this visitor's `message_id` is there already.
pub async fn insert_message(tx: &mut SiteTx, m: &NewMessage<'_>) -> DbResult<()> {
    let (message_id, hash) = m.sent.map_or((None, None), |(id, hash)| (Some(id.0), Some(hash)));
    sqlx::query!(
        "INSERT INTO messages (site_id, id, thread_id, visitor_id, turn_id, message_id, body_hash, author, text,
                               citations, at, seq)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        tx.site().0,
        Uuid::now_v7(),
        m.thread.0,
        m.visitor.0,
        m.turn.map(|t| t.0),
        message_id,
        hash,
        m.author,
        m.text,
        m.citations,
        m.at,
        m.seq,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What became of a message that was sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentBefore {
    /// Its thread.
    pub thread: ThreadId,
    /// Its turn; none while staff held the thread.
    pub turn: Option<TurnId>,
    /// The hash of the body that it came with.
    pub body_hash: Vec<u8>,
    /// The number of its `turn` event.
    pub seq: i64,
}

/// Looks a message up by the client's id.
///
/// # Errors
/// When the database does.
pub async fn sent_before(
    tx: &mut SiteTx,
    visitor: VisitorId,
    message: MessageId,
) -> DbResult<Option<SentBefore>> {
    let row = sqlx::query!(
        r#"SELECT thread_id, turn_id, body_hash AS "body_hash!", seq FROM messages
           WHERE visitor_id = $1 AND message_id = $2"#,
        visitor.0,
        message.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| SentBefore {
        thread: r.thread_id.into(),
        turn: r.turn_id.map(TurnId),
        body_hash: r.body_hash,
        seq: r.seq,
    }))
}

/// The last `most` messages before event number `before`, oldest first.
///
/// # Errors
/// When the database does.
pub async fn messages(
    tx: &mut SiteTx,
    thread: ThreadId,
    before: i64,
    most: i64,
) -> DbResult<Vec<MessageRow>> {
    let rows = sqlx::query!(
        r#"SELECT m.author, m.text, m.citations, m.at, m.turn_id, m.seq, t.outcome AS "outcome?"
           FROM messages m LEFT JOIN turns t ON t.id = m.turn_id
           WHERE m.thread_id = $1 AND m.seq < $2 ORDER BY m.seq DESC LIMIT $3"#,
        thread.0,
        before,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .rev()
        .map(|r| {
            Ok(MessageRow {
                author: r.author,
                text: r.text,
                citations: serde_json::from_value(r.citations)
                    .map_err(|e| DbError::Unreadable(format!("citations: {e}")))?,
                at: r.at,
                turn_id: r.turn_id.map(TurnId),
                outcome: r.outcome,
                seq: r.seq,
            })
        })
        .collect()
}
