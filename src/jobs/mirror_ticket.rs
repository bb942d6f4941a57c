//! Brings a changed ticket to the systems that mirror the site's tickets.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::job::{JobError, Work};
use crate::inbox::mirror::Mirrors;

/// Handles [`Work::MirrorTicket`].
pub struct MirrorTicket(pub Arc<Mirrors>);

impl Handler for MirrorTicket {
    fn kind(&self) -> &'static str {
        Work::MIRROR_TICKET
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::MirrorTicket { ticket }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent("bad_job", "This is no ticket of a site."));
            };
            self.0
                .deliver(site, ticket)
                .await
                .map_err(|error| match error.wait {
                    Some(wait) => JobError::again(wait),
                    None if error.permanent => JobError::permanent(error.code, error.detail),
                    None => JobError::transient(error.code, error.detail),
                })
        }
        .boxed()
    }
}
