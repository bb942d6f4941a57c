//! `deskhand inbox show`: a conversation as staff need it, with the personal data in its place.
//! That somebody looked is noted.

use serde_json::json;

use super::super::print::{self, line};
use super::super::session::Session;
use super::super::times::since;
use crate::db::tickets::Filter;
use crate::db::{audit, drafts, handoffs, threads, tickets as ticket_rows, vault as vault_rows};
use crate::domain::ids::ThreadId;
use crate::guardrails::vault;
use crate::inbox::desk::Desk;
use crate::inbox::tickets::{self, Ticket};

/// Messages and tickets that are shown at most.
const MOST: i64 = 200;

/// Shows it.
pub(super) async fn show(
    session: &Session,
    desk: &Desk<'_>,
    thread: ThreadId,
    as_json: bool,
) -> anyhow::Result<()> {
    let now = session.clock.now();
    let mut tx = session.db.site(desk.site).await?;
    let messages = threads::messages(&mut tx, thread, i64::MAX, MOST).await?;
    anyhow::ensure!(!messages.is_empty(), "this site has no conversation {thread}");
    let personal = !vault_rows::of_thread(&mut tx, thread).await?.is_empty();
    let known = vault::open(&mut tx, &session.master, thread).await?;
    let given = handoffs::of_thread(&mut tx, thread).await?;
    let filter = Filter {
        thread: Some(thread),
        most: MOST,
        ..Filter::default()
    };
    let rows = ticket_rows::list(&mut tx, &filter).await?;
    let opened: Vec<Ticket> = rows
        .into_iter()
        .map(|row| tickets::opened(&session.master, desk.site, row))
        .collect::<Result<_, _>>()?;
    let waiting: Vec<drafts::DraftRow> = drafts::waiting(&mut tx)
        .await?
        .into_iter()
        .filter(|d| d.thread == thread)
        .collect();
    let acts = audit::of_thread(&mut tx, thread).await?;
    desk.read(&mut tx, thread, personal).await?;
    tx.commit().await?;
    let excerpt = |sealed: &Option<Vec<u8>>| -> Option<String> {
        let owner = handoffs::excerpt_owner(desk.site, thread);
        let plain = session.master.open(&owner, sealed.as_deref()?).ok()?;
        String::from_utf8(plain).ok()
    };
    if as_json {
        let messages: Vec<_> = messages
            .iter()
            .map(|m| json!({ "author": m.author, "text": known.reveal(&m.text), "at": m.at }))
            .collect();
        let given: Vec<_> = given
            .iter()
            .map(|h| {
                json!({
                    "reason": h.reason, "state": h.state, "staff": h.staff, "excerpt": excerpt(&h.excerpt), "at": h.at,
                    "due_at": h.due_at, "answered_at": h.answered_at, "resolved_at": h.resolved_at,
                })
            })
            .collect();
        let waiting: Vec<_> = waiting
            .iter()
            .map(|d| json!({ "draft": d.turn, "text": known.reveal(&d.text), "citations": d.citations, "at": d.at }))
            .collect();
        return print::json(&json!({
            "thread_id": thread, "messages": messages, "handoffs": given, "tickets": opened, "drafts": waiting,
            "acts": acts,
        }));
    }
    for h in &given {
        let who = h.staff.as_ref().map(|s| format!(" by {s}")).unwrap_or_default();
        line(&format!(
            "Handoff: {}, {}{who}, {} ago",
            h.reason,
            h.state,
            since(h.at, now)
        ));
        if let Some(text) = excerpt(&h.excerpt) {
            line(&format!("  {text}"));
        }
    }
    for t in &opened {
        let about = if t.subject.is_empty() {
            &t.reason
        } else {
            &t.subject
        };
        line(&format!(
            "Ticket {}: {about}, {}, {}",
            t.ticket,
            t.state.as_str(),
            t.priority.as_str()
        ));
    }
    if !given.is_empty() || !opened.is_empty() {
        line("");
    }
    for m in messages {
        line(&format!("{}  {}", m.at.format("%Y-%m-%d %H:%M"), m.author));
        line(&format!("{}\n", known.reveal(&m.text)));
    }
    for d in &waiting {
        line(&format!("Draft {}, not sent:", d.turn));
        line(&format!("{}\n", known.reveal(&d.text)));
    }
    if !acts.is_empty() {
        line("What was done:");
    }
    for act in acts {
        line(&format!(
            "{}  {:<16} {:<14} {}",
            act.at.format("%Y-%m-%d %H:%M:%S"),
            act.who,
            act.act,
            act.detail
        ));
    }
    Ok(())
}
