//! What the agent wrote where staff send (shadow mode): one draft a turn, decided once.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{ThreadId, TurnId, VisitorId};

/// A draft.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DraftRow {
    /// Its turn, which it is called by.
    #[serde(rename = "draft")]
    pub turn: TurnId,
    /// Its conversation.
    #[serde(rename = "thread_id")]
    pub thread: ThreadId,
    /// Whose that is.
    #[serde(skip)]
    pub visitor: VisitorId,
    /// The conversation's language.
    pub lang: String,
    /// What the visitor wrote, behind placeholders.
    pub question: Option<String>,
    /// What the agent would answer, behind placeholders.
    pub text: String,
    /// What it cites.
    pub citations: Value,
    /// `waiting`, `sent`, `edited` or `dropped`.
    pub state: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps a turn's draft; a second one of the same turn replaces it while it waits.
///
/// # Errors
/// When the database does.
pub async fn keep(
    tx: &mut SiteTx,
    thread: ThreadId,
    turn: TurnId,
    text: &str,
    citations: &Value,
    now: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO drafts AS d (site_id, turn_id, thread_id, text, citations, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site_id, turn_id) DO UPDATE SET text = $4, citations = $5 WHERE d.state = 'waiting'",
        tx.site().0,
        turn.0,
        thread.0,
        text,
        citations,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Drafts that wait, oldest first, at most 500.
///
/// # Errors
/// When the database does.
pub async fn waiting(tx: &mut SiteTx) -> DbResult<Vec<DraftRow>> {
    find(tx, None).await
}

/// A draft by its turn, locked until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, turn: TurnId) -> DbResult<Option<DraftRow>> {
    sqlx::query!("SELECT turn_id FROM drafts WHERE turn_id = $1 FOR UPDATE", turn.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(find(tx, Some(turn)).await?.pop())
}

async fn find(tx: &mut SiteTx, turn: Option<TurnId>) -> DbResult<Vec<DraftRow>> {
    let rows = sqlx::query_as!(
        DraftRow,
        r#"SELECT d.turn_id AS turn, d.thread_id AS thread, t.visitor_id AS visitor, coalesce(t.lang, 'en') AS "lang!",
                  (SELECT m.text FROM messages m WHERE m.thread_id = d.thread_id AND m.turn_id = d.turn_id AND m.author = 'visitor'
                   LIMIT 1) AS question,
                  d.text, d.citations, d.state, d.at
           FROM drafts d JOIN threads t ON t.id = d.thread_id
           WHERE CASE WHEN $1::uuid IS NULL THEN d.state = 'waiting' ELSE d.turn_id = $1 END
           ORDER BY d.at, d.turn_id LIMIT 500"#,
        turn.map(|t| t.0)
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Decides about a draft that waits; whether it did.
///
/// # Errors
/// When the database does.
pub async fn decide(
    tx: &mut SiteTx,
    turn: TurnId,
    state: &str,
    staff: &str,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let done = sqlx::query!(
        "UPDATE drafts SET state = $2, staff = $3, decided_at = $4 WHERE turn_id = $1 AND state = 'waiting'",
        turn.0,
        state,
        staff,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Drops what waits in a conversation: staff have written themselves, or are done with it.
///
/// # Errors
/// When the database does.
pub async fn drop_of(tx: &mut SiteTx, thread: ThreadId, staff: &str, now: DateTime<Utc>) -> DbResult<u64> {
    let done = sqlx::query!(
        "UPDATE drafts SET state = 'dropped', staff = $2, decided_at = $3 WHERE thread_id = $1 AND state = 'waiting'",
        thread.0,
        staff,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}
