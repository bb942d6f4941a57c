//! `ai_job` and `ai_callback`: what a site asked is answered, and the result brought to it.
//! Both bear being done again: a result that is there stays, and the site knows a repeated
//! callback by its key.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::job::{JobError, Work};
use crate::gateway::Gateway;

/// Answers.
pub struct AiJob {
    /// The gateway.
    pub gateway: Arc<Gateway>,
}

impl Handler for AiJob {
    fn kind(&self) -> &'static str {
        Work::AI_JOB
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::AiJob { job }, Some(site)) = (work, ctx.site) else {
                return Err(no_work());
            };
            self.gateway
                .run(site, job, ctx.last_attempt)
                .await
                .map_err(|again| JobError::transient(again.code, again.detail))
        }
        .boxed()
    }
}

/// Delivers.
pub struct AiCallback {
    /// The gateway.
    pub gateway: Arc<Gateway>,
}

impl Handler for AiCallback {
    fn kind(&self) -> &'static str {
        Work::AI_CALLBACK
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::AiCallback { job }, Some(site)) = (work, ctx.site) else {
                return Err(no_work());
            };
            let delivered = self.gateway.deliver(site, job, ctx.last_attempt).await;
            delivered.map_err(|error| {
                if error.permanent {
                    JobError::permanent(error.code, error.detail)
                } else {
                    JobError::transient(error.code, error.detail)
                }
            })
        }
        .boxed()
    }
}

fn no_work() -> JobError {
    JobError::permanent("wrong_work", "The job names no AI job of a site.")
}
