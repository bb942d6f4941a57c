//! The operations that the machine asks for, as futures that own what they need. At most
//! one runs at a time; dropping it is how it is aborted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::Agent;
use super::brain::{Brain, Exchange, Plan, Sentence, TurnView};
use super::closing::Closed;
use super::consent;
use super::contact;
use super::judge::{Ground, Letter};
use super::machine::input::{GateReason, LinkFailure};
use super::measure;
use super::meter::Meter;
use super::opening::KnownSite;
use super::record::TurnRef;
use crate::db::pool::{DbResult, SiteTx};
use crate::db::proposals::{self, ProposalRow};
use crate::db::{audit, sites, threads};
use crate::domain::ids::{CallId, HandoffId, ProposalId, SiteId, ThreadId};
use crate::domain::site::{Mode, Site};
use crate::domain::tool::Power;
use crate::hands::outside::tools::SiteTools;
use crate::hands::registry::{CallError, Called};
use crate::hands::{Conversation, ToolContext, kb_search};

/// Sentences that may wait between brain and gate.
const DRAFT_AHEAD: usize = 16;
/// Messages of history that a brain may see at most; each takes of them what it is set to.
const HISTORY: i64 = 100;

/// What an operation gave.
pub(super) enum Outcome {
    /// The message was looked at; what the brain may see of the turn.
    Screened(DbResult<Screened>),
    /// The brain's plan.
    Planned(Result<Plan, LinkFailure>),
    /// A tool's end.
    Called {
        id: CallId,
        result: Result<Called, CallError>,
        ms: i32,
    },
    /// One sentence of the draft, and what the gate says of it.
    Drafted(Judged),
    /// The draft's end.
    DraftEnded(Result<(), LinkFailure>),
    /// A ticket, or a draft for staff, is stored.
    Kept(DbResult<Closed>),
    /// A handoff is stored.
    Handoff(DbResult<(HandoffId, Closed)>),
    /// The proposal that the visitor is to be asked about.
    Proposal(DbResult<Option<ProposalRow>>),
    /// Something that needs no work is done.
    Ready,
}

/// What is known of a turn once it is looked at.
pub(super) struct Screened {
    /// What the brain may see of it.
    pub view: TurnView,
    /// The visitor's yes or no to the proposal that they were asked about last, and its tool.
    pub answer: Option<Answered>,
    /// Whether the message only leaves an address that was asked for; it is stored then.
    pub leaves_address: bool,
}

/// A yes or no to a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub proposal: ProposalId,
    pub tool: String,
    pub accept: bool,
}

/// A sentence and the gate's word on it.
pub(super) type Judged = (Sentence, Result<(), GateReason>);

/// What runs.
pub(super) enum Running {
    /// Nothing.
    Idle,
    /// One answer.
    One(BoxFuture<'static, Outcome>),
    /// Sentences, then an end.
    Draft {
        brain: BoxFuture<'static, Result<(), LinkFailure>>,
        sentences: mpsc::Receiver<Judged>,
        ended: Option<Result<(), LinkFailure>>,
    },
}

impl Running {
    /// The next thing that the operation gives; never resolves while nothing runs.
    /// Cancel-safe: what it hasn't given yet is kept.
    pub(super) async fn next(&mut self) -> Outcome {
        let outcome = match self {
            Self::Idle => std::future::pending().await,
            Self::One(future) => future.await,
            Self::Draft {
                brain,
                sentences,
                ended,
            } => loop {
                if let Some(end) = ended.take() {
                    // The brain has ended; what it sent before still counts.
                    match sentences.recv().await {
                        Some(sentence) => {
                            *ended = Some(end);
                            return Outcome::Drafted(sentence);
                        }
                        None => break Outcome::DraftEnded(end),
                    }
                }
                tokio::select! {
                    biased;
                    sentence = sentences.recv() => match sentence {
                        Some(sentence) => return Outcome::Drafted(sentence),
                        None => *ended = Some((&mut *brain).await),
                    },
                    end = &mut *brain => *ended = Some(end),
                }
            },
        };
        *self = Self::Idle;
        outcome
    }

    /// In a task of its own: what holds a database connection must go on while the driver
    /// waits for another one, else as many turns as there are connections stop each other.
    /// When it is aborted nobody takes its outcome; it ends by itself.
    pub(super) fn apart(agent: &Agent, work: impl Future<Output = Outcome> + Send + 'static) -> Self {
        let task = agent.tasks.spawn(work.in_current_span());
        Self::One(
            async move {
                match task.await {
                    Ok(outcome) => outcome,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    // The runtime is shutting down; so is whoever waits here.
                    Err(_) => std::future::pending().await,
                }
            }
            .boxed(),
        )
    }

    pub(super) fn ready() -> Self {
        Self::One(std::future::ready(Outcome::Ready).boxed())
    }
}

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
        Outcome::Screened(screened(&own, &t, first_seq, text, locale, by_button).await)
    })
}

