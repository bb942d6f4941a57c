//! Runs what staff have approved, and tells the visitor. The ledger of effects makes it happen
//! once however often this runs; what nobody can tell goes to a person.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::agent::phrases::Decision;
use crate::db::pool::Db;
use crate::db::proposals;
use crate::db::tickets;
use crate::domain::clock::SharedClock;
use crate::domain::ids::{ProposalId, SiteId};
use crate::domain::job::{JobError, Work};
use crate::domain::seal::MasterKey;
use crate::domain::tool::ToolCode;
use crate::hands::act::{self, Leave};
use crate::hands::orders::Stores;
use crate::hands::{ToolContext, ToolError};
use crate::inbox::ends::{self, ticket_key};
use crate::inbox::{InboxError, decide};

/// The handler.
pub struct ExecuteProposal {
    /// Where orders are.
    pub stores: Arc<dyn Stores>,
    /// Business time.
    pub clock: SharedClock,
    /// What opens arguments and approvals.
    pub master: Arc<MasterKey>,
}

impl Handler for ExecuteProposal {
    fn kind(&self) -> &'static str {
        Work::EXECUTE_PROPOSAL
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::ExecuteProposal { proposal }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent("bad_job", "this isn't a site's proposal"));
            };
            self.carry_out(&ctx.db, site, proposal, ctx.last_attempt).await
        }
        .boxed()
    }
}

impl ExecuteProposal {
    /// Runs one that staff have approved, whoever asks for it. After the last try a shop that is
    /// away ends it.
    ///
    /// # Errors
    /// When the shop or the database is away; it may be tried again.
    pub async fn carry_out(
        &self,
        db: &Db,
        site: SiteId,
        id: ProposalId,
        last_try: bool,
    ) -> Result<(), JobError> {
        let tool = ToolContext::outside(db, site, &self.clock, &self.master);
        let decision = match act::run(&tool, self.stores.as_ref(), id, &Leave::Staff).await {
            Ok(_) => Decision::Done,
            Err(error) if in_doubt(&error) && self.begun(db, site, id).await? => Decision::Unknown,
            // Nothing was begun: the shop or the database may be back in a moment.
            Err(error) if error.code.is_transient() && !last_try => {
                return Err(JobError::transient("proposal", error.to_string()));
            }
            // Somebody else runs it, or has, and tells.
            Err(error) if error.code == ToolCode::NotFound && self.begun(db, site, id).await? => {
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(%error, "an approved proposal can't be carried out");
                Decision::Void
            }
        };
        self.tell(db, site, id, decision).await.map_err(|e| match e {
            InboxError::Db(error) if error.is_transient() => {
                JobError::transient("proposal", error.to_string())
            }
            other => JobError::permanent("proposal", other.to_string()),
        })
    }

    /// Whether the ledger has its effect.
    async fn begun(&self, db: &Db, site: SiteId, id: ProposalId) -> Result<bool, JobError> {
        let failed = |e: crate::db::pool::DbError| JobError::transient("database", e.to_string());
        let mut tx = db.site(site).await.map_err(failed)?;
        let found = crate::db::effects::find(&mut tx, &id.to_string()).await;
        Ok(found.map_err(failed)?.is_some())
    }

    /// Tells the visitor, and where staff have to look, staff. Once: a notice that is there is
    /// not written again.
    async fn tell(
        &self,
        db: &Db,
        site: SiteId,
        id: ProposalId,
        decision: Decision,
    ) -> Result<(), InboxError> {
        let now = self.clock.now();
        let mut tx = db.site(site).await?;
        let row = proposals::lock(&mut tx, id)
            .await?
            .ok_or(InboxError::NoProposal)?;
        if decision == Decision::Void {
            // Nobody can decide it a second time: left waiting, it would keep its order from any other.
            proposals::advance(&mut tx, id, &["waiting"], "void", now).await?;
        }
        let end = decision != Decision::Unknown;
        if proposals::tell_once(&mut tx, id, end, now).await? {
            decide::tell(&mut tx, &row, decision, now).await?;
            if matches!(decision, Decision::Unknown | Decision::Void) {
                let reason = if decision == Decision::Unknown {
                    "unknown_effect"
                } else {
                    "void_approval"
                };
                let key = ticket_key(id);
                let ticket = ends::ticket(row.thread, &key, reason, now);
                tickets::open(&mut tx, &ticket).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

fn in_doubt(error: &ToolError) -> bool {
    error.code.leaves_doubt()
}
