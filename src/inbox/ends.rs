//! How an effect has ended whose end was not known when it was last spoken of: the visitor hears of
//! it once, live or by mail, and so do the people who were asked to look.

use uuid::Uuid;

use super::{InboxError, decide};
use crate::agent::phrases::{Decision, Tongue, decided};
use crate::db::handoffs::{self, excerpt_owner};
use crate::db::pool::SiteTx;
use crate::db::proposals::{self, ProposalRow};
use crate::db::tickets::{self, NewTicket, NoteRow};
use crate::domain::ids::{ProposalId, ThreadId, TicketId};
use crate::domain::seal::MasterKey;
use crate::domain::ticket::{Priority, owner};
use crate::hands::proposal;

/// A ticket about an effect, for the [`ticket_key`] of its proposal: it is opened once.
#[must_use]
pub fn ticket<'a>(
    thread: ThreadId,
    key: &'a str,
    reason: &'a str,
    now: chrono::DateTime<chrono::Utc>,
) -> NewTicket<'a> {
    NewTicket {
        id: TicketId::new(),
        thread: Some(thread),
        turn: None,
        key: Some(key),
        reason,
        source: "system",
        category: "billing",
        priority: Priority::High,
        contact: None,
        content: None,
        url: None,
        confidence: None,
        now,
    }
}

/// What the ticket of a proposal is opened once for.
#[must_use]
pub fn ticket_key(id: ProposalId) -> String {
    format!("proposal/{id}")
}

/// Tells the visitor, and whoever was asked to look, that it was done or wasn't. Once: whoever
/// comes later finds that it was told.
///
/// # Errors
/// When the database does, or something can't be sealed.
pub async fn tell(
    tx: &mut SiteTx,
    master: &MasterKey,
    row: &ProposalRow,
    done: bool,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), InboxError> {
    let asked_staff = proposals::telling(tx, row.id)
        .await?
        .is_some_and(|t| t.decided || t.asked);
    if !proposals::tell_once(tx, row.id, true, now).await? {
        return Ok(());
    }
    let (decision, reason) = if done {
        (Decision::Settled, "effect_done")
    } else {
        (Decision::Failed, "effect_failed")
    };
    decide::tell(tx, row, decision, now).await?;
    let amount = proposal::amount(row).map(|m| m.to_string());
    let deed = decide::deed(row, amount.as_deref());
    let mut words = decided(decision, deed, &row.order_number, Tongue::English);
    words.push_str(" The visitor was told so.");
    let site = tx.site();
    let sealed = master.seal(&excerpt_owner(site, row.thread), words.as_bytes())?;
    let given = handoffs::settled(tx, row.thread, reason, &sealed).await?;
    // Whoever looks at a ticket finds it there; what wasn't done needs a person in any case.
    if asked_staff || !(done || given) {
        let key = ticket_key(row.id);
        let opened = tickets::open(tx, &ticket(row.thread, &key, reason, now)).await?;
        let id = Uuid::now_v7();
        let note = NoteRow {
            id,
            author: "system".to_owned(),
            text: master.seal(&owner(site, opened.id, &format!("note/{id}")), words.as_bytes())?,
            at: now,
        };
        tickets::note(tx, opened.id, Some(&format!("{key}/end")), &note).await?;
    }
    Ok(())
}

/// Sees to it that a person knows of an effect whose end nobody knows, whoever began it: the turn
/// may have ended without a handoff, since staff had taken its conversation over.
///
/// # Errors
/// When the database does.
pub async fn nobody_knows(
    tx: &mut SiteTx,
    row: &ProposalRow,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), InboxError> {
    let given = handoffs::of_thread(tx, row.thread).await?;
    let looking = |h: &handoffs::HandoffRow| h.reason == "unknown_effect" && h.state != "resolved";
    if !given.iter().any(looking) {
        let key = ticket_key(row.id);
        tickets::open(tx, &ticket(row.thread, &key, "unknown_effect", now)).await?;
    }
    Ok(())
}
