//! Cross-origin requests: only a site's own pages. A preflight carries no token, so it is
//! answered by its origin over all sites; the request itself is held to its token's site.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{Code, Problem};
use super::state::App;
use crate::db::sites;

const HEADERS: &str = "authorization, content-type, accept, last-event-id, prefer, x-request-id";

/// The layer; it looks at `/api` only.
pub async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .cloned()
        .filter(|_| request.uri().path().starts_with("/api/"));
    let preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let Some(origin) = origin else {
        return next.run(request).await;
    };
    let known = match known(&app, &origin).await {
        Ok(known) => known,
        Err(problem) => return problem.into_response(),
    };
    let mut response = if !preflight {
        next.run(request).await
    } else if known {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::new(
            Code::OriginNotAllowed,
            "No site has this origin. `deskhand site list` shows which are known.",
        )
        .into_response()
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if known {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, retry-after"),
        );
        if preflight {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, POST"),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(HEADERS),
            );
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    response
}

async fn known(app: &App, origin: &HeaderValue) -> Result<bool, Problem> {
    let Ok(origin) = origin.to_str() else {
        return Ok(false);
    };
    if origin.len() > 300 {
        return Ok(false);
    }
    if let Some(known) = app.origins.get(origin).await {
        return Ok(known);
    }
    let known = sites::origin_known(&app.db, origin).await?;
    app.origins.insert(origin.to_owned(), known).await;
    Ok(known)
}
