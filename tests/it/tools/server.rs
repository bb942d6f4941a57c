//! An MCP server that is told how to behave, and a site that is connected to it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use deskhand::agent::brain::Brain;
use deskhand::agent::brain::extractive::Extractive;
use deskhand::db::connections::{self, Connection, NewConnection};
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::connection;
use deskhand::domain::site::Mode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::app::{Setup, TestApp};
use crate::support::fake_provider::{FakeProvider, Reply, Request};
use crate::support::model_brain::brain;

/// How a call of a tool is answered.
#[derive(Debug, Clone)]
pub enum Manner {
    /// With this structured result.
    Gives(Value),
    /// The same, in a stream of events that stays open after it.
    Streams(Value),
    /// With this text.
    Says(String),
    /// With this whole `result`.
    Result(Value),
    /// After that long.
    Slow(Duration, Value),
    /// It acts and the connection ends before the answer does.
    ActsAndIsCut,
    /// With a status and no body of use.
    Status(u16),
    /// With an error of the protocol.
    Error(i64),
    /// With bytes that are no JSON.
    Garbage,
    /// With so many bytes.
    Huge(usize),
}

#[derive(Debug, Clone)]
pub struct Called {
    pub name: String,
    pub args: Value,
    pub meta: Value,
    pub headers: HeaderMap,
}

#[derive(Default)]
struct Inner {
    tools: Mutex<Vec<Value>>,
    manners: Mutex<Vec<Manner>>,
    last: Mutex<Option<Manner>>,
    calls: Mutex<Vec<Called>>,
    /// What was done, by key: a real server's memory.
    done: Mutex<BTreeSet<String>>,
    sessions: Mutex<BTreeSet<String>>,
    handshakes: AtomicUsize,
    lists: AtomicUsize,
    down: Mutex<Option<u16>>,
    without_handshake: bool,
}

