//! The event bridge: what a site tells of forms, orders, and whatever its plugins fire, and what
//! came of it. An event shows a token that is good once, a signature over its raw body, and a key
//! under which it is taken once.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::auth::ApiKey;
use super::auth::event_token::Teller;
use super::body;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use super::webhooks;
use crate::db::bridge::{self, After};
use crate::domain::bridge::{BadField, Envelope, FORM_SUBMITTED, Form, OrderChange};
use crate::domain::ids::EventId;
use crate::domain::keys::{DerivedKey, Purpose};
use crate::domain::signature::{BRIDGE, Signed};
use crate::domain::time;
use crate::events::accept::{self, AcceptError, Told};

/// Largest body, in bytes.
const LARGEST: usize = 256 * 1024;
/// Results in one answer at most.
const PAGE: i64 = 200;
/// What was handled a moment ago is told a moment later: by then everything is stored that was
/// handled before it.
const SETTLED: TimeDelta = TimeDelta::seconds(2);

/// An event that was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// Under which its result is told.
    #[schema(value_type = Uuid)]
    request_id: EventId,
}

/// Takes an event.
///
/// `Authorization` is a JWT of the site: `iss` its id, `aud` `deskhand-events`, `iat` at most 300 seconds
/// from now, `exp` at most five minutes later, `jti` never used before. `X-Signature` is `sha256=` and
/// the hex HMAC-SHA256 of the raw body by the site's webhook key. `data` of `form.submitted` is a `Form`, that of
/// `order.…` an `OrderChange`; other types are kept as they are. The same key again gives the first answer.
#[utoipa::path(
    post, path = "/ingest", tag = "intake", request_body = Envelope, security(("event_token" = [])),
    params(
        ("X-Signature" = String, Header, description = "sha256=hex"),
        ("X-Idempotency-Key" = String, Header, description = "the same as in the body"),
    ),
    responses(
        (status = 202, description = "stored, and queued", body = Accepted),
        (status = 200, description = "known already: the first answer", body = Accepted),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid (also one that was used), token_expired, bad_signature, stale_timestamp", body = ProblemBody),
        (status = 413, description = "too_large", body = ProblemBody),
        (status = 422, description = "invalid_field, idempotency_reused", body = ProblemBody),
        (status = 429, description = "rate_limited", body = ProblemBody),
        (status = 503, description = "not_ready", body = ProblemBody),
    )
)]
pub async fn ingest(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let outcome = receive(&app, request).await;
    webhooks::count("bridge", outcome.as_ref().map(|(status, _)| *status));
    let (status, answer) = outcome?;
    Ok((status, axum::Json(answer)).into_response())
}

async fn receive(app: &Arc<App>, mut request: Request) -> Result<(StatusCode, Accepted), Problem> {
    let headers = std::mem::take(request.headers_mut());
    let teller = Teller::of(&headers, app).await?;
    DefaultBodyLimit::max(LARGEST).apply(&mut request);
    let raw = body::read(request, app, LARGEST).await?;
    signed(app, &teller, &headers, &raw).await?;
    let event: Envelope = body::parse(&raw)?;
    check(&event)?;
    let key = headers.get("x-idempotency-key").and_then(|v| v.to_str().ok());
    if key.map(str::trim) != Some(event.idempotency_key.trim()) {
        return Err(Problem::field(
            "/idempotency_key",
            "The same as in the header X-Idempotency-Key.",
        ));
    }
    let told = Told {
        kid: &teller.kid,
        jti: &teller.jti,
        expires_at: teller.expires_at,
        raw: &raw,
        event: &event,
    };
    let taken = accept::accept(&app.db, &app.master, teller.site, &told, app.clock.now())
        .await
        .map_err(refused)?;
    let status = if taken.new {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Accepted { request_id: taken.id }))
}

/// Holds the signature against the webhook keys of all of the site's secrets that are valid now.
async fn signed(app: &App, teller: &Teller, headers: &HeaderMap, raw: &[u8]) -> Result<(), Problem> {
    let now = app.clock.now();
    let roots = webhooks::roots(app, teller.site, now).await?;
    let keys: Vec<DerivedKey> = roots
        .iter()
        .filter(|r| r.is_valid(now))
        .map(|r| r.derive(teller.site, Purpose::Webhook))
        .collect();
    let keys: Vec<&[u8]> = keys.iter().map(|k| k.expose().as_slice()).collect();
    let shown = headers
        .get(BRIDGE.header)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let message = Signed {
        body: raw,
        timestamp: "",
    };
    BRIDGE.verify(&keys, &message, shown).map(|_| ()).ok_or_else(|| {
        Problem::new(
            Code::BadSignature,
            "X-Signature isn't `sha256=` and the hex HMAC of this body by the site's webhook key.",
        )
    })
}

