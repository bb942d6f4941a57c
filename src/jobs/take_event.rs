//! `take_event`: takes in what a webhook tells, and ingests what it brought. Doing it twice
//! is harmless: what is taken in names its content, and what went live has none that waits.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use super::ingest_document::{failed, watched};
use crate::db::pool::DbError;
use crate::domain::clock::SharedClock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::job::{JobError, Work};
use crate::knowledge::base::Knowledge;
use crate::knowledge::ingest::{self, IngestError};
use crate::knowledge::intake::{self, Taken};

/// The handler.
pub struct TakeEvent {
    /// Business time.
    pub clock: SharedClock,
    /// Models and limits.
    pub knowledge: Arc<Knowledge>,
}

impl Handler for TakeEvent {
    fn kind(&self) -> &'static str {
        Work::TAKE_EVENT
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::TakeEvent { event, document }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent(
                    "wrong_work",
                    "The job names no webhook of a site.",
                ));
            };
            fail::point(FailPoint::JobClaimed);
            let (clock, limits) = (self.clock.as_ref(), self.knowledge.limits);
            let taken = intake::take(&ctx.db, clock, limits, site, document, event, ctx.id)
                .await
                .map_err(refused)?;
            let upload = match taken {
                Taken::Waits(upload) => upload,
                Taken::Done(why) => {
                    fail::point(FailPoint::RemovalDone);
                    ctx.progress(why, 1.0);
                    return Ok(());
                }
            };
            let progress = watched(&ctx);
            let done =
                ingest::ingest(&ctx.db, clock, &self.knowledge, site, upload, document, &progress).await;
            match done {
                // Its end came meanwhile, which said so.
                Err(IngestError::Gone) => {
                    ctx.progress("removed", 1.0);
                    Ok(())
                }
                Ok(_) => intake::close(&ctx.db, clock, site, event, None)
                    .await
                    .map_err(refused),
                Err(error) => {
                    if error.is_permanent() || ctx.last_attempt {
                        intake::close(&ctx.db, clock, site, event, Some(error.code()))
                            .await
                            .map_err(refused)?;
                    }
                    Err(failed(&ctx, &self.clock, &self.knowledge, document, upload, &error).await)
                }
            }
        }
        .boxed()
    }
}

fn refused(error: DbError) -> JobError {
    tracing::warn!(%error, "a webhook couldn't be taken in");
    let detail = "The knowledge base couldn't be written to.";
    if error.is_transient() {
        JobError::transient("database", detail)
    } else {
        JobError::permanent("database", detail)
    }
}
