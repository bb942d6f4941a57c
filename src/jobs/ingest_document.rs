//! `ingest_document`: makes an upload its document's live version. Doing it twice is
//! harmless: the swap takes the upload, and what finds none has nothing left to do.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::clock::SharedClock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{DocumentId, UploadId};
use crate::domain::job::{JobError, Work};
use crate::knowledge::base::Knowledge;
use crate::knowledge::ingest::{self, IngestError, Stage};

/// The handler.
pub struct IngestDocument {
    /// Business time.
    pub clock: SharedClock,
    /// Models and limits.
    pub knowledge: Arc<Knowledge>,
}

impl Handler for IngestDocument {
    fn kind(&self) -> &'static str {
        Work::INGEST_DOCUMENT
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::IngestDocument { upload, document }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent(
                    "wrong_work",
                    "The job names no document of a site.",
                ));
            };
            fail::point(FailPoint::JobClaimed);
            let progress = watched(&ctx);
            let done = ingest::ingest(
                &ctx.db,
                self.clock.as_ref(),
                &self.knowledge,
                site,
                upload,
                document,
                &progress,
            )
            .await;
            match done {
                Ok(_) => Ok(()),
                Err(error) => Err(failed(&ctx, &self.clock, &self.knowledge, document, upload, &error).await),
            }
        }
        .boxed()
    }
}

/// Tells where an ingestion is.
pub(super) fn watched(ctx: &JobContext) -> impl Fn(Stage, f32) + Sync {
    |stage, share| ctx.progress(stage.as_str(), share)
}

/// What a failed ingestion is to the queue. The document's owner is told after the last try.
pub(super) async fn failed(
    ctx: &JobContext,
    clock: &SharedClock,
    knowledge: &Knowledge,
    document: DocumentId,
    upload: UploadId,
    error: &IngestError,
) -> JobError {
    tracing::warn!(%document, code = error.code(), "a document couldn't be taken in");
    let detail = error.to_string();
    if error.is_permanent() {
        return JobError::permanent(error.code(), detail);
    }
    if let (true, Some(site)) = (ctx.last_attempt, ctx.site) {
        let clock = clock.as_ref();
        let told = ingest::give_up(&ctx.db, clock, knowledge, site, document, Some(upload), error);
        if let Err(error) = told.await {
            tracing::warn!(%document, %error, "its owner can't be told");
        }
    }
    JobError::transient(error.code(), detail)
}
