//! Deletes what nobody needs any more, of all sites; of what there is much of, in pieces
//! that hold no lock for long.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;

use crate::db::pool::{Db, DbError, DbResult};

/// Rows a statement.
const PIECE: i64 = 5_000;

/// Deletes the ids of tokens that have expired; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn nonces(db: &Db) -> DbResult<u64> {
    let gone = sqlx::query_scalar!("SELECT deskhand_prune_nonces()")
        .fetch_one(db.pool())
        .await?;
    Ok(gone.unwrap_or(0).unsigned_abs())
}

/// Deletes jobs that were done longer than `age` ago; gives how many. Dead ones stay until
/// somebody has looked at them.
///
/// # Errors
/// When the database refuses or is away; what is gone by then stays so.
pub async fn done_jobs(db: &Db, age: Duration) -> DbResult<u64> {
    let mut gone = 0;
    loop {
        let piece = sqlx::query!(
            "DELETE FROM jobs WHERE id = ANY (ARRAY (
                 SELECT id FROM jobs
                  WHERE state = 'done' AND finished_at < now() - make_interval(secs => $1)
                  LIMIT $2 FOR UPDATE SKIP LOCKED))",
            age.as_secs_f64(),
            PIECE,
        )
        .execute(db.pool())
        .await?
        .rows_affected();
        gone += piece;
        if piece < PIECE.unsigned_abs() {
            return Ok(gone);
        }
    }
}

/// Deletes mails and notices that ended longer than `age` ago; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn mails(db: &Db, age: Duration) -> DbResult<u64> {
    let gone = sqlx::query_scalar!("SELECT deskhand_prune_mail($1)", interval(age)?)
        .fetch_one(db.pool())
        .await?;
    Ok(gone.unwrap_or(0).unsigned_abs())
}

/// Deletes uploads that are older than that; gives how many. What a permanent failure left
/// behind goes this way.
///
/// # Errors
/// When the database refuses or is away.
pub async fn uploads(db: &Db, older_than: Duration) -> DbResult<u64> {
    let gone = sqlx::query_scalar!("SELECT deskhand_prune_uploads($1)", interval(older_than)?)
        .fetch_one(db.pool())
        .await?;
    Ok(gone.unwrap_or(0).unsigned_abs())
}

/// Deletes vectors that no version took and that are older than that; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn vectors(db: &Db, older_than: Duration) -> DbResult<u64> {
    let gone = sqlx::query_scalar!("SELECT deskhand_prune_embedding_cache($1)", interval(older_than)?)
        .fetch_one(db.pool())
        .await?;
    Ok(gone.unwrap_or(0).unsigned_abs())
}

/// Deletes AI jobs that ended longer ago than that; gives how many.
///
/// # Errors
/// When the database refuses or is away.
pub async fn ai_jobs(db: &Db, older_than: Duration) -> DbResult<u64> {
    let gone = sqlx::query_scalar!("SELECT deskhand_prune_ai_jobs($1)", interval(older_than)?)
        .fetch_one(db.pool())
        .await?;
    Ok(gone.unwrap_or(0).unsigned_abs())
}

fn interval(age: Duration) -> DbResult<PgInterval> {
    PgInterval::try_from(age).map_err(|_| DbError::Unreadable(format!("no interval: {age:?}")))
}
