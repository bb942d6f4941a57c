//! HTTP calls that a file describes, against a real server.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use deskhand::domain::ids::VisitorId;
use deskhand::domain::tool::ToolCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::mcp::{call, code};
use super::server::{calls, put, site};
use crate::hands::shop::button;
use crate::support::fake_provider::Reply;

#[derive(Debug, Clone)]
pub struct Got {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Default)]
struct Shared {
    got: Mutex<Vec<Got>>,
    answer: Mutex<Option<(u16, &'static str, String)>>,
}

/// A server that notes what it gets.
pub struct Erp {
    pub host: String,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

async fn take(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let got = Got {
        method,
        uri,
        headers,
        body,
    };
    shared.got.lock().unwrap().push(got);
    let (status, kind, body) =
        shared
            .answer
            .lock()
            .unwrap()
            .clone()
            .unwrap_or((200, "application/json", "{}".to_owned()));
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", kind)], body).into_response()
}

impl Erp {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let router = axum::Router::new().fallback(take).with_state(Arc::clone(&shared));
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Self {
            host,
            shared,
            stop,
            tasks,
        }
    }

    pub fn answers(&self, status: u16, kind: &'static str, body: &str) {
        *self.shared.answer.lock().unwrap() = Some((status, kind, body.to_owned()));
    }

    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    pub async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn stock_level(host: &str) -> Value {
    json!({ "file": {
        "name": "stock_level", "description": "How many of an article there are.", "method": "GET",
        "url": format!("http://{host}/v1/stock/{{sku}}?place={{place}}"),
        "headers": { "X-Api-Key": "Token {secret}" },
        "input": { "type": "object", "properties": { "sku": { "type": "string", "maxLength": 40 },
            "place": { "type": "string" } }, "required": ["sku"], "additionalProperties": false },
        "output": { "type": "object", "properties": { "left": { "type": "integer" } }, "required": ["left"] },
        "power": "reads",
    } })
}

fn reserve(host: &str) -> Value {
    json!({ "file": {
        "name": "reserve", "description": "Puts an article aside.", "method": "POST",
        "url": format!("http://{host}/v1/holds"),
        "body": { "sku": "{sku}", "n": "{n}", "note": "for {name}" },
        "input": { "type": "object", "properties": { "sku": { "type": "string" }, "n": { "type": "integer" },
            "name": { "type": "string" } }, "required": ["sku", "n", "name"] },
        "power": "guarded", "confirm": "Put {n} of {sku} aside for {name}?",
    } })
}

#[tokio::test]
async fn a_read_fills_its_address_and_shows_its_secret_there_only() {
    let erp = Erp::start().await;
    let rule = calls("stock_level", json!({ "sku": "A/1 ?x" }), "There are 12 left.");
    let (app, fake) = site(&[&erp.host], rule).await;
    put(&app, "http_tool", "stock", stock_level(&erp.host), Some("k3y")).await;
    erp.answers(200, "application/json", r#"{"left": 12}"#);
    let answer = app
        .ask(&app.token(VisitorId::new()), "How many A/1 are there?", None)
        .await;
    assert_eq!(answer["text"], "There are 12 left.", "{answer:#}");
    let got = erp.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].uri.to_string(), "/v1/stock/A%2F1%20%3Fx");
    assert_eq!(got[0].headers["x-api-key"], "Token k3y");
    let told: String = fake.requests().iter().map(|r| r.body.to_string()).collect();
    assert!(
        told.contains("How many of an article") && !told.contains("k3y"),
        "{told}"
    );
    app.finish().await;
    fake.finish().await;
    erp.finish().await;
}

#[tokio::test]
async fn answers_that_break_the_promise_have_their_codes() {
    let erp = Erp::start().await;
    let (app, fake) = site(&[&erp.host], |_| Reply::status(500)).await;
    put(&app, "http_tool", "stock", stock_level(&erp.host), Some("k3y")).await;
    for (status, kind, body, wants) in [
        (
            200,
            "application/json",
            r#"{"left": "many"}"#,
            (ToolCode::Upstream5xx, 1),
        ),
        (200, "text/html", "<html>", (ToolCode::Upstream5xx, 1)),
        (404, "application/json", "{}", (ToolCode::NotFound, 1)),
        (422, "application/json", "{}", (ToolCode::InvalidInput, 1)),
        (403, "application/json", "{}", (ToolCode::Disabled, 1)),
        (302, "text/html", "", (ToolCode::Disabled, 1)),
        (429, "application/json", "{}", (ToolCode::RateLimit, 3)),
        (503, "text/html", "down", (ToolCode::Upstream5xx, 3)),
    ] {
        erp.answers(status, kind, body);
        let got = code(call(&app, "stock_level", json!({ "sku": "A1" })).await);
        assert_eq!(got, wants, "{status} {body}");
        app.bend("DELETE FROM tool_breakers").await;
    }
    // Arguments that would lead elsewhere get nowhere.
    let before = erp.got().len();
    assert_eq!(
        code(call(&app, "stock_level", json!({ "sku": ".." })).await),
        (ToolCode::InvalidInput, 1)
    );
    assert_eq!(erp.got().len(), before);
    app.finish().await;
    fake.finish().await;
    erp.finish().await;
}

#[tokio::test]
async fn a_write_asks_the_operators_question_and_sends_its_key() {
    let erp = Erp::start().await;
    let args = json!({ "sku": "A1", "n": 2, "name": "Anna" });
    let (app, fake) = site(&[&erp.host], calls("reserve", args, "That is done.")).await;
    put(&app, "http_tool", "holds", reserve(&erp.host), None).await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "Put two A1 aside for Anna", None).await;
    assert_eq!(
        answer["ask"]["summary"], "Put 2 of A1 aside for Anna?",
        "{answer:#}"
    );
    assert_eq!(erp.got().len(), 0);
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let (thread, proposal) = (text(&answer["thread_id"]), text(&answer["ask"]["proposal_id"]));
    erp.answers(204, "application/json", "");
    let yes = button(&thread, &proposal, true);
    let sent = app
        .post("/api/agent/messages", &token)
        .json(&yes)
        .send()
        .await
        .unwrap();
    let answer: Value = sent.json().await.unwrap();
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    let got = erp.got();
    assert_eq!((got.len(), &got[0].method), (1, &Method::POST));
    assert_eq!(got[0].headers["idempotency-key"], proposal.as_str());
    let body: Value = serde_json::from_slice(&got[0].body).unwrap();
    assert_eq!(body, json!({ "sku": "A1", "n": 2, "note": "for Anna" }));
    app.finish().await;
    fake.finish().await;
    erp.finish().await;
}

#[tokio::test]
async fn a_file_that_cant_be_used_is_a_problem_that_is_told() {
    let (app, fake) = site(&[], |_| Reply::status(500)).await;
    let mut bad = stock_level("erp.example");
    bad["file"]["url"] = json!("http://{host}/x");
    put(&app, "http_tool", "stock", bad, Some("k3y")).await;
    put(&app, "http_tool", "no-secret", stock_level("erp.example"), None).await;
    let known = app.agent.registry.site_tools(app.site.id).await;
    assert_eq!(known.iter().count(), 0);
    let whys: Vec<&str> = known.problems.iter().map(|p| p.why.as_str()).collect();
    assert!(whys.iter().any(|w| w.contains("path and the query")), "{whys:?}");
    assert!(whys.iter().any(|w| w.contains("{secret}")), "{whys:?}");
    app.finish().await;
    fake.finish().await;
}
