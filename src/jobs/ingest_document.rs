//! `ingest_document`: makes an upload its document's live version. Doing it twice is
//! harmless: the swap takes the upload, and what finds none has nothing left to do.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::clock::SharedClock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::job::{JobError, Work};
use crate::knowledge::base::Knowledge;
use crate::knowledge::ingest::{self, Stage};

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
            let progress = |stage: Stage, share: f32| {
                if stage == Stage::Chunk {
                    fail::point(FailPoint::IngestExtracted);
                }
                if stage == Stage::Swap {
                    fail::point(FailPoint::IngestBeforeSwap);
                }
                ctx.progress(stage.as_str(), share);
            };
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
            fail::point(FailPoint::IngestSwapped);
            match done {
                Ok(_) => Ok(()),
                Err(error) => {
                    tracing::warn!(%document, code = error.code(), "a document couldn't be taken in");
                    let detail = error.to_string();
                    Err(if error.is_permanent() {
                        JobError::permanent(error.code(), detail)
                    } else {
                        JobError::transient(error.code(), detail)
                    })
                }
            }
        }
        .boxed()
    }
}
