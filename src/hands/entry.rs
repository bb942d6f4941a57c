//! A tool in the registry: its schemas, which arguments and results are checked against, and
//! how often it is tried.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jsonschema::{ValidationError, Validator};
use rand::RngExt;
use schemars::JsonSchema;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::registry::{BadSchema, CallError, Called};
use super::{Reply, Tool, ToolContext, ToolError};
use crate::domain::tool::{Power, ToolCode};
use crate::models::chat::ToolSpec;

/// Pauses between the tries of a read, before jitter.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(400)];

/// What a tool gives, whatever its types are.
pub(super) type AnyReply = Result<Reply<Value>, ToolError>;

/// Runs a tool once.
pub(super) type Run = Box<dyn Fn(ToolContext, Value) -> BoxFuture<'static, AnyReply> + Send + Sync>;

/// A tool, whatever its types are.
pub(super) struct Entry {
    pub power: Power,
    pub description: String,
    pub parameters: Value,
    input: Validator,
    /// None where nothing is promised.
    output: Option<Validator>,
    run: Run,
}

/// Where and which rule only: the value may be personal.
fn place(error: &ValidationError<'_>) -> String {
    format!("{} at `{}`", error.kind().keyword(), error.instance_path())
}

impl Entry {
    /// Of a tool of this program.
    pub fn of<T: Tool>(tool: T) -> Result<Self, BadSchema> {
        fn validator<T: JsonSchema>(tool: &'static str) -> Result<(Value, Validator), BadSchema> {
            let schema = schemars::schema_for!(T).to_value();
            let validator = jsonschema::validator_for(&schema).map_err(|e| BadSchema(tool, e.to_string()))?;
            Ok((schema, validator))
        }
        let tool = Arc::new(tool);
        let run: Run = Box::new(move |ctx: ToolContext, args: Value| {
            let tool = Arc::clone(&tool);
            async move {
                let input =
                    serde_json::from_value(args).map_err(|e| ToolError::new(ToolCode::InvalidInput, e))?;
                let reply = tool.call(&ctx, input).await?;
                let output = serde_json::to_value(reply.output)
                    .map_err(|e| ToolError::new(ToolCode::Upstream5xx, e).lasting())?;
                Ok(Reply {
                    output,
                    found: reply.found,
                })
            }
            .boxed()
        });
        let (parameters, input) = validator::<T::Input>(T::NAME)?;
        let (_, output) = validator::<T::Output>(T::NAME)?;
        Ok(Self {
            power: T::POWER,
            description: T::DESCRIPTION.to_owned(),
            parameters,
            input,
            output: Some(output),
            run,
        })
    }

    /// Of a tool that an operator has connected. The schemas have been looked through.
    pub fn outside(
        power: Power,
        description: String,
        input: (Value, Validator),
        output: Option<Validator>,
        run: Run,
    ) -> Self {
        Self {
            power,
            description,
            parameters: input.0,
            input: input.1,
            output,
            run,
        }
    }

    /// As a language model sees it.
    pub fn spec(&self, name: &str) -> ToolSpec {
        ToolSpec {
            name: name.to_owned(),
            description: self.description.clone(),
            parameters: self.parameters.clone(),
        }
    }

    /// Whether arguments fit; what doesn't is told without the value.
    pub fn check(&self, args: &Value) -> Result<(), String> {
        self.input.validate(args).map_err(|e| place(&e))
    }

    /// Whether a result is what was promised.
    pub fn holds(&self, output: &Value) -> Result<(), ToolError> {
        let Some(schema) = &self.output else { return Ok(()) };
        schema.validate(output).map_err(|e| {
            let cause = format!("its result breaks its schema: {}", place(&e));
            ToolError::new(ToolCode::Upstream5xx, cause).lasting()
        })
    }

    /// Runs it; a read is tried again for a passing reason, all within the limit. What changes
    /// anything is run once and waited for: given up half-way, nobody would know what it did.
    pub async fn attempt(
        &self,
        ctx: &ToolContext,
        args: &Value,
        limit: Duration,
    ) -> Result<Called, CallError> {
        let until = Instant::now() + limit;
        let reads = self.power == Power::Reads;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let run = (self.run)(ctx.clone(), args.clone());
            let tried = if reads {
                timeout_at(until, run).await.unwrap_or_else(|_| {
                    let cause = format!("no result within {} ms", limit.as_millis());
                    Err(ToolError::new(ToolCode::Timeout, cause).lasting())
                })
            } else {
                run.await
            };
            let error = match tried {
                Ok(reply) => match self.holds(&reply.output) {
                    Ok(()) => return Ok(Called { reply, attempts }),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let tried = usize::try_from(attempts - 1).unwrap_or(usize::MAX);
            let pause = PAUSES
                .get(tried)
                .map(|pause| pause.mul_f64(rand::rng().random_range(0.5..1.5)))
                .filter(|pause| reads && error.again && Instant::now() + *pause < until);
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(CallError::Failed { error, attempts }),
            }
        }
    }
}
