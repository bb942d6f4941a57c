//! Out of the queue: a worker takes the next jobs, sites in turn (`claim.sql` says how).

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::QueueError;
use super::lease::{Lease, fail};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::{JobId, SiteId};
use crate::domain::job::{JobError, Work};

/// The most jobs that one [`claim`] takes.
pub const MOST_AT_ONCE: usize = 64;

/// Planning takes as long as running, so there is one plan for all claims. It may be made while
/// the queue is empty and must serve when a hundred thousand jobs wait: a plan that reads the
/// whole table for each lane takes seconds then.
const BEGIN: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; \
    SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off";

/// A job in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The job.
    pub id: JobId,
    /// Whose it is; `None` for the house's own work.
    pub site: Option<SiteId>,
    /// What to do.
    pub work: Work,
    /// Which try this is, from 1.
    pub attempt: i32,
    /// Whether the job dies if this try fails.
    pub last_attempt: bool,
    /// Proof that the job is the worker's, until it isn't.
    pub lease: Lease,
}

/// Takes up to `limit` due jobs (at most [`MOST_AT_ONCE`]) of `kinds` for `worker`, each with a
/// lease of `lease` from now. Other kinds are left for workers of a version that knows them.
/// Two claims never give the same job.
///
/// # Errors
/// When the database refuses or is away; then nothing was taken, or the leases run out.
pub async fn claim(
    db: &Db,
    worker: Uuid,
    kinds: &[&str],
    limit: usize,
    lease: Duration,
) -> DbResult<Vec<Claimed>> {
    let kinds: Vec<String> = kinds.iter().map(|&k| k.to_owned()).collect();
    // At most 64, so the conversion is exact.
    let limit = limit.min(MOST_AT_ONCE) as i32;
    let mut tx = db.pool().begin_with(BEGIN).await?;
    let rows = sqlx::query_file!(
        "src/db/jobs/claim.sql",
        &kinds,
        limit,
        worker,
        lease.as_secs_f64()
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;

    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let lease = Lease {
            id: row.id.into(),
            epoch: row.epoch,
        };
        match serde_json::from_value::<Work>(json!({ "kind": row.kind, "args": row.args })) {
            Ok(work) => claimed.push(Claimed {
                id: lease.id,
                site: row.site_id.map(SiteId),
                work,
                attempt: row.attempts,
                last_attempt: row.attempts >= row.max_attempts,
                lease,
            }),
            // Not for good: a worker of the version that wrote them may come.
            Err(error) => {
                tracing::error!(job = %lease.id, kind = row.kind, %error, "a job's arguments can't be read");
                let unreadable = JobError::transient(
                    "unreadable_arguments",
                    "This version can't read the job's arguments; a newer or older one wrote them.",
                );
                match fail(db, &lease, &unreadable).await {
                    Ok(_) | Err(QueueError::Lost) => {}
                    // It stays leased, and comes back when the lease has run out.
                    Err(error) => tracing::warn!(job = %lease.id, %error, "the job can't be put back"),
                }
            }
        }
    }
    Ok(claimed)
}
