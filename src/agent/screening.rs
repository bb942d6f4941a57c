//! Looking at a message before any brain does: what the turn knows of its thread and site,
//! what the message answers, and what the content filter says of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;

use super::Agent;
use super::brain::extractive::intent::{Intent, intent};
use super::brain::{Exchange, TurnView};
use super::consent;
use super::contact;
use super::machine::input::Verdict;
use super::opening::KnownSite;
use super::operation::{Answered, Outcome, Running, Screened, off};
use super::record::TurnRef;
use crate::db::pool::{DbResult, SiteTx};
use crate::db::proposals;
use crate::db::{audit, sites, threads};
use crate::domain::ids::{ProposalId, ThreadId};
use crate::domain::site::Mode;
use crate::guardrails::content;
use crate::guardrails::moderation::{Direction, Moderated};

/// Messages of history that a brain may see at most; each takes of them what it is set to.
const HISTORY: i64 = 100;

/// Fetches what the brain may see of the turn, and what its message answers, where the button
/// hasn't told.
pub(super) fn screen(
    agent: &Arc<Agent>,
    t: TurnRef,
    first_seq: i64,
    text: String,
    locale: String,
    by_button: bool,
) -> Running {
    let own = Arc::clone(agent);
    Running::apart(agent, async move {
        let verdict = verdict(&own, &text);
        let (seen, verdict) = futures::join!(
            screened(&own, &t, first_seq, text.clone(), locale, by_button),
            verdict
        );
        Outcome::Screened(seen, verdict)
    })
}

/// The same for a turn that opens its thread: nothing has to be fetched.
pub(super) fn opened(agent: &Arc<Agent>, view: TurnView, site: &KnownSite) -> Running {
    let view = TurnView {
        off: Arc::clone(&site.off),
        confidence: site.confidence,
        site_tools: Arc::clone(&site.tools),
        site_name: site.facts.name.clone(),
        ..view
    };
    let own = Arc::clone(agent);
    let seen = async move {
        let verdict = verdict(&own, &view.message).await;
        let screened = Screened {
            view,
            answer: None,
            leaves_address: false,
        };
        Outcome::Screened(Ok(screened), verdict)
    };
    Running::One(seen.boxed())
}

/// What is to be done with a message, by closed rules, and where they have nothing against it
/// by the moderation endpoint.
async fn verdict(agent: &Agent, message: &str) -> Verdict {
    if content::trips(message) {
        return Verdict::Blocked;
    }
    if intent(message) == Intent::Person {
        return Verdict::WantsHuman;
    }
    // An exact yes or no offends nobody.
    if !agent.moderation.asks() || consent::read(message).is_some() {
        return Verdict::Clean;
    }
    let checked = agent
        .moderation
        .check(Direction::Message, &[message.to_owned()])
        .await;
    match checked.first() {
        Some(Moderated::Passes) => Verdict::Clean,
        Some(Moderated::Trips) => Verdict::Blocked,
        Some(Moderated::Unasked) | None => Verdict::Unmoderated,
    }
}

async fn screened(
    agent: &Agent,
    t: &TurnRef,
    first_seq: i64,
    message: String,
    locale: String,
    by_button: bool,
) -> DbResult<Screened> {
    let mut view = view(agent, t, first_seq, message, locale).await?;
    let answer = match consent::read(&view.message).filter(|_| !by_button) {
        Some(accept) => answered(agent, t, accept).await?,
        None => None,
    };
    if !by_button && consent::is_unclear(&view.message) {
        let mut tx = agent.db.site(t.site).await?;
        let pending = proposals::pending(&mut tx, t.thread, agent.clock.now()).await?;
        view.unclear = pending.is_some();
    }
    let leaves_address = match contact::given(&view) {
        Some(given) => contact::store(agent, t, &given.placeholder).await? && given.alone,
        None => false,
    };
    Ok(Screened {
        view,
        answer,
        leaves_address,
    })
}

/// What an exact yes or no answers, if the agent's last word was a proposal. A no is stored here.
async fn answered(agent: &Agent, t: &TurnRef, accept: bool) -> DbResult<Option<Answered>> {
    let now = agent.clock.now();
    let mut tx = agent.db.site(t.site).await?;
    let Some(pending) = proposals::pending(&mut tx, t.thread, now).await? else {
        return Ok(None);
    };
    let answered = answer_to(&mut tx, t.thread, pending, accept, now).await?;
    tx.commit().await?;
    Ok(answered)
}

/// Looks a proposal up that was answered; a no is stored. None when it is no longer open.
pub(super) async fn answer_to(
    tx: &mut SiteTx,
    thread: ThreadId,
    id: ProposalId,
    accept: bool,
    now: DateTime<Utc>,
) -> DbResult<Option<Answered>> {
    let row = proposals::lock(tx, id).await?;
    let Some(row) = row.filter(|p| p.thread == thread && p.state == "open" && p.expires_at > now) else {
        return Ok(None);
    };
    if !accept {
        proposals::advance(tx, id, &["open"], "declined", now).await?;
        let subject = id.to_string();
        let entry = audit::Entry {
            who: "visitor",
            act: "decline",
            thread: Some(thread),
            subject: Some(&subject),
            detail: serde_json::json!({ "tool": row.tool, "order": row.order_number }),
            at: now,
        };
        audit::append(tx, &entry).await?;
    }
    Ok(Some(Answered {
        proposal: id,
        tool: row.tool,
        accept,
    }))
}

pub(super) async fn view(
    agent: &Agent,
    t: &TurnRef,
    first_seq: i64,
    message: String,
    locale: String,
) -> DbResult<TurnView> {
    let mut tx = agent.db.site(t.site).await?;
    let history = threads::messages(&mut tx, t.thread, first_seq, HISTORY).await?;
    let site = sites::own(&mut tx).await?;
    tx.commit().await?;
    let site_tools = agent.registry.site_tools(t.site).await;
    let off = site
        .as_ref()
        .map(|s| off(agent, s, &site_tools))
        .unwrap_or_default();
    let confidence = site.as_ref().map_or(0, |s| s.rules.confidence);
    // What a person has written to is dealt with; in shadow mode they send the agent's own words.
    let shadow = site.as_ref().is_some_and(|s| s.mode == Mode::Shadow);
    let handled = history
        .iter()
        .rposition(|m| m.author == "staff" && !shadow)
        .map_or(0, |n| n + 1);
    let history = history
        .into_iter()
        .map(|m| Exchange {
            by_visitor: m.author == "visitor",
            text: m.text,
        })
        .collect();
    Ok(TurnView {
        message,
        history,
        handled,
        locale,
        site_name: site.map(|s| s.name).unwrap_or_default(),
        off: Arc::new(off),
        confidence,
        site_tools,
        ..TurnView::default()
    })
}
