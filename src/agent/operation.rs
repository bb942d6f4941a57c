//! The operations that the machine asks for, as futures that own what they need. At most
//! one runs at a time; dropping it is how it is aborted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::Agent;
use super::brain::{Brain, Plan, Sentence, TurnView};
use super::closing::Closed;
use super::judge::{self, Ground, Letter};
use super::machine::input::{GateReason, LinkFailure, Verdict};
use super::measure;
use super::meter::Meter;
use super::record::TurnRef;
use crate::db::pool::DbResult;
use crate::db::proposals::ProposalRow;
use crate::domain::ids::{CallId, HandoffId, ProposalId, SiteId};
use crate::domain::site::Site;
use crate::domain::tool::Power;
use crate::hands::outside::tools::SiteTools;
use crate::hands::registry::{CallError, Called};
use crate::hands::{Conversation, ToolContext};

/// Sentences that may wait between brain and gate.
const DRAFT_AHEAD: usize = 16;

/// What an operation gave.
pub(super) enum Outcome {
    /// The message was looked at: what the brain may see of the turn, and what is to be done
    /// with it if it answers no proposal.
    Screened(DbResult<Screened>, Verdict),
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
    ToolContext::outside(&agent.db, site, &agent.clock, &agent.master)
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
        client: t.client,
        account: view.account.clone(),
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
            let mut waiting = Vec::with_capacity(DRAFT_AHEAD);
            // The first sentence goes alone, so that it is out early. What comes while the
            // moderation endpoint is asked goes to it together.
            let mut most = 1;
            while written.recv_many(&mut waiting, most).await > 0 {
                let mut judged: Vec<Judged> = Vec::with_capacity(waiting.len());
                for sentence in waiting.drain(..) {
                    let verdict = ground.judge(&own, &sentence).await;
                    judged.push((sentence, verdict));
                }
                if own.moderation.asks() {
                    most = DRAFT_AHEAD;
                    judge::moderate(&own.moderation, &mut judged).await;
                }
                for (sentence, verdict) in judged {
                    measured.judged(verdict);
                    if to_driver.send((sentence, verdict)).await.is_err() {
                        // The draft was dropped; so is this future.
                        return;
                    }
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
