//! What staff do with a thread: take it over, write in it, give it back, be done with it.
//! Taking over moves the fence and the epoch in one statement, so that from then on the agent
//! appends nothing (see `events`).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use super::replies;
use crate::domain::ids::{HandoffId, ThreadId, TurnId, VisitorId};

/// A thread that staff look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose it is.
    pub visitor: VisitorId,
    /// Whether staff hold it.
    pub staff_held: bool,
    /// `open`, `handoff` or `resolved`.
    pub status: String,
    /// Who has claimed its handoff.
    pub claimed_by: Option<String>,
    /// Its language.
    pub lang: String,
}

/// A thread, locked until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Option<Held>> {
    let row = sqlx::query!(
        r#"SELECT t.visitor_id, t.fence, t.status, coalesce(t.lang, 'en') AS "lang!",
                  (SELECT h.claimed_by FROM handoffs h WHERE h.thread_id = t.id AND h.state <> 'resolved') AS claimed_by
           FROM threads t WHERE t.id = $1 FOR UPDATE OF t"#,
        thread.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Held {
        visitor: r.visitor_id.into(),
        staff_held: r.fence == "staff",
        status: r.status,
        claimed_by: r.claimed_by,
        lang: r.lang,
    }))
}

/// Gives a thread to staff. The turn under way ends without another word of the agent's; gives
/// it, so that its `done` can be appended.
///
/// # Errors
/// When the database does.
pub async fn take(tx: &mut SiteTx, thread: ThreadId, now: DateTime<Utc>) -> DbResult<Option<TurnId>> {
    sqlx::query!(
        "UPDATE threads SET fence = 'staff', turn_epoch = turn_epoch + 1, status = 'handoff' WHERE id = $1",
        thread.0
    )
    .execute(tx.conn())
    .await?;
    // A yes that comes after a person's words is no yes to what the agent asked before.
    sqlx::query!(
        "UPDATE proposals SET state = 'void' WHERE thread_id = $1 AND state = 'open'",
        thread.0
    )
    .execute(tx.conn())
    .await?;
    let turn = sqlx::query_scalar!(
        "UPDATE turns SET finished_at = $2, outcome = 'fenced', epoch = epoch + 1
         WHERE thread_id = $1 AND finished_at IS NULL RETURNING id",
        thread.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(turn.map(TurnId))
}

/// Notes who has a thread's handoff; makes one where staff take over a thread that nobody gave
/// them.
///
/// # Errors
/// When the database does.
pub async fn claim(
    tx: &mut SiteTx,
    thread: ThreadId,
    staff: &str,
    now: DateTime<Utc>,
) -> DbResult<HandoffId> {
    let id = sqlx::query_scalar!(
        "INSERT INTO handoffs (site_id, id, thread_id, turn_id, reason, state, at, claimed_by, claimed_at)
         SELECT $1, $2, $3, u.id, 'taken_over', 'claimed', $5, $4, $5
         FROM turns u WHERE u.thread_id = $3 ORDER BY u.first_seq DESC LIMIT 1
         ON CONFLICT (site_id, thread_id) WHERE state <> 'resolved' DO UPDATE
         SET state = 'claimed', claimed_by = $4, claimed_at = $5
         RETURNING id",
        tx.site().0,
        HandoffId::new().0,
        thread.0,
        staff,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// Gives a thread back to the agent, or ends it; its handoff is resolved either way.
///
/// # Errors
/// When the database does.
pub async fn release(tx: &mut SiteTx, thread: ThreadId, status: &str, now: DateTime<Utc>) -> DbResult<()> {
    sqlx::query!(
        "UPDATE threads SET fence = 'agent', status = $2 WHERE id = $1",
        thread.0,
        status
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "UPDATE handoffs SET state = 'resolved', resolved_at = $2, answered_at = coalesce(answered_at, $2)
         WHERE thread_id = $1 AND state <> 'resolved'",
        thread.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stores a message of staff's, or of the system's. Should its visitor not read it, it is mailed.
///
/// # Errors
/// When the database does.
pub async fn write(
    tx: &mut SiteTx,
    thread: ThreadId,
    visitor: VisitorId,
    author: &str,
    text: &str,
    at: DateTime<Utc>,
    seq: i64,
) -> DbResult<Uuid> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO messages (site_id, id, thread_id, visitor_id, author, text, at, seq)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tx.site().0,
        id,
        thread.0,
        visitor.0,
        author,
        text,
        at,
        seq
    )
    .execute(tx.conn())
    .await?;
    replies::add(tx, thread, seq, at).await?;
    Ok(id)
}
