//! An embeddings provider for tests: a real HTTP server that speaks OpenAI's protocol.
//! Texts with the same words get like vectors. Faults are scripted, and come first.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What the next call gets instead of vectors.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An error, and perhaps the seconds to wait.
    Status(u16, Option<&'static str>),
    /// This body, with 200.
    Body(Value),
    /// Nothing for so long.
    Silence(Duration),
}

#[derive(Default)]
struct Inner {
    faults: Mutex<VecDeque<Fault>>,
    calls: Mutex<Vec<Value>>,
    keys: Mutex<Vec<Option<String>>>,
}

/// The provider.
pub struct FakeEmbedder {
    pub base_url: String,
    inner: Arc<Inner>,
    _server: AbortOnDropHandle<()>,
}

pub const DIMENSIONS: usize = 64;

impl FakeEmbedder {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/v1/embeddings", post(answer))
            .with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "ends with the test")]
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            base_url,
            inner,
            _server: AbortOnDropHandle::new(server),
        }
    }

    pub fn then(&self, fault: Fault) -> &Self {
        self.inner.faults.lock().unwrap().push_back(fault);
        self
    }

    /// The bodies of the calls so far.
    pub fn calls(&self) -> Vec<Value> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// How many texts were embedded or asked for so far.
    pub fn texts(&self) -> usize {
        self.calls()
            .iter()
            .map(|c| c["input"].as_array().unwrap().len())
            .sum()
    }

    /// The `Authorization` headers so far.
    pub fn keys(&self) -> Vec<Option<String>> {
        self.inner.keys.lock().unwrap().clone()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: axum::Json<Value>) -> Response {
    let key = headers
        .get("authorization")
        .map(|v| v.to_str().unwrap().to_owned());
    inner.keys.lock().unwrap().push(key);
    inner.calls.lock().unwrap().push(body.0.clone());
    let fault = inner.faults.lock().unwrap().pop_front();
    match fault {
        Some(Fault::Status(status, wait)) => {
            let mut response = axum::Json(json!({ "error": { "message": "not now" } })).into_response();
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(wait) = wait {
                response
                    .headers_mut()
                    .insert("retry-after", wait.parse().unwrap());
            }
            return response;
        }
        Some(Fault::Body(body)) => return axum::Json(body).into_response(),
        Some(Fault::Silence(time)) => tokio::time::sleep(time).await,
        None => {}
    }
    let data: Vec<Value> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        // The last first: an order is nothing to rely on.
        .rev()
        .map(|(index, text)| json!({ "index": index, "embedding": vector(text.as_str().unwrap()) }))
        .collect();
    axum::Json(json!({ "data": data, "model": body["model"], "usage": {} })).into_response()
}

/// Words, each a direction of its own.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01; DIMENSIONS];
    for word in text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.len() > 3)
    {
        let mut hasher = DefaultHasher::new();
        word.hash(&mut hasher);
        vector[usize::try_from(hasher.finish()).unwrap_or(0) % DIMENSIONS] += 1.0;
    }
    vector
}
