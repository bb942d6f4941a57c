//! Marks tickets and handoffs that no person has answered in time, on all sites, once each; and ends
//! what staff haven't decided about in time.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::pool::{Db, DbResult};
use crate::db::{notices, overdue, proposals};
use crate::domain::clock::SharedClock;
use crate::domain::ids::ThreadId;
use crate::domain::job::{JobError, Work};
use crate::domain::notice::{Notice, NoticeKind};
use crate::hands::proposal::DECIDE_WITHIN;
use crate::inbox::{InboxError, decide};

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
            let away = |error: &dyn std::fmt::Display| {
                tracing::warn!(%error, "breaches can't be marked");
                JobError::transient("database", "The database refused or was away.")
            };
            self.mark(&ctx).await.map_err(|e| away(&e))?;
            self.lapse(&ctx.db).await.map_err(|e| away(&e))
        }
        .boxed()
    }
}

impl MarkBreaches {
    /// Ends what staff haven't decided about in time, on all sites.
    ///
    /// # Errors
    /// When the database does.
    pub async fn lapse(&self, db: &Db) -> Result<(), InboxError> {
        let now = self.clock.now();
        let before = now - DECIDE_WITHIN;
        for site in proposals::undecided_sites(db, before).await? {
            let mut tx = db.site(site).await?;
            let undecided = proposals::undecided(&mut tx, before).await?;
            tx.commit().await?;
            for id in undecided {
                let mut tx = db.site(site).await?;
                if decide::lapse(&mut tx, id, now).await? {
                    tx.commit().await?;
                    tracing::info!(site = site.hashed(), "a proposal was not decided about in time");
                }
            }
        }
        Ok(())
    }

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
