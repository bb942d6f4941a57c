//! A turn taken over after a crash: what the driver knew is put together again from the
//! stored events and calls.

use std::sync::Arc;

use serde_json::json;

use super::Driver;
use crate::agent::answer::Answer;
use crate::agent::brain::{ToolOutcome, TurnView};
use crate::agent::machine::action::Action;
use crate::agent::machine::call::{ArgsRef, Effect, Ledger};
use crate::agent::record::CallNews;
use crate::agent::{mask, operation, screening};
use crate::db::pool::DbResult;
use crate::db::{effects, events, tool_calls};
use crate::domain::tool::{Power, ToolCode};
use crate::hands::registry::{CallError, Called};

impl Driver {
    /// What the ledger says of the write that was open when the driver died. One that was begun
    /// is settled with the shop first: done, or nobody knows.
    pub(super) async fn reconcile(&mut self) -> DbResult<Ledger> {
        let t = self.job.turn;
        let Some(Action::CallTool { call }) = self.machine.open_operation() else {
            return Ok(Ledger::None);
        };
        let (Effect::Write { key }, ArgsRef::Proposal { proposal }) = (&call.effect, call.args) else {
            return Ok(Ledger::None);
        };
        let mut tx = self.agent.db.site(t.site).await?;
        let begun = effects::find(&mut tx, key).await?.is_some();
        tx.commit().await?;
        if !begun {
            return Ok(Ledger::None);
        }
        let ctx = operation::context_of(&self.agent, &t, call.call_id, &self.view);
        match self.agent.registry.confirmed(&ctx, proposal).await {
            Ok(Called { mut reply, attempts }) => {
                mask::reply(&mut self.vault, &mut reply);
                self.record.calls.push(CallNews::Ended {
                    id: call.call_id,
                    result: Ok(reply.output.clone()),
                    attempts,
                    ms: 0,
                });
                self.view_mut().outcomes.push(ToolOutcome {
                    tool: call.tool,
                    args: json!({ "proposal": proposal }),
                    result: Ok(reply.output),
                    found: None,
                });
                Ok(Ledger::Done)
            }
            Err(CallError::Failed { error, .. }) if error.code.leaves_doubt() => Ok(Ledger::Unknown),
            // It was refused: asked again, the machine hears so.
            Err(_) => Ok(Ledger::None),
        }
    }

    /// After a crash: the answer so far from the stored events, what the brain may see of
    /// the turn, and the passages by searching again (reads may be repeated).
    pub(super) async fn recall(&mut self) -> DbResult<()> {
        let t = self.job.turn;
        let mut tx = self.agent.db.site(t.site).await?;
        let stored = events::of_turn(&mut tx, t.turn).await?;
        let calls = tool_calls::of_turn(&mut tx, t.turn).await?;
        tx.commit().await?;
        self.answer = Answer::from_events(stored.iter().map(|e| &e.event));
        let view = screening::view(
            &self.agent,
            &t,
            self.job.first_seq,
            self.job.text.clone(),
            self.job.locale.clone(),
        )
        .await?;
        self.view = Arc::new(TurnView {
            customer: self.vault.customer(),
            account: self.job.account.clone(),
            ..view
        });
        for call in calls {
            self.args = call.args;
            if !call.ended || call.code.is_some() {
                continue;
            }
            if self.agent.registry.power(&call.tool) != Some(Power::Reads) {
                // What was done is done once; what it gave is stored. So is what a connected tool
                // gave: its server may be away by now.
                if let Some(output) = call.result {
                    let args = self.args.clone();
                    self.view_mut().outcomes.push(ToolOutcome {
                        tool: call.tool,
                        args,
                        result: Ok(output),
                        found: None,
                    });
                }
                continue;
            }
            let ctx = operation::context_of(&self.agent, &t, call.id, &self.view);
            let args = mask::for_tool(&self.vault, &call.tool, &self.args);
            match self.agent.registry.call(&ctx, &call.tool, &args).await {
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
                // The turn goes on without what it gave: a brain that has less to say says so.
                Err(error) => {
                    tracing::warn!(%error, turn = %t.turn, "a read couldn't be repeated after a restart");
                    let code = match error {
                        CallError::Failed { error, .. } => error.code,
                        CallError::Unknown | CallError::Schema(_) => ToolCode::Disabled,
                    };
                    let args = self.args.clone();
                    self.view_mut().outcomes.push(ToolOutcome {
                        tool: call.tool,
                        args,
                        result: Err(code.as_str().to_owned()),
                        found: None,
                    });
                }
            }
        }
        Ok(())
    }
}
