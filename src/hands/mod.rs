//! The hands: tools that act. Each is a Rust type for its input and one for its output;
//! both give a JSON Schema, and both arguments and results are checked against it. They
//! never think.

pub mod act;
pub mod adapters;
pub mod breakers;
pub mod check_refund_policy;
pub mod create_ticket;
pub mod desk;
mod entry;
pub mod get_order_status;
pub mod handoff_human;
pub mod identity;
pub mod issue_refund;
pub mod kb_search;
pub mod list_orders;
mod measure;
pub mod notify_human;
pub mod orders;
pub mod outside;
pub mod proposal;
pub mod registry;
pub mod send_email;
pub mod update_shipping_address;
pub mod update_ticket;
pub mod verify_identity;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::pool::{Db, DbError};
use crate::domain::clock::SharedClock;
use crate::domain::customer::Account;
use crate::domain::document::Found;
use crate::domain::ids::{CallId, SiteId, ThreadId, TurnId, VisitorId};
use crate::domain::seal::{MasterKey, SealError};
use crate::domain::tool::{Need, Power, ToolCode};

/// In which conversation a tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// The thread.
    pub thread: ThreadId,
    /// Whose it is.
    pub visitor: VisitorId,
    /// The turn that calls.
    pub turn: TurnId,
    /// The call.
    pub call: CallId,
}

/// What a tool knows of the turn that calls it.
#[derive(Clone)]
pub struct ToolContext {
    /// The database.
    pub db: Db,
    /// The site.
    pub site: SiteId,
    /// The thread's channel; documents can be limited to some.
    pub channel: &'static str,
    /// The conversation; none where one question is asked without any.
    pub conversation: Option<Conversation>,
    /// The address that the visitor's message came from, where that is known.
    pub client: Option<IpAddr>,
    /// The account of the site's WordPress that the visitor is logged in to.
    pub account: Option<Account>,
    /// The visitor's language, a BCP 47 tag.
    pub locale: String,
    /// Tools that the site doesn't let its agent use.
    pub off: Arc<BTreeSet<String>>,
    /// Business time.
    pub clock: SharedClock,
    /// What seals personal data.
    pub master: Arc<MasterKey>,
}

impl ToolContext {
    /// Outside of any conversation and turn: nothing is switched off, and the language isn't known.
    #[must_use]
    pub fn outside(db: &Db, site: SiteId, clock: &SharedClock, master: &Arc<MasterKey>) -> Self {
        Self {
            db: db.clone(),
            site,
            channel: kb_search::WIDGET,
            conversation: None,
            client: None,
            account: None,
            locale: String::new(),
            off: Arc::default(),
            clock: Arc::clone(clock),
            master: Arc::clone(master),
        }
    }

    /// The conversation, for tools that make no sense without one.
    ///
    /// # Errors
    /// [`ToolCode::Unauthorized`] without one.
    pub fn conversation(&self) -> Result<Conversation, ToolError> {
        self.conversation
            .ok_or_else(|| ToolError::new(ToolCode::Unauthorized, "there is no conversation"))
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// A tool's output, and what of it may be cited.
#[derive(Debug)]
pub struct Reply<T> {
    /// The output, for the brain and the audit.
    pub output: T,
    /// Passages that an answer may cite.
    pub found: Option<Found>,
}

impl<T> Reply<T> {
    /// An output of which nothing is cited.
    #[must_use]
    pub fn of(output: T) -> Self {
        Self { output, found: None }
    }
}

/// Why a tool couldn't: the code for the brain, the cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", code.as_str())]
pub struct ToolError {
    /// From the closed list.
    pub code: ToolCode,
    /// For the log; never shown, and nothing personal.
    pub cause: String,
    /// What would have to happen first, where something can.
    pub need: Option<Need>,
    /// Whether another try may help.
    pub again: bool,
    /// Whether the other side as a whole is away, and not this tool alone.
    pub away: bool,
}

impl ToolError {
    /// An error that nothing can be done about here.
    #[must_use]
    pub fn new(code: ToolCode, cause: impl std::fmt::Display) -> Self {
        Self {
            code,
            cause: cause.to_string(),
            need: None,
            again: code.is_transient(),
            away: false,
        }
    }

    /// The same, and another try can't help now.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { again: false, ..self }
    }

    /// The same, and nobody answers there.
    #[must_use]
    pub fn away(self) -> Self {
        Self { away: true, ..self }
    }

    /// Nothing was done yet: something is missing.
    #[must_use]
    pub fn needs(need: Need) -> Self {
        let (code, cause) = match need {
            Need::Identity => (ToolCode::Unauthorized, "the visitor must show who they are"),
            Need::Contact => (ToolCode::InvalidInput, "the visitor must leave an address"),
            Need::Confirm { .. } => (ToolCode::NeedsConfirmation, "the visitor must say yes"),
            Need::Approval { .. } => (ToolCode::NeedsApproval, "staff must approve"),
        };
        Self {
            code,
            cause: cause.to_owned(),
            need: Some(need),
            again: false,
            away: false,
        }
    }
}

impl From<DbError> for ToolError {
    fn from(error: DbError) -> Self {
        Self::new(ToolCode::Upstream5xx, error)
    }
}

impl From<SealError> for ToolError {
    fn from(error: SealError) -> Self {
        Self::new(ToolCode::Upstream5xx, error)
    }
}

/// One tool.
pub trait Tool: Send + Sync + 'static {
    /// Its arguments.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// What it returns.
    type Output: Serialize + JsonSchema + Send;
    /// The name that the brain calls it by.
    const NAME: &'static str;
    /// What it does, for the brain.
    const DESCRIPTION: &'static str;
    /// How much it changes. One that changes anything is never tried twice.
    const POWER: Power;

    /// Does its work once. A guarded tool stores a proposal and says what it needs.
    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Self::Input,
    ) -> BoxFuture<'a, Result<Reply<Self::Output>, ToolError>>;
}
