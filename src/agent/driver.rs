//! Performs what the machine asks for: feeds it inputs, runs one operation at a time,
//! keeps its clocks, and stores each step with the events that belong to it before
//! anything is waited for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use tokio::sync::Notify;

use super::Agent;
use super::answer::Answer;
use super::brain::{BrainFault, Plan, Sentence, ToolOutcome, TurnView};
use super::operation::{self, Outcome as Done, Running, code};
use super::phrases::{self, Tongue};
use super::record::{CallNews, Ending, Record, TurnRef};
use crate::agent::machine::action::{Action, HandoffReason, Question, WithdrawReason};
use crate::agent::machine::call::{ArgsRef, Call, Effect, Ledger, Rejection};
use crate::agent::machine::ctx::Timer;
use crate::agent::machine::input::{self, Gate, GateReason, Input, LinkFailure, Verdict};
use crate::agent::machine::{Machine, step};
use crate::db::pool::{DbError, DbResult};
use crate::db::{events, tool_calls, turns};
use crate::domain::document::Found;
use crate::domain::event::{AskKind, Outcome, ReplaceReason, StepStatus, ThreadEvent};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::CallId;
use crate::domain::site::Mode;
use crate::domain::tool::ToolCode;
use crate::guardrails::gate;
use crate::hands::registry::{CallError, Called};

/// Pauses before a failed store is tried again; after the last the turn is left to
/// whoever takes it over.
const STORE_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// A turn to drive.
pub(super) struct Assignment {
    pub turn: TurnRef,
    pub machine: Machine,
    /// The visitor's message.
    pub text: String,
    /// The visitor's language.
    pub locale: String,
    /// Whether the message only leaves an address.
    pub address_only: bool,
    /// The number of the `turn` event.
    pub first_seq: i64,
    /// The last stored step; none for a new turn.
    pub last_step: Option<i32>,
    /// Whether another driver has had it before.
    pub resumed: bool,
}

pub(super) struct Driver {
    agent: Arc<Agent>,
    job: Assignment,
    machine: Machine,
    record: Record,
    view: TurnView,
    answer: Answer,
    draft: Vec<Sentence>,
    /// Arguments of the call that the brain planned last.
    args: serde_json::Value,
    clocks: BTreeMap<Timer, DateTime<Utc>>,
    inputs: VecDeque<Input>,
    running: Running,
    tongue: Tongue,
}

impl Driver {
    pub(super) fn new(agent: Arc<Agent>, job: Assignment) -> Self {
        Self {
            machine: job.machine.clone(),
            record: Record::after(job.last_step),
            view: TurnView {
                message: job.text.clone(),
                locale: job.locale.clone(),
                ..TurnView::default()
            },
            answer: Answer::default(),
            draft: Vec::new(),
            args: serde_json::Value::Null,
            clocks: BTreeMap::new(),
            inputs: VecDeque::new(),
            running: Running::Idle,
            tongue: Tongue::of(&job.locale),
            agent,
            job,
        }
    }

    /// Drives the turn to its end.
    ///
    /// # Errors
    /// When it became another's, or the database stays away; then nothing more of it is
    /// stored by this driver.
    pub(super) async fn run(mut self, stop: &Notify, first: Input) -> DbResult<()> {
        if self.job.resumed {
            self.recall().await?;
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
                    } else {
                        self.renew().await?;
                    }
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.machine.outcome().is_some()
    }

    /// One transition and what it asks for.
    fn feed(&mut self, input: &Input) -> DbResult<()> {
        let now = self.agent.clock.now();
        let (machine, actions) = step(self.machine.clone(), now, input);
        self.record.step(now, input, &actions, &machine)?;
        self.machine = machine;
        for action in actions {
            self.perform(action);
        }
        Ok(())
    }

