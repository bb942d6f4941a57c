//! Rules for the end of a turn: what is stored before the last word is said, what
//! happens when time runs out, and the stop and the takeover from outside. Nothing is
//! promised to the visitor that isn't stored yet.

use crate::agent::machine::action::{Action, HandoffReason, Template, TicketReason};
use crate::agent::machine::input::Stored;
use crate::agent::machine::state::{State, Store};
use crate::agent::machine::step::Step;
use crate::domain::event::Outcome;
use crate::domain::site::Mode;

impl Step {
    /// Stores something; the turn ends when that is done.
    pub(super) fn close(&mut self, outcome: Outcome, store: Store, say: Option<Template>) {
        self.enter(State::Closing { outcome, store, say });
    }

    /// Gives the thread to a person.
    pub(super) fn hand_off(&mut self, reason: HandoffReason) {
        let store = Store::Handoff {
            reason,
            proposal: None,
        };
        let say = match reason {
            HandoffReason::VisitorAsked => Template::PassedOn,
            HandoffReason::UnknownEffect => Template::InDoubt,
            _ => Template::HandedOver,
        };
        self.close(Outcome::Handoff, store, Some(say));
    }

    /// AGT-3: what has passed the guardrails stays, a ticket is opened, and an honest word
    /// closes the turn.
    pub(super) fn degrade(&mut self) {
        // In shadow mode nothing of it stands before the visitor.
        let begun = self.ctx.released > 0 && self.ctx.mode != Mode::Shadow;
        let (reason, say) = if begun {
            (TicketReason::Incomplete, Template::Incomplete)
        } else {
            (TicketReason::TimedOut, Template::FollowUp)
        };
        self.close(Outcome::Degraded, Store::Ticket { reason }, Some(say));
    }

    /// The turn's time is over while something runs. A write that is broken off may have
    /// happened: a person must look.
    pub(super) fn out_of_time(&mut self) {
        self.abort();
        if self.state.is_writing() {
            self.hand_off(HandoffReason::UnknownEffect);
        } else {
            self.degrade();
        }
    }

    pub(super) fn closed(&mut self, outcome: Outcome, store: Store, say: Option<Template>, stored: Stored) {
        let say = match say {
            Some(Template::HandedOver | Template::PassedOn) if stored.already => {
                Some(Template::StillWithTeam)
            }
            say => say,
        };
        if let Some(template) = say {
            self.push(Action::Say { template });
        }
        if stored.away && store.is_followed_up() {
            self.push(Action::Say {
                template: Template::NobodyIn,
            });
        }
        if stored.needs_contact && store.is_followed_up() {
            self.push(Action::Say {
                template: Template::AskForAddress,
            });
        }
        self.finish(outcome, false);
    }

    /// Not even the ticket could be stored: the turn ends all the same, and says so.
    pub(super) fn close_failed(&mut self) {
        self.push(Action::Say {
            template: Template::NotStored,
        });
        self.finish(Outcome::Degraded, false);
    }

    /// The visitor's stop (AGT-19). It can't undo a write: one that is under way goes to a
    /// person, and a handoff for that reason is stored to its end.
    pub(super) fn cancelled(&mut self) {
        let unknown = Store::Handoff {
            reason: HandoffReason::UnknownEffect,
            proposal: None,
        };
        match &self.state {
            State::Closing { store, .. } if *store == unknown => {}
            state if state.is_writing() => {
                self.abort();
                self.close(Outcome::Cancelled, unknown, Some(Template::StoppedMidway));
            }
            _ => {
                self.abort();
                self.finish(Outcome::Cancelled, false);
            }
        }
    }

    /// Staff took the thread over: the agent doesn't talk over a person.
    pub(super) fn fenced(&mut self) {
        self.abort();
        self.finish(Outcome::Handoff, true);
    }

    pub(super) fn say_and_finish(&mut self, template: Template) {
        self.push(Action::Say { template });
        self.finish(Outcome::Answered, false);
    }

    pub(super) fn finish(&mut self, outcome: Outcome, silent: bool) {
        let whole = matches!(outcome, Outcome::Answered | Outcome::Withheld);
        let incomplete = self.ctx.released > 0 && !whole;
        self.push(Action::Finish {
            outcome,
            incomplete,
            silent,
        });
        self.state = State::Done { outcome };
    }
}
