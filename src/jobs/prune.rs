//! Deletes what nobody needs any more, and what sites keep no longer.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::pool::DbError;
use crate::db::prune;
use crate::domain::clock::SharedClock;
use crate::domain::job::{JobError, Work};
use crate::gateway;
use crate::privacy::retention;

/// How long a job that is done can still be looked at.
const DONE_JOBS_KEPT: Duration = Duration::from_hours(7 * 24);

/// How long bytes wait that no job makes a version of: those that failed for good.
const UPLOADS_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long vectors are kept that no version took.
const VECTORS_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long AI jobs that have ended can be looked at.
const AI_JOBS_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long it can be seen that a mail or a notice went out.
const MAILS_KEPT: Duration = Duration::from_hours(30 * 24);

/// Handles [`Work::Prune`].
pub struct Prune {
    /// Business time.
    pub clock: SharedClock,
}

impl Handler for Prune {
    fn kind(&self) -> &'static str {
        Work::PRUNE
    }

    fn run<'a>(&'a self, ctx: JobContext, _: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let nonces = prune::nonces(&ctx.db).await.map_err(failure)?;
            let jobs = prune::done_jobs(&ctx.db, DONE_JOBS_KEPT).await.map_err(failure)?;
            let uploads = prune::uploads(&ctx.db, UPLOADS_KEPT).await.map_err(failure)?;
            let vectors = prune::vectors(&ctx.db, VECTORS_KEPT).await.map_err(failure)?;
            let ai_jobs = prune::ai_jobs(&ctx.db, AI_JOBS_KEPT).await.map_err(failure)?;
            let mails = prune::mails(&ctx.db, MAILS_KEPT).await.map_err(failure)?;
            let abandoned = gateway::close_abandoned(&ctx.db).await.map_err(failure)?;
            let kept = retention::enforce(&ctx.db, self.clock.now())
                .await
                .map_err(failure)?;
            tracing::debug!(
                nonces,
                jobs,
                uploads,
                vectors,
                ai_jobs,
                mails,
                abandoned,
                ?kept,
                "pruned"
            );
            Ok(())
        }
        .boxed()
    }
}

fn failure(error: DbError) -> JobError {
    tracing::warn!(%error, "pruning failed");
    JobError::transient("database", "The database refused or was away.")
}
