//! Webhooks of WordPress sites: the signature over the raw body is checked, the event is
//! stored once together with its job, and answered. Everything else is the job's.

pub mod collector;
pub mod refused;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::auth::keyring::{KeyError, SiteRoot};
use super::body;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::db::inbound::NewEvent;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{DocumentId, EventId, JobId, SiteId};
use crate::domain::keys::{DerivedKey, Purpose};
use crate::domain::signature::{Scheme, Signed, WORDPRESS};
use crate::domain::webhook::{Body, Event, TOLERANCE};

/// Largest body, in bytes: a post's content is in it.
pub const LARGEST: usize = 2 * 1024 * 1024;
/// The longest Idempotency-Key, in characters.
const KEY: usize = 200;
/// Headers that are kept with an event, and how much of each.
const KEPT: [&str; 5] = [
    "content-type",
    "idempotency-key",
    "user-agent",
    "x-key-id",
    "x-request-id",
];
const KEPT_LENGTH: usize = 200;

/// What a webhook is answered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// The job that takes it in.
    #[schema(value_type = Uuid)]
    job_id: JobId,
    /// Where the job can be watched, with the site's API key.
    status_url: String,
    /// The document that it is about.
    #[schema(value_type = Uuid)]
    document_id: DocumentId,
}

/// What happened to a site's media or posts: they are taken in, or taken away.
///
/// The body is signed: `X-WP-Signature` is the hex HMAC-SHA256 of the raw body by the site's webhook
/// key. `event` is one of media.added, media.updated, media.deleted, post.published, post.updated,
/// post.trashed and post.deleted.
#[utoipa::path(
    post, path = "/webhook/wp-media", tag = "intake", request_body(content = Value, content_type = "application/json"),
    params(
        ("X-Site-ID" = Uuid, Header, description = "the site"),
        ("X-WP-Signature" = String, Header, description = "hex, with or without `sha256=` before it"),
        ("X-Key-Id" = Option<String>, Header, description = "the secret's id, while it is being rotated"),
        ("Idempotency-Key" = Option<String>, Header, description = "names the event; a repeat gets the first answer"),
    ),
    responses(
        (status = 202, description = "stored, and queued", body = Answer),
        (status = 200, description = "known already: the first answer", body = Answer),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "bad_signature, stale_timestamp", body = ProblemBody),
        (status = 413, description = "too_large", body = ProblemBody),
        (status = 422, description = "invalid_field, idempotency_reused", body = ProblemBody),
        (status = 503, description = "overloaded, not_ready", body = ProblemBody),
    )
)]
pub async fn wp_media(State(app): State<Arc<App>>, mut request: Request) -> Result<Response, Problem> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0);
    let headers = std::mem::take(request.headers_mut());
    let outcome = receive(&app, request, &headers, peer).await;
    if let Err(problem) = &outcome
        && problem.code() == Code::BadSignature
    {
        refuse(&app, "wordpress", &headers, peer).await;
    }
    count("wordpress", outcome.as_ref().map(|(status, _)| *status));
    let (status, answer) = outcome?;
    Ok((status, axum::Json(answer)).into_response())
}

/// Counts a webhook by how it ended; 200 is a repeat.
pub(super) fn count(source: &'static str, outcome: Result<StatusCode, &Problem>) {
    let told = match outcome {
        Ok(StatusCode::OK) => "repeat",
        Ok(_) => "new",
        Err(problem) => match problem.code() {
            Code::BadSignature => "bad_signature",
            Code::StaleTimestamp => "stale_timestamp",
            Code::Overloaded | Code::NotReady | Code::Internal => "failed",
            _ => "refused",
        },
    };
    metrics::counter!("deskhand_webhooks_total", "source" => source, "outcome" => told).increment(1);
}

/// Counts a webhook whose signature is wrong, if it names a site that there is.
async fn refuse(app: &App, source: &'static str, headers: &HeaderMap, peer: Option<SocketAddr>) {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let Some(Ok(site)) = text("x-site-id").map(|id| Uuid::parse_str(id.trim()).map(SiteId)) else {
        return;
    };
    let now = app.clock.now();
    if app
        .keyring
        .of_site(site, now)
        .await
        .is_ok_and(|roots| !roots.is_empty())
    {
        let agent = text("user-agent").map(|t| t.chars().take(KEPT_LENGTH).collect());
        app.refused.count(site, source, peer.map(|p| p.ip()), agent, now);
    }
}

