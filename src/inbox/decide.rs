//! Staff's word on what a visitor has said yes to. An approval is a token that is sealed to
//! exactly this proposal and used once, by the job that runs it.

use serde_json::json;

use super::InboxError;
use super::desk::Desk;
use crate::agent::phrases::{self, Decision, Deed, Tongue};
use crate::db::events::{self, Voice};
use crate::db::pool::SiteTx;
use crate::db::proposals::{self, Approval, ProposalRow};
use crate::db::{audit, desk, handoffs, jobs};
use crate::domain::event::{StaffKind, ThreadEvent};
use crate::domain::ids::{JobId, ProposalId};
use crate::domain::job::{Job, Priority, Work};
use crate::domain::seal::MasterKey;
use crate::hands::Tool;
use crate::hands::proposal::{APPROVAL_COUNTS, token};
use crate::hands::update_shipping_address::UpdateShippingAddress;

/// Approves a proposal; gives the job that runs it.
///
/// # Errors
/// [`InboxError::NotWaiting`] when it was decided before, or has run.
pub async fn approve(desk: &Desk<'_>, master: &MasterKey, id: ProposalId) -> Result<JobId, InboxError> {
    let mut tx = grant(desk, master, id).await?;
    let job = Job {
        work: Work::ExecuteProposal { proposal: id },
        key: id.to_string(),
        priority: Priority::High,
    };
    let job = jobs::enqueue(&mut tx, &job).await?.id;
    tx.commit().await?;
    Ok(job)
}

/// Stores the approval, in a transaction that is still open: whoever commits it sees to it that the
/// proposal runs.
///
/// # Errors
/// As [`approve`].
pub async fn grant(desk: &Desk<'_>, master: &MasterKey, id: ProposalId) -> Result<SiteTx, InboxError> {
    let (mut tx, row) = waiting(desk, id).await?;
    let now = desk.clock.now();
    let expires_at = now + APPROVAL_COUNTS;
    let sealed = token(master, desk.site, &row, expires_at)?;
    let approval = Approval {
        proposal: id,
        staff: desk.staff,
        token: Some(&sealed),
        now,
        expires_at,
    };
    if !proposals::decide(&mut tx, &approval).await? {
        return Err(InboxError::NotWaiting("decided".to_owned()));
    }
    note(&mut tx, desk, &row, "approve").await?;
    Ok(tx)
}

/// Refuses a proposal, and tells the visitor.
///
/// # Errors
/// As [`approve`].
pub async fn refuse(desk: &Desk<'_>, id: ProposalId) -> Result<(), InboxError> {
    let (mut tx, row) = waiting(desk, id).await?;
    let now = desk.clock.now();
    let approval = Approval {
        proposal: id,
        staff: desk.staff,
        token: None,
        now,
        expires_at: now,
    };
    if !proposals::decide(&mut tx, &approval).await?
        || !proposals::advance(&mut tx, id, &["waiting"], "refused", now).await?
    {
        return Err(InboxError::NotWaiting("decided".to_owned()));
    }
    tell(&mut tx, &row, Decision::Refused, now).await?;
    note(&mut tx, desk, &row, "refuse").await?;
    Ok(tx.commit().await?)
}

/// Ends a proposal that nobody has decided about in time, and tells the visitor. Whether it did: staff
/// may have been faster.
///
/// # Errors
/// When the database does.
pub async fn lapse(
    tx: &mut SiteTx,
    id: ProposalId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<bool, InboxError> {
    let row = proposals::lock(tx, id).await?.ok_or(InboxError::NoProposal)?;
    if !proposals::advance(tx, id, &["waiting"], "void", now).await? {
        return Ok(false);
    }
    tell(tx, &row, Decision::Lapsed, now).await?;
    let subject = id.to_string();
    let entry = audit::Entry {
        who: "system",
        act: "lapse",
        thread: Some(row.thread),
        subject: Some(&subject),
        detail: json!({ "tool": row.tool, "order": row.order_number, "amount_minor": row.amount_minor }),
        at: now,
    };
    audit::append(tx, &entry).await?;
    Ok(true)
}

async fn waiting(desk: &Desk<'_>, id: ProposalId) -> Result<(SiteTx, ProposalRow), InboxError> {
    let mut tx = desk.db.site(desk.site).await?;
    let row = proposals::lock(&mut tx, id)
        .await?
        .ok_or(InboxError::NoProposal)?;
    if row.state != "waiting" {
        return Err(InboxError::NotWaiting(row.state));
    }
    Ok((tx, row))
}

async fn note(tx: &mut SiteTx, desk: &Desk<'_>, row: &ProposalRow, act: &str) -> Result<(), InboxError> {
    let who = format!("staff:{}", desk.staff);
    let subject = row.id.to_string();
    let entry = audit::Entry {
        who: &who,
        act,
        thread: Some(row.thread),
        subject: Some(&subject),
        detail: json!({ "tool": row.tool, "order": row.order_number, "amount_minor": row.amount_minor }),
        at: desk.clock.now(),
    };
    Ok(audit::append(tx, &entry).await?)
}

/// Tells the visitor what became of a proposal: an event and a message of the system's, whoever
/// holds the thread.
///
/// # Errors
/// When the database does.
pub async fn tell(
    tx: &mut SiteTx,
    row: &ProposalRow,
    decision: Decision,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), InboxError> {
    let held = desk::lock(tx, row.thread).await?.ok_or(InboxError::NoThread)?;
    let amount = crate::hands::proposal::amount(row).map(|m| m.to_string());
    let deed = deed(row, amount.as_deref());
    let words = phrases::decided(decision, deed, &row.order_number, Tongue::of(&held.lang));
    let event = ThreadEvent::Staff {
        kind: StaffKind::System,
        name: None,
        md: Some(words.clone()),
    };
    let seq = events::append(tx, row.thread, Voice::System, &[event], now).await?;
    desk::write(tx, row.thread, row.visitor, "system", &words, now, seq).await?;
    if matches!(decision, Decision::Done | Decision::Refused | Decision::Lapsed) {
        // Nothing is left to do there, unless the visitor wanted a person besides.
        handoffs::approval_decided(tx, row.thread, now).await?;
    }
    Ok(())
}

/// What a proposal does, for words about it.
pub(super) fn deed<'a>(row: &ProposalRow, amount: Option<&'a str>) -> Deed<'a> {
    match amount {
        Some(amount) => Deed::Refund(amount),
        None if row.tool == UpdateShippingAddress::NAME => Deed::Address,
        None => Deed::Other,
    }
}
