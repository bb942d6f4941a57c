//! Webhooks that came, for the site's own server: what became of each, having one taken in again,
//! and who sent some whose signature was wrong.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::auth::ApiKey;
use super::error::{Code, Problem, ProblemBody};
use super::page;
use super::state::App;
use crate::db::inbound_views::{self, Again, EventView, Which};
use crate::db::refused;
use crate::domain::ids::{DocumentId, EventId};

/// Webhooks on a page of the list, and at most.
/// Days of refused ones.
const DAYS: i64 = 30;
/// Where a webhook can stand.
const STATES: [&str; 4] = ["queued", "processed", "failed", "discarded"];

/// A webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Webhook {
    id: Uuid,
    /// Who sent it: wordpress.
    source: String,
    /// The sender's name for it: its Idempotency-Key.
    external_id: String,
    /// What happened.
    kind: String,
    /// queued, processed, failed or discarded.
    state: String,
    /// Why it failed or was discarded, or how it was processed: a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    /// Tries so far.
    attempts: i32,
    /// Whether its signature was right. Others are only counted.
    signature_valid: bool,
    /// When it happened, by the sender's clock.
    event_at: DateTime<Utc>,
    /// When it came.
    received_at: DateTime<Utc>,
    /// Those that are kept, and `source_address`.
    headers: Value,
    /// SHA-256 of its body, in hex.
    body_sha256: String,
    /// Its body's length in bytes; absent once its document was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<i32>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<Uuid>,
    /// What takes it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
}

impl From<EventView> for Webhook {
    fn from(e: EventView) -> Self {
        Self {
            id: e.id.0,
            source: e.source,
            external_id: e.external_id,
            kind: e.kind,
            state: e.state,
            remark: e.remark,
            attempts: e.attempts,
            signature_valid: e.signature_valid,
            event_at: e.event_at,
            received_at: e.received_at,
            headers: e.headers,
            body_sha256: e.body_sha256,
            body_bytes: e.body_bytes,
            document_id: e.document_id.map(|d| d.0),
            job_id: e.job_id.map(|j| j.0),
        }
    }
}

/// A page of webhooks, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Webhooks {
    events: Vec<Webhook>,
    /// Give it as `before` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// What to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    state: Option<String>,
    source: Option<String>,
    kind: Option<String>,
    document: Option<Uuid>,
    before: Option<Uuid>,
    limit: Option<i64>,
}

fn not_found() -> Problem {
    Problem::new(
        Code::NotFound,
        "This site has no such webhook; they are kept as long as `keep_events_days` says.",
    )
}

/// The site's webhooks, the newest first.
#[utoipa::path(
    get, path = "/api/webhooks/events", tag = "intake", security(("api_key" = [])),
    params(
        ("state" = Option<String>, Query, description = "queued, processed, failed or discarded"),
        ("source" = Option<String>, Query),
        ("kind" = Option<String>, Query, description = "such as post.published"),
        ("document" = Option<Uuid>, Query),
        ("before" = Option<Uuid>, Query, description = "the `next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 otherwise"),
    ),
    responses(
        (status = 200, body = Webhooks),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn list(
    State(app): State<Arc<App>>,
    key: ApiKey,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<axum::Json<Webhooks>, Problem> {
    let Query(wanted) = query.map_err(|_| {
        Problem::new(
            Code::InvalidField,
            "Only state, source, kind, document and before (ids) and limit (a number) can be given.",
        )
    })?;
    if wanted.state.as_deref().is_some_and(|s| !STATES.contains(&s)) {
        return Err(Problem::field(
            "/state",
            "queued, processed, failed or discarded.",
        ));
    }
    let limit = page::limit(wanted.limit)?;
    let which = Which {
        state: wanted.state,
        source: wanted.source,
        kind: wanted.kind,
        document: wanted.document.map(DocumentId),
        before: wanted.before.map(EventId),
    };
    let mut tx = app.db.site(key.site).await?;
    let mut found = inbound_views::list(&mut tx, &which, limit + 1).await?;
    tx.commit().await?;
    let more = page::cut(&mut found, limit);
    Ok(axum::Json(Webhooks {
        next: found.last().filter(|_| more).map(|e| e.id.0),
        events: found.into_iter().map(Webhook::from).collect(),
    }))
}

/// One webhook.
#[utoipa::path(
    get, path = "/api/webhooks/events/{id}", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 200, body = Webhook),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<axum::Json<Webhook>, Problem> {
    let id = path.map(|Path(id)| EventId(id)).map_err(|_| not_found())?;
    let mut tx = app.db.site(key.site).await?;
    let found = inbound_views::get(&mut tx, id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(axum::Json(found.into()))
}

/// What takes a webhook in again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookRetry {
    job_id: Uuid,
    /// Where the job can be watched, with the site's API key.
    status_url: String,
}

/// Takes a webhook in again that failed.
#[utoipa::path(
    post, path = "/api/webhooks/events/{id}/retry", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 202, description = "queued, or waiting already", body = WebhookRetry),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
        (status = 422, description = "invalid_field: it didn't fail, or its content is gone", body = ProblemBody),
    )
)]
pub async fn retry(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<(StatusCode, axum::Json<WebhookRetry>), Problem> {
    let id = path.map(|Path(id)| EventId(id)).map_err(|_| not_found())?;
    let mut tx = app.db.site(key.site).await?;
    let again = inbound_views::again(&mut tx, id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    let job = match again {
        Again::Queued(job) | Again::Waits(job) => job,
        Again::NotFailed => {
            let detail = "It didn't fail: there is nothing to try again.";
            return Err(Problem::new(Code::InvalidField, detail));
        }
        Again::Forgotten => {
            let detail = "Its content is gone, since its document was deleted; have the site send it again.";
            return Err(Problem::new(Code::InvalidField, detail));
        }
    };
    let queued = WebhookRetry {
        job_id: job.0,
        status_url: format!("/api/jobs/{job}"),
    };
    Ok((StatusCode::ACCEPTED, axum::Json(queued)))
}

/// Who sent webhooks with a wrong signature.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RefusedWebhooks {
    senders: Vec<RefusedSender>,
}

/// One sender's day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RefusedSender {
    /// The day (UTC).
    day: NaiveDate,
    /// As whose they came: wordpress.
    source: String,
    /// From which address; `others` for the rest of a day with many.
    address: String,
    /// How many.
    n: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// What the last one called itself.
    user_agent: Option<String>,
}

/// Webhooks of the last 30 days whose signature was wrong, by day and sender. Nothing of what
/// they said is kept.
#[utoipa::path(
    get, path = "/api/webhooks/refused", tag = "intake", security(("api_key" = [])),
    responses(
        (status = 200, body = RefusedWebhooks),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
    )
)]
pub async fn refused(
    State(app): State<Arc<App>>,
    key: ApiKey,
) -> Result<axum::Json<RefusedWebhooks>, Problem> {
    let since = app.clock.now().date_naive() - TimeDelta::days(DAYS - 1);
    let mut tx = app.db.site(key.site).await?;
    let found = refused::since(&mut tx, since).await?;
    tx.commit().await?;
    let senders = found.into_iter().map(|r| RefusedSender {
        day: r.day,
        source: r.source,
        address: r.address,
        n: r.n,
        first_at: r.first_at,
        last_at: r.last_at,
        user_agent: r.user_agent,
    });
    Ok(axum::Json(RefusedWebhooks {
        senders: senders.collect(),
    }))
}