    fn perform(&mut self, action: Action) {
        let t = self.job.turn;
        match action {
            Action::Arm { timer, at } => {
                self.clocks.insert(timer, at);
            }
            Action::Abort => self.running = Running::Idle,
            Action::Screen => {
                self.running = if self.job.address_only {
                    Running::ready()
                } else {
                    operation::screen(
                        &self.agent,
                        t,
                        self.job.first_seq,
                        self.job.text.clone(),
                        self.job.locale.clone(),
                    )
                };
            }
            Action::Plan { link, .. } => match self.agent.brain(&link) {
                Some(brain) => self.running = operation::plan(brain, &self.view),
                None => self.inputs.push_back(Input::LinkFailed {
                    cause: LinkFailure::Malformed,
                }),
            },
            Action::CallTool { call } => self.call(call),
            Action::Draft { link, .. } => {
                self.draft.clear();
                match self.agent.brain(&link) {
                    Some(brain) => self.running = operation::draft(brain, &self.view),
                    None => self.inputs.push_back(Input::LinkFailed {
                        cause: LinkFailure::Malformed,
                    }),
                }
            }
            Action::Release { i } => {
                if let Some(sentence) = self.draft.get(i as usize) {
                    let events = self.answer.release(sentence, &found(&self.view));
                    if self.machine.ctx.mode != Mode::Shadow {
                        self.record.events.extend(events);
                    }
                }
            }
            Action::Withdraw { from, reason } => {
                let reason = match reason {
                    WithdrawReason::Guardrail => ReplaceReason::Guardrail,
                    WithdrawReason::Provider => ReplaceReason::Provider,
                };
                let event = self.answer.withdraw(from, reason);
                self.record.events.push(event);
            }
            Action::CheckAnswer { .. } => self.running = Running::ready(),
            Action::Say { template } => {
                let event = self.answer.say(phrases::say(template, self.tongue));
                self.record.events.push(event);
            }
            Action::StoreAsk { question } => {
                let (kind, proposal_id) = match question {
                    Question::Identity => (AskKind::Identity, None),
                    Question::Contact => (AskKind::Contact, None),
                    Question::Confirm { proposal } => (AskKind::Confirm, Some(proposal.0)),
                };
                self.record.events.push(ThreadEvent::Ask {
                    kind,
                    proposal_id,
                    summary: String::new(),
                });
                self.running = Running::ready();
            }
            Action::OpenTicket { reason } => self.running = operation::ticket(&self.agent, t, reason),
            Action::OpenHandoff { reason, .. } => {
                self.running = operation::handoff(&self.agent, t, reason);
            }
            Action::Finish {
                outcome,
                incomplete,
                silent,
            } => self.finish(outcome, incomplete, silent),
        }
    }

    fn call(&mut self, call: Call) {
        let known = self.agent.registry.writes(&call.tool).is_some();
        self.record.calls.push(CallNews::Begun {
            id: call.call_id,
            tool: call.tool.clone(),
            args: self.args.clone(),
        });
        if known {
            self.progress(&call.tool, StepStatus::Start);
        }
        self.running = operation::call(
            &self.agent,
            self.job.turn,
            call.call_id,
            call.tool,
            self.args.clone(),
        );
    }

    fn progress(&mut self, tool: &str, status: StepStatus) {
        let label = match status {
            StepStatus::Start => phrases::working(tool, self.tongue),
            StepStatus::Ok => phrases::worked(tool, true, self.tongue),
            StepStatus::Error => phrases::worked(tool, false, self.tongue),
        };
        self.record.events.push(ThreadEvent::Step {
            phase: "tool".to_owned(),
            tool: Some(tool.to_owned()),
            status,
            label: label.to_owned(),
        });
    }

    fn finish(&mut self, outcome: Outcome, incomplete: bool, silent: bool) {
        let brain = self.machine.ctx.link_name().unwrap_or("none").to_owned();
        if silent {
            self.record.ending = Some(Ending {
                outcome: "fenced",
                brain,
                message: None,
            });
            return;
        }
        let used = self.answer.used();
        let text = self.answer.text();
        self.record.events.push(ThreadEvent::Final {
            outcome,
            text: text.clone(),
            citations: used.iter().map(|c| c.n).collect(),
            brain: brain.clone(),
            incomplete,
        });
        self.record.events.push(ThreadEvent::Done {
            turn_id: self.job.turn.turn,
        });
        let message = (!self.answer.is_empty()).then_some((text, used));
        self.record.ending = Some(Ending {
            outcome: outcome.as_str(),
            brain,
            message,
        });
    }

