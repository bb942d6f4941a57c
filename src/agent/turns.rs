//! Starting a turn: the one function that web, command line and tests share. Also
//! stopping one, and taking over those whose driver has gone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::driver::{Assignment, Driver, after_crash};
use super::fingerprint::fingerprint;
use super::live::{LiveEvents, Teller};
use super::machine::Machine;
use super::machine::ctx::Timer;
use super::machine::input::Input;
use super::machine::state::State;
use super::opening::Opening;
use super::record::TurnRef;
use super::{Agent, measure, operation, page};
use crate::db::events::{self, Voice};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::tickets::{self, NewTicket};
use crate::db::{threads, turns};
use crate::domain::customer::Account;
use crate::domain::event::ThreadEvent;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{MessageId, ProposalId, SiteId, ThreadId, TurnId, VisitorId};
use crate::domain::seal::SealError;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::vault;
use crate::hands::kb_search::WIDGET;

/// How often orphaned turns are looked for.
const SWEEP: Duration = Duration::from_secs(2);
/// Orphans taken over at a time.
const SWEEP_AT_ONCE: i32 = 32;
/// A turn that was taken over this often is closed instead: something in it kills drivers.
const MOST_RESUMES: i32 = 3;
/// If closing it kills them too, it is given up without being driven.
const GIVE_UP: i32 = 6;
/// The longest message, in characters.
pub const LONGEST_MESSAGE: usize = 4_000;

/// A visitor's message.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// The client's own id of it.
    pub message_id: MessageId,
    /// The thread; none opens a new one.
    pub thread_id: Option<ThreadId>,
    /// 1 to 4000 characters; may be empty when an address is left.
    pub text: String,
    /// The visitor's language, a BCP 47 tag.
    pub locale: Option<String>,
    /// An address for the answer.
    pub email: Option<String>,
    /// A yes or no to a proposal, by the widget's button.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<(ProposalId, bool)>,
    /// The name of the customer who is logged in; no part of what makes a message the same.
    #[serde(skip)]
    pub customer: Option<String>,
    /// The account that they are logged in to; no part of it either.
    #[serde(skip)]
    pub account: Option<Account>,
    /// The page that the visitor is on; no part of it either.
    #[serde(skip)]
    pub page: Option<String>,
    /// The address that it came from, which guesses are counted by; no part of it either.
    #[serde(skip)]
    pub client: Option<IpAddr>,
    /// Whether its sender learns of the turn by the turn's events alone, after they are stored; no
    /// part of it either. Else they may be told of it as soon as it is taken.
    #[serde(skip)]
    pub by_events: bool,
}

/// A message that was taken.
#[derive(Debug)]
pub struct Begun {
    /// Its thread.
    pub thread: ThreadId,
    /// Its turn; none while staff hold the thread.
    pub turn: Option<TurnId>,
    /// The events of the turn come after this number.
    pub after: i64,
    /// Its events as they are stored, when it is driven here; none for a message that was
    /// taken before.
    pub live: Option<LiveEvents>,
}

/// Why a message isn't taken.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No such thread of this visitor.
    #[error("there is no such conversation")]
    ThreadNotFound,
    /// This thread's last message is still being answered.
    #[error("the last message is still being answered")]
    InProgress(TurnId),
    /// This `message_id` came with another body before.
    #[error("this message_id was used for another message")]
    Reused,
    /// The proposal is not this thread's, was answered before, or its time is over.
    #[error("the proposal can't be answered any more")]
    ProposalExpired,
    /// This process has enough to do.
    #[error("too many conversations at once")]
    Overloaded,
    /// An address couldn't be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes a message that came by the widget; see [`start_on`].
///
/// # Errors
/// When the message can't be taken; nothing is stored then.
pub async fn start(
    agent: &Arc<Agent>,
    site: SiteId,
    visitor: VisitorId,
    message: Message,
) -> Result<Begun, StartError> {
    start_on(agent, site, visitor, message, WIDGET).await
}

/// Takes a message: stores it, its turn and the turn's first event in one transaction,
/// then drives the turn in a task of its own. The same message again gives the same turn.
/// A thread that it opens is marked with the channel.
///
/// # Errors
/// When the message can't be taken; nothing is stored then.
pub async fn start_on(
    agent: &Arc<Agent>,
    site: SiteId,
    visitor: VisitorId,
    mut message: Message,
    channel: &str,
) -> Result<Begun, StartError> {
    message.page = message.page.as_deref().and_then(page::kept);
    let hash = fingerprint(&agent.master, site, &message);
    let Ok(slot) = Arc::clone(&agent.slots).try_acquire_owned() else {
        // What was taken already costs nothing more.
        let mut tx = agent.db.site(site).await?;
        return match threads::sent_before(&mut tx, visitor, message.message_id).await? {
            Some(before) => repeat(&before, &hash),
            None => Err(StartError::Overloaded),
        };
    };
    let opening = Opening {
        agent,
        site,
        visitor,
        message: &message,
        hash: &hash,
        now: agent.clock.now(),
    };
    let opened = match message.thread_id {
        None => opening.new_thread(channel).await,
        Some(thread) => opening.next_turn(thread).await,
    };
    let (assignment, begun) = match opened {
        // The same message on two connections at once: the other one was faster.
        Err(StartError::Db(e)) if e.is_unique_violation() => {
            let mut tx = agent.db.site(site).await?;
            return match threads::sent_before(&mut tx, visitor, message.message_id).await? {
                Some(before) => repeat(&before, &hash),
                None => Err(e.into()),
            };
        }
        other => other?,
    };
    fail::point(FailPoint::TurnOpened);
    if let Some(assignment) = assignment {
        drive(agent, assignment, Input::Started, slot);
    }
    Ok(begun)
}

