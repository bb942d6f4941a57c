//! `deskhand tools test`: one call by hand, through the same checks as the agent's.

use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::print::{self, line, note};
use super::super::session::Session;
use crate::agent::Agent;
use crate::db::audit;
use crate::domain::site::Site;
use crate::domain::tool::{Power, ToolCode};
use crate::guardrails::pii::placeholders::Placeholders;
use crate::hands::registry::CallError;
use crate::hands::{ToolContext, ToolError};

/// What to call.
pub(super) struct Call<'a> {
    pub name: &'a str,
    pub args: &'a str,
    pub really: bool,
}

/// What came of it.
#[derive(Serialize)]
struct Tried {
    tool: String,
    power: &'static str,
    /// None when they fit; else what doesn't.
    arguments: Option<String>,
    called: bool,
    attempts: i32,
    ms: u64,
    /// Personal data behind placeholders, as a model sees it.
    result: Option<Value>,
    code: Option<&'static str>,
    cause: Option<String>,
}

pub(super) async fn run(
    session: &Session,
    agent: &Agent,
    site: &Site,
    call: Call<'_>,
    as_json: bool,
) -> anyhow::Result<()> {
    let Some(power) = super::power(agent, site, call.name).await else {
        anyhow::bail!(
            "{} has no tool `{}`; see `deskhand tools list {}`",
            site.slug,
            call.name,
            site.slug
        );
    };
    let args: Value = serde_json::from_str(call.args).map_err(|e| {
        anyhow::anyhow!("the arguments are no JSON ({e}); write an object, such as '{{\"sku\": \"A1\"}}'")
    })?;
    let ctx = ToolContext {
        locale: site.locale.clone(),
        ..ToolContext::outside(&session.db, site.id, &session.clock, &session.master)
    };
    let begun = Instant::now();
    let connected = agent.registry.site_tools(site.id).await.get(call.name);
    let mut tried = Tried {
        tool: call.name.to_owned(),
        power: power.as_str(),
        arguments: None,
        called: false,
        attempts: 0,
        ms: 0,
        result: None,
        code: None,
        cause: None,
    };
    match connected {
        Some(tool) if power == Power::Guarded => match tool.check(&args) {
            Err(why) => tried.arguments = Some(why),
            Ok(()) if call.really => {
                let key = format!("test/{}", Uuid::now_v7());
                tried.attempts = 1;
                tried.take(tool.try_out(&ctx, &args, Some(&key)).await);
            }
            Ok(()) => {}
        },
        _ => match agent.registry.call(&ctx, call.name, &args).await {
            Ok(called) => {
                tried.attempts = called.attempts;
                tried.take(Ok(called.reply.output));
            }
            Err(CallError::Schema(why)) => tried.arguments = Some(why),
            Err(CallError::Failed { error, attempts }) => {
                tried.attempts = attempts;
                tried.take(Err(error));
            }
            Err(CallError::Unknown) => anyhow::bail!("the tool is gone"),
        },
    }
    tried.ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if tried.called {
        noted(session, site, &tried).await?;
    }
    if as_json {
        return print::json(&tried);
    }
    tried.show()
}

impl Tried {
    fn take(&mut self, result: Result<Value, ToolError>) {
        self.called = self.attempts > 0;
        match result {
            Ok(output) => self.result = Some(masked(&mut Placeholders::default(), output)),
            Err(error) => {
                self.code = Some(error.code.as_str());
                self.cause = Some(error.cause);
                if error.code == ToolCode::Unauthorized {
                    note("It works within a conversation only, or for a visitor who has shown who they are.");
                }
            }
        }
    }

    fn show(&self) -> anyhow::Result<()> {
        if let Some(why) = &self.arguments {
            anyhow::bail!("the arguments break the tool's schema: {why}");
        }
        note("The arguments fit.");
        if let (Some(code), Some(cause)) = (self.code, &self.cause) {
            anyhow::bail!(
                "{code} after {} attempt(s), {} ms: {cause}",
                self.attempts,
                self.ms
            );
        }
        match &self.result {
            Some(result) => {
                note(&format!(
                    "The result fits; {} attempt(s), {} ms. Personal data is shown as a model sees it.",
                    self.attempts, self.ms
                ));
                line(&serde_json::to_string_pretty(result)?);
            }
            None => note(
                "It changes something, so it wasn't called: the agent would ask the visitor first. --really calls it.",
            ),
        }
        Ok(())
    }
}

/// Placeholders for personal data in all texts.
fn masked(vault: &mut Placeholders, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(vault.mask(&text)),
        Value::Array(items) => items.into_iter().map(|v| masked(vault, v)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, masked(vault, v))).collect(),
        other => other,
    }
}

async fn noted(session: &Session, site: &Site, tried: &Tried) -> anyhow::Result<()> {
    let mut tx = session.db.site(site.id).await?;
    let entry = audit::Entry {
        who: "system",
        act: "test_tool",
        thread: None,
        subject: Some(&tried.tool),
        detail: json!({ "ms": tried.ms, "attempts": tried.attempts, "code": tried.code }),
        at: session.clock.now(),
    };
    audit::append(&mut tx, &entry).await?;
    Ok(tx.commit().await?)
}