async fn receive(
    app: &Arc<App>,
    mut request: Request,
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
) -> Result<(StatusCode, Answer), Problem> {
    DefaultBodyLimit::max(LARGEST).apply(&mut request);
    let raw = body::read(request, app, LARGEST).await?;
    let (site, kid) = signer(app, &WORDPRESS, headers, &raw, "").await?;
    let read: Body = body::parse(&raw)?;
    if read.site_id != site.0 {
        return Err(Problem::field("/site_id", "The same as in X-Site-ID."));
    }
    let event = Event::read(read).map_err(|bad| Problem::field(bad.pointer, bad.detail))?;
    let now = app.clock.now();
    if (now - event.sent_at).abs() > TOLERANCE {
        return Err(Problem::new(
            Code::StaleTimestamp,
            format!(
                "`timestamp` is more than {} seconds from now; sign the event anew.",
                TOLERANCE.num_seconds()
            ),
        ));
    }
    let body_sha256: [u8; 32] = Sha256::digest(&raw).into();
    let new = NewEvent {
        id: EventId::new(),
        source: "wordpress",
        external_id: key(headers, &body_sha256)?,
        kind: event.kind,
        body_sha256,
        raw: raw.to_vec(),
        headers: kept(headers, peer),
        kid,
        event_at: event.at,
        dated: event.dated,
        received_at: now,
        document: DocumentId::named(site, event.source, &event.external_id),
        document_source: event.source,
        document_name: event.external_id.clone(),
        title: event.title().unwrap_or_default().to_owned(),
        removes: event.removes(),
        job: JobId::new(),
    };
    let stored = app.collector.store(site, new).await?;
    fail::point(FailPoint::EventStored);
    if !stored.same {
        return Err(Problem::new(
            Code::IdempotencyReused,
            "This Idempotency-Key came with another content before; give each event a key of its own.",
        ));
    }
    let status = if stored.new {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let answer = Answer {
        job_id: stored.job,
        status_url: format!("/api/jobs/{}", stored.job),
        document_id: stored.document,
    };
    Ok((status, answer))
}

/// A site's secrets.
///
/// # Errors
/// When they can't be had.
pub(super) async fn roots(
    app: &App,
    site: SiteId,
    now: DateTime<Utc>,
) -> Result<Arc<Vec<SiteRoot>>, Problem> {
    app.keyring.of_site(site, now).await.map_err(|error| {
        match &error {
            KeyError::Db(_) => tracing::warn!(%error, "keys can't be read"),
            _ => tracing::error!(%error, "a key can't be used"),
        }
        Problem::new(
            Code::NotReady,
            "Keys can't be checked just now. Please try again in a moment.",
        )
    })
}

/// Whose signature a message has: the site, and the secret's id. An unknown site, an unknown key
/// and a wrong signature are one and the same to the sender, and take as long.
///
/// # Errors
/// When it is nobody's, or keys can't be had.
pub async fn signer(
    app: &App,
    scheme: &Scheme,
    headers: &HeaderMap,
    raw: &[u8],
    timestamp: &str,
) -> Result<(SiteId, String), Problem> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    // What is no site's id is looked up as one that nobody has.
    let site = text("x-site-id")
        .and_then(|id| Uuid::parse_str(id.trim()).ok())
        .map_or_else(SiteId::new, SiteId);
    let now = app.clock.now();
    let roots = roots(app, site, now).await?;
    let wanted = text("x-key-id");
    let valid: Vec<_> = roots
        .iter()
        .filter(|r| r.is_valid(now) && wanted.is_none_or(|kid| kid == r.kid))
        .collect();
    let mut keys: Vec<DerivedKey> = valid.iter().map(|r| r.derive(site, Purpose::Webhook)).collect();
    if keys.is_empty() {
        keys.push(app.keyring.decoy().derive(site, Purpose::Webhook));
    }
    let keys: Vec<&[u8]> = keys.iter().map(|k| k.expose().as_slice()).collect();
    let signed = Signed { body: raw, timestamp };
    scheme
        .verify(&keys, &signed, text(scheme.header).unwrap_or(""))
        .and_then(|i| valid.get(i))
        .map(|root| (site, root.kid.clone()))
        .ok_or_else(|| {
            Problem::new(
                Code::BadSignature,
                "The site isn't known, or the signature isn't of its key over this body.",
            )
        })
}

/// What names the event: its Idempotency-Key, else its body.
fn key(headers: &HeaderMap, body_sha256: &[u8; 32]) -> Result<String, Problem> {
    let Some(given) = headers.get("idempotency-key") else {
        return Ok(format!("sha256:{}", hex::encode(body_sha256)));
    };
    given
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|key| (1..=KEY).contains(&key.chars().count()))
        .map(str::to_owned)
        .ok_or_else(|| {
            Problem::new(
                Code::InvalidField,
                "Idempotency-Key: 1 to 200 visible ASCII characters.",
            )
        })
}

fn kept(headers: &HeaderMap, peer: Option<SocketAddr>) -> Value {
    let mut kept = Map::new();
    for name in KEPT {
        if let Some(value) = headers.get(name).and_then(|v| v.to_str().ok()) {
            let value: String = value.chars().take(KEPT_LENGTH).collect();
            kept.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(peer) = peer {
        kept.insert("source_address".to_owned(), json!(peer.ip().to_string()));
    }
    Value::Object(kept)
}
