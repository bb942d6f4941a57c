//! The tools by name: those of this program, and those that a site's operator has connected.
//! Every call goes the same way: switches, breaker, arguments, tries, result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde_json::Value;

use super::act::{self, Leave};
use super::breakers::{self, Pass};
use super::entry::Entry;
use super::orders::Stores;
use super::outside::Outside;
use super::outside::tools::SiteTools;
use super::{Reply, Tool, ToolContext, ToolError, measure};
use crate::db::sites;
use crate::domain::ids::{ProposalId, SiteId};
use crate::domain::rules::Rules;
use crate::domain::site::Mode;
use crate::domain::tool::{KB_SEARCH, Power, ToolCode};
use crate::models::chat::ToolSpec;

/// How long a read may take with all its tries, where nothing else is set.
const LIMIT: Duration = Duration::from_secs(3);
/// How long a turn waits for a change in a shop, which asks a payment service meanwhile: broken off
/// sooner, the visitor would hear that nobody knows. What comes later is told to them later.
const CHANGE: Duration = Duration::from_secs(10);
/// What is left of a turn's limit for telling that it ran out.
const TELL: Duration = Duration::from_millis(100);
/// Sites whose searches have failed lately, at most.
const MOST_TROUBLED: u64 = 10_000;
/// How long they are remembered: a breaker's window and its rest.
const TROUBLED: Duration = Duration::from_secs(130);

/// Why a call gave no output.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No tool has this name.
    #[error("there is no such tool")]
    Unknown,
    /// The arguments break the tool's schema.
    #[error("the arguments break the tool's schema: {0}")]
    Schema(String),
    /// It ran and failed.
    #[error("after {attempts} attempt(s): {error}")]
    Failed {
        /// The last error.
        error: ToolError,
        /// How often it was tried.
        attempts: i32,
    },
}

/// A call that worked.
#[derive(Debug)]
pub struct Called {
    /// The output and what of it may be cited.
    pub reply: Reply<Value>,
    /// How often it was tried.
    pub attempts: i32,
}

/// The tools.
pub struct Registry {
    tools: BTreeMap<&'static str, Entry>,
    /// Where guarded tools act.
    stores: Option<Arc<dyn Stores>>,
    /// What operators have connected.
    outside: Option<Arc<Outside>>,
    limit: Duration,
    /// How long a turn waits for a shop's change.
    changes: Duration,
    /// Sites whose searches have failed: only there the search's breaker is looked at, since a
    /// search asks nothing else of the database before it runs.
    troubled: Cache<SiteId, ()>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            tools: BTreeMap::new(),
            stores: None,
            outside: None,
            limit: LIMIT - TELL,
            changes: CHANGE,
            troubled: Cache::builder()
                .max_capacity(MOST_TROUBLED)
                .time_to_live(TROUBLED)
                .build(),
        }
    }
}

