//! `deskhand inbox list`: one line for each thing that waits, with how long it has waited, why, in
//! which language, and what to type next.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::print::{self, line, note};
use super::super::session::Session;
use super::super::times::{left, since};
use crate::db::{drafts, handoffs, proposals};
use crate::domain::money::{Currency, Money};
use crate::domain::ticket::called;
use crate::guardrails::vault;
use crate::inbox::desk::Desk;
use crate::inbox::tickets;

/// How often a watched list is read.
const LOOK: Duration = Duration::from_secs(2);
/// Characters of a draft or a subject in the list.
const SHOWN: usize = 100;

/// What waits.
#[derive(serde::Serialize)]
struct Waiting {
    waiting: Vec<handoffs::Waiting>,
    drafts: Vec<drafts::DraftRow>,
    approvals: Vec<proposals::WaitingProposal>,
}

/// Shows the list once.
pub(super) async fn once(session: &Session, desk: &Desk<'_>, json: bool) -> anyhow::Result<()> {
    let waiting = read(session, desk).await?;
    if json {
        return print::json(&waiting);
    }
    let lines = lines(session, desk, waiting).await?;
    if lines.is_empty() {
        note("Nothing waits.");
    }
    for text in lines {
        line(&text);
    }
    Ok(())
}

/// Shows it again whenever it has changed, until the command is stopped.
pub(super) async fn watch(session: &Session, desk: &Desk<'_>, json: bool) -> anyhow::Result<()> {
    let mut before = String::new();
    loop {
        let waiting = read(session, desk).await?;
        // What has passed of the time is no change.
        let now = serde_json::to_string(&waiting)?;
        if now != before {
            if json {
                line(&now);
            } else {
                let lines = lines(session, desk, waiting).await?;
                line(&format!(
                    "{}  {} waiting",
                    session.clock.now().format("%H:%M:%S"),
                    lines.len()
                ));
                for text in lines {
                    line(&text);
                }
                line("");
            }
            before = now;
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn read(session: &Session, desk: &Desk<'_>) -> anyhow::Result<Waiting> {
    let mut tx = session.db.site(desk.site).await?;
    let waiting = Waiting {
        waiting: handoffs::waiting(&mut tx).await?,
        drafts: drafts::waiting(&mut tx).await?,
        approvals: proposals::waiting(&mut tx).await?,
    };
    tx.commit().await?;
    Ok(waiting)
}

async fn lines(session: &Session, desk: &Desk<'_>, waiting: Waiting) -> anyhow::Result<Vec<String>> {
    let now = session.clock.now();
    let mut out = Vec::new();
    for p in waiting.approvals {
        let amount = p
            .amount_minor
            .zip(p.currency.as_deref().and_then(Currency::parse))
            .map(|(minor, currency)| format!(" of {}", Money { minor, currency }))
            .unwrap_or_default();
        let age = since(p.at, now);
        out.push(format!(
            "{age:>7}  approval  {}{amount} for order {}: deskhand inbox approve {}   (conversation {})",
            p.tool, p.order_number, p.id, p.thread_id
        ));
    }
    let mut tx = session.db.site(desk.site).await?;
    for w in waiting.waiting {
        let age = since(w.at, now);
        let sla = sla(w.due_at, w.answered_at, w.breached_at, now);
        let who = w.staff.map(|s| format!(", {s}")).unwrap_or_default();
        let lang = w.lang.as_deref().unwrap_or("-");
        let thread = w.thread_id.map(|t| t.to_string()).unwrap_or_default();
        let Some(number) = w.number else {
            out.push(format!(
                "{age:>7}  handoff   {:<18} {lang:<5} {sla:<16} {thread}  ({}{who})",
                w.reason, w.state
            ));
            continue;
        };
        let row = tickets::find(&mut tx, tickets::Which::Number(number)).await?;
        let ticket = tickets::opened(&session.master, desk.site, row)?;
        let about = if ticket.subject.is_empty() {
            &ticket.body
        } else {
            &ticket.subject
        };
        let about = short(if about.is_empty() { &w.reason } else { about });
        let priority = w.priority.unwrap_or_default();
        out.push(format!(
            "{age:>7}  {:<8}  {priority:<18} {lang:<5} {sla:<16} {about}  ({}{who}) {thread}",
            called(number),
            w.state
        ));
    }
    for d in waiting.drafts {
        let known = vault::open(&mut tx, &session.master, d.thread).await?;
        let question = known.reveal(d.question.as_deref().unwrap_or_default());
        out.push(format!(
            "{:>7}  draft     {:<18} {:<5} {}",
            since(d.at, now),
            "",
            d.lang,
            short(&question)
        ));
        out.push(format!("           → {}", short(&known.reveal(&d.text))));
        out.push(format!(
            "           deskhand inbox send {}   (conversation {})",
            d.turn, d.thread
        ));
    }
    tx.commit().await?;
    Ok(out)
}

/// How the time to answer stands.
fn sla(
    due: Option<DateTime<Utc>>,
    answered: Option<DateTime<Utc>>,
    breached: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> String {
    match (due, answered) {
        (_, Some(_)) if breached.is_some() => "answered late".to_owned(),
        (_, Some(_)) => "answered".to_owned(),
        (Some(due), None) if due <= now => format!("late by {}", left(now - due)),
        (Some(due), None) => format!("due in {}", left((due - now).max(TimeDelta::zero()))),
        (None, None) => String::new(),
    }
}

fn short(text: &str) -> String {
    let one = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one.chars().count() <= SHOWN {
        one
    } else {
        one.chars().take(SHOWN - 1).chain(['…']).collect()
    }
}
