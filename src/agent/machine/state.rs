//! Where a turn stands. Each waiting state names the one operation that is open.

use crate::domain::event::Outcome;
use serde::{Deserialize, Serialize};

use crate::agent::machine::action::{Action, Correction, HandoffReason, Question, Template, TicketReason};
use crate::agent::machine::call::Call;
use crate::agent::machine::ctx::{Ctx, Timer};
use crate::domain::ids::ProposalId;
use crate::domain::tool::{HANDOFF_HUMAN, KB_SEARCH};

/// Where a turn stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Stored, nothing done.
    Received,
    /// Filter, personal data, history, profile, pending proposal.
    Screening,
    /// The brain is asked for one plan.
    Planning {
        /// What it is told of the step before.
        correction: Option<Correction>,
    },
    /// A tool runs.
    Calling {
        /// The call.
        call: Call,
    },
    /// Sentences pass the gate.
    Drafting {
        /// The draft's number in this turn.
        round: u32,
    },
    /// The whole answer is checked.
    Checking {
        /// The draft's number.
        round: u32,
    },
    /// A ticket, a handoff or a question is being stored.
    Closing {
        /// How the turn ends once it is stored.
        outcome: Outcome,
        /// What is stored.
        store: Store,
        /// What is said then.
        say: Option<Template>,
    },
    /// Over.
    Done {
        /// How it ended.
        outcome: Outcome,
    },
}

impl State {
    /// The operation that this state waits for.
    pub(super) fn operation(&self, ctx: &Ctx) -> Option<Action> {
        match self {
            Self::Received | Self::Done { .. } => None,
            Self::Screening => Some(Action::Screen),
            Self::Planning { correction } => {
                let link = ctx.link_name()?.to_owned();
                Some(Action::Plan {
                    link,
                    correction: *correction,
                })
            }
            Self::Calling { call } => Some(Action::CallTool { call: call.clone() }),
            Self::Drafting { round } => {
                let link = ctx.link_name()?.to_owned();
                Some(Action::Draft {
                    link,
                    round: *round,
                    strict: ctx.redrafts > 0,
                })
            }
            Self::Checking { round } => Some(Action::CheckAnswer { round: *round }),
            Self::Closing { store, .. } => Some(store.action()),
        }
    }

    /// The clock that runs for this state alone.
    pub(super) fn clock(&self, ctx: &Ctx) -> Option<Timer> {
        match self {
            Self::Received | Self::Screening | Self::Done { .. } => None,
            Self::Planning { .. } => Some(Timer::Plan),
            Self::Calling { .. } => Some(Timer::Tool),
            // Until the turn's first sentence is out, `First` watches the draft.
            Self::Drafting { .. } => ctx.first_out.then_some(Timer::Stall),
            Self::Checking { .. } => Some(Timer::Stall),
            Self::Closing { .. } => Some(Timer::Close),
        }
    }

    /// Whether a write is under way, so that breaking off leaves its effect unknown.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self, Self::Calling { call } if call.effect.key().is_some())
    }

    /// The time of its own that a change under way has.
    pub(super) fn within_ms(&self) -> Option<u32> {
        match self {
            Self::Calling { call } => call.within_ms,
            _ => None,
        }
    }

    /// Whether the conversation is being given to a person.
    pub(super) fn is_handing_over(&self) -> bool {
        matches!(self, Self::Calling { call } if call.tool == HANDOFF_HUMAN)
    }

    /// Whether the site's documents are being searched.
    pub(super) fn is_searching(&self) -> bool {
        matches!(self, Self::Calling { call } if call.tool == KB_SEARCH)
    }
}

/// What is stored at the close of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Store {
    /// A question.
    Ask {
        /// Which.
        question: Question,
    },
    /// A draft for staff, or a question for them to put.
    Draft {
        /// The question.
        question: Option<Question>,
    },
    /// A ticket.
    Ticket {
        /// Why.
        reason: TicketReason,
    },
    /// A handoff.
    Handoff {
        /// Why.
        reason: HandoffReason,
        /// What staff are to approve.
        proposal: Option<ProposalId>,
    },
}

impl Store {
    /// The action that stores it.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::Ask { question } => Action::StoreAsk { question },
            Self::Draft { question } => Action::StoreDraft { question },
            Self::Ticket { reason } => Action::OpenTicket { reason },
            Self::Handoff { reason, proposal } => Action::OpenHandoff { reason, proposal },
        }
    }

    /// Whether a person will write to the visitor because of it.
    #[must_use]
    pub fn is_followed_up(self) -> bool {
        match self {
            Self::Ask { .. }
            | Self::Ticket {
                reason: TicketReason::Blocked,
            } => false,
            Self::Ticket {
                reason: TicketReason::TimedOut | TicketReason::Incomplete,
            }
            | Self::Handoff { .. }
            | Self::Draft { .. } => true,
        }
    }
}
