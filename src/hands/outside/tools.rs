//! A site's connected tools as the registry and the turns know them, and what a call of one does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::remote::{Asked, Fault, Remote};
use super::{act, results};
use crate::domain::rules::Rules;
use crate::domain::site::Mode;
use crate::domain::tool::{Need, Power};
use crate::hands::entry::Entry;
use crate::hands::{ToolContext, ToolError, identity};
use crate::models::chat::ToolSpec;

/// Characters of a name at most; switches take no longer ones.
pub(super) const LONGEST_NAME: usize = 60;

/// Whose tool it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The connection's kind.
    pub kind: &'static str,
    /// The connection's name.
    pub name: String,
}

impl Origin {
    /// For metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.kind
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            f.write_str(self.kind)
        } else {
            write!(f, "{}/{}", self.kind, self.name)
        }
    }
}

/// A tool as a connection offers it.
pub struct Offered {
    /// Whose it is.
    pub origin: Origin,
    /// What it is called here.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// Of its arguments.
    pub input: Value,
    /// Of its results, where it says so.
    pub output: Option<Value>,
    /// How the operator has said that it may be used.
    pub terms: Terms,
    /// Whether the operator has written all this; else the server has.
    pub by_operator: bool,
    /// The other side.
    pub remote: Arc<dyn Remote>,
}

/// How a tool may be used: the operator's word, never the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// `Reads` or `Guarded`.
    pub power: Power,
    /// The visitor must have shown who they are; the other side is told the addresses.
    pub verified: bool,
    /// The other side does the same thing once for the same key.
    pub idempotent: bool,
    /// What the visitor is asked before a write, with `{argument}`s.
    pub confirm: Option<String>,
    /// How long a call may take.
    pub time: Duration,
}

/// A connected tool.
pub struct OutsideTool {
    pub(in crate::hands) entry: Entry,
    /// Whose it is.
    pub origin: Origin,
    pub(super) deed: Arc<Deed>,
    /// Whether its description is kept from the model: it names another tool.
    pub withheld: bool,
}

/// What a call does.
pub(super) struct Deed {
    pub name: String,
    pub terms: Terms,
    /// Changes with everything that a yes was given to.
    pub version: String,
    pub remote: Arc<dyn Remote>,
}

impl Deed {
    /// Asks the other side once, and looks through what it gives.
    pub async fn ask(&self, ctx: &ToolContext, args: &Value, key: Option<&str>) -> Result<Value, Fault> {
        let emails = if self.terms.verified {
            let shown = self.shown(ctx).await;
            shown.map_err(|e| Fault::Refused(e.code, e.cause))?
        } else {
            Vec::new()
        };
        let asked = Asked {
            args,
            key,
            emails: &emails,
            time: self.terms.time,
        };
        let given = self.remote.ask(asked).await?;
        results::clean(&given).map_err(Fault::Useless)
    }

    /// The addresses that the visitor has shown to be theirs.
    ///
    /// # Errors
    /// [`Need::Identity`] when there is none and there must be.
    pub async fn shown(&self, ctx: &ToolContext) -> Result<Vec<String>, ToolError> {
        if !self.terms.verified {
            return Ok(Vec::new());
        }
        let proofs = identity::proven(ctx, ctx.conversation()?.visitor).await?;
        let emails: BTreeSet<String> = proofs
            .into_iter()
            // A proof for one order says nothing about the rest of an address.
            .filter(|p| p.order_number.is_none())
            .map(|p| p.email)
            .collect();
        if emails.is_empty() {
            return Err(ToolError::needs(Need::Identity));
        }
        Ok(emails.into_iter().collect())
    }
}

/// What can't be used of a connection, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The connection, as `kind/name`.
    pub connection: String,
    /// The tool; none when it is the connection.
    pub tool: Option<String>,
    /// In a sentence.
    pub why: String,
}

/// A site's connected tools.
#[derive(Default)]
pub struct SiteTools {
    pub(super) tools: BTreeMap<String, Arc<OutsideTool>>,
    /// What can't be used.
    pub problems: Vec<Problem>,
}

impl fmt::Debug for SiteTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

impl PartialEq for SiteTools {
    fn eq(&self, other: &Self) -> bool {
        let versions =
            |s: &Self| -> Vec<String> { s.tools.values().map(|t| t.deed.version.clone()).collect() };
        versions(self) == versions(other)
    }
}

impl SiteTools {
    /// The tool of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<OutsideTool>> {
        self.tools.get(name).cloned()
    }

    /// How much a tool changes.
    #[must_use]
    pub fn power(&self, name: &str) -> Option<Power> {
        self.tools.get(name).map(|t| t.entry.power)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OutsideTool)> {
        self.tools
            .iter()
            .map(|(name, tool)| (name.as_str(), tool.as_ref()))
    }

    /// Those that the agent may not use.
    #[must_use]
    pub fn off(&self, mode: Mode, rules: &Rules) -> BTreeSet<String> {
        self.tools
            .iter()
            .filter(|(name, tool)| rules.off.contains(*name) || !tool.entry.power.is_allowed(mode))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// As a language model sees them.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools
            .iter()
            .map(|(name, tool)| tool.entry.spec(name))
            .collect()
    }
}

impl OutsideTool {
    /// How much it changes.
    #[must_use]
    pub fn power(&self) -> Power {
        self.entry.power
    }

    /// How long a change by it may take.
    #[must_use]
    pub fn change_takes(&self) -> Duration {
        act::takes(&self.deed.terms)
    }

    /// What a model is told of it.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.entry.description
    }

    /// The schema of its arguments.
    #[must_use]
    pub fn parameters(&self) -> &Value {
        &self.entry.parameters
    }

    /// Whether arguments fit its schema.
    ///
    /// # Errors
    /// With the place and the rule.
    pub fn check(&self, args: &Value) -> Result<(), String> {
        self.entry.check(args)
    }

    /// Asks the other side once, now, whatever the tool's power: for the operator, who looks
    /// whether it works.
    ///
    /// # Errors
    /// When there is no result, or it isn't what was promised.
    pub async fn try_out(
        &self,
        ctx: &ToolContext,
        args: &Value,
        key: Option<&str>,
    ) -> Result<Value, ToolError> {
        let output = self.deed.ask(ctx, args, key).await?;
        self.entry.holds(&output)?;
        Ok(output)
    }
}

/// Whether a tool may have this name.
#[must_use]
pub fn is_tool_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// A server's name of a tool, as it is called here.
#[must_use]
pub fn named(prefix: &str, own: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let own: String = own.chars().map(plain).collect();
    format!("{prefix}_{own}").chars().take(LONGEST_NAME).collect()
}
