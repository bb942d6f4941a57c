//! Embeddings from any endpoint that speaks OpenAI's protocol. The library's own retries
//! are replaced: ours heed Retry-After and end in time.

use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use backon::{ExponentialBuilder, Retryable};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tower::{BoxError, service_fn};

use super::endpoint::{Endpoint, Unusable};
use super::wire::{self, Unread};
use crate::models::embedder::{EmbedError, Embedder, MOST_DIMENSIONS, Purpose, unit};
use crate::models::tokens;

/// OpenAI's limits are 2048 texts and 300 000 tokens a request; others take less.
const BATCH_TEXTS: usize = 128;
const BATCH_TOKENS: usize = 60_000;
/// What OpenAI's models read of one text, in tokens.
const MAX_TOKENS: usize = 8191;
/// The largest answer: a batch of the longest vectors, written as decimal numbers.
const MAX_ANSWER: usize = 32 << 20;
/// How often passages are tried again, and the call that learns the vectors' length.
const TRIES: usize = 5;
const PROBES: usize = 3;
/// How long a provider may ask us to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where the provider is.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// For example `https://api.openai.com/v1`.
    pub base_url: String,
    /// Sent as a bearer token; none for a server that wants none.
    pub key: Option<SecretString>,
    /// Asks the model for shorter vectors.
    pub dimensions: Option<usize>,
    /// A connection must stand by then.
    pub connect: Duration,
    /// A call for a query, and one for passages, must have ended by then.
    pub query: Duration,
    /// See `query`.
    pub passages: Duration,
}

/// A provider's model.
pub struct OpenAiEmbedder {
    name: String,
    model: String,
    dimensions: usize,
    settings: OpenAiSettings,
    client: Client<Endpoint>,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// What a call came back with, when it isn't vectors.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it answered {status}: {detail}")]
    Status {
        status: StatusCode,
        detail: String,
        wait: Option<Duration>,
    },
    #[error("its answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("{0}")]
    Transport(String),
    #[error("{0}")]
    Malformed(String),
}

impl Fault {
    fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    )
            }
            Self::Transport(_) => true,
            Self::TooLarge | Self::Malformed(_) => false,
        }
    }

    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Status { wait, .. } => *wait,
            _ => None,
        }
    }
}

impl From<Fault> for EmbedError {
    fn from(fault: Fault) -> Self {
        match &fault {
            Fault::Status { status, .. } if matches!(status.as_u16(), 401 | 403) => Self::Unusable(format!(
                "the provider doesn't accept the key ({status}); set `embeddings.api_key`"
            )),
            Fault::Status { status, .. } if status.as_u16() == 404 => Self::Unusable(
                "the provider knows no such model or path (404); check `embeddings.base_url` and the model's name"
                    .to_owned(),
            ),
            Fault::Transport(why) => Self::Away(format!("{why} (`embeddings.base_url`)")),
            _ if fault.is_transient() => Self::Away(fault.to_string()),
            _ => Self::Refused(fault.to_string()),
        }
    }
}

