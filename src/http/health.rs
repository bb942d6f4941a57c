//! Whether this process lives, and whether it can do its work.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::state::App;
use crate::knowledge::freshness::Fault;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Ready {
    /// Whether it can do its work.
    ready: bool,
    /// Whether the database answers.
    database: bool,
    /// Whether the server is being stopped.
    closing: bool,
    /// Sites without anything to answer from; their questions go to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_sites: Option<usize>,
    /// Sites whose knowledge is older than they allow; their questions go to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_sites: Option<usize>,
    /// Turns under way in this process.
    turns: usize,
    /// Open event streams of this process.
    streams: usize,
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "It lives")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can do its work.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses((status = 200, body = Ready), (status = 503, description = "Not now", body = Ready))
)]
pub async fn readyz(State(app): State<Arc<App>>) -> Response {
    let database = matches!(tokio::time::timeout(PATIENCE, app.db.ping()).await, Ok(Ok(())));
    let closing = app.closing.is_cancelled();
    let looked = app.knowledge.freshness.unfresh(&app.db, app.clock.now());
    // One site's knowledge is no reason to send no visitors here.
    let unfresh = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(found)) if database => Some(found),
        _ => None,
    };
    let of = |fault: Fault| {
        let all = unfresh.as_ref()?;
        Some(all.iter().filter(|u| u.fault == fault.as_str()).count())
    };
    let state = Ready {
        ready: database && !closing,
        database,
        closing,
        empty_sites: of(Fault::Empty),
        stale_sites: of(Fault::Stale),
        turns: app.agent.running(),
        streams: app.agent.hub.waiting(),
    };
    let status = if state.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, axum::Json(state)).into_response()
}
