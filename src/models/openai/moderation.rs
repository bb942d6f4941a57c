//! A moderation endpoint that speaks OpenAI's protocol: it says which of some texts trip it,
//! and by which of its categories. One call is one request; nothing is tried again, since
//! a visitor waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_openai::config::Config as _;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::wire::{self, Unread};

/// The largest answer: a few hundred bytes a text.
const MOST_ANSWER: usize = 1 << 20;
/// How long a connection may take; the call's own time limit is mostly shorter.
const CONNECT: Duration = Duration::from_secs(5);

/// Where it is, and what is asked of it.
#[derive(Debug, Clone)]
pub struct ModerationSettings {
    /// Up to and without `/moderations`.
    pub base_url: String,
    /// Sent as a bearer token; none for a server that wants none.
    pub key: Option<SecretString>,
    /// The model.
    pub model: String,
    /// A call must have ended by then.
    pub time: Duration,
    /// Categories that trip nothing.
    pub ignored: BTreeSet<String>,
}

/// Why nothing is known of the texts. The sentences hold nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModerationError {
    /// No answer in time.
    #[error("it didn't answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// No connection, or one that broke off.
    #[error("{0}")]
    Gone(&'static str),
    /// An answer with another status than 200.
    #[error("it answered {status}")]
    Status {
        /// The status.
        status: u16,
        /// The endpoint's own words, for the operator; they may repeat a text.
        words: String,
    },
    /// An answer that isn't one.
    #[error("its answer is wrong: {0}")]
    Malformed(&'static str),
}

/// What trips a text: the endpoint's categories; none: nothing does.
pub type Flags = Option<Vec<String>>;

/// An endpoint in use.
pub struct Moderator {
    http: reqwest::Client,
    endpoint: Endpoint,
    settings: ModerationSettings,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<OfText>,
}

#[derive(Deserialize)]
struct OfText {
    /// Some leave it out and give categories alone.
    flagged: Option<bool>,
    #[serde(default)]
    categories: BTreeMap<String, Value>,
}

impl Moderator {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the key can't be used; the sentence names what to set.
    pub fn open(settings: ModerationSettings) -> Result<Self, String> {
        let endpoint = Endpoint::openai(&settings.base_url, settings.key.as_ref())
            .map_err(|e| format!("{e} (`moderation.url`, `moderation.api_key`)"))?;
        let http = wire::client(CONNECT).map_err(|e| format!("no HTTP client can be made: {e}"))?;
        Ok(Self {
            http,
            endpoint,
            settings,
        })
    }

    /// As configured.
    #[must_use]
    pub fn settings(&self) -> &ModerationSettings {
        &self.settings
    }

    /// Which of the texts trip it, in their order.
    ///
    /// # Errors
    /// When it gives no answer in time, or none that can be read.
    pub async fn flags(&self, texts: &[String]) -> Result<Vec<Flags>, ModerationError> {
        let time = self.settings.time;
        tokio::time::timeout(time, self.ask(texts))
            .await
            .unwrap_or(Err(ModerationError::Timeout(time)))
    }

    async fn ask(&self, texts: &[String]) -> Result<Vec<Flags>, ModerationError> {
        // One text as such: not every server takes a list.
        let input = match texts {
            [one] => json!(one),
            more => json!(more),
        };
        let request = self
            .http
            .post(self.endpoint.url("/moderations"))
            .headers(self.endpoint.headers())
            .json(&json!({ "model": self.settings.model, "input": input }));
        let response = request.send().await.map_err(|e| unsent(&e))?;
        let status = response.status();
        let body = wire::read(response, MOST_ANSWER).await.map_err(|e| match e {
            Unread::TooLarge => ModerationError::Malformed("too long"),
            Unread::Gone(_) => ModerationError::Gone("the connection ended inside the answer"),
        })?;
        if !status.is_success() {
            return Err(ModerationError::Status {
                status: status.as_u16(),
                words: wire::said(&body),
            });
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| ModerationError::Malformed("no list of results"))?;
        if answer.results.len() != texts.len() {
            return Err(ModerationError::Malformed(
                "it has another number of results than there were texts",
            ));
        }
        answer.results.into_iter().map(|r| self.read(r)).collect()
    }

    fn read(&self, result: OfText) -> Result<Flags, ModerationError> {
        let named = !result.categories.is_empty();
        let tripped: Vec<String> = result
            .categories
            .into_iter()
            .filter(|(_, is)| is.as_bool() == Some(true))
            .map(|(name, _)| name)
            .collect();
        let telling: Vec<String> = tripped
            .iter()
            .filter(|name| !self.settings.ignored.contains(*name))
            .cloned()
            .collect();
        match result.flagged {
            Some(false) => Ok(None),
            // It says so without saying why.
            Some(true) if tripped.is_empty() => Ok(Some(Vec::new())),
            None if !named => Err(ModerationError::Malformed("a result says neither yes nor no")),
            Some(true) | None => Ok(Some(telling).filter(|t| !t.is_empty())),
        }
    }
}

fn unsent(error: &reqwest::Error) -> ModerationError {
    ModerationError::Gone(if error.is_connect() || error.is_timeout() {
        "no connection can be made"
    } else {
        "the connection ended before an answer came"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moderator(ignored: &[&str]) -> Moderator {
        Moderator::open(ModerationSettings {
            base_url: "http://127.0.0.1:9/v1".to_owned(),
            key: None,
            model: "m".to_owned(),
            time: Duration::from_millis(500),
            ignored: ignored.iter().map(|n| (*n).to_owned()).collect(),
        })
        .unwrap()
    }

    #[test]
    fn what_trips_is_told_from_what_is_ignored_whoever_answers() {
        let read = |result: Value| {
            let result = serde_json::from_value(result).unwrap();
            moderator(&["harassment", "law"]).read(result)
        };
        let flags = |names: &[&str]| Ok(Some(names.iter().map(|n| (*n).to_owned()).collect()));
        for (result, wants) in [
            (
                json!({ "flagged": false, "categories": { "violence": false } }),
                Ok(None),
            ),
            (
                json!({ "flagged": true, "categories": { "violence": true, "harassment": true } }),
                flags(&["violence"]),
            ),
            (
                json!({ "flagged": true, "categories": { "harassment": true } }),
                Ok(None),
            ),
            (json!({ "flagged": true }), flags(&[])),
            (
                json!({ "categories": { "law": true, "selfharm": true } }),
                flags(&["selfharm"]),
            ),
            (
                json!({ "categories": { "law": true, "selfharm": false } }),
                Ok(None),
            ),
            (
                json!({ "flagged": null, "categories": {} }),
                Err(ModerationError::Malformed("a result says neither yes nor no")),
            ),
        ] {
            assert_eq!(read(result.clone()), wants, "{result}");
        }
    }
}