impl OpenAiEmbedder {
    /// Opens it. Without known dimensions it asks for one vector to learn them.
    ///
    /// # Errors
    /// When the settings are unusable or the provider can't be reached.
    pub async fn open(
        model: &str,
        settings: OpenAiSettings,
        known: Option<usize>,
    ) -> Result<Self, EmbedError> {
        let unusable = |why: String| EmbedError::Unusable(why);
        let endpoint = Endpoint::openai(&settings.base_url, settings.key.as_ref()).map_err(|e| {
            let setting = match e {
                Unusable::Url => "base_url",
                Unusable::Key => "api_key",
            };
            unusable(format!("{e} (`embeddings.{setting}`)"))
        })?;
        let http = wire::client(settings.connect)
            .map_err(|e| unusable(format!("no HTTP client can be made: {e}")))?;
        let sender = http.clone();
        let service = service_fn(move |request: HttpRequestFactory| {
            let http = sender.clone();
            async move { send(&http, request).await.map_err(BoxError::from) }
        });
        let mut embedder = Self {
            name: String::new(),
            model: model.to_owned(),
            dimensions: known.unwrap_or(0),
            client: Client::build(http, endpoint).with_http_service(service),
            settings,
        };
        if known.is_none() {
            // Whoever opens it waits, so what can't be reached is said at once.
            let busy = |fault: &Fault| fault.is_transient() && !matches!(fault, Fault::Transport(_));
            let probe = embedder
                .batch_again(&["dimensions".to_owned()], PROBES, busy)
                .await?;
            embedder.dimensions = probe.first().map_or(0, Vec::len);
        }
        if embedder.dimensions == 0 || embedder.dimensions > MOST_DIMENSIONS {
            return Err(unusable(format!(
                "the model's vectors have {} dimensions; up to {MOST_DIMENSIONS} can be searched (set `embeddings.dimensions`)",
                embedder.dimensions
            )));
        }
        embedder.name = format!("openai:{model}@{}", embedder.dimensions);
        Ok(embedder)
    }

    /// One call.
    async fn batch(&self, texts: &[String], time: Duration) -> Result<Vec<Vec<f32>>, Fault> {
        let request = Request {
            model: &self.model,
            input: texts,
            encoding_format: "float",
            dimensions: self.settings.dimensions,
        };
        let embeddings = self.client.embeddings();
        let call = embeddings.create_byot::<_, Answer>(request);
        let answer = match tokio::time::timeout(time, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(fault(error)),
            Err(_) => {
                return Err(Fault::Transport(format!(
                    "it didn't answer within {} ms",
                    time.as_millis()
                )));
            }
        };
        self.in_order(answer, texts.len())
    }

    /// Some providers leave the index out, some sort by it; all must be there once.
    fn in_order(&self, answer: Answer, wanted: usize) -> Result<Vec<Vec<f32>>, Fault> {
        let malformed = |why: &str| Fault::Malformed(format!("its answer is wrong: {why}"));
        if answer.data.len() != wanted {
            return Err(malformed(&format!(
                "{} vectors for {wanted} texts",
                answer.data.len()
            )));
        }
        let mut out: Vec<Option<Vec<f32>>> = vec![None; wanted];
        for (place, item) in answer.data.into_iter().enumerate() {
            if self.dimensions > 0 && item.embedding.len() != self.dimensions {
                return Err(malformed(&format!(
                    "a vector of {} dimensions, where {} are expected",
                    item.embedding.len(),
                    self.dimensions
                )));
            }
            let slot = out.get_mut(item.index.unwrap_or(place));
            let slot = slot
                .filter(|s| s.is_none())
                .ok_or_else(|| malformed("an index twice or out of range"))?;
            *slot = Some(unit(item.embedding).ok_or_else(|| malformed("a vector without a direction"))?);
        }
        out.into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("a vector is missing"))
    }

    /// One batch, again where it helps.
    async fn batch_again(
        &self,
        texts: &[String],
        times: usize,
        helps: impl FnMut(&Fault) -> bool,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(20))
            .with_max_times(times)
            .with_jitter();
        (|| self.batch(texts, self.settings.passages))
            .retry(policy)
            .when(helps)
            .adjust(|fault, wait| {
                wait.map(|w| fault.wait().map_or(w, |asked| asked.max(w).min(LONGEST_WAIT)))
            })
            .notify(
                |fault, wait| tracing::warn!(%fault, ?wait, "the embeddings' provider failed, trying again"),
            )
            .await
    }
}

