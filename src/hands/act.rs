//! Runs what the visitor has said yes to, exactly once: the proposal moves on in one statement,
//! the ledger has a row before the shop is asked, and what can't be told afterwards is `unknown`
//! and goes to a person. Run again after a crash it finds out what happened, and repeats nothing.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::orders::{Change, OrderStore, Stores, shop};
use super::{ToolContext, ToolError, identity, proposal};
use crate::db::effects::{self, NewEffect};
use crate::db::pool::SiteTx;
use crate::db::proposals::{self, ProposalRow};
use crate::db::{audit, jobs, sites};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::ProposalId;
use crate::domain::job::{Job, Priority, Work};
use crate::domain::order::Order;
use crate::domain::rules::Rules;
use crate::domain::site::Site;
use crate::domain::tool::{Need, Power, ToolCode};
use crate::hands::Tool;
use crate::hands::issue_refund::{self, IssueRefund};
use crate::hands::update_shipping_address::{self, UpdateShippingAddress};

/// Looks whether a shop has done what it didn't answer for, and the pauses before them.
const LOOKS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(500)];

/// Who lets it run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// The visitor's yes.
    Visitor,
    /// Staff's approval, after the visitor's yes.
    Staff,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Acted {
    /// The order.
    pub order_id: String,
    /// `refunded` or `address_changed`.
    pub done: String,
    /// How much money went back, for example `38.70`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A proposal that was read and found fit to run.
struct Ready {
    row: ProposalRow,
    change: Change,
}

/// Whose proposal it is.
///
/// # Errors
/// When there is no such proposal, or the database is away.
pub(super) async fn tool_of(ctx: &ToolContext, id: ProposalId) -> Result<String, ToolError> {
    let mut tx = ctx.db.site(ctx.site).await?;
    let row = proposals::lock(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row.ok_or_else(|| void("there is no such proposal"))?.tool)
}

/// Runs a proposal.
///
/// # Errors
/// [`Need::Approval`] when staff must approve first; [`ToolCode::InvalidInput`] when the proposal
/// is void by now; an error that leaves doubt when nobody knows what happened.
pub async fn run(
    ctx: &ToolContext,
    stores: &dyn Stores,
    id: ProposalId,
    leave: &Leave,
) -> Result<Acted, ToolError> {
    let store = shop(stores, ctx.site).await?;
    let mut tx = ctx.db.site(ctx.site).await?;
    let row = proposals::lock(&mut tx, id)
        .await?
        .ok_or_else(|| void("there is no such proposal"))?;
    if *leave == Leave::Visitor && ctx.conversation()?.thread != row.thread {
        return Err(void("it is another conversation's"));
    }
    let key = id.to_string();
    let change = match change_of(ctx, &row) {
        Ok(change) => change,
        Err(error) => {
            if error.code == ToolCode::InvalidInput {
                proposals::advance(&mut tx, id, &["open", "waiting"], "void", ctx.now()).await?;
                tx.commit().await?;
            }
            return Err(error);
        }
    };
    // Whoever comes after a crash, or twice, finds what has happened.
    if let Some(effect) = effects::find(&mut tx, &key).await? {
        drop(tx);
        return match effect.state.as_str() {
            "done" => Ok(acted(&row)),
            "failed" => Err(void("the shop refused it before")),
            _ => settle(ctx, store.as_ref(), &Ready { row, change }, &key).await,
        };
    }
    let seen = effects::done(&mut tx, &row.tool, &row.order_number).await?;
    let ready = Ready { row, change };
    // Reads of the shop wait for nobody's lock: the statement that moves the proposal on is
    // what lets one of several through.
    drop(tx);
    let order = order_now(ctx, store.as_ref(), &ready)
        .await
        .map_err(|error| nothing_begun(error, leave))?
        .ok_or_else(|| void("the order is gone"))?;
    let mut tx = ctx.db.site(ctx.site).await?;
    let Some(row) = proposals::lock(&mut tx, id)
        .await?
        .filter(|r| r.args_hash == ready.row.args_hash)
    else {
        return Err(void("it was changed"));
    };
    let asked = (&ready.change, &order);
    if let Err(error) = fits(ctx, &mut tx, store.as_ref(), &row, asked, leave).await {
        if error.need.is_none() && error.code == ToolCode::InvalidInput {
            proposals::advance(&mut tx, id, &["open", "waiting"], "void", ctx.now()).await?;
        }
        tx.commit().await?;
        return Err(error);
    }
    begin(ctx, &mut tx, &row, (&key, seen), leave).await?;
    tx.commit().await?;
    fail::point(FailPoint::EffectBegun);
    ask(ctx, store.as_ref(), &Ready { row, ..ready }, &key).await
}

/// The order as the shop has it at this moment, with what the rules ask for.
async fn order_now(
    ctx: &ToolContext,
    store: &dyn OrderStore,
    ready: &Ready,
) -> Result<Option<Order>, ToolError> {
    let found = store.find(ctx.site, &ready.row.order_number).await?;
    match (found, &ready.change) {
        (Some(order), Change::Refund { .. }) => Ok(Some(store.with_categories(ctx.site, order).await?)),
        (found, _) => Ok(found),
    }
}

/// An error that leaves no doubt: the visitor may ask once more, and no person has to look what
/// became of it. For staff's approval the job tries again.
fn nothing_begun(error: ToolError, leave: &Leave) -> ToolError {
    if *leave == Leave::Visitor && error.code.leaves_doubt() {
        return ToolError::new(ToolCode::InvalidInput, error.cause);
    }
    error
}

pub(super) fn void(why: &str) -> ToolError {
    ToolError::new(ToolCode::InvalidInput, why)
}

fn acted(row: &ProposalRow) -> Acted {
    let amount = proposal::amount(row);
    Acted {
        order_id: row.order_number.clone(),
        done: if amount.is_some() {
            "refunded"
        } else {
            "address_changed"
        }
        .to_owned(),
        amount: amount.map(|m| m.decimal()),
        currency: amount.map(|m| m.currency.to_string()),
    }
}

fn change_of(ctx: &ToolContext, row: &ProposalRow) -> Result<Change, ToolError> {
    if row.tool == IssueRefund::NAME {
        // What was said yes to is what was sealed: a row that says otherwise was bent.
        let sealed: issue_refund::Input = proposal::args(&ctx.master, ctx.site, row)?;
        let amount = proposal::amount(row).ok_or_else(|| void("it has no amount"))?;
        let said = issue_refund::amount(&sealed, amount.currency);
        if said != Some(amount) || sealed.order_id != row.order_number {
            return Err(void("it isn't what was said yes to"));
        }
        Ok(Change::Refund {
            amount,
            // The visitor's own words stay here: a shop shows a reason to whoever may see the order.
            reason: format!("Support chat, conversation {}", row.thread),
        })
    } else if row.tool == UpdateShippingAddress::NAME {
        let args: update_shipping_address::Args = proposal::args(&ctx.master, ctx.site, row)?;
        if args.order_id != row.order_number {
            return Err(void("it isn't what was said yes to"));
        }
        Ok(Change::Address(args.address))
    } else {
        Err(void("no tool of this version proposes such a thing"))
    }
}

/// Whether it may run at this moment: all rules once more, on the order and policy of now.
async fn fits(
    ctx: &ToolContext,
    tx: &mut SiteTx,
    store: &dyn OrderStore,
    row: &ProposalRow,
    (change, order): (&Change, &Order),
    leave: &Leave,
) -> Result<(), ToolError> {
    let now = ctx.now();
    let site = counts(ctx, tx, row, leave).await?;
    if *leave == Leave::Visitor && !identity::is_theirs(ctx, store, row.visitor, order).await? {
        return Err(ToolError::needs(Need::Identity));
    }
    let approval = rule(&site.rules, change, order, row, now)?;
    if approval && *leave == Leave::Visitor {
        // Nothing runs: the yes is kept, and staff decide.
        let moved = proposals::advance(tx, row.id, &["open"], "waiting", now).await;
        if !moved.map_err(|e| undecided(&e).unwrap_or_else(|| e.into()))? {
            return Err(void("it was decided meanwhile"));
        }
        note(tx, ctx, row, "visitor", "confirm").await?;
        return Err(ToolError::needs(Need::Approval { proposal: row.id }));
    }
    if *leave == Leave::Staff {
        let token = proposals::take_token(tx, row.id, now).await?;
        let Some((token, expires_at)) = token else {
            return Err(ToolError::new(
                ToolCode::NeedsApproval,
                "there is no unused approval",
            ));
        };
        if !proposal::is_for(&ctx.master, ctx.site, row, &token, expires_at) {
            return Err(void("it isn't what staff approved"));
        }
    }
    Ok(())
}

/// Whether the yes still counts, and the site still lets its agent do such things.
pub(super) async fn counts(
    ctx: &ToolContext,
    tx: &mut SiteTx,
    row: &ProposalRow,
    leave: &Leave,
) -> Result<Site, ToolError> {
    let (state, until) = match leave {
        Leave::Visitor => ("open", row.expires_at),
        Leave::Staff => ("waiting", row.at + proposal::DECIDE_WITHIN),
    };
    if row.state != state {
        return Err(ToolError::new(
            ToolCode::NotFound,
            format!("the proposal is {} by now", row.state),
        ));
    }
    if until <= ctx.now() {
        return Err(void("it has expired"));
    }
    let site = sites::own(tx)
        .await?
        .ok_or_else(|| void("there is no such site"))?;
    if !Power::Guarded.is_allowed(site.mode) || site.rules.off.contains(&row.tool) {
        return Err(ToolError::new(
            ToolCode::Disabled,
            "it was switched off meanwhile",
        ));
    }
    Ok(site)
}

/// A second proposal for an order whose first is being decided.
fn undecided(error: &crate::db::pool::DbError) -> Option<ToolError> {
    error.is_unique_violation().then(|| {
        ToolError::new(
            ToolCode::NeedsApproval,
            "another change of this order is being decided",
        )
    })
}

/// The site's own rules; gives whether staff must approve.
fn rule(
    rules: &Rules,
    change: &Change,
    order: &Order,
    row: &ProposalRow,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<bool, ToolError> {
    match change {
        Change::Refund { amount, .. } => {
            if rules.refund.version() != row.policy {
                return Err(void("the refund policy has changed since it was proposed"));
            }
            let verdict = rules.refund.check(order, now);
            if !verdict.eligible || verdict.max.less(*amount).is_none() {
                return Err(void("the policy doesn't allow it any more"));
            }
            Ok(rules.refund.needs_approval(order, *amount))
        }
        Change::Address(_) if order.status.is_before_shipping() => Ok(false),
        Change::Address(_) => Err(void("the order has left by now")),
    }
}

pub(super) async fn note(
    tx: &mut SiteTx,
    ctx: &ToolContext,
    row: &ProposalRow,
    who: &str,
    act: &str,
) -> Result<(), ToolError> {
    let subject = row.id.to_string();
    let entry = audit::Entry {
        who,
        act,
        thread: Some(row.thread),
        subject: Some(&subject),
        detail: json!({
            "tool": row.tool, "order": row.order_number, "amount": proposal::amount(row).map(|m| m.to_string()),
        }),
        at: ctx.now(),
    };
    Ok(audit::append(tx, &entry).await?)
}

/// Moves the proposal on and puts the effect into the ledger, in one transaction.
pub(super) async fn begin(
    ctx: &ToolContext,
    tx: &mut SiteTx,
    row: &ProposalRow,
    (key, seen): (&str, i64),
    leave: &Leave,
) -> Result<(), ToolError> {
    let now = ctx.now();
    let from = if *leave == Leave::Visitor {
        "open"
    } else {
        "waiting"
    };
    let moved = proposals::advance(tx, row.id, &[from], "confirmed", now).await;
    if !moved.map_err(|e| undecided(&e).unwrap_or_else(|| e.into()))? {
        return Err(ToolError::new(ToolCode::NotFound, "it was decided meanwhile"));
    }
    let amount = proposal::amount(row);
    let effect = NewEffect {
        key,
        tool: &row.tool,
        order_number: &row.order_number,
        amount: amount.as_ref().map(|m| (m.minor, m.currency.code())),
        seen,
        now,
    };
    if !effects::begin(tx, &effect).await? {
        return Err(ToolError::new(
            ToolCode::NeedsApproval,
            "its effect, one whose end nobody knows, or one that came in between is in the ledger",
        ));
    }
    // Whatever becomes of this process: somebody looks what became of the effect.
    jobs::enqueue(tx, &settling(row.id)).await?;
    let (who, act) = match leave {
        Leave::Visitor => ("visitor", "confirm"),
        Leave::Staff => ("system", "run_approved"),
    };
    note(tx, ctx, row, who, act).await
}

/// One job an effect, from its beginning until its end was told.
fn settling(proposal: ProposalId) -> Job {
    Job {
        work: Work::SettleEffect { proposal },
        key: proposal.to_string(),
        priority: Priority::Standard,
    }
}

/// Asks the shop, and keeps what it says.
async fn ask(
    ctx: &ToolContext,
    store: &dyn OrderStore,
    ready: &Ready,
    key: &str,
) -> Result<Acted, ToolError> {
    let done = store
        .change(ctx.site, &ready.row.order_number, &ready.change, key)
        .await;
    fail::point(FailPoint::EffectAsked);
    match done {
        Ok(remote) => {
            finish(ctx, &ready.row, key, Ok(&remote)).await?;
            Ok(acted(&ready.row))
        }
        Err(error) if error.leaves_doubt() => {
            tracing::warn!(%error, shop = store.name(), "an effect is in doubt");
            settle(ctx, store, ready, key).await
        }
        Err(error) => {
            tracing::warn!(%error, shop = store.name(), "a shop refused an effect");
            let error = ToolError::from(error);
            finish(ctx, &ready.row, key, Err(("failed", error.code))).await?;
            // Whatever the code says: nothing was done, and it won't be under this key.
            Err(nothing_begun(error, &Leave::Visitor))
        }
    }
}

/// Finds out what became of an effect that was begun. What the shop doesn't show may still be
/// under way there: it is unknown, and a person looks.
async fn settle(
    ctx: &ToolContext,
    store: &dyn OrderStore,
    ready: &Ready,
    key: &str,
) -> Result<Acted, ToolError> {
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        match store
            .done(ctx.site, &ready.row.order_number, &ready.change, key)
            .await
        {
            Ok(Some(remote)) => {
                finish(ctx, &ready.row, key, Ok(&remote)).await?;
                return Ok(acted(&ready.row));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, shop = store.name(), "an effect can't be looked up"),
        }
    }
    finish(ctx, &ready.row, key, Err(("unknown", ToolCode::Timeout))).await?;
    Err(ToolError::new(
        ToolCode::Timeout,
        "nobody knows whether it happened",
    ))
}

/// Looks once more what became of an effect that was begun and whose end nobody has heard: done,
/// it is noted; of one that isn't to be found, or that can't be looked up where it was asked for,
/// it is noted that nobody knows. Whether it has ended.
///
/// # Errors
/// When the shop or the database can't be asked.
pub async fn look(ctx: &ToolContext, stores: &dyn Stores, id: ProposalId) -> Result<bool, ToolError> {
    let key = id.to_string();
    let mut tx = ctx.db.site(ctx.site).await?;
    let row = proposals::lock(&mut tx, id)
        .await?
        .ok_or_else(|| void("there is no such proposal"))?;
    drop(tx);
    let found = match change_of(ctx, &row) {
        Ok(change) => {
            let store = shop(stores, ctx.site).await?;
            store.done(ctx.site, &row.order_number, &change, &key).await?
        }
        // A connected tool has no way to ask what it has done.
        Err(_) => None,
    };
    let end = match &found {
        Some(remote) => Ok(remote.as_str()),
        None => Err(("unknown", ToolCode::Timeout)),
    };
    finish(ctx, &row, &key, end).await?;
    Ok(found.is_some())
}

/// Ends the ledger's row and the proposal together.
pub(super) async fn finish(
    ctx: &ToolContext,
    row: &ProposalRow,
    key: &str,
    end: Result<&str, (&str, ToolCode)>,
) -> Result<(), ToolError> {
    let now = ctx.now();
    let (state, remote, code) = match end {
        Ok(remote) => ("done", Some(remote), None),
        Err((state, code)) => (state, None, Some(code.as_str())),
    };
    let mut tx = ctx.db.site(ctx.site).await?;
    if effects::end(&mut tx, key, state, remote, code, now).await? {
        proposals::advance(&mut tx, row.id, &["confirmed", "unknown"], state, now).await?;
        note(&mut tx, ctx, row, "system", &format!("effect_{state}")).await?;
        if state != "unknown" {
            // Whoever waits may have gone by now: somebody sees to it that the visitor hears of it. The
            // job is there since the beginning, unless it has given up looking.
            jobs::enqueue(&mut tx, &settling(row.id)).await?;
        }
        tx.commit().await?;
    }
    fail::point(FailPoint::EffectEnded);
    Ok(())
}