/// The server.
pub struct McpServer {
    pub url: String,
    pub host: String,
    inner: Arc<Inner>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl McpServer {
    pub async fn start(tools: Vec<Value>) -> Self {
        Self::of(tools, false).await
    }

    /// One of the newest version, which knows neither handshake nor session.
    pub async fn stateless(tools: Vec<Value>) -> Self {
        Self::of(tools, true).await
    }

    async fn of(tools: Vec<Value>, without_handshake: bool) -> Self {
        let inner = Arc::new(Inner {
            tools: Mutex::new(tools),
            without_handshake,
            ..Inner::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let router = Router::new()
            .route("/mcp", post(answer))
            .with_state(Arc::clone(&inner));
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Self {
            url: format!("http://{host}/mcp"),
            host,
            inner,
            stop,
            tasks,
        }
    }

    /// What the next call of a tool gets; the last one is kept for all that follow.
    pub fn manner(&self, manner: Manner) -> &Self {
        self.inner.manners.lock().unwrap().push(manner);
        self
    }

    pub fn tools(&self, tools: Vec<Value>) {
        *self.inner.tools.lock().unwrap() = tools;
    }

    /// Every request gets this status.
    pub fn down(&self, status: Option<u16>) {
        *self.inner.down.lock().unwrap() = status;
    }

    pub fn forget_sessions(&self) {
        self.inner.sessions.lock().unwrap().clear();
    }

    pub fn calls(&self) -> Vec<Called> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// How many effects it has had.
    pub fn done(&self) -> usize {
        self.inner.done.lock().unwrap().len()
    }

    pub fn handshakes(&self) -> usize {
        self.inner.handshakes.load(Ordering::SeqCst)
    }

    pub fn lists(&self) -> usize {
        self.inner.lists.load(Ordering::SeqCst)
    }

    pub async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        // A stream that is kept open isn't waited for.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
    }
}

fn rpc(id: &Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn error(id: &Value, code: i64) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": "scripted" } });
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

async fn answer(State(server): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(status) = *server.down.lock().unwrap() {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    let request: Value = serde_json::from_slice(&body).unwrap();
    let (id, params) = (request["id"].clone(), request["params"].clone());
    let method = request["method"].as_str().unwrap().to_owned();
    if server.without_handshake {
        if method == "initialize" {
            return error(&id, -32022);
        }
        assert_eq!(headers["mcp-method"], method.as_str());
        assert_eq!(headers["mcp-protocol-version"], "2026-07-28");
        assert_eq!(
            params["_meta"]["io.modelcontextprotocol/protocolVersion"],
            "2026-07-28"
        );
    } else if method == "initialize" {
        let n = server.handshakes.fetch_add(1, Ordering::SeqCst);
        let session = format!("session-{n}");
        server.sessions.lock().unwrap().insert(session.clone());
        let result = json!({ "protocolVersion": "2025-06-18", "capabilities": { "tools": {} },
            "serverInfo": { "name": "test", "version": "1" } });
        return ([("mcp-session-id", session)], axum::Json(rpc(&id, result))).into_response();
    } else {
        let session = headers
            .get("mcp-session-id")
            .and_then(|s| s.to_str().ok())
            .unwrap_or("");
        if !server.sessions.lock().unwrap().contains(session) {
            return StatusCode::NOT_FOUND.into_response();
        }
        assert_eq!(headers["mcp-protocol-version"], "2025-06-18");
    }
    match method.as_str() {
        "notifications/initialized" => StatusCode::ACCEPTED.into_response(),
        "tools/list" => {
            server.lists.fetch_add(1, Ordering::SeqCst);
            let tools = server.tools.lock().unwrap().clone();
            // Two pages, where there is more than one tool.
            let second = params["cursor"] == "rest";
            let (page, cursor) = match (tools.split_first(), second) {
                (Some((first, rest)), false) if !rest.is_empty() => (vec![first.clone()], Some("rest")),
                (Some((_, rest)), true) => (rest.to_vec(), None),
                _ => (tools, None),
            };
            let mut result = json!({ "tools": page });
            if let Some(cursor) = cursor {
                result["nextCursor"] = json!(cursor);
            }
            axum::Json(rpc(&id, result)).into_response()
        }
        "tools/call" => call(&server, &id, &params, headers).await,
        _ => error(&id, -32601),
    }
}

async fn call(server: &Inner, id: &Value, params: &Value, headers: HeaderMap) -> Response {
    let called = Called {
        name: params["name"].as_str().unwrap().to_owned(),
        args: params["arguments"].clone(),
        meta: params["_meta"].clone(),
        headers,
    };
    let key = called.meta["deskhand/idempotency-key"]
        .as_str()
        .map(str::to_owned);
    server.calls.lock().unwrap().push(called);
    let manner = {
        let mut manners = server.manners.lock().unwrap();
        let next = (!manners.is_empty()).then(|| manners.remove(0));
        let mut last = server.last.lock().unwrap();
        if next.is_some() {
            *last = next;
        }
        last.clone()
            .unwrap_or(Manner::Says("nothing was scripted".to_owned()))
    };
    let acts = !matches!(manner, Manner::Status(_) | Manner::Error(_));
    if acts && let Some(key) = key {
        server.done.lock().unwrap().insert(key);
    }
    let structured = |v: &Value| rpc(id, json!({ "content": [], "structuredContent": v }));
    match manner {
        Manner::Gives(value) => axum::Json(structured(&value)).into_response(),
        Manner::Streams(value) => {
            let note = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
            let events = format!(
                ": hello\n\ndata: {note}\n\nid: 7\ndata: {}\n\n",
                structured(&value)
            );
            let open = futures::stream::pending::<Result<Bytes, std::io::Error>>();
            let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(events))]);
            let body = Body::from_stream(futures::StreamExt::chain(first, open));
            ([("content-type", "text/event-stream")], body).into_response()
        }
        Manner::Says(text) => {
            let result = json!({ "content": [{ "type": "text", "text": text }] });
            axum::Json(rpc(id, result)).into_response()
        }
        Manner::Result(result) => axum::Json(rpc(id, result)).into_response(),
        Manner::Slow(time, value) => {
            tokio::time::sleep(time).await;
            axum::Json(structured(&value)).into_response()
        }
        Manner::ActsAndIsCut => {
            let cut = futures::stream::iter([
                Ok(Bytes::from_static(b"{\"jsonrpc\"")),
                Err(std::io::Error::other("cut")),
            ]);
            ([("content-type", "application/json")], Body::from_stream(cut)).into_response()
        }
        Manner::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Error(code) => error(id, code),
        Manner::Garbage => ([("content-type", "application/json")], "<html>busy</html>").into_response(),
        Manner::Huge(bytes) => axum::Json(structured(&json!({ "text": "x".repeat(bytes) }))).into_response(),
    }
}

/// The tools of a hotel: one that reads, one that writes.
pub fn hotel() -> Vec<Value> {
    vec![
        json!({
            "name": "find_booking", "description": "Finds a booking by its number.",
            "inputSchema": { "type": "object", "properties": { "number": { "type": "integer" } },
                "required": ["number"], "additionalProperties": false },
            "outputSchema": { "type": "object", "properties": { "number": { "type": "integer" },
                "nights": { "type": "integer" }, "guest": { "type": "string" } }, "required": ["number"] },
            "annotations": { "readOnlyHint": true },
        }),
        json!({
            "name": "cancel_booking", "description": "Cancels a booking.",
            "inputSchema": { "type": "object", "properties": { "number": { "type": "integer" } },
                "required": ["number"], "additionalProperties": false },
            // A server may say what it likes.
            "annotations": { "readOnlyHint": true },
        }),
        json!({ "name": "wipe_all", "description": "Not for the agent.", "inputSchema": { "type": "object" } }),
    ]
}

/// The usual settings: two tools, one of which only reads.
pub fn settings(url: &str) -> Value {
    json!({ "url": url, "tools": ["find_booking", "cancel_booking"], "reads": ["find_booking"] })
}

/// Connects a site, and has the server tell its tools.
pub async fn connect(app: &TestApp, config: Value, secret: Option<&str>) {
    put(app, "mcp", "hotel", config, secret).await;
    discover(app).await.unwrap();
}

pub async fn put(app: &TestApp, kind: &str, name: &str, config: Value, secret: Option<&str>) {
    let sealed = secret.map(|s| connection::seal(&app.master, app.site.id, kind, name, s).unwrap());
    let new = NewConnection {
        kind,
        name,
        config: &config,
        secret_sealed: sealed.as_deref(),
        at: app.clock.now(),
    };
    let mut tx = app.db.site(app.site.id).await.unwrap();
    connections::put(&mut tx, &new).await.unwrap();
    sites::set_mode(&mut tx, Mode::Full).await.unwrap();
    tx.commit().await.unwrap();
    app.agent.registry.outside().unwrap().forget(app.site.id);
}

pub async fn discover(app: &TestApp) -> Result<Vec<Value>, String> {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let all: Vec<Connection> = connections::of_kind(&mut tx, "mcp").await.unwrap();
    tx.commit().await.unwrap();
    app.agent
        .registry
        .outside()
        .unwrap()
        .discover(app.site.id, &all[0])
        .await
}

/// A site whose model does what a rule says, and which may call these hosts.
pub async fn site(
    hosts: &[&str],
    rule: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (TestApp, FakeProvider) {
    let setup = Setup {
        callbacks: hosts.iter().map(|h| (*h).to_owned()).collect(),
        ..Setup::default()
    };
    site_with(setup, rule).await
}

/// The same with what else is different about it.
pub async fn site_with(
    setup: Setup,
    rule: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (TestApp, FakeProvider) {
    let fake = FakeProvider::start().await;
    fake.always(rule);
    let brains: Vec<Arc<dyn Brain>> = vec![brain("a", &fake), Arc::new(Extractive)];
    let app = TestApp::with(Setup { brains, ..setup }).await;
    (app, fake)
}

/// A model that calls one tool, then answers.
pub fn calls(
    tool: &'static str,
    args: Value,
    answer: &'static str,
) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| {
        let messages = request.body["messages"].to_string();
        if !request.has_tools() {
            Reply::text(answer)
        } else if messages.contains("\"role\":\"tool\"") {
            Reply::call("write_answer", json!({}))
        } else {
            Reply::call(tool, args.clone())
        }
    }
}
