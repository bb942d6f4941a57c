//! Performs what the machine asks for: feeds it inputs, runs one operation at a time,
//! keeps its clocks, and stores each step with the events that belong to it before
//! anything is waited for.

mod perform;
mod recall;
mod take;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Agent;
use super::answer::Answer;
use super::brain::{Sentence, ToolCall, TurnView};
use super::live::Teller;
use super::measure::Watch;
use super::meter::Meter;
use super::opening::KnownSite;
use super::operation::{Answered, Outcome, Running};
use super::phrases::Tongue;
use super::record::{Record, TurnRef, Waits};
use crate::agent::machine::action::Action;
use crate::agent::machine::call::{Effect, Ledger};
use crate::agent::machine::ctx::Timer;
use crate::agent::machine::input::Input;
use crate::agent::machine::{Machine, step};
use crate::db::events::StoredEvent;
use crate::db::pool::{DbError, DbResult};
use crate::db::turns;
use crate::domain::customer::Account;
use crate::domain::event::ThreadEvent;
use crate::domain::fail::{self, FailPoint};
use crate::domain::site::Mode;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::vault;

/// Pauses before a failed store is tried again; after the last the turn is left to
/// whoever takes it over.
const STORE_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// How long news that nobody has to see yet waits for more, to be stored with it in one
/// transaction: less than a person notices.
const LINGER: Duration = Duration::from_millis(100);
/// How long a sentence waits for the next one, or for the end, of an answer that comes at once.
const BREATH: Duration = Duration::from_millis(3);
/// How long either waits where nobody reads before the end: the more of a turn is stored at
/// once, the less it takes. What a crash meanwhile loses is done again.
const PATIENCE: Duration = Duration::from_millis(250);

/// A turn to drive.
pub(super) struct Assignment {
    pub turn: TurnRef,
    pub machine: Machine,
    /// The visitor's message, personal data behind placeholders.
    pub text: String,
    /// What is behind them.
    pub vault: Placeholders,
    /// The visitor's language.
    pub locale: String,
    /// The page that they are on.
    pub page: Option<String>,
    /// The account that they are logged in to.
    pub account: Option<Account>,
    /// Whether the message only leaves an address.
    pub address_only: bool,
    /// The number of the `turn` event.
    pub first_seq: i64,
    /// The last stored step; none for a new turn.
    pub last_step: Option<i32>,
    /// Whether another driver has had it before.
    pub resumed: bool,
    /// The site's name and what it keeps the agent from, where the turn opens its thread: then
    /// there is no history to read.
    pub opens: Option<Arc<KnownSite>>,
    /// The visitor's yes or no to a proposal, by the widget's button.
    pub answer: Option<Answered>,
    /// Who follows it in this process.
    pub teller: Teller,
    /// Its first event, where that isn't told before something of the turn is stored again.
    pub untold: Option<StoredEvent>,
}

pub(super) struct Driver {
    agent: Arc<Agent>,
    job: Assignment,
    machine: Machine,
    record: Record,
    view: Arc<TurnView>,
    answer: Answer,
    /// The answer where staff send: it goes to them, not to the visitor.
    for_staff: Answer,
    draft: Vec<Sentence>,
    /// Arguments of the call that the brain planned last.
    args: serde_json::Value,
    /// What the visitor was asked, until it is stored.
    asked: Option<String>,
    /// What is said when nobody is in, once that is known.
    away: Option<String>,
    /// Calls that it planned with that one, for after it.
    queue: VecDeque<ToolCall>,
    /// What stands for personal data in this thread.
    vault: Placeholders,
    meter: Arc<Meter>,
    clocks: BTreeMap<Timer, DateTime<Utc>>,
    inputs: VecDeque<Input>,
    running: Running,
    teller: Teller,
    tongue: Tongue,
    watch: Watch,
    /// Until when what isn't stored yet may wait.
    lingers: Option<Instant>,
}

