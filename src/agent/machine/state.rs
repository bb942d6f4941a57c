//! Where a turn stands. Each waiting state names the one operation that is open.

use serde::{Deserialize, Serialize};

use crate::agent::machine::action::{
    Action, Correction, HandoffReason, Outcome, Question, Template, TicketReason,
};
use crate::agent::machine::call::Call;
use crate::domain::ids::ProposalId;

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

/// What is stored at the close of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Store {
    /// A question.
    Ask {
        /// Which.
        question: Question,
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
            Self::Ticket { reason } => Action::OpenTicket { reason },
            Self::Handoff { reason, proposal } => Action::OpenHandoff { reason, proposal },
        }
    }
}
