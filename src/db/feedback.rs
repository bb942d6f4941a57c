//! What visitors think of answers. Texts hold placeholders; sealing what stands behind them is
//! the caller's.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{TurnId, VisitorId};

/// An opinion as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion<'a> {
    /// Whose.
    pub visitor: VisitorId,
    /// Of which turn's answer.
    pub turn: TurnId,
    /// `up` or `down`.
    pub value: &'a str,
    /// In a word each.
    pub tags: &'a [String],
    /// In more words.
    pub comment: Option<&'a str>,
    /// What stands behind the placeholders of tags and comment.
    pub sealed: Option<&'a [u8]>,
    /// Hashes of the addresses among that.
    pub addresses: &'a [Vec<u8>],
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps what a visitor thinks of an answer; a second opinion replaces the first.
/// False when the turn isn't one of theirs.
///
/// # Errors
/// When the database does.
pub async fn set(tx: &mut SiteTx, o: &Opinion<'_>) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO feedback (site_id, turn_id, visitor_id, value, tags, comment, sealed, addresses, at)
         SELECT $1, u.id, $2, $4, $5, $6, $7, $8, $9 FROM turns u JOIN threads t ON t.id = u.thread_id
         WHERE u.id = $3 AND t.visitor_id = $2
         ON CONFLICT (site_id, turn_id) DO UPDATE
         SET value = excluded.value, tags = excluded.tags, comment = excluded.comment,
             sealed = excluded.sealed, addresses = excluded.addresses, at = excluded.at",
        tx.site().0,
        o.visitor.0,
        o.turn.0,
        o.value,
        o.tags,
        o.comment,
        o.sealed,
        o.addresses,
        o.at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An opinion that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The turn.
    pub turn: TurnId,
    /// Its conversation.
    pub thread: Uuid,
    /// `up` or `down`.
    pub value: String,
    /// In a word each.
    pub tags: Vec<String>,
    /// In more words.
    pub comment: Option<String>,
    /// What stands behind the placeholders.
    pub sealed: Option<Vec<u8>>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What visitors thought, oldest first, at most so much.
///
/// # Errors
/// When the database does.
pub async fn of_visitors(tx: &mut SiteTx, visitors: &[Uuid], most: i64) -> DbResult<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Stored,
        "SELECT f.turn_id AS turn, u.thread_id AS thread, f.value, f.tags, f.comment, f.sealed, f.at
         FROM feedback f JOIN turns u ON u.id = f.turn_id
         WHERE f.visitor_id = ANY ($1) ORDER BY f.at, f.turn_id LIMIT $2",
        visitors,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
