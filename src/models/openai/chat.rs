//! Chat over any endpoint that speaks OpenAI's protocol. One call is one request: retries
//! and other providers are the caller's, except that a parameter which a model refuses by
//! name is left out and the request sent again, before anything was answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_openai::Client;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use tower::{BoxError, service_fn};

use super::answer::{self, Deadlines, Events};
use super::body::{self, Refusal, Watch};
use super::dialect::Dialect;
use super::endpoint::Endpoint;
use super::event::Event;
use super::{request, wire};
use crate::models::chat::{ChatError, ChatModel, ChatRequest, ChatStream, Failure};
use crate::models::provider::{ProviderSettings, Times};
use crate::telemetry::trace;

/// Models whose dialects are remembered; more than a provider is configured with.
const MOST_DIALECTS: usize = 64;

/// A provider's models.
pub struct OpenAiChat {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    endpoint: Endpoint,
    google: bool,
    http: reqwest::Client,
    times: Times,
    tools: request::Tools,
    /// What was learnt, by model.
    dialects: Mutex<HashMap<String, Dialect>>,
}

impl OpenAiChat {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the key can't be used; the sentence names what to set.
    pub fn open(settings: &ProviderSettings) -> Result<Self, String> {
        let s = settings;
        let endpoint = Endpoint::of(s.kind, &s.base_url, s.api_key.as_ref(), s.api_version.as_deref())
            .map_err(|e| format!("provider `{}`: {e}", s.name))?;
        let http = wire::client(s.times.connect).map_err(|e| format!("no HTTP client can be made: {e}"))?;
        Ok(Self {
            inner: Arc::new(Inner {
                name: s.name.clone(),
                google: endpoint.is_google(),
                endpoint,
                http,
                times: s.times,
                tools: request::Tools::default(),
                dialects: Mutex::default(),
            }),
        })
    }

    /// As [`ChatModel::stream`], and whether the provider streams at all.
    pub(super) async fn watched(&self, request: ChatRequest) -> Result<(ChatStream, bool), ChatError> {
        let (stream, watch) = self.inner.ask(request).await?;
        Ok((stream, watch.is_stream()))
    }
}

impl ChatModel for OpenAiChat {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn stream(&self, request: ChatRequest) -> BoxFuture<'static, Result<ChatStream, ChatError>> {
        let inner = Arc::clone(&self.inner);
        async move { Ok(inner.ask(request).await?.0) }.boxed()
    }
}

impl Inner {
    async fn ask(&self, request: ChatRequest) -> Result<(ChatStream, Arc<Watch>), ChatError> {
        let now = Instant::now();
        let deadlines = Deadlines {
            first: now + self.times.first.min(self.times.call),
            end: now + self.times.call,
            idle: self.times.idle,
        };
        let known = self.dialect(&request.model);
        let mut dialect = known;
        loop {
            let body = request::body(&request, dialect, self.google, &self.tools)
                .map_err(|_| ChatError::new(Failure::Malformed, "the request can't be written"))?;
            let watch = Arc::new(Watch::default());
            let sent = self.send(&request.model, body, Arc::clone(&watch));
            let Ok(sent) = timeout_at(deadlines.first, sent).await else {
                return Err(ChatError::new(Failure::Timeout, "no answer in time"));
            };
            match sent {
                Ok(events) => {
                    if dialect != known {
                        self.remember(&request.model, dialect);
                    }
                    let chunks = answer::read(events, Arc::clone(&watch), deadlines, request.tools);
                    return Ok((chunks.boxed(), watch));
                }
                Err(refusal) => match next(dialect, &refusal) {
                    Some(other) => dialect = other,
                    None => return Err(refusal.error),
                },
            }
        }
    }

    async fn send(&self, model: &str, body: Box<RawValue>, watch: Arc<Watch>) -> Result<Events, Refusal> {
        let http = self.http.clone();
        // Of the call's span, which the library's own tasks wouldn't know.
        let trace = trace::traceparent();
        let service = service_fn(move |request: HttpRequestFactory| {
            let (http, watch, trace) = (http.clone(), Arc::clone(&watch), trace.clone());
            async move {
                body::open(&http, request, watch, trace)
                    .await
                    .map_err(BoxError::from)
            }
        });
        let endpoint = self.endpoint.for_model(model);
        let client = Client::build(self.http.clone(), endpoint).with_http_service(service);
        let events = client.chat().create_stream_byot::<_, Event>(body).await;
        Ok(events.map_err(refusal)?.boxed())
    }

    fn dialect(&self, model: &str) -> Dialect {
        let known = self.dialects.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(model).copied().unwrap_or_else(|| Dialect::guess(model))
    }

    fn remember(&self, model: &str, dialect: Dialect) {
        let mut known = self.dialects.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_DIALECTS || known.contains_key(model) {
            known.insert(model.to_owned(), dialect);
        }
        tracing::info!(provider = %self.name, model, ?dialect, "a model takes fewer parameters; that is remembered");
    }
}

/// What to send after a refusal, if leaving something out may help. Each step leaves out
/// one thing more, so this ends.
fn next(dialect: Dialect, refusal: &Refusal) -> Option<Dialect> {
    let about_the_request = matches!(refusal.error.status, Some(400 | 422));
    about_the_request.then(|| dialect.after(&refusal.body)).flatten()
}

fn refusal(error: OpenAIError) -> Refusal {
    match error {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Refusal>() {
            Ok(refusal) => *refusal,
            Err(_) => ChatError::new(Failure::Cut, "the request couldn't be sent").into(),
        },
        _ => ChatError::new(Failure::Refused, "the request can't be written").into(),
    }
}
