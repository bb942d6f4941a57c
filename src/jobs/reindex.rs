//! `reindex`: builds a site's vectors of another embedding model, then switches to them.
//! What is computed is stored batch by batch, so another try goes on where one ended.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::job::{JobError, Work};
use crate::knowledge::base::Knowledge;
use crate::knowledge::reindex::reindex;

/// The handler.
pub struct Reindex {
    /// Models.
    pub knowledge: Arc<Knowledge>,
}

impl Handler for Reindex {
    fn kind(&self) -> &'static str {
        Work::REINDEX
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::Reindex { model }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent(
                    "wrong_work",
                    "The job names no model of a site.",
                ));
            };
            let told = |share: f32| ctx.progress("embed", share);
            reindex(&ctx.db, &self.knowledge, site, model, &told)
                .await
                .map_err(|error| {
                    tracing::warn!(%error, code = error.code(), "the vectors couldn't be built");
                    let detail = error.to_string();
                    if error.is_transient() {
                        JobError::transient(error.code(), detail)
                    } else {
                        JobError::permanent(error.code(), detail)
                    }
                })
        }
        .boxed()
    }
}
