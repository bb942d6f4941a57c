//! A provider as it is configured, with its models and the breaker that guards it. Which
//! provider is asked after which is the turn's decision, not made here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::breaker::{Breaker, Outcome, Resting, Ticket};
use super::chat::{ChatError, ChatModel, Failure};
use super::openai::chat::OpenAiChat;
use super::price::Price;

/// How an endpoint wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// OpenAI's protocol, whoever speaks it.
    OpenAi,
    /// The same behind Azure's addresses: a path per deployment, the key in `api-key`.
    Azure,
}

/// Time limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// A connection must stand by then.
    pub connect: Duration,
    /// From the request to the first piece of the answer.
    pub first: Duration,
    /// From one piece to the next.
    pub idle: Duration,
    /// The whole call.
    pub call: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first: Duration::from_secs(15),
            idle: Duration::from_secs(20),
            call: Duration::from_secs(60),
        }
    }
}

/// Everything that is configured of a provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Recorded on turns; unique.
    pub name: String,
    /// How it wants to be spoken to.
    pub kind: ProviderKind,
    /// Up to and without `/chat/completions`; with Azure, the resource's address.
    pub base_url: String,
    /// Azure's `api-version`.
    pub api_version: Option<String>,
    /// None for a server that wants none.
    pub api_key: Option<SecretString>,
    /// The model (Azure: deployment) that plans.
    pub plan_model: String,
    /// The one that writes answers.
    pub draft_model: String,
    /// Of planning.
    pub plan_temperature: f32,
    /// Of answers.
    pub draft_temperature: f32,
    /// Per million tokens, in the site's currency; zero when it is free.
    pub price: Price,
    /// What the models read and write at most in one call, in tokens.
    pub context_tokens: u32,
    /// Time limits.
    pub times: Times,
}

/// A provider in use.
pub struct Provider {
    settings: ProviderSettings,
    model: Arc<dyn ChatModel>,
    breaker: Mutex<Breaker>,
}

impl Provider {
    /// With the models that the settings name. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the key can't be used; the sentence names what to set.
    pub fn open(settings: ProviderSettings) -> Result<Self, String> {
        let model = OpenAiChat::open(&settings)?;
        Ok(Self::new(settings, Arc::new(model)))
    }

    /// With any model behind it.
    #[must_use]
    pub fn new(settings: ProviderSettings, model: Arc<dyn ChatModel>) -> Self {
        Self {
            settings,
            model,
            breaker: Mutex::default(),
        }
    }

    /// As configured.
    #[must_use]
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What to ask.
    #[must_use]
    pub fn model(&self) -> &Arc<dyn ChatModel> {
        &self.model
    }

    /// Whether a call may be made now. What came of it belongs into [`Provider::record`].
    ///
    /// # Errors
    /// When the provider is left alone for a while.
    pub fn admit(&self, now: DateTime<Utc>) -> Result<Ticket, Resting> {
        self.with_breaker(|breaker| breaker.admit(now))
    }

    /// Takes note of a call's success or failure.
    pub fn record(&self, ticket: Ticket, result: Result<(), &ChatError>, now: DateTime<Utc>) {
        let outcome = match result {
            Ok(()) => Outcome::Good,
            Err(error) => outcome(error),
        };
        self.with_breaker(|breaker| breaker.record(ticket, outcome, now));
    }

    /// Takes note that nobody waited for a call's end: it says nothing about the provider.
    pub fn abandon(&self, ticket: Ticket, now: DateTime<Utc>) {
        self.with_breaker(|breaker| breaker.record(ticket, Outcome::Abandoned, now));
    }

    fn with_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        // Its state is whole between any two statements, even if somebody panicked.
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut breaker);
        metrics::gauge!("deskhand_breaker_state", "provider" => self.settings.name.clone())
            .set(breaker.level());
        done
    }
}

fn outcome(error: &ChatError) -> Outcome {
    match error.kind {
        Failure::RateLimit {
            retry_after: Some(wait),
        } => Outcome::Wait(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)),
        _ if error.is_the_providers() => Outcome::Bad,
        _ => Outcome::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_providers_fault_counts() {
        let error = |kind, status| ChatError {
            status,
            ..ChatError::new(kind, "x")
        };
        for (failure, status, wants) in [
            (Failure::Timeout, None, Outcome::Bad),
            (Failure::ServerError, Some(503), Outcome::Bad),
            (Failure::RateLimit { retry_after: None }, Some(429), Outcome::Bad),
            (Failure::Refused, Some(401), Outcome::Bad),
            (Failure::Refused, Some(404), Outcome::Bad),
            // One conversation's fault: too long, or not liked by a filter.
            (Failure::Refused, Some(400), Outcome::Good),
            (Failure::Refused, Some(422), Outcome::Good),
        ] {
            assert_eq!(outcome(&error(failure, status)), wants, "{failure:?} {status:?}");
        }
        let wait = Failure::RateLimit {
            retry_after: Some(Duration::from_secs(7)),
        };
        assert_eq!(
            outcome(&error(wait, Some(429))),
            Outcome::Wait(TimeDelta::seconds(7))
        );
    }
}