/// The same for a turn that opens its thread: nothing has to be fetched.
pub(super) fn opened(view: TurnView, site: &KnownSite) -> Running {
    let view = TurnView {
        off: Arc::clone(&site.off),
        site_tools: Arc::clone(&site.tools),
        site_name: site.facts.name.clone(),
        ..view
    };
    let screened = Screened {
        view,
        answer: None,
        leaves_address: false,
    };
    Running::One(std::future::ready(Outcome::Screened(Ok(screened))).boxed())
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
        site_tools,
        ..TurnView::default()
    })
}

/// Asks the brain for a plan.
pub(super) fn plan(brain: Arc<dyn Brain>, view: &Arc<TurnView>, meter: Arc<Meter>) -> Running {
    let view = Arc::clone(view);
    Running::One(async move { Outcome::Planned(brain.plan(&view, &meter).await) }.boxed())
}

/// What is to be run.
pub(super) enum What {
    /// A tool with these arguments, personal data in its place.
    Call(String, Value),
    /// The same, if a letter that it is to send passes the gate.
    Letter(Letter, String, Value),
    /// What the visitor has said yes to.
    Proposal(ProposalId),
}

/// Runs a tool.
pub(super) fn call(agent: &Arc<Agent>, ctx: ToolContext, id: CallId, called: What) -> Running {
    let own = Arc::clone(agent);
    Running::apart(agent, async move {
        let start = Instant::now();
        let result = match called {
            What::Call(tool, args) => own.registry.call(&ctx, &tool, &args).await,
            What::Letter(letter, tool, args) => match letter.passes(&own).await {
                Ok(()) => own.registry.call(&ctx, &tool, &args).await,
                Err(error) => Err(error),
            },
            What::Proposal(id) => own.registry.confirmed(&ctx, id).await,
        };
        let ms = i32::try_from(start.elapsed().as_millis()).unwrap_or(i32::MAX);
        Outcome::Called { id, result, ms }
    })
}

/// What a tool knows, called without a conversation.
pub(super) fn context(agent: &Agent, site: SiteId) -> ToolContext {
    ToolContext {
        db: agent.db.clone(),
        site,
        channel: kb_search::WIDGET,
        conversation: None,
        locale: String::new(),
        off: Arc::default(),
        clock: Arc::clone(&agent.clock),
        master: Arc::clone(&agent.master),
    }
}

/// The same within a turn.
pub(super) fn context_of(agent: &Agent, t: &TurnRef, call: CallId, view: &TurnView) -> ToolContext {
    ToolContext {
        conversation: Some(Conversation {
            thread: t.thread,
            visitor: t.visitor,
            turn: t.turn,
            call,
        }),
        locale: view.locale.clone(),
        off: barred(agent, view),
        ..context(agent, t.site)
    }
}

/// All tools that the site doesn't let its agent use.
pub(super) fn off(agent: &Agent, site: &Site, tools: &SiteTools) -> BTreeSet<String> {
    let mut off = agent.registry.off(site.mode, &site.rules);
    off.append(&mut tools.off(site.mode, &site.rules));
    off
}

/// The same, and what a stranger's words in this turn may not lead to (GRD-2): once a connected
/// tool has returned something, only tools of the same connection may change anything, until the
/// visitor has spoken again.
fn barred(agent: &Agent, view: &TurnView) -> Arc<BTreeSet<String>> {
    let mut heard = view
        .outcomes
        .iter()
        .filter(|o| o.result.is_ok())
        .filter_map(|o| view.site_tools.get(&o.tool))
        .peekable();
    if heard.peek().is_none() {
        return Arc::clone(&view.off);
    }
    let heard: Vec<_> = heard.collect();
    let mut off = BTreeSet::clone(&view.off);
    // Tickets and people may be asked for all the same.
    let own = agent
        .registry
        .list()
        .filter(|(_, power, _)| *power == Power::Guarded);
    off.extend(own.map(|(name, _, _)| name.to_owned()));
    let others = view
        .site_tools
        .iter()
        .filter(|(_, tool)| tool.power() == Power::Guarded && heard.iter().any(|h| h.origin != tool.origin));
    off.extend(others.map(|(name, _)| name.to_owned()));
    Arc::new(off)
}

/// Has the brain write, and each sentence judged as it comes.
pub(super) fn draft(
    agent: &Arc<Agent>,
    brain: Arc<dyn Brain>,
    view: &Arc<TurnView>,
    meter: Arc<Meter>,
) -> Running {
    let view = Arc::clone(view);
    let own = Arc::clone(agent);
    let (to_gate, mut written) = mpsc::channel(DRAFT_AHEAD);
    let (to_driver, sentences) = mpsc::channel(DRAFT_AHEAD);
    let work = async move {
        let ground = Ground::of(&view);
        let judging = async {
            let mut measured = measure::Gate::open();
            while let Some(sentence) = written.recv().await {
                let verdict = ground.judge(&own, &sentence).await;
                measured.judged(verdict);
                if to_driver.send((sentence, verdict)).await.is_err() {
                    // The draft was dropped; so is this future.
                    break;
                }
            }
        };
        let (end, ()) = futures::join!(brain.draft(&view, &meter, to_gate), judging);
        end
    };
    Running::Draft {
        brain: work.boxed(),
        sentences,
        ended: None,
    }
}

/// A code as serde names it.
pub(super) fn code<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => "unknown".to_owned(),
    }
}