pub(super) fn repeat(before: &threads::SentBefore, hash: &[u8]) -> Result<Begun, StartError> {
    if before.body_hash != hash {
        return Err(StartError::Reused);
    }
    Ok(Begun {
        thread: before.thread,
        turn: before.turn,
        after: before.seq - 1,
        live: None,
    })
}

/// Drives a turn in a tracked task, whether or not anybody listens.
fn drive(agent: &Arc<Agent>, assignment: Assignment, first: Input, slot: OwnedSemaphorePermit) {
    let t = assignment.turn;
    let span =
        tracing::info_span!("turn", turn = %t.turn, thread = t.thread.hashed(), site = t.site.hashed());
    let traced = span.in_scope(|| measure::turn_span(&t, assignment.resumed));
    let stop = Arc::new(Notify::new());
    agent.stops().insert(t.turn, Arc::clone(&stop));
    let task_agent = Arc::clone(agent);
    let task = async move {
        // Given back, and the stop forgotten, even if driving panics.
        let _slot = slot;
        let _forget = ForgetStop(Arc::clone(&task_agent), t.turn);
        match Driver::new(task_agent, assignment).run(&stop, first).await {
            Ok(()) => {}
            Err(DbError::Fenced) => tracing::info!("the turn is another's now"),
            Err(error) => tracing::error!(%error, "the turn is left to whoever takes it over"),
        }
    };
    agent.tasks.spawn(task.instrument(traced).instrument(span));
}

struct ForgetStop(Arc<Agent>, TurnId);

impl Drop for ForgetStop {
    fn drop(&mut self) {
        self.0.stops().remove(&self.1);
    }
}

/// Asks that the thread's open turn stops, wherever it is driven.
///
/// # Errors
/// When there is no such thread of this visitor, or the database is away.
pub async fn cancel(
    agent: &Agent,
    site: SiteId,
    visitor: VisitorId,
    thread: ThreadId,
) -> Result<(), StartError> {
    let mut tx = agent.db.site(site).await?;
    threads::find(&mut tx, thread, visitor)
        .await?
        .ok_or(StartError::ThreadNotFound)?;
    let turn = turns::ask_cancel(&mut tx, thread).await?;
    tx.commit().await?;
    if let Some(turn) = turn {
        agent.stop_here(turn);
    }
    Ok(())
}

