//! GitHub's issues as its documentation describes them (REST, version 2022-11-28): repository,
//! issues by label and time, comments, and faults as they are asked for. It is not GitHub.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub const TOKEN: &str = "token-of-the-test";

/// What goes wrong with a request that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the connection breaks in the middle of the answer.
    CutAfterActing,
    /// It is done, and the answer is 500.
    FailsAfterActing,
    /// Nothing is done: too many requests, in so many seconds again.
    Limited(u32),
    /// Nothing is done: this status.
    Refused(u16),
}

#[derive(Default)]
struct Inner {
    issues: Mutex<Vec<Value>>,
    comments: Mutex<Vec<(u64, Value)>>,
    faults: Mutex<VecDeque<Fault>>,
}

pub struct GitHubServer {
    /// `127.0.0.1:PORT`
    pub host: String,
    inner: Arc<Inner>,
    stop: CancellationToken,
}

type Shared = State<Arc<Inner>>;

impl GitHubServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let inner = Arc::new(Inner::default());
        let app = Router::new()
            .route("/repos/acme/support", get(repository))
            .route("/repos/acme/support/issues", get(list).post(make))
            .route("/repos/acme/support/issues/{number}", patch(change))
            .route(
                "/repos/acme/support/issues/{number}/comments",
                post(comment).get(comments),
            )
            .layer(middleware::from_fn_with_state(Arc::clone(&inner), faulty))
            .layer(middleware::from_fn(authorised))
            .with_state(Arc::clone(&inner));
        let stop = CancellationToken::new();
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

    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// What goes wrong with the next requests that write.
    pub fn fails(&self, faults: &[Fault]) {
        self.inner.faults.lock().unwrap().extend(faults);
    }

    pub fn issues(&self) -> Vec<Value> {
        self.inner.issues.lock().unwrap().clone()
    }

    pub fn comments(&self) -> Vec<String> {
        let all = self.inner.comments.lock().unwrap();
        all.iter()
            .map(|(_, c)| c["body"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for GitHubServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn authorised(headers: HeaderMap, request: Request, next: Next) -> Response {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    if header("authorization") != format!("Bearer {TOKEN}") {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "message": "Bad credentials" })),
        )
            .into_response();
    }
    assert_eq!(header("x-github-api-version"), "2022-11-28");
    assert!(
        header("user-agent").starts_with("deskhand/"),
        "GitHub refuses requests without one"
    );
    next.run(request).await
}

async fn faulty(State(inner): Shared, request: Request, next: Next) -> Response {
    if request.method() == "GET" {
        return next.run(request).await;
    }
    let fault = inner.faults.lock().unwrap().pop_front();
    match fault {
        None => next.run(request).await,
        Some(Fault::CutAfterActing) => {
            let done = next.run(request).await;
            let cut = futures::stream::iter([
                Ok(axum::body::Bytes::from_static(b"{\"numb")),
                Err(std::io::Error::other("cut")),
            ]);
            Response::builder()
                .status(done.status())
                .body(Body::from_stream(cut))
                .unwrap()
        }
        Some(Fault::FailsAfterActing) => {
            next.run(request).await;
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Some(Fault::Limited(seconds)) => (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", seconds.to_string())],
        )
            .into_response(),
        Some(Fault::Refused(status)) => StatusCode::from_u16(status).unwrap().into_response(),
    }
}

async fn repository() -> Json<Value> {
    Json(
        json!({ "full_name": "acme/support", "has_issues": true, "permissions": { "push": true, "triage": true } }),
    )
}

#[derive(Deserialize)]
struct Wanted {
    labels: Option<String>,
    page: Option<usize>,
    per_page: Option<usize>,
}

async fn list(State(inner): Shared, Query(wanted): Query<Wanted>) -> Json<Value> {
    let label = wanted.labels.unwrap_or_default();
    let per_page = wanted.per_page.unwrap_or(30);
    let issues = inner.issues.lock().unwrap();
    let mut found: Vec<Value> = issues
        .iter()
        .filter(|i| i["labels"].as_array().unwrap().iter().any(|l| l["name"] == label))
        .cloned()
        .collect();
    found.reverse();
    let from = (wanted.page.unwrap_or(1) - 1) * per_page;
    Json(found.into_iter().skip(from).take(per_page).collect())
}

async fn make(State(inner): Shared, Json(wanted): Json<Value>) -> Response {
    let mut issues = inner.issues.lock().unwrap();
    let number = issues.len() + 1;
    let labels: Vec<Value> = wanted["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| json!({ "name": l }))
        .collect();
    let issue = json!({
        "number": number, "title": wanted["title"], "body": wanted["body"], "labels": labels, "state": "open",
        "html_url": format!("https://github.example/acme/support/issues/{number}"),
    });
    issues.push(issue.clone());
    (StatusCode::CREATED, Json(issue)).into_response()
}

async fn change(State(inner): Shared, Path(number): Path<usize>, Json(wanted): Json<Value>) -> Response {
    let mut issues = inner.issues.lock().unwrap();
    let Some(issue) = issues.get_mut(number - 1) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    issue["state"] = wanted["state"].clone();
    Json(issue.clone()).into_response()
}

async fn comment(State(inner): Shared, Path(number): Path<u64>, Json(wanted): Json<Value>) -> Response {
    let comment = json!({ "id": 1, "body": wanted["body"] });
    inner.comments.lock().unwrap().push((number, comment.clone()));
    (StatusCode::CREATED, Json(comment)).into_response()
}

async fn comments(State(inner): Shared, Path(number): Path<u64>) -> Json<Value> {
    let all = inner.comments.lock().unwrap();
    Json(
        all.iter()
            .filter(|(n, _)| *n == number)
            .map(|(_, c)| c.clone())
            .collect(),
    )
}
