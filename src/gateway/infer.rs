//! An AI job that is a prompt of the site's own: asked of the first provider that answers, with
//! personal data behind placeholders and the site's cap on spending held.

use std::time::Duration;

use futures::StreamExt;
use minijinja::context;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::Gateway;
use super::run::{Answered, Fault};
use crate::agent::brain::model::failure;
use crate::agent::machine::input::LinkFailure;
use crate::agent::meter::{Ended, Intent, Meter};
use crate::db::pool::DbResult;
use crate::db::sites;
use crate::domain::ai_job::{Outcome, Usage};
use crate::domain::ids::SiteId;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::models::chat::{ChatMessage, ChatRequest, Chunk, Failure, Finish, ToolChoice};
use crate::models::prompts::INFER;
use crate::models::provider::Provider;

/// The longest answer, in bytes, whatever a provider makes of its limit of tokens.
const LONGEST: usize = 24_000;

/// What is wanted.
pub(super) struct Wanted<'a> {
    pub prompt: &'a str,
    pub model: Option<&'a str>,
    pub max_tokens: u32,
    pub temperature: f32,
}

struct Written {
    text: String,
    finish: Finish,
    provider: String,
    model: String,
}

impl Gateway {
    /// Gives the answer, and all calls that were made for it.
    pub(super) async fn infer(
        &self,
        site: SiteId,
        wanted: &Wanted<'_>,
    ) -> (Result<Answered, Fault>, Vec<Ended>) {
        let meter = self.agent.meter(site);
        let written = self.ask_all(site, wanted, &meter).await;
        let calls = meter.take();
        match written {
            Ok(written) => {
                let sum = |of: fn(&Ended) -> i64| calls.iter().map(of).sum::<i64>();
                let usage = Usage {
                    tokens_in: sum(Ended::tokens_in),
                    tokens_out: sum(Ended::tokens_out),
                    cost_micro: sum(Ended::cost_micro),
                    provider: Some(written.provider),
                    ms: 0,
                };
                let answered = Answered {
                    outcome: Outcome::Succeeded(json!({
                        "text": written.text, "model": written.model,
                        "complete": written.finish != Finish::Length,
                        "tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out,
                    })),
                    usage,
                    calls,
                };
                (Ok(answered), Vec::new())
            }
            Err(fault) => (Err(fault), calls),
        }
    }

    async fn ask_all(&self, site: SiteId, wanted: &Wanted<'_>, meter: &Meter) -> Result<Written, Fault> {
        if self.providers.is_empty() {
            return Err(Fault::lasting(
                "no_model",
                "No language model is configured on the server (docs/configuration.md), so texts can't be written. \
                 Questions to the documents are answered all the same.",
            ));
        }
        let mut vault = Placeholders::default();
        let prompt = vault.mask(wanted.prompt);
        let system = INFER.render(context! { site_name => self.site_name(site).await? });
        let mut last = LinkFailure::Refused;
        for provider in &self.providers {
            let settings = provider.settings();
            let model = match wanted.model {
                None => &settings.draft_model,
                Some(m) if m == settings.draft_model || m == settings.plan_model => m,
                Some(_) => continue,
            };
            let request = ChatRequest {
                model: model.to_owned(),
                messages: vec![
                    ChatMessage::System(system.clone()),
                    ChatMessage::User(prompt.clone()),
                ],
                tools: Vec::new().into(),
                tool_choice: ToolChoice::None,
                temperature: wanted.temperature,
                max_tokens: wanted.max_tokens,
            };
            match self.ask(provider, meter, request).await {
                Ok((text, finish)) => {
                    return Ok(Written {
                        text: vault.reveal(&text),
                        finish,
                        provider: provider.name().to_owned(),
                        model: model.to_owned(),
                    });
                }
                Err(failure) => {
                    tracing::info!(
                        provider = provider.name(),
                        cause = failure.as_str(),
                        "a prompt goes on"
                    );
                    last = failure;
                }
            }
        }
        Err(match last {
            LinkFailure::OverBudget => Fault::lasting(
                "budget_exceeded",
                "What the site may spend on language models today is spent; tomorrow (UTC) there is more.",
            ),
            LinkFailure::Refused => Fault::lasting("refused", "The language model turned the request down."),
            _ => Fault::passing("provider_failed", "No language model answered."),
        })
    }

    async fn site_name(&self, site: SiteId) -> DbResult<String> {
        let mut tx = self.db().site(site).await?;
        let own = sites::own(&mut tx).await?;
        tx.commit().await?;
        Ok(own.map(|s| s.name).unwrap_or_default())
    }

    /// Asks one provider, unless its breaker is open or the day's money is spent.
    async fn ask(
        &self,
        provider: &Provider,
        meter: &Meter,
        request: ChatRequest,
    ) -> Result<(String, Finish), LinkFailure> {
        let ticket = provider.admit(self.now()).map_err(|_| LinkFailure::BreakerOpen)?;
        let settings = provider.settings();
        let intent = Intent {
            phase: "infer",
            provider: provider.name(),
            prompt: &INFER.id,
            price: settings.price,
            request: &request,
        };
        let mut call = match meter.begin(intent).await {
            Ok(call) => call,
            Err(failure) => {
                provider.abandon(ticket, self.now());
                return Err(failure);
            }
        };
        let until = Instant::now() + settings.times.call + Duration::from_secs(1);
        let asked = provider.model().stream(request).await;
        let mut stream = match asked {
            Ok(stream) => stream,
            Err(error) => {
                provider.record(ticket, Err(&error), self.now());
                let failed = failure(error.kind);
                call.end(Err(failed));
                return Err(failed);
            }
        };
        let (mut text, mut end) = (String::new(), None);
        let ended = loop {
            match timeout_at(until, stream.next()).await {
                Ok(Some(Ok(Chunk::Text(piece)))) => {
                    call.wrote(piece.len());
                    text.push_str(&piece);
                    if text.len() > LONGEST {
                        break Err(Failure::Malformed);
                    }
                }
                Ok(Some(Ok(Chunk::Call(_)))) => {}
                Ok(Some(Ok(Chunk::End { finish, usage }))) => {
                    call.finished(finish);
                    if let Some(usage) = usage {
                        call.used(usage);
                    }
                    end = Some(finish);
                    break Ok(());
                }
                Ok(Some(Err(error))) => break Err(error.kind),
                Ok(None) => break Err(Failure::Cut),
                Err(_) => break Err(Failure::Timeout),
            }
        };
        let judged = match (ended, end) {
            (Err(kind), _) => Err(kind),
            (Ok(()), Some(Finish::Filter)) => Err(Failure::Refused),
            (Ok(()), _) if text.trim().is_empty() => Err(Failure::Empty),
            (Ok(()), Some(finish)) => Ok(finish),
            (Ok(()), None) => Err(Failure::Cut),
        };
        match judged {
            Ok(finish) => {
                provider.record(ticket, Ok(()), self.now());
                call.end(Ok(()));
                Ok((text.trim().to_owned(), finish))
            }
            Err(kind) => {
                let error = crate::models::chat::ChatError::new(kind, "an AI job's answer failed");
                provider.record(ticket, Err(&error), self.now());
                let failed = failure(kind);
                call.end(Err(failed));
                Err(failed)
            }
        }
    }
}
