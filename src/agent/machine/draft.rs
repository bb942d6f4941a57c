//! Rules for the answer: a sentence is released when the gate lets it through, an
//! answer stands when the check of the whole does, and a failure gives one stricter
//! draft, then a person (AGT-7, GRD-4, GRD-5).

use crate::agent::machine::action::{Action, HandoffReason, Template, WithdrawReason};
use crate::agent::machine::ctx::{MAX_REDRAFTS, Timer};
use crate::agent::machine::input::{Gate, GateReason};
use crate::agent::machine::state::{State, Store};
use crate::agent::machine::step::Step;
use crate::domain::event::Outcome;
use crate::domain::site::Mode;

impl Step {
    /// Asks the current link for a draft; without a link left, a person goes on.
    pub(super) fn draft(&mut self) {
        if self.ctx.link_name().is_some() {
            self.ctx.rounds = self.ctx.rounds.saturating_add(1);
            self.enter(State::Drafting {
                round: self.ctx.rounds,
            });
        } else {
            self.hand_off(HandoffReason::NoBrain);
        }
    }

    pub(super) fn sentence(&mut self, i: u32, gate: Gate) {
        match gate {
            // Another draft would fare no better.
            Gate::Fail {
                reason: GateReason::Unmoderated,
            } => {
                self.abort();
                self.withdraw(WithdrawReason::Guardrail);
                self.hand_off(HandoffReason::Unmoderated);
            }
            Gate::Fail { .. } => {
                self.abort();
                self.check_failed();
            }
            Gate::Pass if i == self.ctx.released => {
                self.push(Action::Release { i });
                self.ctx.released = self.ctx.released.saturating_add(1);
                self.ctx.first_out = true;
                self.arm(Timer::Stall);
            }
            // An answer with a hole in it must not go on.
            Gate::Pass if i > self.ctx.released => {
                self.abort();
                self.link_failed();
            }
            // Already released.
            Gate::Pass => {}
        }
    }

    pub(super) fn draft_ended(&mut self, round: u32) {
        if self.ctx.released == 0 {
            // A draft without a sentence is a link that gave nothing.
            self.link_failed();
        } else {
            self.enter(State::Checking { round });
        }
    }

    pub(super) fn checked(&mut self, gate: Gate) {
        match (gate, self.ctx.mode) {
            // GRD-6: another draft would find no document either.
            (
                Gate::Fail {
                    reason: GateReason::NoDocument,
                },
                _,
            ) => {
                self.withdraw(WithdrawReason::Guardrail);
                self.hand_off(HandoffReason::Policy);
            }
            (Gate::Fail { .. }, _) => self.check_failed(),
            // AGT-15: staff send it.
            (Gate::Pass, Mode::Shadow) => {
                let store = Store::Draft { question: None };
                self.close(Outcome::Withheld, store, Some(Template::Withheld));
            }
            (Gate::Pass, Mode::Assist | Mode::Full) => self.finish(Outcome::Answered, false),
        }
    }

    /// What is out of a draft that failed is taken back, then it is drafted once more,
    /// strictly; a second failure goes to a person (GRD-4, GRD-5).
    fn check_failed(&mut self) {
        self.withdraw(WithdrawReason::Guardrail);
        if self.ctx.redrafts < self.ctx.limits.redrafts.min(MAX_REDRAFTS) {
            self.ctx.redrafts += 1;
            self.draft();
        } else {
            self.hand_off(HandoffReason::Guardrail);
        }
    }

    /// Takes back all that is released of the current draft.
    pub(super) fn withdraw(&mut self, reason: WithdrawReason) {
        if self.ctx.released > 0 {
            self.push(Action::Withdraw { from: 0, reason });
            self.ctx.released = 0;
        }
    }
}
