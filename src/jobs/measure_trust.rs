//! `measure_trust`: measures how far a site's embedding model is to be trusted with its
//! languages, once no more documents come in. Doing it twice gives the same.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::job::{JobError, Work};
use crate::knowledge::base::Knowledge;
use crate::knowledge::embed::VectorError;
use crate::knowledge::trust;

/// When to look again whether documents still come in.
const PAUSE: Duration = Duration::from_secs(5);

/// The handler.
pub struct MeasureTrust {
    /// Models.
    pub knowledge: Arc<Knowledge>,
}

impl Handler for MeasureTrust {
    fn kind(&self) -> &'static str {
        Work::MEASURE_TRUST
    }

    fn run<'a>(&'a self, ctx: JobContext, _: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let Some(site) = ctx.site else {
                return Err(JobError::permanent("wrong_work", "The job names no site."));
            };
            let failed = |error: VectorError| {
                tracing::warn!(%error, code = error.code(), "the model's trust couldn't be measured");
                JobError::transient(error.code(), error.to_string())
            };
            if trust::should_wait(&ctx.db, site)
                .await
                .map_err(|e| failed(e.into()))?
            {
                return Err(JobError::again(PAUSE));
            }
            trust::measure(&ctx.db, &self.knowledge, site)
                .await
                .map_err(failed)
        }
        .boxed()
    }
}
