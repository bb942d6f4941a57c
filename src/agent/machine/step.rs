//! One step: which rule answers which input in which state, the start of a turn, and
//! the clocks. The rules themselves are in `plan` (the brain's wishes and the tools),
//! `draft` (sentences and checks), `close` (endings) and `resume` (after a crash).

use crate::domain::event::Outcome;
use crate::domain::tool::ToolCode;
use chrono::{DateTime, Utc};

use crate::agent::machine::Machine;
use crate::agent::machine::action::{Action, HandoffReason, Template, TicketReason};
use crate::agent::machine::ctx::{Ctx, Timer};
use crate::agent::machine::input::{Input, Verdict};
use crate::agent::machine::state::{State, Store};

/// One transition: the machine after `input`, which came `at`, and what is to be done
/// now, in order. Pure and total; an input that nobody waits for changes nothing.
#[must_use]
pub fn step(machine: Machine, at: DateTime<Utc>, input: &Input) -> (Machine, Vec<Action>) {
    let mut step = Step {
        ctx: machine.ctx,
        state: machine.state,
        at,
        actions: Vec::new(),
    };
    step.take(input);
    (
        Machine {
            ctx: step.ctx,
            state: step.state,
        },
        step.actions,
    )
}

/// A step in the making.
pub(super) struct Step {
    pub(super) ctx: Ctx,
    pub(super) state: State,
    pub(super) at: DateTime<Utc>,
    pub(super) actions: Vec<Action>,
}

impl Step {
    fn take(&mut self, input: &Input) {
        match (&self.state, input) {
            (State::Done { .. }, _) => {}

            (_, Input::Fenced) => self.fenced(),
            (_, Input::Cancelled) => self.cancelled(),
            (_, Input::Resumed { ledger }) => self.resumed(*ledger),
            (_, Input::Timer { timer }) => self.ran_out(*timer),

            (State::Received, Input::Started) => self.start(),
            (State::Screening, Input::Screened { verdict }) => self.screened(verdict),

            (State::Planning { .. }, Input::Planned { plan }) => self.planned(plan),
            (State::Planning { .. } | State::Drafting { .. }, Input::LinkFailed { .. }) => self.link_failed(),
            // The check's own model can fail late; the answer has no other to go to.
            (State::Checking { .. }, Input::LinkFailed { .. }) => self.degrade(),

            (State::Calling { call }, Input::CallRejected { call_id, why }) if call.call_id == *call_id => {
                self.call_rejected(call.clone(), *why);
            }
            (State::Calling { call }, Input::ToolOk { call_id, confidence }) if call.call_id == *call_id => {
                self.tool_ok(*confidence);
            }
            (State::Calling { call }, Input::ToolErr { call_id, code }) if call.call_id == *call_id => {
                self.tool_failed(*code);
            }
            (State::Calling { call }, Input::ToolNeeds { call_id, need }) if call.call_id == *call_id => {
                self.tool_needs(*need);
            }

            (State::Calling { call }, Input::ToolHandsOver { call_id, reason })
                if call.call_id == *call_id =>
            {
                self.hand_off(*reason);
            }

            (State::Drafting { .. }, Input::Sentence { i, gate }) => self.sentence(*i, *gate),
            (State::Drafting { round }, Input::DraftEnded) => self.draft_ended(*round),
            (State::Checking { .. }, Input::Checked { gate }) => self.checked(*gate),

            (State::Closing { store, say, outcome }, Input::Closed(stored)) => {
                self.closed(*outcome, *store, *say, *stored);
            }
            (State::Closing { .. }, Input::CloseFailed) => self.close_failed(),

            // An answer that this state didn't ask for.
            _ => {}
        }
    }

    /// The turn begins: its two clocks run from here (AGT-3).
    pub(super) fn start(&mut self) {
        // A turn that died before its first step was stored has begun when it was opened.
        self.ctx.started_at.get_or_insert(self.at);
        self.arm(Timer::First);
        self.arm(Timer::Cap);
        self.enter(State::Screening);
    }

    fn screened(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Clean => self.plan(None),
            // GRD-3: a neutral reply with the offer of a person, and a ticket.
            Verdict::Blocked => self.close(
                Outcome::Degraded,
                Store::Ticket {
                    reason: TicketReason::Blocked,
                },
                Some(Template::Blocked),
            ),
            Verdict::Unmoderated => self.hand_off(HandoffReason::Unmoderated),
            // GRD-6: a wish for a person needs no brain.
            Verdict::WantsHuman => self.hand_off(HandoffReason::VisitorAsked),
            // GRD-2: the stored arguments run, not what a brain makes of the visitor's yes.
            Verdict::Confirms { call, .. } => self.call(call.clone()),
            Verdict::Declines { .. } => self.say_and_finish(Template::Declined),
            Verdict::LeavesAddress => self.say_and_finish(Template::AddressSaved),
        }
    }

    /// A clock ran out. One whose phase is over does nothing.
    fn ran_out(&mut self, timer: Timer) {
        match (timer, &self.state) {
            // AGT-5: a link that is silent is left for the next.
            (Timer::Plan, State::Planning { .. }) => {
                self.abort();
                self.link_failed();
            }
            (Timer::Tool, State::Calling { .. }) => {
                self.abort();
                self.tool_failed(ToolCode::Timeout);
            }
            (Timer::Stall, State::Drafting { .. }) if self.ctx.first_out => {
                self.abort();
                self.link_failed();
            }
            (Timer::Stall, State::Checking { .. }) => self.out_of_time(),
            (Timer::Close, State::Closing { .. }) => {
                self.abort();
                self.close_failed();
            }
            // AGT-3: the clock for the first sentence stops when one is out.
            (Timer::First, _) if self.ctx.first_out => {}
            // A turn that is closing has its own clock; one that hasn't begun has none.
            (Timer::First | Timer::Cap, State::Received | State::Closing { .. } | State::Done { .. }) => {}
            (Timer::First | Timer::Cap, _) => self.out_of_time(),
            (Timer::Plan | Timer::Tool | Timer::Stall | Timer::Close, _) => {}
        }
    }

    /// Goes to a state that waits: sets its clock, then asks for its operation.
    pub(super) fn enter(&mut self, state: State) {
        self.state = state;
        match (self.state.within_ms(), self.state.clock(&self.ctx)) {
            (Some(ms), _) => {
                let (tool, first) = self.ctx.change_deadlines(self.at, ms);
                self.push(Action::Arm {
                    timer: Timer::Tool,
                    at: tool,
                });
                if !self.ctx.first_out {
                    self.push(Action::Arm {
                        timer: Timer::First,
                        at: first,
                    });
                }
            }
            (None, Some(timer)) => self.arm(timer),
            (None, None) => {}
        }
        if let Some(operation) = self.state.operation(&self.ctx) {
            self.push(operation);
        }
    }

    /// Drops the open operation, if there is one.
    pub(super) fn abort(&mut self) {
        if self.state.operation(&self.ctx).is_some() {
            self.push(Action::Abort);
        }
    }

    pub(super) fn arm(&mut self, timer: Timer) {
        let at = self.ctx.deadline(timer, self.at);
        self.push(Action::Arm { timer, at });
    }

    pub(super) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }
}
