//! The connection test: a signed question that changes nothing, answered with a signature, so
//! that a site's owner learns in one go whether address, clock and secret are right; and a
//! stream by which the reader measures whether somebody on the way holds events back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::auth::Asker;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use super::{body, webhooks};
use crate::db::{documents, sites};
use crate::domain::ids::SiteId;
use crate::domain::keys::Purpose;
use crate::domain::signature::{Signed, WORDPRESS};
use crate::domain::time;
use crate::gateway::reach::WayBack;

/// The two clocks may differ by this much.
const TOLERANCE: TimeDelta = TimeDelta::seconds(300);
/// The interface that this server speaks; a plugin for another one says so.
const API: u32 = 1;
/// Events of the stream, and the time between them.
const TICKS: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(200);

/// The question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Ping {
    /// The same as in `X-Site-ID`.
    #[schema(value_type = uuid::Uuid)]
    site_id: SiteId,
    /// The site's time: seconds since 1970, or RFC 3339.
    timestamp: Value,
    /// At most 200 characters; comes back.
    #[serde(default)]
    nonce: String,
    /// Where the way back is to be tried, on one of the site's origins: the nonce is posted there,
    /// signed as callbacks are, and should come back.
    #[serde(default)]
    callback_url: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Pong {
    /// deskhand's version.
    version: &'static str,
    /// The interface's version.
    api: u32,
    /// The server's time.
    time: String,
    #[schema(value_type = uuid::Uuid)]
    site_id: SiteId,
    nonce: String,
    /// The site's name here.
    name: String,
    /// `shadow`, `assist` or `full`.
    mode: &'static str,
    /// Whose pages may talk to the server.
    origins: Vec<String>,
    /// Whether a language model is configured; without one answers are extracts.
    model: bool,
    /// How many documents can be searched.
    documents: usize,
    /// When the secret ends that the question was signed with, once another has taken its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ends_at: Option<String>,
    /// What came of trying the way back, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    way_back: Option<WayBack>,
}

/// Whether address, clock and secret are right. The body is signed as a webhook's is; the
/// answer is signed in `X-Deskhand-Signature` with the site's callback key.
#[utoipa::path(
    post, path = "/webhook/wp-ping", tag = "intake", request_body = Ping,
    params(
        ("X-Site-ID" = uuid::Uuid, Header, description = "the site"),
        ("X-WP-Signature" = String, Header, description = "hex, with or without `sha256=` before it"),
        ("X-Key-Id" = Option<String>, Header, description = "the secret's id, while it is being rotated"),
    ),
    responses(
        (status = 200, body = Pong, headers(("X-Deskhand-Signature" = String, description = "sha256=hex over the raw body"))),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "bad_signature, stale_timestamp", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, raw: Bytes) -> Result<Response, Problem> {
    let (site, kid) = webhooks::signer(&app, &WORDPRESS, &headers, &raw, "").await?;
    let ping: Ping = body::parse(&raw)?;
    if ping.site_id != site {
        return Err(Problem::field("/site_id", "The same as in X-Site-ID."));
    }
    if ping.nonce.chars().count() > 200 {
        return Err(Problem::field("/nonce", "At most 200 characters."));
    }
    if ping.callback_url.as_ref().is_some_and(|url| url.len() > 2000) {
        return Err(Problem::field("/callback_url", "At most 2000 characters."));
    }
    let now = app.clock.now();
    let sent = read_time(&ping.timestamp).ok_or_else(|| {
        Problem::field(
            "/timestamp",
            "Seconds since 1970, or a time as RFC 3339 writes it.",
        )
    })?;
    if (now - sent).abs() > TOLERANCE {
        let detail = format!(
            "The site's clock and this server's differ by {} seconds; set the one that is wrong.",
            (sent - now).num_seconds()
        );
        return Err(Problem::new(Code::StaleTimestamp, detail).at(now));
    }
    let mut tx = app.db.site(site).await?;
    let own = sites::own(&mut tx).await?;
    let documents = documents::count_live(&mut tx).await?;
    tx.commit().await?;
    let own = own.ok_or_else(|| Problem::new(Code::BadSignature, "There is no such site."))?;
    let way_back = match &ping.callback_url {
        Some(url) => Some(app.gateway.reach(site, &kid, url, &ping.nonce).await),
        None => None,
    };
    let pong = Pong {
        version: env!("CARGO_PKG_VERSION"),
        api: API,
        time: now.to_rfc3339_opts(SecondsFormat::Millis, true),
        site_id: site,
        nonce: ping.nonce,
        name: own.name,
        mode: own.mode.as_str(),
        origins: own.origins,
        model: app.gateway.has_model(),
        documents,
        key_ends_at: ends(&app, site, &kid).await?,
        way_back,
    };
    let answer = serde_json::to_vec(&pong).map_err(|error| {
        tracing::error!(%error, "a ping can't be answered");
        Problem::new(Code::Internal, "Something went wrong on our side.")
    })?;
    sign(&app, site, &kid, answer).await
}

/// When the site's secret of this id ends, as the plugin reads times.
async fn ends(app: &App, site: SiteId, kid: &str) -> Result<Option<String>, Problem> {
    let roots = app
        .keyring
        .of_site(site, app.clock.now())
        .await
        .map_err(|_| away())?;
    let Some(root) = roots.iter().find(|r| r.kid == kid) else {
        return Ok(None);
    };
    Ok(root
        .ends()
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

fn away() -> Problem {
    Problem::new(Code::NotReady, "Keys can't be read just now. Please try again.")
}

async fn sign(app: &App, site: SiteId, kid: &str, answer: Vec<u8>) -> Result<Response, Problem> {
    let roots = app
        .keyring
        .of_site(site, app.clock.now())
        .await
        .map_err(|_| away())?;
    let root = roots.iter().find(|r| r.kid == kid).ok_or_else(away)?;
    let signed = Signed {
        body: &answer,
        timestamp: "",
    };
    let signature = WORDPRESS.sign(root.derive(site, Purpose::Callback).expose(), &signed);
    let signature = HeaderValue::from_str(&signature).map_err(|_| away())?;
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-deskhand-signature"), signature);
    Ok(response)
}

fn read_time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Number(n) => time::at(n.as_i64()?),
        Value::String(text) => match text.parse::<i64>() {
            Ok(seconds) => time::at(seconds),
            Err(_) => time::read(text),
        },
        _ => None,
    }
}

/// Five events, a fifth of a second apart: a reader to whom they come together has something
/// between itself and the server that holds streams back.
#[utoipa::path(
    get, path = "/api/stream-check", tag = "operation", security(("visitor" = []), ("api_key" = [])),
    responses(
        (status = 200, description = "`tick {n, at_ms}` five times, then `done`", content_type = "text/event-stream"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 503, description = "overloaded", body = ProblemBody),
    )
)]
pub async fn stream_check(State(app): State<Arc<App>>, _asker: Asker) -> Result<Response, Problem> {
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(
            Code::Overloaded,
            "Many people are listening at the moment. Please try again in a moment.",
        )
    })?;
    let begun = Instant::now();
    let events = futures::stream::unfold((0, place), move |(n, place)| async move {
        if n > TICKS {
            return None;
        }
        tokio::time::sleep_until(begun + BETWEEN * n).await;
        let event = if n == TICKS {
            Event::default().event("done").data("{}")
        } else {
            let at_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let data = json!({ "n": n + 1, "at_ms": at_ms });
            Event::default().event("tick").data(data.to_string())
        };
        Some((Ok::<_, Infallible>(event), (n + 1, place)))
    });
    let mut response = Sse::new(events).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}
