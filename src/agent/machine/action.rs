//! What the machine asks the driver to do, with the codes that go into tickets,
//! handoffs and closing words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::agent::machine::call::{Call, Rejection};
use crate::agent::machine::ctx::Timer;
use crate::domain::event::Outcome;
use crate::domain::ids::ProposalId;
use crate::domain::tool::ToolCode;

/// One thing to do. [`Action::is_operation`] tells those that are answered by an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Filter the message, mask it, fetch history and profile, find a pending proposal.
    Screen,
    /// Ask a brain for one plan.
    Plan {
        /// The link to ask.
        link: String,
        /// What went wrong just before.
        correction: Option<Correction>,
    },
    /// Check a call against its schema and run it.
    CallTool {
        /// The call.
        call: Call,
    },
    /// Ask a brain for the answer, and lead it sentence by sentence through the gate.
    Draft {
        /// The link to ask.
        link: String,
        /// The draft's number in this turn, from 1.
        round: u32,
        /// Keep close to the sources: an earlier draft failed a check.
        strict: bool,
    },
    /// Let the sentence that passed go out (in shadow mode: store it).
    Release {
        /// Its index within the draft.
        i: u32,
    },
    /// Take back the released sentences from this index on.
    Withdraw {
        /// The first to go.
        from: u32,
        /// Why.
        reason: WithdrawReason,
    },
    /// Check the whole answer.
    CheckAnswer {
        /// The draft's number.
        round: u32,
    },
    /// Say something that needs no brain.
    Say {
        /// What.
        template: Template,
    },
    /// Store a question to the visitor.
    StoreAsk {
        /// What is asked.
        question: Question,
    },
    /// Keep what was drafted, or the question, for staff to send (shadow mode).
    StoreDraft {
        /// The question; none: the draft that has passed its checks.
        question: Option<Question>,
    },
    /// Store a ticket with the thread attached.
    OpenTicket {
        /// Why.
        reason: TicketReason,
    },
    /// Give the thread to staff.
    OpenHandoff {
        /// Why.
        reason: HandoffReason,
        /// What staff are to approve.
        proposal: Option<ProposalId>,
    },
    /// Set a clock, in place of the time it was set to before.
    Arm {
        /// Which.
        timer: Timer,
        /// When it runs out.
        at: DateTime<Utc>,
    },
    /// Drop the running operation; no input of it may come any more.
    Abort,
    /// The turn is over. Always the last action of a turn, and there is one.
    Finish {
        /// How it ended.
        outcome: Outcome,
        /// What stands before the visitor is only the beginning of an answer.
        incomplete: bool,
        /// Send the visitor nothing: somebody else speaks on this thread now.
        silent: bool,
    },
}

impl Action {
    /// Whether the driver owes an input for it. At most one operation runs at a time;
    /// a new one comes only after the answer to the last, or after `Abort`.
    #[must_use]
    pub fn is_operation(&self) -> bool {
        match self {
            Self::Screen
            | Self::Plan { .. }
            | Self::CallTool { .. }
            | Self::Draft { .. }
            | Self::CheckAnswer { .. }
            | Self::StoreAsk { .. }
            | Self::StoreDraft { .. }
            | Self::OpenTicket { .. }
            | Self::OpenHandoff { .. } => true,
            Self::Release { .. }
            | Self::Withdraw { .. }
            | Self::Say { .. }
            | Self::Arm { .. }
            | Self::Abort
            | Self::Finish { .. } => false,
        }
    }
}

/// What the brain is told when it is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Correction {
    /// Its last call was turned down.
    Rejected {
        /// Why.
        why: Rejection,
    },
    /// Its last call failed.
    ToolFailed {
        /// How.
        code: ToolCode,
    },
}

/// What a visitor can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// To show who they are.
    Identity,
    /// For an address to reply to.
    Contact,
    /// To say yes or no to a proposal.
    Confirm {
        /// Which one.
        proposal: ProposalId,
    },
}

/// Why released sentences are taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawReason {
    /// A check failed.
    Guardrail,
    /// The draft broke off.
    Provider,
}

/// Words that need no brain. The driver has the text in the visitor's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// No answer in time: we're checking, and will follow up.
    FollowUp,
    /// The answer above breaks off: we'll complete it.
    Incomplete,
    /// Please leave an address, so that the reply reaches you.
    AskForAddress,
    /// This needs a person, who has it now.
    HandedOver,
    /// The visitor wanted a person, who has it now.
    PassedOn,
    /// A person has the conversation already, since an earlier wish.
    StillWithTeam,
    /// Nobody is in at the moment, and when somebody is.
    NobodyIn,
    /// A person must approve this first.
    AwaitingApproval,
    /// This can't be answered here; a person can be asked for.
    Blocked,
    /// All right, nothing was done.
    Declined,
    /// Thank you, the address is noted.
    AddressSaved,
    /// A person will look at the question and reply (shadow mode).
    Withheld,
    /// You stopped while something was being done; a person looks whether it happened.
    StoppedMidway,
    /// Nobody knows whether what was confirmed has happened; a person looks.
    InDoubt,
    /// Something went wrong and could not even be noted: please try again.
    NotStored,
}

/// Why a ticket is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketReason {
    /// Nothing was released in time.
    TimedOut,
    /// The answer broke off.
    Incomplete,
    /// The content filter tripped.
    Blocked,
}

/// Why a thread goes to staff; on the wire, `handoff.reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffReason {
    /// The visitor wants a person.
    VisitorAsked,
    /// A question of policy that no document answers.
    Policy,
    /// Nothing that was found fits well enough.
    LowConfidence,
    /// The site has no knowledge, or it is older than the site allows.
    KnowledgeOff,
    /// Not something that the agent does.
    OutOfScope,
    /// The brain's calls were turned down too often.
    BadCalls,
    /// The brain wanted more calls than a turn has, or a write a second time.
    TooManyCalls,
    /// It can't be told whether a write happened.
    UnknownEffect,
    /// Staff must approve a proposal.
    NeedsApproval,
    /// The draft failed its checks too often.
    Guardrail,
    /// The content filter couldn't be asked, and nothing may pass without it.
    Unmoderated,
    /// No brain gave an answer.
    NoBrain,
}