/// Looks for orphaned turns until `stop`, and carries them on.
pub async fn sweep(agent: Arc<Agent>, stop: CancellationToken) {
    let mut failing = false;
    loop {
        match sweep_once(&agent).await {
            Ok(_) => failing = false,
            // Said once, not every two seconds of an outage.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "orphaned turns can't be looked for");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}

/// Takes over the orphaned turns of this moment; gives how many.
///
/// # Errors
/// When the database does.
pub async fn sweep_once(agent: &Arc<Agent>) -> DbResult<usize> {
    let mut taken = 0;
    for (site, turn) in turns::orphaned(&agent.db, SWEEP_AT_ONCE).await? {
        // One turn that can't be carried on must not keep the others from it.
        match carry_on(agent, site, turn).await {
            Ok(carried) => taken += usize::from(carried),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => tracing::error!(%error, %turn, "a turn can't be carried on"),
        }
    }
    Ok(taken)
}

async fn carry_on(agent: &Arc<Agent>, site: SiteId, turn: TurnId) -> DbResult<bool> {
    let Ok(slot) = Arc::clone(&agent.slots).try_acquire_owned() else {
        return Ok(false);
    };
    let mut tx = agent.db.site(site).await?;
    let took = turns::take_over(&mut tx, turn, agent.owner, agent.clock.now()).await?;
    let Some(took) = took else {
        tx.commit().await?;
        return Ok(false);
    };
    let vault = vault::open(&mut tx, &agent.master, took.thread).await?;
    tx.commit().await?;
    tracing::info!(%turn, resumes = took.resumes, "carrying on a turn whose driver has gone");
    let t = TurnRef {
        site,
        thread: took.thread,
        visitor: took.visitor,
        turn,
        epoch: took.epoch,
        client: None,
    };
    match resume(t, took, vault) {
        Ok((assignment, first)) => drive(agent, assignment, first, slot),
        Err(error) => {
            tracing::error!(%error, %turn, "a turn can't be carried on; it is given up");
            give_up(agent, &t).await?;
        }
    }
    Ok(true)
}

fn resume(t: TurnRef, took: turns::TakenTurn, vault: Placeholders) -> DbResult<(Assignment, Input)> {
    if took.resumes > GIVE_UP {
        return Err(DbError::Unreadable(format!("taken over {} times", took.resumes)));
    }
    let begun = took.last.is_some();
    let (last_step, stored) = match took.last {
        Some((n, after)) => (Some(n), after),
        None => (None, took.start),
    };
    let machine: Machine =
        serde_json::from_value(stored).map_err(|e| DbError::Unreadable(format!("machine: {e}")))?;
    if took.resumes > MOST_RESUMES && matches!(machine.state, State::Closing { .. }) {
        // What it waits for to be stored can't be: the clocks of a turn no longer help.
        return Err(DbError::Unreadable(format!(
            "taken over {} times while closing",
            took.resumes
        )));
    }
    let first = if took.cancel_asked {
        Input::Cancelled
    } else if took.resumes > MOST_RESUMES {
        Input::Timer { timer: Timer::Cap }
    } else {
        after_crash(begun)
    };
    let assignment = Assignment {
        turn: t,
        machine,
        address_only: took.text.is_empty(),
        text: took.text,
        vault,
        locale: took.lang,
        account: took.account,
        // It was with the message only; the way back is the site's front page then.
        page: None,
        first_seq: took.first_seq,
        last_step,
        resumed: true,
        opens: None,
        answer: took.answer.map(|(proposal, tool, accept)| operation::Answered {
            proposal,
            tool,
            accept,
        }),
        teller: Teller::silent(),
        untold: None,
    };
    Ok((assignment, first))
}

/// Ends a turn that can't be driven: the visitor is told, and may ask again.
async fn give_up(agent: &Agent, t: &TurnRef) -> DbResult<()> {
    let now = agent.clock.now();
    let failed = ThreadEvent::Error {
        code: "internal".to_owned(),
        detail: "This answer couldn't be completed. Please ask again.".to_owned(),
        retryable: true,
    };
    let mut tx = agent.db.site(t.site).await?;
    let events = [failed, ThreadEvent::Done { turn_id: t.turn }];
    events::append(&mut tx, t.thread, Voice::Agent(t.turn, t.epoch), &events, now).await?;
    tickets::open(&mut tx, &NewTicket::of_turn(t.thread, t.turn, "incomplete", now)).await?;
    turns::finish(&mut tx, t.turn, t.epoch, "degraded", "none", now).await?;
    tx.commit().await
}

/// Puts a turn's stored inputs through the machine again: where it ends, and where it
/// ended when it was driven. None when there is no such turn.
///
/// # Errors
/// When the database does, or the rows are of another version.
pub async fn replay(tx: &mut SiteTx, turn: TurnId) -> DbResult<Option<(Machine, Machine)>> {
    let Some(row) = turns::find(tx, turn).await? else {
        return Ok(None);
    };
    let unreadable = |e: serde_json::Error| DbError::Unreadable(e.to_string());
    let start: Machine = serde_json::from_value(row.start).map_err(unreadable)?;
    let steps = turns::steps(tx, turn).await?;
    let mut inputs: Vec<(DateTime<Utc>, Input)> = Vec::with_capacity(steps.len());
    let mut driven = start.clone();
    for step in steps {
        inputs.push((step.at, serde_json::from_value(step.input).map_err(unreadable)?));
        if !step.after.is_null() {
            driven = serde_json::from_value(step.after).map_err(unreadable)?;
        }
    }
    Ok(Some((super::machine::replay(start, inputs), driven)))
}

/// The steps of a turn, with the machine after each: what is stored of it only with the last
/// step of a store is told from the inputs before.
///
/// # Errors
/// When the database does, or the rows are of another version.
pub async fn steps(tx: &mut SiteTx, turn: TurnId) -> DbResult<Vec<turns::StepRow>> {
    let Some(row) = turns::find(tx, turn).await? else {
        return Ok(Vec::new());
    };
    let unreadable = |e: serde_json::Error| DbError::Unreadable(e.to_string());
    let mut machine: Machine = serde_json::from_value(row.start).map_err(unreadable)?;
    let mut steps = turns::steps(tx, turn).await?;
    for step in &mut steps {
        if step.after.is_null() {
            let input: Input = serde_json::from_value(step.input.clone()).map_err(unreadable)?;
            machine = super::machine::step(machine, step.at, &input).0;
            step.after = serde_json::to_value(&machine).map_err(unreadable)?;
        } else {
            machine = serde_json::from_value(step.after.clone()).map_err(unreadable)?;
        }
    }
    Ok(steps)
}

/// The name that serde gives a code; for lists and logs.
#[must_use]
pub fn name_of<T: Serialize>(code: &T) -> String {
    operation::code(code)
}
