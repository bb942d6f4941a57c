//! What a site keeps no longer: conversations, webhooks, tickets, audit, each in pieces that
//! hold no lock for long.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db::pool::{DbResult, SiteTx};

/// Rows of a piece.
pub const PIECE: i64 = 2_000;
/// Conversations of a piece: each has many rows.
pub const THREADS: i64 = 100;

/// Conversations in which nothing was said since then, locked.
///
/// # Errors
/// When the database refuses or is away.
pub async fn idle_threads(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<Vec<Uuid>> {
    let found = sqlx::query_scalar!(
        "SELECT t.id FROM threads t
         WHERE t.created_at < $1
           AND NOT EXISTS (SELECT FROM messages m WHERE m.thread_id = t.id AND m.at >= $1)
           AND NOT EXISTS (SELECT FROM turns u WHERE u.thread_id = t.id AND u.finished_at IS NULL)
         ORDER BY t.created_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        before,
        THREADS,
    )
    .fetch_all(tx.conn())
    .await?;
    // Something may have been said before they were locked, which this statement sees.
    let idle = sqlx::query_scalar!(
        "SELECT id FROM threads t
         WHERE id = ANY ($2) AND NOT EXISTS (SELECT FROM messages m WHERE m.thread_id = t.id AND m.at >= $1)",
        before,
        &found,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(idle)
}

/// Keeps the tickets of conversations that go: they have a time of their own.
///
/// # Errors
/// When the database refuses or is away.
pub async fn detach_tickets(tx: &mut SiteTx, threads: &[Uuid]) -> DbResult<()> {
    sqlx::query!(
        "UPDATE tickets SET thread_id = NULL, turn_id = NULL WHERE thread_id = ANY ($1)",
        threads
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deletes visitors who came before then and have nothing here any more; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn visitors(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let gone = sqlx::query!(
        "DELETE FROM visitors WHERE id IN (
             SELECT v.id FROM visitors v
             WHERE v.created_at < $1
               AND coalesce(v.profile_at, v.created_at) < $1
               AND NOT EXISTS (SELECT FROM threads t WHERE t.visitor_id = v.id)
               AND NOT EXISTS (SELECT FROM ai_jobs a WHERE a.visitor_id = v.id)
               AND NOT EXISTS (SELECT FROM identity_proofs p WHERE p.visitor_id = v.id AND p.expires_at >= $1)
             LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        PIECE,
    )
    .execute(tx.conn())
    .await?;
    Ok(rows(&gone))
}

/// Deletes questions that found nothing before then; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn gaps(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let gone = sqlx::query!(
        "DELETE FROM gaps WHERE id IN (SELECT id FROM gaps WHERE at < $1 LIMIT $2)",
        before,
        PIECE
    )
    .execute(tx.conn())
    .await?;
    Ok(rows(&gone))
}

/// Deletes webhooks that came before then; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn events(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let gone = sqlx::query!(
        "DELETE FROM inbound_events WHERE id IN (
             SELECT id FROM inbound_events WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        PIECE
    )
    .execute(tx.conn())
    .await?;
    Ok(rows(&gone))
}

/// Deletes events of the bridge that came before then; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn bridge_events(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let gone = sqlx::query!(
        "DELETE FROM bridge_events WHERE id IN (
             SELECT id FROM bridge_events WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        PIECE
    )
    .execute(tx.conn())
    .await?;
    Ok(rows(&gone))
}

/// Deletes the counts of refused webhooks of the days before then; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn refused(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let gone = sqlx::query!("DELETE FROM refused_webhooks WHERE last_at < $1", before)
        .execute(tx.conn())
        .await?;
    Ok(rows(&gone))
}

/// Deletes tickets that were resolved before then, or that never were and changed last before then;
/// gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn tickets(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let gone = sqlx::query!(
        "DELETE FROM tickets WHERE id IN (
             SELECT id FROM tickets WHERE coalesce(resolved_at, updated_at) < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        PIECE
    )
    .execute(tx.conn())
    .await?;
    Ok(rows(&gone))
}

/// Deletes the audit's entries from before then; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn audit(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<i64> {
    let most = i32::try_from(PIECE).unwrap_or(i32::MAX);
    let gone = sqlx::query_scalar!("SELECT deskhand_prune_audit($1, $2)", before, most)
        .fetch_one(tx.conn())
        .await?;
    Ok(gone.unwrap_or(0))
}

fn rows(done: &sqlx::postgres::PgQueryResult) -> i64 {
    i64::try_from(done.rows_affected()).unwrap_or(i64::MAX)
}
