//! Finds out what became of an effect that was begun and whose end nobody has heard: the turn's
//! time was over before the shop had answered, or the process died. It only looks, and looks
//! again; nothing is ever asked for a second time. Of each effect that has ended it sees to it that
//! the visitor was told, by their turn or by it.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::effects::{self, EffectRow};
use crate::db::pool::DbError;
use crate::db::proposals::{self, Telling};
use crate::domain::clock::SharedClock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{ProposalId, SiteId};
use crate::domain::job::{JobError, Work};
use crate::domain::seal::MasterKey;
use crate::hands::act;
use crate::hands::orders::Stores;
use crate::hands::{ToolContext, ToolError};
use crate::inbox::{InboxError, ends};

/// When it looks, from the moment at which the effect was begun. By the first the turn or job
/// that began it is long over.
const LOOKS: [TimeDelta; 3] = [
    TimeDelta::seconds(90),
    TimeDelta::minutes(10),
    TimeDelta::minutes(60),
];
/// How long whoever ran it may take to tell its end themselves, and how often that is looked at.
const THEIRS: TimeDelta = TimeDelta::minutes(10);
const AGAIN: TimeDelta = TimeDelta::seconds(2);
/// An effect that is under way is looked at in the ledger, which costs little, each time after as
/// much of its age again: one that ends soon is told soon.
const SHARE: i32 = 2;

/// The handler.
pub struct SettleEffect {
    /// Where orders are.
    pub stores: Arc<dyn Stores>,
    /// Business time.
    pub clock: SharedClock,
    /// What opens arguments.
    pub master: Arc<MasterKey>,
}

impl Handler for SettleEffect {
    fn kind(&self) -> &'static str {
        Work::SETTLE_EFFECT
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::SettleEffect { proposal }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent("bad_job", "this isn't a site's effect"));
            };
            self.settle(&ctx, site, proposal).await
        }
        .boxed()
    }
}

/// The time of the next look, if there is one more.
fn next(age: TimeDelta) -> Option<TimeDelta> {
    LOOKS.into_iter().find(|at| *at > age).map(|at| at - age)
}

fn again(after: TimeDelta) -> JobError {
    JobError::again(after.to_std().unwrap_or_default())
}

fn database(error: &DbError) -> JobError {
    JobError::transient("database", error.to_string())
}

fn inbox(error: InboxError) -> JobError {
    match error {
        InboxError::Db(error) => database(&error),
        other => JobError::permanent("effect", other.to_string()),
    }
}

impl SettleEffect {
    async fn settle(&self, ctx: &JobContext, site: SiteId, id: ProposalId) -> Result<(), JobError> {
        let mut tx = ctx.db.site(site).await.map_err(|e| database(&e))?;
        let effect = effects::find(&mut tx, &id.to_string()).await;
        let telling = proposals::telling(&mut tx, id).await;
        drop(tx);
        // An erased conversation has nobody left who could be told.
        let (Some(effect), Some(telling)) = (
            effect.map_err(|e| database(&e))?,
            telling.map_err(|e| database(&e))?,
        ) else {
            return Ok(());
        };
        if matches!(effect.state.as_str(), "done" | "failed") {
            return self.ended(ctx, site, id, &effect, &telling).await;
        }
        let age = self.clock.now() - effect.at;
        if age < LOOKS[0] {
            return Err(again((age / SHARE).max(AGAIN).min(LOOKS[0] - age)));
        }
        let tool = ToolContext::outside(&ctx.db, site, &self.clock, &self.master);
        match act::look(&tool, self.stores.as_ref(), id).await {
            // Now it has an end, which is to be told.
            Ok(true) => Err(again(TimeDelta::zero())),
            Ok(false) => {
                self.nobody_knows(ctx, site, id).await.map_err(inbox)?;
                next(age).map_or(Ok(()), |after| Err(again(after)))
            }
            Err(error) => Err(asked_in_vain(&error)),
        }
    }

    /// Tells the visitor of an end, unless whoever ran it has, or still may.
    async fn ended(
        &self,
        ctx: &JobContext,
        site: SiteId,
        id: ProposalId,
        effect: &EffectRow,
        telling: &Telling,
    ) -> Result<(), JobError> {
        if telling.told || telling.by_turn {
            return Ok(());
        }
        let since = self.clock.now() - effect.ended_at.unwrap_or(effect.at);
        if (telling.open || (telling.approved && !telling.decided)) && since < THEIRS {
            return Err(again(AGAIN));
        }
        let done = effect.state == "done";
        self.tell(ctx, site, id, done).await.map_err(inbox)?;
        fail::point(FailPoint::EndTold);
        Ok(())
    }

    async fn tell(
        &self,
        ctx: &JobContext,
        site: SiteId,
        id: ProposalId,
        done: bool,
    ) -> Result<(), InboxError> {
        let mut tx = ctx.db.site(site).await?;
        let row = proposals::lock(&mut tx, id)
            .await?
            .ok_or(InboxError::NoProposal)?;
        ends::tell(&mut tx, &self.master, &row, done, self.clock.now()).await?;
        fail::point(FailPoint::EndTelling);
        Ok(tx.commit().await?)
    }

    async fn nobody_knows(&self, ctx: &JobContext, site: SiteId, id: ProposalId) -> Result<(), InboxError> {
        let mut tx = ctx.db.site(site).await?;
        let row = proposals::lock(&mut tx, id)
            .await?
            .ok_or(InboxError::NoProposal)?;
        ends::nobody_knows(&mut tx, &row, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}

fn asked_in_vain(error: &ToolError) -> JobError {
    tracing::warn!(%error, "what became of an effect can't be looked up");
    JobError::transient("shop", error.to_string())
}
