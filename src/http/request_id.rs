//! `X-Request-Id` on every answer: the caller's own if it is one, else a new one. Also
//! where problems get their body, and a request its log line.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;

use super::error::Problem;
use crate::telemetry::trace;

/// The header.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A caller's place in its own trace (W3C).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What begins turns; the other requests tell nothing that a log line doesn't.
const TRACED: &str = "/api/agent/messages";

fn usable(id: &str) -> bool {
    (8..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The request's span in traces, part of the caller's own trace where it has one.
fn traced(request: &Request, path: &str, id: &str) -> tracing::Span {
    if path != TRACED {
        return tracing::Span::none();
    }
    let span = tracing::info_span!(
        target: trace::TARGET, "request",
        otel.name = %format!("{} {path}", request.method()), otel.kind = "server", otel.status_code = Empty,
        http.request.method = %request.method(), http.route = path, http.response.status_code = Empty,
        deskhand.request.id = id,
    );
    let sent = request.headers().get(TRACEPARENT).and_then(|v| v.to_str().ok());
    if let Some(parent) = sent {
        trace::follow(&span, parent);
    }
    span
}

/// The layer.
pub async fn layer(request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(&X_REQUEST_ID)
        .and_then(|v| v.to_str().ok())
        .filter(|v| usable(v));
    let id = given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let method = request.method().clone();
    // The pattern: paths carry threads' ids.
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |p| p.as_str().to_owned());
    let start = Instant::now();
    let span = tracing::info_span!("request", request_id = %id);
    let traced = span.in_scope(|| traced(&request, &path, &id));
    let mut response = next
        .run(request)
        .instrument(traced.clone())
        .instrument(span.clone())
        .await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // Headers that layers below have set (CORS) stay.
        let mut made = problem.respond(&id);
        for (name, value) in response.headers() {
            if !made.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
                made.headers_mut().append(name.clone(), value.clone());
            }
        }
        response = made;
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    traced.record("http.response.status_code", status);
    if status >= 500 {
        traced.record("otel.status_code", "ERROR");
    }
    span.in_scope(|| tracing::debug!(%method, path, status, ms = start.elapsed().as_millis(), "answered"));
    response
}
