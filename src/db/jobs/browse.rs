//! The queue as people and progress bars look at it, and what an operator does by hand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::QueueError;
use super::lease::read_state;
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::ids::{JobId, SiteId};
use crate::domain::job::{JobState, Priority, Progress, Work};

/// Which jobs to list; `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where they stand.
    pub state: Option<JobState>,
    /// What they do.
    pub kind: Option<String>,
    /// Whose they are, a site's slug.
    pub site: Option<String>,
}

/// A job, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Whose it is; `None` for the house's own work.
    pub site_id: Option<SiteId>,
    /// The site's slug.
    pub site: Option<String>,
    /// What it does.
    pub kind: String,
    /// What it does it to.
    pub key: String,
    /// Its arguments.
    pub args: serde_json::Value,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it stands.
    pub state: JobState,
    /// Tries so far, the running one included.
    pub attempts: i32,
    /// Tries in all.
    pub max_attempts: i32,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it is or was due.
    pub run_at: DateTime<Utc>,
    /// When a worker last took it.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The worker that has it.
    pub owner: Option<Uuid>,
    /// Until when it has it, unless it asks for more.
    pub lease_until: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// Why the last try failed, for programs.
    pub error_code: Option<String>,
    /// Why the last try failed, for people.
    pub error: Option<String>,
}

/// Whether documents wait that came to the site lately and are to be taken in now. One that has waited for
/// long tells of a backlog that may never end.
///
/// # Errors
/// When the database refuses or is away.
pub async fn documents_come(tx: &mut SiteTx) -> DbResult<bool> {
    let site = tx.site().0;
    let come = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM jobs
                          WHERE lane = $1 AND kind = ANY ($2) AND state = 'waiting'
                            AND run_at <= now() AND run_at > now() - interval '10 minutes') AS "come!""#,
        site,
        &[Work::INGEST_DOCUMENT.to_owned(), Work::TAKE_EVENT.to_owned()] as &[String],
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(come)
}

struct Row {
    id: Uuid,
    site_id: Option<Uuid>,
    site: Option<String>,
    kind: String,
    key: String,
    args: serde_json::Value,
    priority: i16,
    state: String,
    attempts: i32,
    max_attempts: i32,
    created_at: DateTime<Utc>,
    run_at: DateTime<Utc>,
    claimed_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    owner: Option<Uuid>,
    lease_until: Option<DateTime<Utc>>,
    progress: Option<serde_json::Value>,
    error_code: Option<String>,
    error_detail: Option<String>,
}

impl TryFrom<Row> for JobView {
    type Error = DbError;

    fn try_from(row: Row) -> DbResult<Self> {
        Ok(Self {
            id: row.id.into(),
            site_id: row.site_id.map(SiteId),
            site: row.site,
            kind: row.kind,
            key: row.key,
            args: row.args,
            priority: Priority::from_i16(row.priority)
                .ok_or_else(|| DbError::Unreadable(format!("a job's priority {}", row.priority)))?,
            state: read_state(&row.state)?,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            created_at: row.created_at,
            run_at: row.run_at,
            claimed_at: row.claimed_at,
            finished_at: row.finished_at,
            owner: row.owner,
            lease_until: row.lease_until,
            progress: row.progress.map(read_progress).transpose()?,
            error_code: row.error_code,
            error: row.error_detail,
        })
    }
}

fn read_progress(value: serde_json::Value) -> DbResult<Progress> {
    serde_json::from_value(value).map_err(|e| DbError::Unreadable(format!("a job's progress: {e}")))
}

/// Up to `limit` jobs, the newest first.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(db: &Db, filter: &Filter, limit: i64) -> DbResult<Vec<JobView>> {
    select(db, None, filter, limit).await
}

/// One job.
///
/// # Errors
/// [`QueueError::Unknown`] when there is none.
pub async fn get(db: &Db, id: JobId) -> Result<JobView, QueueError> {
    let mut found = select(db, Some(id), &Filter::default(), 1).await?;
    found.pop().ok_or(QueueError::Unknown(id))
}

async fn select(db: &Db, id: Option<JobId>, filter: &Filter, limit: i64) -> DbResult<Vec<JobView>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT j.id, j.site_id, s.slug AS "site?", j.kind, j.key, j.args, j.priority, j.state, j.attempts,
               j.max_attempts, j.created_at, j.run_at, j.claimed_at, j.finished_at, j.owner,
               j.lease_until, j.progress, j.error_code, j.error_detail
          FROM jobs j LEFT JOIN deskhand_site_list() s ON s.id = j.site_id
         WHERE ($1::uuid IS NULL OR j.id = $1)
           AND ($2::text IS NULL OR j.state = $2)
           AND ($3::text IS NULL OR j.kind = $3)
           AND ($4::text IS NULL OR s.slug = $4)
         ORDER BY j.id DESC LIMIT $5
        "#,
        id.map(|id| id.0),
        filter.state.map(JobState::as_str),
        filter.kind,
        filter.site,
        limit,
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(JobView::try_from).collect()
}

/// How many jobs stand where.
///
/// # Errors
/// When the database refuses or is away.
pub async fn counts(db: &Db) -> DbResult<BTreeMap<&'static str, i64>> {
    let mut counts: BTreeMap<&'static str, i64> = JobState::ALL.map(|s| (s.as_str(), 0)).into();
    for row in sqlx::query!(r#"SELECT state, count(*) AS "count!" FROM jobs GROUP BY state"#)
        .fetch_all(db.pool())
        .await?
    {
        counts.insert(read_state(&row.state)?.as_str(), row.count);
    }
    Ok(counts)
}