impl Embedder for OpenAiEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn max_tokens(&self) -> usize {
        MAX_TOKENS
    }

    fn count(&self, text: &str) -> usize {
        tokens::count(text)
    }

    fn embed(
        &self,
        texts: Vec<String>,
        purpose: Purpose,
    ) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EmbedError>> {
        async move {
            let texts: Vec<String> = texts.into_iter().map(sendable).collect();
            if purpose == Purpose::Query {
                return Ok(self.batch(&texts, self.settings.query).await?);
            }
            let mut out = Vec::with_capacity(texts.len());
            for batch in batches(&texts) {
                out.extend(self.batch_again(batch, TRIES, Fault::is_transient).await?);
            }
            Ok(out)
        }
        .boxed()
    }
}

/// Sends, and reads the answer as far as its bound.
async fn send(http: &reqwest::Client, request: HttpRequestFactory) -> Result<reqwest::Response, Arc<Fault>> {
    let gone = |why: String| Arc::new(Fault::Transport(why));
    let request = request.build().await.map_err(|e| gone(e.to_string()))?;
    let place = wire::place(request.url());
    let response = http
        .execute(request)
        .await
        .map_err(|e| gone(wire::unreached(&e.without_url(), &place)))?;
    let status = response.status();
    let wait = wire::retry_after(response.headers()).map(|wait| wait.min(LONGEST_WAIT));
    let body = wire::read(response, MAX_ANSWER).await.map_err(|e| match e {
        Unread::TooLarge => Arc::new(Fault::TooLarge),
        Unread::Gone(e) => gone(wire::unreached(&e, &place)),
    })?;
    if !status.is_success() {
        return Err(Arc::new(Fault::Status {
            status,
            detail: wire::said(&body),
            wait,
        }));
    }
    let mut whole = http::Response::new(body);
    *whole.status_mut() = status;
    Ok(whole.into())
}

fn fault(error: OpenAIError) -> Fault {
    match error {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Arc<Fault>>() {
            Ok(fault) => Arc::into_inner(*fault).unwrap_or(Fault::TooLarge),
            Err(other) => Fault::Transport(other.to_string()),
        },
        // Its text may be long; what matters is that it isn't what was asked for.
        OpenAIError::JSONDeserialize(error, _) => {
            Fault::Malformed(format!("its answer can't be read: {error}"))
        }
        other => Fault::Malformed(other.to_string()),
    }
}

/// A text as the endpoint takes it: not empty, and no longer than the model reads.
fn sendable(text: String) -> String {
    if text.trim().is_empty() {
        return " ".to_owned();
    }
    // A token is at least one byte, so only long texts need counting.
    if text.len() <= MAX_TOKENS || tokens::count(&text) <= MAX_TOKENS {
        return text;
    }
    let mut end = text.len();
    while tokens::count(&text[..end]) > MAX_TOKENS {
        end = text.floor_char_boundary(end * 9 / 10);
    }
    text[..end].to_owned()
}

/// Cuts into calls that keep a provider's limits.
fn batches(texts: &[String]) -> Vec<&[String]> {
    let mut out = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (i, text) in texts.iter().enumerate() {
        let tokens = tokens::count(text);
        if i > start && (i - start >= BATCH_TEXTS || size + tokens > BATCH_TOKENS) {
            out.push(&texts[start..i]);
            (start, size) = (i, 0);
        }
        size += tokens;
    }
    if start < texts.len() {
        out.push(&texts[start..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_both_limits_and_lose_nothing() {
        let short: Vec<String> = (0..300).map(|i| format!("text {i}")).collect();
        let cut = batches(&short);
        assert_eq!(cut.iter().map(|b| b.len()).collect::<Vec<_>>(), [128, 128, 44]);
        assert_eq!(cut.concat(), short);
        let long = vec!["word ".repeat(25_000); 3];
        assert_eq!(batches(&long).iter().map(|b| b.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn a_text_is_never_empty_nor_longer_than_the_model_reads() {
        assert_eq!(sendable(String::new()), " ");
        assert_eq!(sendable("short".to_owned()), "short");
        let cut = sendable("wörd ".repeat(20_000));
        assert!(tokens::count(&cut) <= MAX_TOKENS && tokens::count(&cut) > MAX_TOKENS / 2);
    }
}