/// A tool's schema that isn't one: a defect of the tool's types.
#[derive(Debug, thiserror::Error)]
#[error("the schema of tool `{0}` can't be used: {1}")]
pub struct BadSchema(pub(super) &'static str, pub(super) String);

fn refused(error: ToolError) -> CallError {
    CallError::Failed { error, attempts: 0 }
}

fn switched_off() -> CallError {
    refused(ToolError::new(ToolCode::Disabled, "the site has it switched off"))
}

impl Registry {
    /// Adds a tool.
    ///
    /// # Errors
    /// When its types give no usable schema.
    pub fn add<T: Tool>(&mut self, tool: T) -> Result<(), BadSchema> {
        self.tools.insert(T::NAME, Entry::of(tool)?);
        Ok(())
    }

    /// Gives guarded tools the shops that they act in.
    pub fn act_in(&mut self, stores: Arc<dyn Stores>) {
        self.stores = Some(stores);
    }

    /// Adds what the sites' operators connect. Their tools can't take the name of one that is
    /// here: add it last.
    pub fn connect(&mut self, outside: Outside) {
        let taken = self.tools.keys().map(|name| (*name).to_owned()).collect();
        self.outside = Some(Arc::new(outside.beside(taken)));
    }

    /// How long a turn waits for a tool with all its tries.
    pub fn within(&mut self, limit: Duration) {
        self.limit = limit.saturating_sub(TELL).max(TELL);
    }

    /// How long a turn waits for a change in a shop.
    pub fn changes_within(&mut self, limit: Duration) {
        self.changes = limit;
    }

    /// How long a change may take that the visitor has said yes to: a connected tool's own time, with
    /// the times that it is asked again.
    #[must_use]
    pub fn change_takes(&self, connected: &SiteTools, tool: &str) -> Duration {
        connected
            .get(tool)
            .map_or(self.changes, |tool| tool.change_takes() + TELL)
    }

    /// What the sites' operators have connected, where that is set up.
    #[must_use]
    pub fn outside(&self) -> Option<&Arc<Outside>> {
        self.outside.as_ref()
    }

    /// The tools that a site's operator has connected; none when they can't be told now.
    pub async fn site_tools(&self, site: SiteId) -> Arc<SiteTools> {
        match &self.outside {
            Some(outside) => outside.of(site).await,
            None => Arc::default(),
        }
    }

    /// The tools of this program that a site doesn't let its agent use: switched off one by one,
    /// or not part of how far the agent may go there (AGT-15).
    #[must_use]
    pub fn off(&self, mode: Mode, rules: &Rules) -> BTreeSet<String> {
        self.tools
            .iter()
            .filter(|(name, tool)| rules.off.contains(**name) || !tool.power.is_allowed(mode))
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    /// Runs a proposal that the visitor has said yes to: its stored arguments, once.
    ///
    /// # Errors
    /// [`CallError::Failed`] as [`act::run`] says.
    pub async fn confirmed(&self, ctx: &ToolContext, proposal: ProposalId) -> Result<Called, CallError> {
        measure::call("confirmed", async {
            let failed = |error| CallError::Failed { error, attempts: 1 };
            let done = self.act(ctx, proposal).await.map_err(failed)?;
            Ok(Called {
                reply: Reply::of(done),
                attempts: 1,
            })
        })
        .await
    }

    async fn act(&self, ctx: &ToolContext, proposal: ProposalId) -> Result<Value, ToolError> {
        let tool = act::tool_of(ctx, proposal).await?;
        if !self.tools.contains_key(tool.as_str())
            && let Some(outside) = &self.outside
        {
            return outside.act(ctx, &tool, proposal).await;
        }
        let stores = self
            .stores
            .as_deref()
            .ok_or_else(|| ToolError::new(ToolCode::Disabled, "there are no shops"))?;
        let acted = act::run(ctx, stores, proposal, &Leave::Visitor).await?;
        serde_json::to_value(acted).map_err(|e| ToolError::new(ToolCode::Upstream5xx, e))
    }

    /// How much a tool of this program changes; None when there is no such tool.
    #[must_use]
    pub fn power(&self, name: &str) -> Option<Power> {
        self.tools.get(name).map(|t| t.power)
    }

    /// The names, powers and descriptions of this program's tools, by name.
    pub fn list(&self) -> impl Iterator<Item = (&'static str, Power, &str)> {
        self.tools
            .iter()
            .map(|(name, tool)| (*name, tool.power, tool.description.as_str()))
    }

    /// This program's tools as a language model sees them, by name.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|(name, tool)| tool.spec(name)).collect()
    }

    /// Checks, runs, checks.
    ///
    /// # Errors
    /// When there is no such tool, its schema is broken by arguments or result, or it failed.
    pub async fn call(&self, ctx: &ToolContext, name: &str, args: &Value) -> Result<Called, CallError> {
        if let Some((&name, entry)) = self.tools.get_key_value(name) {
            let breakers = [name.to_owned()];
            return measure::call(name, self.run(ctx, name, entry, &breakers, args)).await;
        }
        let found = match &self.outside {
            Some(outside) => outside.of(ctx.site).await.get(name),
            None => None,
        };
        match found {
            Some(tool) => {
                let breakers = [name.to_owned(), tool.origin.to_string()];
                // A metric's label must not be a name that anybody can make up.
                let run = self.run(ctx, name, &tool.entry, &breakers, args);
                measure::call(tool.origin.label(), run).await
            }
            // A name that no tool has is free text of a model.
            None => measure::call("unknown", std::future::ready(Err(CallError::Unknown))).await,
        }
    }

    async fn run(
        &self,
        ctx: &ToolContext,
        name: &str,
        entry: &Entry,
        breakers: &[String],
        args: &Value,
    ) -> Result<Called, CallError> {
        if ctx.off.contains(name) {
            return Err(switched_off());
        }
        // Before anything is asked of anybody.
        entry.check(args).map_err(CallError::Schema)?;
        let pass = self.admit(ctx, name, entry.power, breakers).await?;
        let called = entry.attempt(ctx, args, self.limit).await;
        let error = match &called {
            Err(CallError::Failed { error, .. }) => Some(error),
            _ => None,
        };
        if let Some(pass) = pass {
            breakers::record(&ctx.db, ctx.site, pass, error, ctx.now()).await;
        } else if error.is_some_and(breakers::is_failure) {
            self.troubled.insert(ctx.site, ());
            let now = ctx.now();
            breakers::failed(&ctx.db, ctx.site, name, now).await;
        }
        called
    }

    /// The site's switches and the breakers as they are now. What the turn knows may be some
    /// seconds old, which is enough for a search that has gone well lately.
    async fn admit(
        &self,
        ctx: &ToolContext,
        name: &str,
        power: Power,
        names: &[String],
    ) -> Result<Option<Pass>, CallError> {
        if name == KB_SEARCH && !self.troubled.contains_key(&ctx.site) {
            return Ok(None);
        }
        let mut tx = ctx.db.site(ctx.site).await.map_err(|e| refused(e.into()))?;
        let site = sites::own(&mut tx).await.map_err(|e| refused(e.into()))?;
        if site.is_none_or(|s| s.rules.off.contains(name) || !power.is_allowed(s.mode)) {
            return Err(switched_off());
        }
        let pass = breakers::admit(&mut tx, names, ctx.now())
            .await
            .map_err(refused)?;
        tx.commit().await.map_err(|e| refused(e.into()))?;
        Ok(Some(pass))
    }

    /// Waits for what is under way beside the turns.
    pub async fn drain(&self) {
        if let Some(outside) = &self.outside {
            outside.drain().await;
        }
    }
}
