//! A WordPress site as intake sees it: a real HTTP server with its files, signed webhooks,
//! and a worker that takes in what they tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::SiteId;
use deskhand::domain::keys::{Purpose, RootSecret};
use deskhand::domain::signature::{Signed, WORDPRESS};
use deskhand::jobs::handler::Handlers;
use deskhand::jobs::ingest_document::IngestDocument;
use deskhand::jobs::measure_trust::MeasureTrust;
use deskhand::jobs::runner::{Runner, Settings};
use deskhand::jobs::take_event::TakeEvent;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::fetch::allow::PrivateHosts;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher};
use deskhand::knowledge::scan::Scanner;
use deskhand::models::embedders::{EmbedderSettings, Embedders};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use uuid::Uuid;

use super::app::{Setup, TestApp};
use super::knowledge::reading;

#[derive(Default)]
struct Inner {
    files: Mutex<HashMap<String, (u16, Vec<u8>)>>,
    etags: Mutex<HashMap<String, String>>,
    moved: Mutex<HashMap<String, String>>,
    asked: Mutex<HashMap<String, usize>>,
}

/// The site.
pub struct WordPress {
    pub origin: String,
    inner: Arc<Inner>,
    _server: AbortOnDropHandle<()>,
}

async fn answer(State(inner): State<Arc<Inner>>, headers: HeaderMap, uri: Uri) -> Response {
    let path = uri.path().to_owned();
    if let Some(to) = inner.moved.lock().unwrap().get(&path) {
        return (StatusCode::FOUND, [("location", to.clone())]).into_response();
    }
    let found = inner.files.lock().unwrap().get(&path).cloned();
    let etag = inner.etags.lock().unwrap().get(&path).cloned();
    if etag.is_some() && headers.get("if-none-match").map(|v| v.to_str().unwrap()) == etag.as_deref() {
        *inner
            .asked
            .lock()
            .unwrap()
            .entry(format!("304 {path}"))
            .or_default() += 1;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    *inner.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    match found {
        Some((status, body)) if etag.is_some() => {
            let told = [("etag", etag.unwrap_or_default())];
            (StatusCode::from_u16(status).unwrap(), told, body).into_response()
        }
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl WordPress {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "ends with the test")]
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            origin,
            inner,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// Has this at a path from now on.
    pub fn serve(&self, path: &str, status: u16, body: &[u8]) -> String {
        let file = (status, body.to_vec());
        self.inner.files.lock().unwrap().insert(path.to_owned(), file);
        format!("{}{path}", self.origin)
    }

    /// Has this at a path from now on, and tells its version.
    pub fn serve_as(&self, path: &str, etag: &str, body: &[u8]) -> String {
        let mut etags = self.inner.etags.lock().unwrap();
        etags.insert(path.to_owned(), format!("\"{etag}\""));
        self.serve(path, 200, body)
    }

    /// Leads from a path to another from now on.
    pub fn lead(&self, path: &str, to: &str) {
        self.inner
            .moved
            .lock()
            .unwrap()
            .insert(path.to_owned(), to.to_owned());
    }

    /// How often a path was asked for what the asker had already.
    pub fn unchanged(&self, path: &str) -> usize {
        self.asked(&format!("304 {path}"))
    }

    /// How often a path's content was given.
    pub fn asked(&self, path: &str) -> usize {
        self.inner.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    /// A fetcher that may come here.
    pub fn fetcher(&self) -> Fetcher {
        let pair = self.origin.trim_start_matches("http://");
        let settings = FetchSettings {
            private: PrivateHosts::parse([pair]).unwrap(),
            ..FetchSettings::new(std::env::temp_dir())
        };
        Fetcher::new(settings).unwrap()
    }

    /// A deskhand whose site this is.
    pub async fn app(&self, embedder: EmbedderSettings) -> TestApp {
        self.scanned_app(embedder, None).await
    }

    /// The same with a virus scanner.
    pub async fn scanned_app(&self, embedder: EmbedderSettings, scanner: Option<Scanner>) -> TestApp {
        let embedders = Arc::new(Embedders::new(embedder));
        let knowledge = Knowledge::new(embedders, ChunkLimits::default(), reading())
            .with_fetcher(self.fetcher())
            .with_scanner(scanner);
        let app = TestApp::with(Setup {
            knowledge: Arc::new(knowledge),
            ..Setup::default()
        })
        .await;
        let mut tx = app.db.site(app.site.id).await.unwrap();
        sites::set_origins(&mut tx, std::slice::from_ref(&self.origin))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        app
    }
}

/// A post that brings its content.
pub fn post(app: &TestApp, id: u64, minute: i64, text: &str) -> Value {
    json!({
        "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "event": "post.updated", "post_id": id,
        "post_type": "page", "status": "publish", "password_protected": false, "title": "Page",
        "url": format!("https://shop.example/?p={id}"), "modified_at": at(app, minute),
        "content": format!("<p>{text}</p>"),
    })
}

/// A post's end.
pub fn trashed(app: &TestApp, id: u64, minute: i64) -> Value {
    json!({
        "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "event": "post.trashed", "post_id": id,
        "modified_at": at(app, minute),
    })
}

/// So many minutes after yesterday began: the same for the same minute.
fn at(app: &TestApp, minute: i64) -> String {
    let yesterday = app.clock.now() - chrono::TimeDelta::days(1);
    let midnight = yesterday.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    (midnight + chrono::TimeDelta::minutes(minute)).to_rfc3339()
}

/// Signs a body as a site's plugin does.
pub fn sign(root: &RootSecret, site: SiteId, body: &[u8]) -> String {
    let key = root.derive(site, Purpose::Webhook);
    WORDPRESS.sign(key.expose(), &Signed { body, timestamp: "" })
}

impl TestApp {
    /// A webhook of the site, signed.
    pub fn webhook(&self, body: &Value) -> reqwest::RequestBuilder {
        let raw = serde_json::to_vec(body).unwrap();
        self.client
            .post(format!("{}/webhook/wp-media", self.base))
            .header("x-site-id", self.site.id.to_string())
            .header("x-wp-signature", sign(&self.site.root, self.site.id, &raw))
            .header("content-type", "application/json")
            .body(raw)
    }

    /// Sends one that must be taken; gives the answer.
    pub async fn tell(&self, body: &Value) -> Value {
        let response = self.webhook(body).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 202, "{answer:#}");
        answer
    }

    fn api_key(&self) -> String {
        let key = self.site.root.derive(self.site.id, Purpose::Api);
        format!("{}.{}", self.site.kid, hex::encode(key.expose()))
    }

    /// Asks the documents' API; gives status and answer.
    pub async fn api(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(self.api_key());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or_default(),
        )
    }

    /// The document of an answer to a webhook, as the API shows it.
    pub async fn document(&self, answer: &Value) -> Value {
        let path = format!("/api/documents/{}", answer["document_id"].as_str().unwrap());
        self.api("GET", &path, None).await.1
    }

    /// Starts a worker.
    pub fn worker(&self) -> Worker {
        self.worker_with(Settings {
            poll: Duration::from_millis(50),
            ..Settings::default()
        })
    }

    pub fn worker_with(&self, settings: Settings) -> Worker {
        let clock: deskhand::domain::clock::SharedClock = self.clock.clone();
        let handlers = Handlers::new()
            .with(TakeEvent {
                clock: Arc::clone(&clock),
                knowledge: Arc::clone(&self.knowledge),
            })
            .with(IngestDocument {
                clock,
                knowledge: Arc::clone(&self.knowledge),
            })
            .with(MeasureTrust {
                knowledge: Arc::clone(&self.knowledge),
            });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let runner = Runner::new(
            self.db.clone(),
            handlers,
            Vec::new(),
            settings,
            tasks.clone(),
            stop.clone(),
        );
        tasks.spawn(runner.run());
        Worker { stop, tasks }
    }

    /// Works until no job is due and none runs.
    pub async fn work(&self) {
        let worker = self.worker();
        self.until(
            "SELECT count(*) FROM jobs WHERE state = 'running' OR state = 'waiting' AND run_at <= now()",
            0,
        )
        .await;
        worker.stop().await;
    }

    /// Waits until a query gives this number.
    pub async fn until(&self, query: &str, number: i64) {
        let waited = async {
            while self.count(query).await != number {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waited)
            .await
            .unwrap_or_else(|_| panic!("never {number}: {query}"));
    }
}

/// A worker.
pub struct Worker {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Worker {
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A key of its own for an event.
pub fn new_key() -> String {
    Uuid::now_v7().to_string()
}
