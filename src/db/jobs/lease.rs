//! While a job runs: its lease is extended by heartbeats and ends with the job, or is
//! taken over when its holder has gone quiet. The epoch rises with each claim, so that a
//! holder who comes back late can't end a job that is somebody else's by then.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::QueueError;
use crate::db::pool::{Db, DbError, DbResult};
use crate::domain::ids::JobId;
use crate::domain::job::{JobError, JobState, Progress, Retry};

/// The right to run a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// Which claim of it.
    pub epoch: i64,
}

/// What became of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// [`JobState::Waiting`] for another try, or [`JobState::Dead`].
    pub state: JobState,
    /// When the next try is due, on the database's clock.
    pub run_at: DateTime<Utc>,
}

/// A job whose worker had gone quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reclaimed {
    /// The job.
    pub id: JobId,
    /// [`JobState::Waiting`], or [`JobState::Dead`] if it has no tries left.
    pub state: JobState,
}

/// Extends the lease to `lease` from now, and stores how far the job is.
///
/// # Errors
/// [`QueueError::Lost`] when the job is no longer the holder's: stop it.
pub async fn heartbeat(
    db: &Db,
    held: &Lease,
    lease: Duration,
    progress: Option<&Progress>,
) -> Result<(), QueueError> {
    let done = sqlx::query!(
        "UPDATE jobs SET lease_until = now() + make_interval(secs => $3), progress = coalesce($4, progress)
          WHERE id = $1 AND epoch = $2 AND state = 'running'",
        held.id.0,
        held.epoch,
        lease.as_secs_f64(),
        progress.map(to_json).transpose()?,
    )
    .execute(db.pool())
    .await?;
    kept(done.rows_affected())
}

/// The job is done.
///
/// # Errors
/// [`QueueError::Lost`] when it is no longer the holder's.
pub async fn finish(db: &Db, held: &Lease, progress: Option<&Progress>) -> Result<(), QueueError> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'done', finished_at = now(), owner = NULL, lease_until = NULL,
                error_code = NULL, error_detail = NULL, progress = coalesce($3, progress)
          WHERE id = $1 AND epoch = $2 AND state = 'running'",
        held.id.0,
        held.epoch,
        progress.map(to_json).transpose()?,
    )
    .execute(db.pool())
    .await?;
    kept(done.rows_affected())
}

/// The try failed: the job waits for its kind's next one, or is dead if there is none left or
/// the failure is permanent.
///
/// # Errors
/// [`QueueError::Lost`] when it is no longer the holder's.
pub async fn fail(db: &Db, held: &Lease, error: &JobError) -> Result<Failed, QueueError> {
    let Some(job) = sqlx::query!("SELECT kind, attempts FROM jobs WHERE id = $1", held.id.0)
        .fetch_optional(db.pool())
        .await?
    else {
        return Err(QueueError::Lost);
    };
    let wait = Retry::of(&job.kind).wait(job.attempts, rand::random());
    let row = sqlx::query!(
        r#"
        UPDATE jobs
           SET state = CASE WHEN $3 OR attempts >= max_attempts THEN 'dead' ELSE 'waiting' END,
               finished_at = CASE WHEN $3 OR attempts >= max_attempts THEN now() END,
               run_at = now() + make_interval(secs => $4),
               owner = NULL, lease_until = NULL, error_code = $5, error_detail = $6
         WHERE id = $1 AND epoch = $2 AND state = 'running'
        RETURNING state, run_at
        "#,
        held.id.0,
        held.epoch,
        error.permanent,
        wait.as_secs_f64(),
        &error.code,
        error
            .detail
            .chars()
            .take(JobError::MAX_DETAIL)
            .collect::<String>(),
    )
    .fetch_optional(db.pool())
    .await?
    .ok_or(QueueError::Lost)?;
    Ok(Failed {
        state: read_state(&row.state)?,
        run_at: row.run_at,
    })
}

