//! Deletes what nobody needs any more, in pieces that hold no lock for long.

use std::time::Duration;

use crate::db::pool::{Db, DbResult};

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
