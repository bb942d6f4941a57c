//! `X-Request-Id` on every answer: the caller's own if it is one, else a new one. Also
//! where problems get their body, and a request its log line.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use super::error::Problem;

/// The header.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn usable(id: &str) -> bool {
    (8..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
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
    // The path's pattern would hide little here: paths carry ids, never text.
    let path = request.uri().path().to_owned();
    let start = Instant::now();
    let span = tracing::info_span!("request", request_id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
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
    span.in_scope(|| tracing::debug!(%method, path, status, ms = start.elapsed().as_millis(), "answered"));
    response
}
