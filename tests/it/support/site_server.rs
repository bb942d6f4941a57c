//! A site's WordPress as the backend sees it: takes what is sent to it, keeps it, and answers
//! as it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use deskhand::domain::ids::SiteId;
use deskhand::domain::keys::{Purpose, RootSecret};
use deskhand::domain::signature::{CALLBACK, Signed};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Something that was sent.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub raw: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    /// Whether it is signed with the site's callback key, timestamp and all.
    pub fn is_signed(&self, root: &RootSecret, site: SiteId) -> bool {
        let header = |name: &str| self.headers.get(name).map_or("", String::as_str);
        let key = root.derive(site, Purpose::Callback);
        let signed = Signed {
            body: &self.raw,
            timestamp: header("x-ai-timestamp"),
        };
        CALLBACK
            .verify(&[key.expose()], &signed, header("x-ai-signature"))
            .is_some()
    }
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<(u16, String)>>,
    changed: Notify,
}

pub struct SiteServer {
    /// `127.0.0.1:PORT`
    pub host: String,
    inner: Arc<Inner>,
    stop: CancellationToken,
}

impl SiteServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let inner = Arc::new(Inner::default());
        let stop = CancellationToken::new();
        let app = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let stopped = stop.clone();
        TaskTracker::new().spawn(async move {
            let stopped = async move { stopped.cancelled().await };
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Self { host, inner, stop }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    pub fn url(&self) -> String {
        format!("http://{}/wp-json/deskhand/v1/webhook", self.host)
    }

    /// What the next request gets; without a word it is 204.
    pub fn answer(&self, status: u16, body: &str) -> &Self {
        self.inner
            .answers
            .lock()
            .unwrap()
            .push_back((status, body.to_owned()));
        self
    }

    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    pub async fn wait(&self, n: usize) -> Vec<Received> {
        loop {
            let changed = self.inner.changed.notified();
            let received = self.received();
            if received.len() >= n {
                return received;
            }
            let patience = std::time::Duration::from_secs(60);
            tokio::time::timeout(patience, changed)
                .await
                .unwrap_or_else(|_| panic!("{} of {n} have come", received.len()));
        }
    }
}

impl Drop for SiteServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    raw: Bytes,
) -> (StatusCode, String) {
    let headers = headers
        .iter()
        .map(|(n, v)| (n.as_str().to_owned(), v.to_str().unwrap_or("").to_owned()))
        .collect();
    inner.received.lock().unwrap().push(Received {
        path: uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        raw: raw.to_vec(),
    });
    let (status, body) = inner
        .answers
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or((204, String::new()));
    inner.changed.notify_waiters();
    (StatusCode::from_u16(status).unwrap(), body)
}
