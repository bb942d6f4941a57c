//! What a site's WordPress asks to be answered in the background (GW-7): either a message of a
//! visitor, or a prompt of the site's own. The result goes to a callback.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{AiJobId, MessageId, ProposalId, SiteId, ThreadId, VisitorId};
use crate::domain::job::Priority;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "route", rename_all = "snake_case")]
pub enum Request {
    /// A visitor's message; answered by a turn, as by the widget.
    Chat {
        /// The client's own id of it.
        message_id: MessageId,
        /// The conversation; none begins a new one.
        thread_id: Option<ThreadId>,
        /// 1 to 4000 characters; may be empty with a yes or no, or an address.
        user_msg: String,
        /// The visitor's language.
        locale: Option<String>,
        /// The page that the visitor is on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        page: Option<String>,
        /// A yes or no to a proposal, by the widget's button.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirm: Option<(ProposalId, bool)>,
        /// An address for the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// Who is logged in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<Login>,
    },
    /// A prompt for a language model.
    Infer {
        /// 1 to 8000 characters.
        prompt: String,
        /// One of the configured models; none: the first provider's.
        model: Option<String>,
        /// The answer's length at most.
        max_tokens: u32,
        /// 0 to 1.
        temperature: f32,
    },
}

/// A visitor who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user of WordPress.
    pub wp_user: i64,
    /// Where the site says who that is.
    pub profile: Option<String>,
}

impl Request {
    /// The route's name in the database and on the wire.
    #[must_use]
    pub fn route(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "chat",
            Self::Infer { .. } => "infer",
        }
    }
}

/// Where an AI job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for a worker.
    Pending,
    /// A worker has begun.
    Running,
    /// There is a result.
    Succeeded,
    /// There is none, and there will be none.
    Failed,
}

impl Status {
    /// The name in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Reads [`Status::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|s| s.as_str() == name)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What the work took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the requests.
    pub tokens_in: i64,
    /// Tokens of the answers.
    pub tokens_out: i64,
    /// From the beginning of the work to its end.
    pub ms: i64,
    /// In millionths of the currency's unit.
    pub cost_micro: i64,
    /// Who answered: a provider, or `extractive`; none where nobody did.
    pub provider: Option<String>,
}

/// How the work ended: with a result for the wire, or with a code and a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The result.
    Succeeded(serde_json::Value),
    /// Why there is none.
    Failed {
        /// For programs.
        code: String,
        /// For people.
        detail: String,
    },
}

/// An AI job to store; request and addresses as the caller has sealed and hashed them.
#[derive(Debug)]
pub struct NewAiJob<'a> {
    /// Its id.
    pub id: AiJobId,
    /// The token's id: the same one again is the same job.
    pub jti: &'a str,
    /// Of the body, to tell a repeat from a reuse.
    pub body_hash: [u8; 32],
    /// The secret that its token was signed with.
    pub kid: &'a str,
    /// Whose; none for the site's own.
    pub visitor: Option<VisitorId>,
    /// The route's name.
    pub route: &'static str,
    /// How urgent.
    pub priority: Priority,
    /// The request, sealed.
    pub request: &'a [u8],
    /// Hashes of the addresses in it.
    pub addresses: Vec<Vec<u8>>,
    /// Where the result goes.
    pub callback_url: &'a str,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// What a job's request and result are sealed for.
#[must_use]
pub fn sealed_for(site: SiteId, job: AiJobId, part: &str) -> String {
    format!("site/{site}/ai_job/{job}/{part}")
}
