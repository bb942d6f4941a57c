//! The tools by name: checks arguments and results against their schemas, and tries a
//! read again when it failed for a passing reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jsonschema::Validator;
use rand::RngExt;
use serde_json::Value;

use super::act::{self, Leave};
use super::orders::Stores;
use super::{Reply, Tool, ToolContext, ToolError, measure};
use crate::db::sites;
use crate::domain::ids::ProposalId;
use crate::domain::rules::Rules;
use crate::domain::site::Mode;
use crate::domain::tool::{KB_SEARCH, Power, ToolCode};
use crate::models::chat::ToolSpec;

/// Pauses between the tries of a read, before jitter.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(400)];

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

type AnyReply = Result<Reply<Value>, ToolError>;

struct Entry {
    power: Power,
    description: &'static str,
    parameters: Value,
    input: Validator,
    output: Validator,
    run: Box<dyn Fn(ToolContext, Value) -> BoxFuture<'static, AnyReply> + Send + Sync>,
}

/// The tools.
#[derive(Default)]
pub struct Registry {
    tools: BTreeMap<&'static str, Entry>,
    /// Where guarded tools act.
    stores: Option<Arc<dyn Stores>>,
}

/// A tool's schema that isn't one: a defect of the tool's types.
#[derive(Debug, thiserror::Error)]
#[error("the schema of tool `{0}` can't be used: {1}")]
pub struct BadSchema(&'static str, String);

fn validator<T: schemars::JsonSchema>(tool: &'static str) -> Result<Validator, BadSchema> {
    let schema = schemars::schema_for!(T).to_value();
    jsonschema::validator_for(&schema).map_err(|e| BadSchema(tool, e.to_string()))
}

fn invalid(cause: impl std::fmt::Display) -> ToolError {
    ToolError::new(ToolCode::InvalidInput, cause)
}

impl Registry {
    /// Adds a tool.
    ///
    /// # Errors
    /// When its types give no usable schema.
    pub fn add<T: Tool>(&mut self, tool: T) -> Result<(), BadSchema> {
        let tool = Arc::new(tool);
        let run = move |ctx: ToolContext, args: Value| {
            let tool = Arc::clone(&tool);
            async move {
                let input = serde_json::from_value(args).map_err(invalid)?;
                let reply = tool.call(&ctx, input).await?;
                let output = serde_json::to_value(reply.output).map_err(invalid)?;
                Ok(Reply {
                    output,
                    found: reply.found,
                })
            }
            .boxed()
        };
        self.tools.insert(
            T::NAME,
            Entry {
                power: T::POWER,
                description: T::DESCRIPTION,
                parameters: schemars::schema_for!(T::Input).to_value(),
                input: validator::<T::Input>(T::NAME)?,
                output: validator::<T::Output>(T::NAME)?,
                run: Box::new(run),
            },
        );
        Ok(())
    }

    /// Gives guarded tools the shops that they act in.
    pub fn act_in(&mut self, stores: Arc<dyn Stores>) {
        self.stores = Some(stores);
    }

    /// The tools that a site doesn't let its agent use: switched off one by one, or not part of
    /// how far the agent may go there (AGT-15).
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
            let stores = self
                .stores
                .as_deref()
                .ok_or_else(|| failed(ToolError::new(ToolCode::Disabled, "there are no shops")))?;
            let acted = act::run(ctx, stores, proposal, &Leave::Visitor)
                .await
                .map_err(failed)?;
            let output = serde_json::to_value(acted).map_err(|e| failed(invalid(e)))?;
            Ok(Called {
                reply: Reply::of(output),
                attempts: 1,
            })
        })
        .await
    }

    /// How much a tool changes; None when there is no such tool.
    #[must_use]
    pub fn power(&self, name: &str) -> Option<Power> {
        self.tools.get(name).map(|t| t.power)
    }

    /// The tools' names, powers and descriptions, by name.
    pub fn list(&self) -> impl Iterator<Item = (&'static str, Power, &'static str)> {
        self.tools
            .iter()
            .map(|(name, tool)| (*name, tool.power, tool.description))
    }

    /// The tools as a language model sees them, by name.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools
            .iter()
            .map(|(name, tool)| ToolSpec {
                name: (*name).to_owned(),
                description: tool.description.to_owned(),
                parameters: tool.parameters.clone(),
            })
            .collect()
    }

    /// Checks, runs, checks.
    ///
    /// # Errors
    /// When there is no such tool, its schema is broken by arguments or result, or it failed.
    pub async fn call(&self, ctx: &ToolContext, name: &str, args: &Value) -> Result<Called, CallError> {
        // A name that no tool has is free text of a model.
        let name = self
            .tools
            .get_key_value(name)
            .map_or("unknown", |(name, _)| *name);
        measure::call(name, self.run(ctx, name, args)).await
    }

    async fn run(&self, ctx: &ToolContext, name: &str, args: &Value) -> Result<Called, CallError> {
        let entry = self.tools.get(name).ok_or(CallError::Unknown)?;
        // What the turn knows may be some seconds old, which is enough for a search.
        let off = if name == KB_SEARCH {
            ctx.off.contains(name)
        } else {
            let failed = |error| CallError::Failed { error, attempts: 0 };
            let mut tx = ctx.db.site(ctx.site).await.map_err(|e| failed(e.into()))?;
            let site = sites::own(&mut tx).await.map_err(|e| failed(e.into()))?;
            site.is_none_or(|s| s.rules.off.contains(name) || !entry.power.is_allowed(s.mode))
        };
        if off {
            let error = ToolError::new(ToolCode::Disabled, "the site has it switched off");
            return Err(CallError::Failed { error, attempts: 0 });
        }
        if let Err(e) = entry.input.validate(args) {
            // Where and which rule only: the value may be personal.
            return Err(CallError::Schema(format!(
                "{} at `{}`",
                e.kind().keyword(),
                e.instance_path()
            )));
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match (entry.run)(ctx.clone(), args.clone()).await {
                Ok(reply) => {
                    if let Err(e) = entry.output.validate(&reply.output) {
                        let cause = format!(
                            "its result breaks its schema: {} at `{}`",
                            e.kind().keyword(),
                            e.instance_path()
                        );
                        let error = ToolError::new(ToolCode::Upstream5xx, cause);
                        return Err(CallError::Failed { error, attempts });
                    }
                    return Ok(Called { reply, attempts });
                }
                Err(error) => {
                    let pause = usize::try_from(attempts - 1).ok().and_then(|n| PAUSES.get(n));
                    match pause {
                        Some(pause) if entry.power == Power::Reads && error.code.is_transient() => {
                            let jitter = rand::rng().random_range(0.5..1.5);
                            tokio::time::sleep(pause.mul_f64(jitter)).await;
                        }
                        _ => return Err(CallError::Failed { error, attempts }),
                    }
                }
            }
        }
    }
}
