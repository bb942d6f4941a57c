//! What a turn leaves to people of the site at its close, as operations: a ticket, a handoff, a
//! draft for staff to send, a proposal that the visitor is asked about. Nothing is stored by a
//! turn that staff have taken over.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;

use super::Agent;
use super::contact;
use super::operation::{Outcome, Running, code};
use super::record::TurnRef;
use crate::agent::machine::action::{HandoffReason, TicketReason};
use crate::db::handoffs::{self, NewHandoff};
use crate::db::hours::{self, Away};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::proposals;
use crate::db::tickets::{self, NewTicket};
use crate::db::{drafts, notices, replies, threads, turns};
use crate::domain::event::Citation;
use crate::domain::ids::ProposalId;
use crate::domain::notice::{Notice, NoticeKind};

/// What is known once something is stored for people of the site.
pub(super) struct Closed {
    /// No address of the visitor is known.
    pub needs_contact: bool,
    /// A person had the conversation before this turn.
    pub already: bool,
    /// Nobody is in.
    pub away: Option<Away>,
}

/// Stores the turn's ticket.
pub(super) fn ticket(
    agent: &Arc<Agent>,
    t: TurnRef,
    reason: TicketReason,
    page: Option<String>,
    message: String,
) -> Running {
    let own = Arc::clone(agent);
    let store = async move {
        keep_address(&own, &t, &message).await?;
        let (reason, now) = (code(&reason), own.clock.now());
        let mut tx = own.db.site(t.site).await?;
        turns::speaks(&mut tx, t.thread, t.turn).await?;
        tickets::open(&mut tx, &NewTicket::of_turn(t.thread, t.turn, &reason, now)).await?;
        replies::set_page(&mut tx, t.thread, page.as_deref()).await?;
        let closed = closed(&mut tx, &t, false, now).await?;
        tx.commit().await?;
        Ok(closed)
    };
    Running::apart(agent, store.map(Outcome::Kept))
}

/// Keeps a draft for staff.
pub(super) fn keep_draft(
    agent: &Arc<Agent>,
    t: TurnRef,
    text: String,
    cites: Vec<Citation>,
    page: Option<String>,
) -> Running {
    let own = Arc::clone(agent);
    let store = async move {
        let now = own.clock.now();
        let cites = serde_json::to_value(cites).map_err(|e| DbError::Unreadable(e.to_string()))?;
        let mut tx = own.db.site(t.site).await?;
        turns::speaks(&mut tx, t.thread, t.turn).await?;
        drafts::keep(&mut tx, t.thread, t.turn, &text, &cites, now).await?;
        replies::set_page(&mut tx, t.thread, page.as_deref()).await?;
        let closed = closed(&mut tx, &t, false, now).await?;
        tx.commit().await?;
        Ok(closed)
    };
    Running::apart(agent, store.map(Outcome::Kept))
}

/// Who gives their address in the message that goes to a person isn't asked for it again.
async fn keep_address(agent: &Agent, t: &TurnRef, message: &str) -> DbResult<()> {
    let Some(given) = contact::only(message) else {
        return Ok(());
    };
    let mut tx = agent.db.site(t.site).await?;
    let known = threads::has_email(&mut tx, t.visitor).await?;
    tx.commit().await?;
    if !known {
        contact::store(agent, t, given).await?;
    }
    Ok(())
}

/// What is to be said of what is stored: whether the visitor can be reached, and when.
async fn closed(tx: &mut SiteTx, t: &TurnRef, already: bool, now: DateTime<Utc>) -> DbResult<Closed> {
    Ok(Closed {
        needs_contact: !threads::has_email(tx, t.visitor).await?,
        already,
        away: hours::away(tx, now).await?,
    })
}

/// Looks up what the visitor is to be asked.
pub(super) fn proposal(agent: &Arc<Agent>, t: TurnRef, id: ProposalId) -> Running {
    let own = Arc::clone(agent);
    let read = async move {
        let mut tx = own.db.site(t.site).await?;
        let row = proposals::lock(&mut tx, id).await?;
        tx.commit().await?;
        Ok(row)
    };
    Running::apart(agent, read.map(Outcome::Proposal))
}

/// Stores the thread's handoff, and what staff are to approve.
pub(super) fn handoff(
    agent: &Arc<Agent>,
    t: TurnRef,
    reason: HandoffReason,
    proposal: Option<ProposalId>,
    (page, message): (Option<String>, String),
) -> Running {
    let own = Arc::clone(agent);
    let store = async move {
        keep_address(&own, &t, &message).await?;
        let (reason, now) = (code(&reason), own.clock.now());
        let mut tx = own.db.site(t.site).await?;
        let new = NewHandoff {
            thread: t.thread,
            turn: t.turn,
            reason: &reason,
            excerpt: None,
            now,
        };
        let opened = handoffs::open(&mut tx, &new).await?;
        if let Some(proposal) = proposal {
            handoffs::attach_proposal(&mut tx, opened.id, proposal).await?;
            if !opened.first {
                // They know of the conversation, and not that something waits for their word.
                let notice = Notice {
                    kind: NoticeKind::Handoff,
                    key: format!("proposal/{proposal}"),
                    thread: Some(t.thread),
                    subject: None,
                    reason: &reason,
                    at: now,
                };
                notices::enqueue(&mut tx, &notice).await?;
            }
        }
        replies::set_page(&mut tx, t.thread, page.as_deref()).await?;
        let closed = closed(&mut tx, &t, !opened.first, now).await?;
        tx.commit().await?;
        Ok((opened.id, closed))
    };
    Running::apart(agent, store.map(Outcome::Handoff))
}