fn check(event: &Envelope) -> Result<(), Problem> {
    let refused = |bad: BadField| Problem::field(bad.pointer, bad.detail);
    event.check().map_err(refused)?;
    let data = || Value::Object(event.data.clone());
    if event.event_type == FORM_SUBMITTED {
        body::shape::<Form>(data(), "/data")?.check().map_err(refused)?;
    } else if event.is_order() {
        body::shape::<OrderChange>(data(), "/data")?
            .check()
            .map_err(refused)?;
    }
    Ok(())
}

fn refused(error: AcceptError) -> Problem {
    match error {
        AcceptError::Replayed => Problem::new(
            Code::TokenInvalid,
            "The token's `jti` was used before; sign a new token for each request.",
        ),
        AcceptError::Reused => Problem::new(
            Code::IdempotencyReused,
            "This key came with another event before; give each event one of its own.",
        ),
        AcceptError::TooFast => Problem::new(
            Code::RateLimited,
            "Sixty events of a site in a minute are enough; send the others a little later.",
        ),
        AcceptError::Seal(error) => {
            tracing::error!(%error, "an event couldn't be sealed");
            Problem::new(Code::Internal, "Something went wrong on our side.")
        }
        AcceptError::Db(error) => error.into(),
    }
}

/// `?since=…`
#[derive(Debug, Deserialize)]
pub struct Since {
    since: Option<String>,
}

/// What came of an event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventResult {
    #[schema(value_type = Uuid)]
    request_id: EventId,
    /// The sender's name for it.
    idempotency_key: String,
    event_type: String,
    object_ref: String,
    /// `processed` or `failed`.
    status: String,
    /// A ticket's id, how many profiles are asked for anew, or that it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// A code.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    occurred_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

/// What came of events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Results {
    /// The first handled first, at most 200.
    results: Vec<EventResult>,
    /// Give it as `since` the next time.
    next: String,
    /// Whether there is more already.
    more: bool,
}

/// What came of events that were handled since then, the first handled first.
#[utoipa::path(
    get, path = "/results", tag = "intake", security(("api_key" = [])),
    params(("since" = Option<String>, Query, description = "a time as RFC 3339 writes it, or the last answer's `next`; left out, three days ago")),
    responses(
        (status = 200, body = Results),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn results(
    State(app): State<Arc<App>>,
    key: ApiKey,
    query: Result<Query<Since>, QueryRejection>,
) -> Result<axum::Json<Results>, Problem> {
    let bad = || Problem::field("/since", "A time as RFC 3339 writes it, or what `next` was.");
    let now = app.clock.now();
    let since = query.map_err(|_| bad())?.0.since.filter(|s| !s.is_empty());
    let after = match since {
        Some(text) => cursor(&text).ok_or_else(bad)?,
        None => After {
            at: now - TimeDelta::days(3),
            id: Uuid::nil(),
        },
    };
    let mut tx = app.db.site(key.site).await?;
    let mut rows = bridge::results(&mut tx, after, now - SETTLED, PAGE + 1).await?;
    tx.commit().await?;
    let more = rows.len() as i64 > PAGE;
    rows.truncate(PAGE.unsigned_abs() as usize);
    let next = rows
        .last()
        .and_then(|r| r.finished_at.map(|at| After { at, id: r.id.0 }))
        .unwrap_or(after);
    let results = rows.into_iter().map(|r| EventResult {
        request_id: r.id,
        idempotency_key: r.key,
        event_type: r.event_type,
        object_ref: r.object_ref,
        status: r.state,
        result: r.result,
        error: r.error,
        occurred_at: r.occurred_at,
        finished_at: r.finished_at,
    });
    Ok(axum::Json(Results {
        results: results.collect(),
        next: format!(
            "{}_{}",
            next.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            next.id
        ),
        more,
    }))
}

fn cursor(text: &str) -> Option<After> {
    let (at, id) = text.split_once('_').unwrap_or((text, ""));
    Some(After {
        // A `+` in a query is read as a blank.
        at: time::read(&at.replace(' ', "+"))?,
        id: if id.is_empty() {
            Uuid::nil()
        } else {
            Uuid::parse_str(id).ok()?
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_time_and_an_event() {
        let id = Uuid::now_v7();
        let at = "2026-11-27T10:00:00.123456Z";
        let read = cursor(&format!("{at}_{id}")).unwrap();
        assert_eq!(
            (
                read.id,
                read.at.to_rfc3339_opts(SecondsFormat::Micros, true).as_str()
            ),
            (id, at)
        );
        assert_eq!(cursor("2026-11-27T11:00:00 01:00").unwrap().id, Uuid::nil());
        for wrong in ["", "yesterday", "1", "2026-11-27T10:00:00Z_x"] {
            assert_eq!(cursor(wrong), None, "{wrong}");
        }
    }
}
