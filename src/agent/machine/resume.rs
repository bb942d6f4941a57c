//! Rules for a turn whose worker died (AGT-10): reads are repeated, writes ask the
//! ledger, a draft that broke off is begun again, and a turn that is out of time is
//! closed.

use crate::agent::machine::action::{HandoffReason, WithdrawReason};
use crate::agent::machine::call::Ledger;
use crate::agent::machine::ctx::Timer;
use crate::agent::machine::state::{State, Store};
use crate::agent::machine::step::Step;

/// What is stored of a draft that waits for staff.
const DRAFTED: Store = Store::Draft { question: None };

impl Step {
    pub(super) fn resumed(&mut self, ledger: Ledger) {
        match &self.state {
            State::Received if self.ctx.time_is_over(self.at) => return self.degrade(),
            State::Received => return self.start(),
            // A draft for staff died with its worker: it is written again, below.
            State::Closing { store, .. } if *store == DRAFTED => self.withdraw(WithdrawReason::Provider),
            // The store is keyed by the turn: done twice, it is there once.
            State::Closing { .. } => return self.enter(self.state.clone()),
            State::Done { .. } => return,
            _ => {}
        }
        if self.state.is_writing() {
            match ledger {
                Ledger::Unknown => return self.hand_off(HandoffReason::UnknownEffect),
                Ledger::Done => {
                    self.note_result(None);
                    self.state = State::Planning { correction: None };
                    if self.ctx.time_is_over(self.at) {
                        // What was done has to be told, however long the crash took.
                        self.ctx.started_at = Some(self.at);
                    }
                }
                Ledger::None => {}
            }
        }
        if self.ctx.time_is_over(self.at) {
            return self.degrade();
        }
        if !self.ctx.first_out {
            self.arm(Timer::First);
        }
        self.arm(Timer::Cap);
        if matches!(self.state, State::Closing { .. }) {
            self.draft();
        } else if matches!(self.state, State::Drafting { .. }) {
            // The rest of the stream died with its worker, and a second draft says it
            // in other words: it can't be joined to the first.
            self.withdraw(WithdrawReason::Provider);
            self.draft();
        } else {
            self.enter(self.state.clone());
        }
    }
}