    /// Turns what an operation gave into the machine's input.
    fn take(&mut self, done: Done) {
        let input = match done {
            Done::Screened(Ok(view)) => {
                self.view = view;
                Input::Screened {
                    verdict: Verdict::Clean,
                }
            }
            Done::Screened(Err(error)) => {
                // Nothing is known of the thread, but the question is: go on without history.
                tracing::warn!(%error, turn = %self.job.turn.turn, "screening without history");
                Input::Screened {
                    verdict: Verdict::Clean,
                }
            }
            Done::Planned(Ok(plan)) => self.planned(plan),
            Done::Planned(Err(fault)) => Input::LinkFailed { cause: cause(fault) },
            Done::Called { id, result, ms } => self.called(id, result, ms),
            Done::Drafted(sentence) => {
                fail::point(FailPoint::TurnDrafting);
                let i = u32::try_from(self.draft.len()).unwrap_or(u32::MAX);
                let verdict = gate::check(&sentence.md, &sentence.cites, &found(&self.view));
                self.draft.push(sentence);
                Input::Sentence {
                    i,
                    gate: passed(verdict),
                }
            }
            Done::DraftEnded(Ok(())) => Input::DraftEnded,
            Done::DraftEnded(Err(fault)) => Input::LinkFailed { cause: cause(fault) },
            Done::Ticket(Ok((_, needs_contact))) => Input::Closed { needs_contact },
            Done::Handoff(Ok((handoff_id, needs_contact))) => {
                let reason = self.handoff_reason();
                let next = phrases::say(crate::agent::machine::action::Template::HandedOver, self.tongue);
                self.record.events.push(ThreadEvent::Handoff {
                    handoff_id,
                    reason,
                    ticket_id: None,
                    needs_contact,
                    next: next.to_owned(),
                });
                Input::Closed { needs_contact }
            }
            Done::Ticket(Err(error)) | Done::Handoff(Err(error)) => {
                tracing::error!(%error, turn = %self.job.turn.turn, "a turn couldn't be closed as it should");
                Input::CloseFailed
            }
            Done::Ready => self.ready(),
        };
        self.inputs.push_back(input);
    }

    /// The answer of operations that need no work of ours.
    fn ready(&self) -> Input {
        use crate::agent::machine::state::State;
        match self.machine.state {
            State::Screening => Input::Screened {
                verdict: Verdict::LeavesAddress,
            },
            State::Checking { .. } => Input::Checked { gate: self.whole() },
            _ => Input::Closed { needs_contact: false },
        }
    }

    /// The whole answer: something was said, and what it cites is there.
    fn whole(&self) -> Gate {
        let cited = self.draft.iter().any(|s| !s.cites.is_empty());
        if self.answer.text().trim().is_empty() {
            Gate::Fail {
                reason: GateReason::Form,
            }
        } else if cited && self.answer.used().is_empty() {
            Gate::Fail {
                reason: GateReason::BadCitation,
            }
        } else {
            Gate::Pass
        }
    }

    fn planned(&mut self, plan: Plan) -> Input {
        let plan = match plan {
            Plan::Draft => input::Plan::Draft,
            Plan::Handoff => input::Plan::Handoff {
                reason: HandoffReason::OutOfScope,
            },
            Plan::Call { tool, args } => {
                let call_id = CallId::new();
                let writes = self.agent.registry.writes(&tool);
                self.args = args;
                input::Plan::Call {
                    call: Call {
                        call_id,
                        // An unknown name is the brain's free text, which isn't stored.
                        tool: if writes.is_some() {
                            tool
                        } else {
                            "unknown".to_owned()
                        },
                        args: ArgsRef::Call,
                        effect: if writes == Some(true) {
                            Effect::Write {
                                key: call_id.to_string(),
                            }
                        } else {
                            Effect::Read
                        },
                    },
                }
            }
        };
        Input::Planned { plan }
    }

