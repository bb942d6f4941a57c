//! Marks tickets and handoffs that no person has answered in time, on all sites, once each.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::pool::DbResult;
use crate::db::{notices, overdue};
use crate::domain::clock::SharedClock;
use crate::domain::ids::ThreadId;
use crate::domain::job::{JobError, Work};
use crate::domain::notice::{Notice, NoticeKind};

/// Handles [`Work::MarkBreaches`].
pub struct MarkBreaches {
    /// Business time.
    pub clock: SharedClock,
}

impl Handler for MarkBreaches {
    fn kind(&self) -> &'static str {
        Work::MARK_BREACHES
    }

    fn run<'a>(&'a self, ctx: JobContext, _: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            self.mark(&ctx).await.map_err(|error| {
                tracing::warn!(%error, "breaches can't be marked");
                JobError::transient("database", "The database refused or was away.")
            })
        }
        .boxed()
    }
}

impl MarkBreaches {
    async fn mark(&self, ctx: &JobContext) -> DbResult<()> {
        let now = self.clock.now();
        for site in overdue::sites(&ctx.db, now).await? {
            let mut tx = ctx.db.site(site).await?;
            let marked = overdue::mark(&mut tx, now).await?;
            for breach in &marked {
                let notice = Notice {
                    kind: NoticeKind::Sla,
                    key: format!("sla/{}", breach.id),
                    thread: breach.thread.map(ThreadId),
                    subject: (breach.kind == "ticket").then(|| breach.id.to_string()),
                    reason: "not_answered",
                    at: now,
                };
                notices::enqueue(&mut tx, &notice).await?;
            }
            tx.commit().await?;
            for breach in marked {
                metrics::counter!("deskhand_sla_breaches_total", "kind" => breach.kind.clone()).increment(1);
                tracing::warn!(
                    site = site.hashed(),
                    kind = breach.kind,
                    "nobody has answered in time"
                );
            }
        }
        Ok(())
    }
}