/// The job has more to do and gives its place to others meanwhile. It has got somewhere, so its
/// tries are counted anew.
///
/// # Errors
/// [`QueueError::Lost`] when it is no longer the holder's.
pub async fn go_on(
    db: &Db,
    held: &Lease,
    after: Duration,
    progress: Option<&Progress>,
) -> Result<(), QueueError> {
    let done = sqlx::query!(
        "WITH put AS (
             UPDATE jobs SET state = 'waiting', attempts = 0, run_at = now() + make_interval(secs => $3),
                    owner = NULL, lease_until = NULL, progress = coalesce($4, progress)
              WHERE id = $1 AND epoch = $2 AND state = 'running'
             RETURNING run_at)
         SELECT CASE WHEN run_at <= now() THEN pg_notify('deskhand_jobs', '') END FROM put",
        held.id.0,
        held.epoch,
        after.as_secs_f64(),
        progress.map(to_json).transpose()?,
    )
    .fetch_all(db.pool())
    .await?;
    kept(done.len() as u64)
}

/// The holder gives the job back unfinished because it stops: the try doesn't count, and
/// another worker may have it at once.
///
/// # Errors
/// [`QueueError::Lost`] when it is no longer the holder's.
pub async fn release(db: &Db, held: &Lease) -> Result<(), QueueError> {
    let done = sqlx::query!(
        "WITH released AS (
             UPDATE jobs SET state = 'waiting', attempts = attempts - 1, owner = NULL, lease_until = NULL
              WHERE id = $1 AND epoch = $2 AND state = 'running'
             RETURNING id)
         SELECT pg_notify('deskhand_jobs', '') FROM released",
        held.id.0,
        held.epoch,
    )
    .fetch_all(db.pool())
    .await?;
    kept(done.len() as u64)
}

/// Takes back up to `limit` jobs whose lease has run out: their worker has died or hangs.
/// The try counts, so that a job that kills its workers dies itself in the end. After the
/// first time it is due at once, since most often a restart was the reason.
///
/// # Errors
/// When the database refuses or is away; what was taken back so far stays so.
pub async fn reclaim(db: &Db, limit: i64) -> DbResult<Vec<Reclaimed>> {
    let expired = sqlx::query!(
        "SELECT id, epoch, kind, attempts FROM jobs
          WHERE state = 'running' AND lease_until < now() ORDER BY lease_until LIMIT $1",
        limit
    )
    .fetch_all(db.pool())
    .await?;
    let mut taken = Vec::with_capacity(expired.len());
    for job in expired {
        let wait = match job.attempts {
            ..=1 => Duration::ZERO,
            more => Retry::of(&job.kind).wait(more - 1, rand::random()),
        };
        // Asked again in the update: another replica may have been here, or the holder came back.
        let row = sqlx::query!(
            "UPDATE jobs
                SET state = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'waiting' END,
                    finished_at = CASE WHEN attempts >= max_attempts THEN now() END,
                    run_at = now() + make_interval(secs => $3), owner = NULL, lease_until = NULL,
                    error_code = 'worker_lost',
                    error_detail = 'The worker that ran it stopped without a word.'
              WHERE id = $1 AND epoch = $2 AND state = 'running' AND lease_until < now()
             RETURNING state",
            job.id,
            job.epoch,
            wait.as_secs_f64(),
        )
        .fetch_optional(db.pool())
        .await?;
        if let Some(row) = row {
            taken.push(Reclaimed {
                id: job.id.into(),
                state: read_state(&row.state)?,
            });
        }
    }
    Ok(taken)
}

/// One row was ours to change, or none.
fn kept(rows: u64) -> Result<(), QueueError> {
    if rows == 0 { Err(QueueError::Lost) } else { Ok(()) }
}

fn to_json(progress: &Progress) -> DbResult<serde_json::Value> {
    serde_json::to_value(progress).map_err(|e| DbError::Unreadable(format!("a job's progress: {e}")))
}

/// Reads the `state` column.
pub(super) fn read_state(name: &str) -> DbResult<JobState> {
    JobState::parse(name).ok_or_else(|| DbError::Unreadable(format!("a job's state {name:?}")))
}