impl Driver {
    pub(super) fn new(agent: Arc<Agent>, mut job: Assignment) -> Self {
        Self {
            teller: std::mem::replace(&mut job.teller, Teller::silent()),
            watch: Watch::new(job.resumed, &job.machine),
            machine: job.machine.clone(),
            record: Record::after(job.last_step),
            view: Arc::new(TurnView {
                message: job.text.clone(),
                locale: job.locale.clone(),
                customer: job.vault.customer(),
                account: job.account.clone(),
                ..TurnView::default()
            }),
            answer: Answer::default(),
            for_staff: Answer::default(),
            draft: Vec::new(),
            args: serde_json::Value::Null,
            asked: None,
            away: None,
            queue: VecDeque::new(),
            vault: job.vault.clone(),
            meter: Arc::new(agent.meter(job.turn.site)),
            clocks: BTreeMap::new(),
            inputs: VecDeque::new(),
            running: Running::Idle,
            tongue: Tongue::of(&job.locale),
            lingers: None,
            agent,
            job,
        }
    }

    /// Drives the turn to its end.
    ///
    /// # Errors
    /// When it became another's, or the database stays away; then nothing more of it is
    /// stored by this driver.
    pub(super) async fn run(mut self, stop: &Notify, mut first: Input) -> DbResult<()> {
        if self.job.resumed {
            self.recall().await?;
            if let Input::Resumed { ledger } = &mut first {
                *ledger = self.reconcile().await?;
            }
        }
        self.inputs.push_back(first);
        let closing = self.agent.closing.clone();
        loop {
            while let Some(input) = self.inputs.pop_front() {
                self.feed(&input)?;
            }
            // What is ready at once is taken before anything is stored: fewer transactions.
            if !self.is_over()
                && let Some(done) = self.running.next().now_or_never()
            {
                self.take(done);
                continue;
            }
            if let Some(done) = self.linger().await {
                self.take(done);
                continue;
            }
            self.lingers = None;
            if self.store().await? {
                self.inputs.push_back(Input::Cancelled);
                continue;
            }
            if self.is_over() {
                return Ok(());
            }
            let alarm = self.clocks.iter().map(|(timer, at)| (*at, *timer)).min();
            let until_alarm = alarm.map_or(turns::LEASE / 3, |(at, _)| {
                (at - self.agent.clock.now()).to_std().unwrap_or_default()
            });
            tokio::select! {
                biased;
                () = closing.cancelled() => return self.let_go().await,
                () = stop.notified() => self.inputs.push_back(Input::Cancelled),
                done = self.running.next() => self.take(done),
                () = tokio::time::sleep(until_alarm.min(turns::LEASE / 3)) => {
                    let now = self.agent.clock.now();
                    if let Some((at, timer)) = alarm && at <= now {
                        self.clocks.remove(&timer);
                        self.inputs.push_back(Input::Timer { timer });
                    } else if let Err(error) = self.renew().await {
                        // A database that is away for a moment is no reason to give up: the
                        // lease tells, and storing fails if the turn was taken over.
                        if !error.is_transient() {
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    /// What the operation gives within the moment that its news may wait. Nothing waits that
    /// changes anything, or that couldn't be done again.
    async fn linger(&mut self) -> Option<Outcome> {
        let repeatable = match self.machine.open_operation() {
            Some(Action::CallTool { call }) => call.effect == Effect::Read,
            Some(operation) => matches!(
                operation,
                Action::Screen | Action::Plan { .. } | Action::Draft { .. }
            ),
            None => false,
        };
        let now = self.agent.clock.now();
        let due = self.clocks.values().any(|at| *at <= now);
        if due || !repeatable || self.record.is_empty() {
            return None;
        }
        let patience = match self.record.waits()? {
            _ if self.nobody_reads() => PATIENCE,
            Waits::Progress => LINGER,
            Waits::Spoken => BREATH,
        };
        let until = Instant::now() + patience;
        let until = self.lingers.map_or(until, |begun| begun.min(until));
        self.lingers = Some(until);
        tokio::time::timeout_at(until, self.running.next()).await.ok()
    }

    /// Whether the one who asked waits for the end, and nobody else follows the conversation.
    fn nobody_reads(&self) -> bool {
        let hub = &self.agent.hub;
        self.teller.is_patient() && !hub.others() && hub.waiting_for(self.job.turn.thread) <= 1
    }

    fn is_over(&self) -> bool {
        self.machine.outcome().is_some()
    }

    /// One transition and what it asks for.
    fn feed(&mut self, input: &Input) -> DbResult<()> {
        let now = self.agent.clock.now();
        let (machine, actions) = step(self.machine.clone(), now, input);
        self.record.step(now, input, &actions)?;
        self.watch.step(&self.machine, input, &machine);
        self.machine = machine;
        for action in actions {
            self.perform(action);
        }
        Ok(())
    }

    /// Stores what is yet to be stored, trying again while the database is away.
    /// Gives whether the visitor has asked to stop a turn that still runs.
    async fn store(&mut self) -> DbResult<bool> {
        self.record.models.extend(self.meter.take());
        let new = self.vault.take_new();
        let sealed = vault::seal(&self.agent.master, self.job.turn.site, self.job.turn.thread, &new);
        self.record
            .vault
            .extend(sealed.map_err(|e| DbError::Unreadable(e.to_string()))?);
        if self.record.is_empty() {
            return Ok(false);
        }
        self.record.machine(&self.machine)?;
        let over = self.is_over();
        let releases = self
            .record
            .events
            .iter()
            .any(|e| matches!(e, ThreadEvent::Delta { .. }));
        if over {
            fail::point(FailPoint::TurnBeforeFinish);
        }
        let mut pauses = STORE_PAUSES.iter();
        loop {
            let (now, tell) = (self.agent.clock.now(), self.agent.hub.others());
            match self.record.store(&self.agent.db, &self.job.turn, now, tell).await {
                Ok(kept) => {
                    let mut events = kept.events;
                    events.splice(0..0, self.job.untold.take());
                    if let Some(last) = events.last() {
                        self.agent.hub.wake(self.job.turn.thread, last.seq);
                    }
                    self.teller.tell(events, &self.vault);
                    fail::point(if over {
                        FailPoint::TurnFinished
                    } else {
                        FailPoint::TurnStored
                    });
                    if releases && !over {
                        fail::point(FailPoint::TurnReleased);
                    }
                    return Ok(kept.stop && !over);
                }
                Err(error) if error.is_transient() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// The answer that the draft becomes: the visitor's, or in shadow mode staff's.
    fn answer_mut(&mut self) -> &mut Answer {
        if self.machine.ctx.mode == Mode::Shadow {
            &mut self.for_staff
        } else {
            &mut self.answer
        }
    }

    /// The view, to change it: a copy only while a brain is reading it.
    fn view_mut(&mut self) -> &mut TurnView {
        Arc::make_mut(&mut self.view)
    }

    async fn renew(&mut self) -> DbResult<()> {
        let t = self.job.turn;
        let mut tx = self.agent.db.site(t.site).await?;
        let stop = turns::renew(&mut tx, t.turn, t.epoch).await?;
        tx.commit().await?;
        self.record.renewed();
        if stop {
            self.inputs.push_back(Input::Cancelled);
        }
        Ok(())
    }

    async fn let_go(&mut self) -> DbResult<()> {
        let t = self.job.turn;
        let mut tx = self.agent.db.site(t.site).await?;
        turns::release(&mut tx, t.turn, t.epoch).await?;
        tx.commit().await
    }
}

/// The first input of a turn that was taken over.
pub(super) fn after_crash(begun: bool) -> Input {
    if begun {
        Input::Resumed { ledger: Ledger::None }
    } else {
        Input::Started
    }
}
