//! `measure_trust`: measures how far a site's embedding model is to be trusted with its
//! languages. Doing it twice gives the same.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::job::{JobError, Work};
use crate::knowledge::base::Knowledge;
use crate::knowledge::trust;

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
            trust::measure(&ctx.db, &self.knowledge, site)
                .await
                .map_err(|error| {
                    tracing::warn!(%error, code = error.code(), "the model's trust couldn't be measured");
                    JobError::transient(error.code(), error.to_string())
                })
        }
        .boxed()
    }
}
