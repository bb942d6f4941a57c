//! `bridge_event`: what a site told by the bridge is handled.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::clock::SharedClock;
use crate::domain::job::{JobError, Work};
use crate::domain::seal::MasterKey;
use crate::events::handle;

/// The handler.
pub struct BridgeEvent {
    /// Business time.
    pub clock: SharedClock,
    /// What opens events.
    pub master: Arc<MasterKey>,
}

impl Handler for BridgeEvent {
    fn kind(&self) -> &'static str {
        Work::BRIDGE_EVENT
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::BridgeEvent { event }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent(
                    "wrong_work",
                    "The job names no event of a site.",
                ));
            };
            let handled = handle::handle(&ctx.db, &self.master, site, event, self.clock.now()).await;
            handled.map_err(|error| {
                tracing::warn!(%error, "an event waits for the database");
                JobError::transient("database", "The database refused or was away.")
            })
        }
        .boxed()
    }
}
