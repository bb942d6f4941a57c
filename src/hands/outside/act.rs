//! Runs a connected tool's write that the visitor has said yes to, once: the proposal moves on and
//! the ledger has a row before the other side is asked. What it didn't answer for is asked again
//! under the same key where the operator says that it does nothing twice for one; else it is
//! `unknown`, and a person looks.

use std::time::Duration;

use serde_json::{Value, json};

use super::remote::Fault;
use super::tools::{OutsideTool, Terms};
use crate::db::effects;
use crate::db::proposals::{self, ProposalRow};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::ProposalId;
use crate::domain::tool::ToolCode;
use crate::hands::act::{self, Leave, void};
use crate::hands::{ToolContext, ToolError, proposal};

/// Pauses before another side that does nothing twice is asked again.
const AGAIN: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(500)];
/// How long a change may take whose one request may take so long, with the times that it is asked
/// again.
pub(super) fn takes(terms: &Terms) -> Duration {
    let again = AGAIN.iter().map(|pause| *pause + terms.time);
    terms.time
        + if terms.idempotent {
            again.sum()
        } else {
            Duration::ZERO
        }
}

/// What the ledger keeps of another side's answer: it has no name for what it did.
const REMOTE: &str = "answered";

/// Runs a proposal.
///
/// # Errors
/// [`ToolCode::InvalidInput`] when the proposal is void by now; an error that leaves doubt when
/// nobody knows what happened.
pub(super) async fn run(ctx: &ToolContext, tool: &OutsideTool, id: ProposalId) -> Result<Value, ToolError> {
    let mut tx = ctx.db.site(ctx.site).await?;
    let row = proposals::lock(&mut tx, id)
        .await?
        .ok_or_else(|| void("there is no such proposal"))?;
    if ctx.conversation()?.thread != row.thread {
        return Err(void("it is another conversation's"));
    }
    let key = id.to_string();
    let args: Value = proposal::args(&ctx.master, ctx.site, &row)?;
    // Whoever comes after a crash, or twice, finds what has happened.
    if let Some(effect) = effects::find(&mut tx, &key).await? {
        drop(tx);
        return match effect.state.as_str() {
            "done" => Ok(json!({ "done": true })),
            "failed" => Err(void("the other side refused it before")),
            _ => settle(ctx, tool, &row, &args).await,
        };
    }
    let changed = row.policy != tool.deed.version;
    let fits = if changed {
        Err(void("the tool isn't what it was when it was proposed"))
    } else {
        act::counts(ctx, &mut tx, &row, &Leave::Visitor).await.map(|_| ())
    };
    if let Err(error) = fits {
        if error.code == ToolCode::InvalidInput {
            proposals::advance(&mut tx, id, &["open"], "void", ctx.now()).await?;
        }
        tx.commit().await?;
        return Err(error);
    }
    tool.deed.shown(ctx).await?;
    let seen = effects::done(&mut tx, &row.tool, &row.order_number).await?;
    act::begin(ctx, &mut tx, &row, (&key, seen), &Leave::Visitor).await?;
    tx.commit().await?;
    fail::point(FailPoint::EffectBegun);
    let asked = tool.deed.ask(ctx, &args, Some(&key)).await;
    fail::point(FailPoint::EffectAsked);
    match asked {
        Ok(output) => done(ctx, tool, &row, output).await,
        Err(fault) if fault.leaves_doubt() => {
            tracing::warn!(%fault, tool = tool.deed.name, "an effect is in doubt");
            settle(ctx, tool, &row, &args).await
        }
        Err(fault) => refused(ctx, tool, &row, fault).await,
    }
}

async fn done(
    ctx: &ToolContext,
    tool: &OutsideTool,
    row: &ProposalRow,
    output: Value,
) -> Result<Value, ToolError> {
    act::finish(ctx, row, &row.id.to_string(), Ok(REMOTE)).await?;
    if let Err(error) = tool.entry.holds(&output) {
        // It was done; only the answer says so in another way than was promised.
        tracing::warn!(%error, tool = tool.deed.name, "an effect's answer can't be used");
        return Ok(json!({ "done": true }));
    }
    Ok(json!({ "done": true, "result": output }))
}

async fn refused(
    ctx: &ToolContext,
    tool: &OutsideTool,
    row: &ProposalRow,
    fault: Fault,
) -> Result<Value, ToolError> {
    tracing::warn!(%fault, tool = tool.deed.name, "an effect was refused");
    let code = match ToolError::from(fault.clone()).code {
        // Nothing was sent: no doubt that a person would have to clear up.
        ToolCode::Timeout | ToolCode::Upstream5xx => ToolCode::Disabled,
        code => code,
    };
    act::finish(ctx, row, &row.id.to_string(), Err(("failed", code))).await?;
    Err(ToolError::new(code, fault))
}

/// Finds out what became of an effect that was begun, where that can be done without a second
/// one.
async fn settle(
    ctx: &ToolContext,
    tool: &OutsideTool,
    row: &ProposalRow,
    args: &Value,
) -> Result<Value, ToolError> {
    let key = row.id.to_string();
    if tool.deed.terms.idempotent {
        for pause in AGAIN {
            tokio::time::sleep(pause).await;
            match tool.deed.ask(ctx, args, Some(&key)).await {
                Ok(output) => return done(ctx, tool, row, output).await,
                Err(fault) => tracing::warn!(%fault, tool = tool.deed.name, "an effect is still in doubt"),
            }
        }
    }
    act::finish(ctx, row, &key, Err(("unknown", ToolCode::Timeout))).await?;
    Err(ToolError::new(
        ToolCode::Timeout,
        "nobody knows whether it happened",
    ))
}
