//! The events of a thread as they are stored and sent (server-sent events): the wire
//! between backend, widget, console and command line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::ids::{HandoffId, MessageId, ThreadId, TicketId, TurnId};

/// How a turn ended, as the wire names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With an answer.
    Answered,
    /// With a question to the visitor.
    Asked,
    /// With a person.
    Handoff,
    /// With what had passed by then and an honest word.
    Degraded,
    /// Drafted for staff, not sent.
    Withheld,
    /// Stopped by the visitor.
    Cancelled,
}

impl Outcome {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Asked => "asked",
            Self::Handoff => "handoff",
            Self::Degraded => "degraded",
            Self::Withheld => "withheld",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The agent.
    Agent,
    /// Staff, who have taken the thread over.
    Staff,
}

/// What a line of progress is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It began.
    Start,
    /// It worked.
    Ok,
    /// It didn't.
    Error,
}

/// A source of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Citation {
    /// Its number in the text, `[n]`, from 1.
    pub n: u32,
    /// The chunk that was cited.
    pub chunk_id: i64,
    /// The document's title.
    pub title: String,
    /// Where it can be read; an absolute http(s) URL or a path of the site.
    pub url: Option<String>,
    /// The innermost heading above the passage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// A short extract.
    pub snippet: String,
}

/// Why deltas are taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceReason {
    /// A guardrail found fault with the answer.
    Guardrail,
    /// The model stopped in the middle.
    Provider,
}

/// What the visitor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// A yes or no to an act.
    Confirm,
    /// Who they are.
    Identity,
    /// An address for the answer.
    Contact,
}

impl AskKind {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Identity => "identity",
            Self::Contact => "contact",
        }
    }
}

/// What the visitor is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Asks {
    /// For what.
    pub kind: AskKind,
    /// The act that a yes would allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<Uuid>,
    /// In words.
    pub summary: String,
    /// How much money a yes would move, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// Its currency, ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Until when a yes counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Asks {
    /// A question without a proposal.
    #[must_use]
    pub fn plain(kind: AskKind, summary: String) -> Self {
        Self {
            kind,
            proposal_id: None,
            summary,
            amount_minor: None,
            currency: None,
            expires_at: None,
        }
    }
}

/// A thread that was given to a person, as it is told outside of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Handed {
    /// The handoff.
    #[schema(value_type = Uuid)]
    pub handoff_id: HandoffId,
    /// A code.
    pub reason: String,
    /// The ticket that goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub ticket_id: Option<TicketId>,
    /// Whether an address is still wanted.
    pub needs_contact: bool,
    /// What happens now, in words.
    pub next: String,
}

/// What staff do in a thread, as its visitor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffKind {
    /// Somebody took it over.
    Joined,
    /// Somebody wrote.
    Message,
    /// The agent has it again.
    Left,
    /// A word of the house's own, for example that a refund was approved.
    System,
}

impl StaffKind {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Message => "message",
            Self::Left => "left",
            Self::System => "system",
        }
    }
}

/// One event of a thread. The tag is the SSE `event:` field, the rest its `data:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ThreadEvent {
    /// A turn began.
    Turn {
        /// The turn.
        turn_id: TurnId,
        /// The client's id of the message that began it.
        message_id: MessageId,
        /// The thread; a client that opened it learns its id here.
        thread_id: ThreadId,
        /// Who answers.
        by: Speaker,
    },
    /// Progress.
    Step {
        /// For example `search`.
        phase: String,
        /// The tool at work.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool: Option<String>,
        /// How it stands.
        status: StepStatus,
        /// For people.
        label: String,
    },
    /// A source, before the first delta that uses it.
    Citation(Citation),
    /// One sentence that has passed the guardrails.
    Delta {
        /// 0, 1, … within the draft.
        i: u32,
        /// Markdown.
        md: String,
    },
    /// Takes back the deltas `>= from`.
    Replace {
        /// The first that is taken back.
        from: u32,
        /// What stands there instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        md: Option<String>,
        /// Why.
        reason: ReplaceReason,
    },
    /// The visitor is asked for something.
    Ask(Asks),
    /// The thread was given to a person.
    Handoff {
        /// The handoff.
        handoff_id: HandoffId,
        /// A code.
        reason: String,
        /// The ticket that goes with it.
        #[serde(skip_serializing_if = "Option::is_none")]
        ticket_id: Option<TicketId>,
        /// Whether an address is still wanted.
        needs_contact: bool,
        /// What happens now, in words.
        next: String,
    },
    /// Staff did something.
    Staff {
        /// What.
        kind: StaffKind,
        /// Who, as visitors may know them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// What they wrote, Markdown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        md: Option<String>,
    },
    /// The answer as a whole; its text is what counts.
    Final {
        /// How the turn ended.
        outcome: Outcome,
        /// Markdown with citation marks `[n]`.
        text: String,
        /// The sources' numbers that the text uses.
        citations: Vec<u32>,
        /// Which brain answered.
        brain: String,
        /// Whether something is missing.
        incomplete: bool,
    },
    /// This turn failed; `done` follows.
    Error {
        /// A stable code.
        code: String,
        /// In words.
        detail: String,
        /// Whether the same message may be sent again (under a new id).
        retryable: bool,
    },
    /// The turn's last event.
    Done {
        /// The turn.
        turn_id: TurnId,
    },
}

impl ThreadEvent {
    /// The handoff that it tells of.
    #[must_use]
    pub fn handed(&self) -> Option<Handed> {
        let Self::Handoff {
            handoff_id,
            reason,
            ticket_id,
            needs_contact,
            next,
        } = self
        else {
            return None;
        };
        Some(Handed {
            handoff_id: *handoff_id,
            reason: reason.clone(),
            ticket_id: *ticket_id,
            needs_contact: *needs_contact,
            next: next.clone(),
        })
    }

    /// The SSE `event:` name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Turn { .. } => "turn",
            Self::Step { .. } => "step",
            Self::Citation(_) => "citation",
            Self::Delta { .. } => "delta",
            Self::Replace { .. } => "replace",
            Self::Ask(_) => "ask",
            Self::Handoff { .. } => "handoff",
            Self::Staff { .. } => "staff",
            Self::Final { .. } => "final",
            Self::Error { .. } => "error",
            Self::Done { .. } => "done",
        }
    }
}
