//! The hands: tools that act. Each is a Rust type for its input and one for its output;
//! both give a JSON Schema, and both arguments and results are checked against it. They
//! never think.

pub mod kb_search;
mod measure;
pub mod registry;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::pool::Db;
use crate::domain::document::Found;
use crate::domain::ids::SiteId;
use crate::domain::tool::ToolCode;

/// What a tool knows of the turn that calls it.
#[derive(Clone)]
pub struct ToolContext {
    /// The database.
    pub db: Db,
    /// The site.
    pub site: SiteId,
    /// The thread's channel; documents can be limited to some.
    pub channel: &'static str,
    /// When the call began.
    pub at: DateTime<Utc>,
}

/// A tool's output, and what of it may be cited.
#[derive(Debug)]
pub struct Reply<T> {
    /// The output, for the brain and the audit.
    pub output: T,
    /// Passages that an answer may cite.
    pub found: Option<Found>,
}

/// Why a tool couldn't: the code for the brain, the cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", code.as_str())]
pub struct ToolError {
    /// From the closed list.
    pub code: ToolCode,
    /// For the log; never shown.
    pub cause: String,
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
    /// Whether it changes anything; such a tool is never tried twice.
    const WRITES: bool;

    /// Does its work once.
    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Self::Input,
    ) -> BoxFuture<'a, Result<Reply<Self::Output>, ToolError>>;
}
