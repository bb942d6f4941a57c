//! A turn taken over after a crash: what the driver knew is put together again from the
//! stored events and calls.

use std::sync::Arc;

use super::Driver;
use crate::agent::answer::Answer;
use crate::agent::brain::{ToolOutcome, TurnView};
use crate::agent::{mask, operation};
use crate::db::pool::{DbError, DbResult};
use crate::db::{events, tool_calls};
use crate::hands::registry::Called;

impl Driver {
    /// After a crash: the answer so far from the stored events, what the brain may see of
    /// the turn, and the passages by searching again (reads may be repeated).
    pub(super) async fn recall(&mut self) -> DbResult<()> {
        let t = self.job.turn;
        let mut tx = self.agent.db.site(t.site).await?;
        let stored = events::of_turn(&mut tx, t.turn).await?;
        let calls = tool_calls::of_turn(&mut tx, t.turn).await?;
        tx.commit().await?;
        self.answer = Answer::from_events(stored.iter().map(|e| &e.event));
        let view = operation::view(
            &self.agent,
            &t,
            self.job.first_seq,
            self.job.text.clone(),
            self.job.locale.clone(),
        )
        .await?;
        self.view = Arc::new(TurnView {
            customer: self.vault.customer(),
            ..view
        });
        for call in calls {
            self.args = call.args;
            if !call.ended || call.code.is_some() || self.agent.registry.writes(&call.tool) != Some(false) {
                continue;
            }
            let ctx = operation::context(&self.agent, t.site);
            match self.agent.registry.call(&ctx, &call.tool, &self.args).await {
                Ok(Called { mut reply, .. }) => {
                    mask::reply(&mut self.vault, &mut reply);
                    let args = self.args.clone();
                    self.view_mut().outcomes.push(ToolOutcome {
                        tool: call.tool,
                        args,
                        result: Ok(reply.output),
                        found: reply.found,
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, turn = %t.turn, "a read couldn't be repeated after a restart");
                    return Err(DbError::Unreadable("a read couldn't be repeated".to_owned()));
                }
            }
        }
        Ok(())
    }
}