    fn called(&mut self, id: CallId, result: Result<Called, CallError>, ms: i32) -> Input {
        fail::point(FailPoint::TurnToolDone);
        let tool = self.current_tool();
        match result {
            Ok(Called { reply, attempts }) => {
                self.progress(&tool, StepStatus::Ok);
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Ok(reply.output.clone()),
                    attempts,
                    ms,
                });
                self.view.outcomes.push(ToolOutcome {
                    tool,
                    args: self.args.clone(),
                    result: Ok(reply.output),
                    found: reply.found,
                });
                Input::ToolOk {
                    call_id: id,
                    confidence: None,
                }
            }
            Err(CallError::Failed { error, attempts }) => {
                tracing::warn!(tool, %error, attempts, turn = %self.job.turn.turn, "a tool failed");
                self.progress(&tool, StepStatus::Error);
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Err(error.code.as_str()),
                    attempts,
                    ms,
                });
                self.view.outcomes.push(ToolOutcome {
                    tool,
                    args: self.args.clone(),
                    result: Err(error.code.as_str().to_owned()),
                    found: None,
                });
                Input::ToolErr {
                    call_id: id,
                    code: error.code,
                }
            }
            Err(error) => {
                tracing::warn!(%error, turn = %self.job.turn.turn, "the brain's call was turned down");
                let why = if matches!(error, CallError::Unknown) {
                    Rejection::Unknown
                } else {
                    Rejection::Schema
                };
                let code = ToolCode::InvalidInput.as_str();
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Err(code),
                    attempts: 0,
                    ms,
                });
                Input::CallRejected { call_id: id, why }
            }
        }
    }

    fn current_tool(&self) -> String {
        match self.machine.open_operation() {
            Some(Action::CallTool { call }) => call.tool,
            _ => "unknown".to_owned(),
        }
    }

    fn handoff_reason(&self) -> String {
        match self.machine.open_operation() {
            Some(Action::OpenHandoff { reason, .. }) => code(&reason),
            _ => "unknown".to_owned(),
        }
    }

    /// Stores what is yet to be stored, trying again while the database is away.
    /// Gives whether the visitor has asked to stop a turn that still runs.
    async fn store(&mut self) -> DbResult<bool> {
        if self.record.is_empty() {
            return Ok(false);
        }
        let over = self.is_over();
        if over {
            fail::point(FailPoint::TurnBeforeFinish);
        }
        let mut pauses = STORE_PAUSES.iter();
        loop {
            match self
                .record
                .store(&self.agent.db, &self.job.turn, self.agent.clock.now())
                .await
            {
                Ok(stop) => {
                    fail::point(if over {
                        FailPoint::TurnFinished
                    } else {
                        FailPoint::TurnStored
                    });
                    return Ok(stop && !over);
                }
                Err(error) if error.is_transient() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    async fn renew(&mut self) -> DbResult<()> {
        let t = self.job.turn;
        let mut tx = self.agent.db.site(t.site).await?;
        let stop = turns::renew(&mut tx, t.turn, t.epoch).await?;
        tx.commit().await?;
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

    /// After a crash: the answer so far from the stored events, what the brain may see of
    /// the turn, and the passages by searching again (reads may be repeated).
    async fn recall(&mut self) -> DbResult<()> {
        let t = self.job.turn;
        let mut tx = self.agent.db.site(t.site).await?;
        let stored = events::of_turn(&mut tx, t.turn).await?;
        let calls = tool_calls::of_turn(&mut tx, t.turn).await?;
        tx.commit().await?;
        self.answer = Answer::from_events(stored.iter().map(|e| &e.event));
        self.view = operation::view(
            &self.agent,
            &t,
            self.job.first_seq,
            self.job.text.clone(),
            self.job.locale.clone(),
        )
        .await?;
        for call in calls {
            self.args = call.args;
            if !call.ended || call.code.is_some() || self.agent.registry.writes(&call.tool) != Some(false) {
                continue;
            }
            let ctx = operation::context(&self.agent, &t);
            match self.agent.registry.call(&ctx, &call.tool, &self.args).await {
                Ok(Called { reply, .. }) => self.view.outcomes.push(ToolOutcome {
                    tool: call.tool,
                    args: self.args.clone(),
                    result: Ok(reply.output),
                    found: reply.found,
                }),
                Err(error) => {
                    tracing::warn!(%error, turn = %t.turn, "a read couldn't be repeated after a restart");
                    return Err(DbError::Unreadable("a read couldn't be repeated".to_owned()));
                }
            }
        }
        Ok(())
    }
}

/// What this turn found so far; only that may be cited.
fn found(view: &TurnView) -> Vec<&Found> {
    view.outcomes.iter().filter_map(|o| o.found.as_ref()).collect()
}

fn cause(fault: BrainFault) -> LinkFailure {
    match fault {
        BrainFault::Empty => LinkFailure::Empty,
        BrainFault::Cut => LinkFailure::Cut,
    }
}

fn passed(verdict: Result<(), gate::Fault>) -> Gate {
    let reason = match verdict {
        Ok(()) => return Gate::Pass,
        Err(gate::Fault::Uncited) => GateReason::Uncited,
        Err(gate::Fault::BadCitation) => GateReason::BadCitation,
        Err(gate::Fault::Unsupported) => GateReason::Unsupported,
        Err(gate::Fault::Mismatch) => GateReason::Mismatch,
        Err(gate::Fault::Form) => GateReason::Form,
    };
    Gate::Fail { reason }
}

/// The first input of a turn that was taken over.
pub(super) fn after_crash(begun: bool) -> Input {
    if begun {
        Input::Resumed { ledger: Ledger::None }
    } else {
        Input::Started
    }
}