/// What waits for a worker of one kind of work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// The kind.
    pub kind: &'static str,
    /// Jobs that are due.
    pub waiting: i64,
    /// How long the oldest of them has been due, in seconds; 0 without any.
    pub oldest_seconds: f64,
}

/// What waits for a worker, of each kind of work, over all sites.
///
/// # Errors
/// When the database refuses or is away.
pub async fn due(db: &Db) -> DbResult<Vec<Due>> {
    let rows = sqlx::query!(
        r#"SELECT kind, count(*) AS "waiting!", extract(epoch FROM now() - min(run_at))::float8 AS "oldest!"
             FROM jobs WHERE state = 'waiting' AND run_at <= now() GROUP BY kind"#
    )
    .fetch_all(db.pool())
    .await?;
    Ok(Work::KINDS
        .iter()
        .map(|kind| {
            let row = rows.iter().find(|r| r.kind == *kind);
            Due {
                kind,
                waiting: row.map_or(0, |r| r.waiting),
                oldest_seconds: row.map_or(0.0, |r| r.oldest),
            }
        })
        .collect())
}

/// Where a job stands, in as few words as its waiting enqueuer needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The job.
    pub id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Tries so far.
    pub attempts: i32,
    /// How far it is, or how it ended.
    pub progress: Option<Progress>,
    /// Why the last try failed, for people.
    pub error: Option<String>,
}

/// Where these jobs stand; those that were dropped or pruned are left out.
///
/// # Errors
/// When the database refuses or is away.
pub async fn outcomes(db: &Db, ids: &[JobId]) -> DbResult<Vec<Outcome>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "SELECT id, state, attempts, progress, error_detail FROM jobs WHERE id = ANY ($1)",
        &ids
    )
    .fetch_all(db.pool())
    .await?
    .into_iter()
    .map(|row| {
        Ok(Outcome {
            id: row.id.into(),
            state: read_state(&row.state)?,
            attempts: row.attempts,
            progress: row.progress.map(read_progress).transpose()?,
            error: row.error_detail,
        })
    })
    .collect()
}

/// Gives a dead job its tries back; it is due at once.
///
/// # Errors
/// [`QueueError::Unknown`], [`QueueError::NotDead`], or [`QueueError::Superseded`] when the same
/// work waits or runs as a newer job.
pub async fn retry(db: &Db, id: JobId) -> Result<(), QueueError> {
    let revived = sqlx::query!(
        "WITH revived AS (
             UPDATE jobs SET state = 'waiting', attempts = 0, run_at = now(), finished_at = NULL
              WHERE id = $1 AND state = 'dead' RETURNING id)
         SELECT pg_notify('deskhand_jobs', '') FROM revived",
        id.0
    )
    .fetch_all(db.pool())
    .await
    .map_err(DbError::from);
    match revived {
        Ok(rows) if rows.is_empty() => Err(QueueError::NotDead {
            id,
            state: get(db, id).await?.state,
        }),
        Ok(_) => Ok(()),
        Err(error) if error.is_unique_violation() => Err(QueueError::Superseded { id }),
        Err(error) => Err(error.into()),
    }
}

/// Retries the dead jobs of `site` (its slug), or of all; gives how many wait again.
///
/// # Errors
/// When the database refuses or is away; those retried so far stay so.
pub async fn retry_all_dead(db: &Db, site: Option<&str>) -> DbResult<u64> {
    let dead = sqlx::query_scalar!(
        "SELECT j.id FROM jobs j LEFT JOIN deskhand_site_list() s ON s.id = j.site_id
          WHERE j.state = 'dead' AND ($1::text IS NULL OR s.slug = $1) ORDER BY j.id",
        site
    )
    .fetch_all(db.pool())
    .await?;
    let mut retried = 0;
    for id in dead {
        match retry(db, id.into()).await {
            Ok(()) => retried += 1,
            // Retried, dropped or replaced by somebody else meanwhile.
            Err(
                QueueError::Unknown(_)
                | QueueError::NotDead { .. }
                | QueueError::Superseded { .. }
                | QueueError::Lost,
            ) => {}
            Err(QueueError::Db(error)) => return Err(error),
        }
    }
    Ok(retried)
}

/// Deletes a job, in whatever state; a worker that runs it is stopped at its next heartbeat.
/// Gives the state that it was in.
///
/// # Errors
/// [`QueueError::Unknown`] when there is none.
pub async fn drop_job(db: &Db, id: JobId) -> Result<JobState, QueueError> {
    let state = sqlx::query_scalar!("DELETE FROM jobs WHERE id = $1 RETURNING state", id.0)
        .fetch_optional(db.pool())
        .await?
        .ok_or(QueueError::Unknown(id))?;
    Ok(read_state(&state)?)
}

/// Jobs of a site and kind that failed for good within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadGroup {
    /// Whose they are.
    pub site: SiteId,
    /// What they do.
    pub kind: String,
    /// The beginning of the hour.
    pub hour: DateTime<Utc>,
}

/// What failed for good within `back`, by site, kind and hour.
///
/// # Errors
/// When the database does.
pub async fn dead_lately(db: &Db, back: std::time::Duration) -> DbResult<Vec<DeadGroup>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT site_id AS "site!", kind, date_trunc('hour', finished_at, 'UTC') AS "hour!"
           FROM jobs
           WHERE state = 'dead' AND site_id IS NOT NULL AND finished_at > now() - make_interval(secs => $1)
           ORDER BY 3, 2, 1 LIMIT 500"#,
        back.as_secs_f64()
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| DeadGroup {
            site: r.site.into(),
            kind: r.kind,
            hour: r.hour,
        })
        .collect())
}
