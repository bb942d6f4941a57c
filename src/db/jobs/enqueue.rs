//! Into the queue: in the caller's transaction, so that a change and its job are
//! stored together or not at all.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::ids::{JobId, SiteId};
use crate::domain::job::{Job, Retry, Work};

/// A job's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The job, new or found.
    pub id: JobId,
    /// Whether it is new; else a live job with this key was there already.
    pub new: bool,
}

/// Enqueues work of the transaction's site. Idle workers hear of it when the transaction
/// commits. A dead job with the same kind and key is deleted: this one takes its place.
///
/// A live job with the same kind and key that another transaction has inserted and not yet
/// committed is waited for.
///
/// # Errors
/// When the database refuses (a key of more than 500 characters, say) or is away.
pub async fn enqueue(tx: &mut SiteTx, job: &Job) -> DbResult<Enqueued> {
    let site = tx.site();
    put(tx.conn(), Some(site), job).await
}

/// Enqueues a job under an id that it had before, in the place of the ended one; false when that
/// one waits or runs.
///
/// # Errors
/// When the database refuses or is away.
pub async fn enqueue_again(tx: &mut SiteTx, id: JobId, job: &Job) -> DbResult<bool> {
    let site = tx.site().0;
    let live = sqlx::query_scalar!(
        r#"WITH ended AS (
               DELETE FROM jobs WHERE lane = $2 AND state IN ('done', 'dead')
                                  AND (id = $1 OR kind = $3 AND key = $4 AND state = 'dead'))
           SELECT EXISTS (SELECT FROM jobs WHERE lane = $2 AND state IN ('waiting', 'running')
                                             AND (id = $1 OR kind = $3 AND key = $4)) AS "live!""#,
        id.0,
        site,
        job.work.kind(),
        job.key,
    )
    .fetch_one(tx.conn())
    .await?;
    if live {
        return Ok(false);
    }
    sqlx::query!(
        "WITH added AS (
             INSERT INTO jobs (id, site_id, kind, key, args, priority, max_attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $7))
         SELECT pg_notify('deskhand_jobs', '')",
        id.0,
        site,
        job.work.kind(),
        job.key,
        args(&job.work)?,
        job.priority.as_i16(),
        Retry::of(job.work.kind()).attempts,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(true)
}

/// Enqueues work of a site or of none.
pub(in crate::db) async fn put(
    conn: &mut PgConnection,
    site: Option<SiteId>,
    job: &Job,
) -> DbResult<Enqueued> {
    let kind = job.work.kind();
    let args = args(&job.work)?;
    let lane = site.map_or(Uuid::nil(), |s| s.0);
    // A live twin that finishes between our insert and our look at it is in neither.
    for _ in 0..10 {
        // NOTIFY serialises commits, so it is left out when a job of this lane is due already:
        // its own enqueuer has notified, and the worker that takes it claims again afterwards.
        let found = sqlx::query!(
            r#"
            WITH buried AS (
                DELETE FROM jobs WHERE lane = $8 AND kind = $3 AND key = $4 AND state = 'dead'
            ), added AS (
                INSERT INTO jobs (id, site_id, kind, key, args, priority, max_attempts)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (lane, kind, key) WHERE state IN ('waiting', 'running') DO NOTHING
                RETURNING id
            ), told AS (
                SELECT pg_notify('deskhand_jobs', '') FROM added
                 WHERE NOT EXISTS (SELECT FROM jobs
                                    WHERE state = 'waiting' AND kind = $3 AND lane = $8 AND priority = $6
                                      AND run_at <= now())
            )
            SELECT id AS "id!", true AS "new!", (SELECT count(*) FROM told) AS told FROM added
            UNION ALL
            SELECT id, false, 0 FROM jobs
             WHERE lane = $8 AND kind = $3 AND key = $4 AND state IN ('waiting', 'running')
            "#,
            JobId::new().0,
            site.map(|s| s.0),
            kind,
            job.key,
            args,
            job.priority.as_i16(),
            Retry::of(kind).attempts,
            lane,
        )
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(row) = found {
            return Ok(Enqueued {
                id: row.id.into(),
                new: row.new,
            });
        }
    }
    Err(DbError::Unreadable(format!(
        "the live {kind} job with this key changes too fast to be found"
    )))
}

/// The `args` column: what serde puts beside the tag.
fn args(work: &Work) -> DbResult<serde_json::Value> {
    let mut tagged =
        serde_json::to_value(work).map_err(|e| DbError::Unreadable(format!("a job's arguments: {e}")))?;
    Ok(tagged
        .get_mut("args")
        .map(serde_json::Value::take)
        .unwrap_or_default())
}
