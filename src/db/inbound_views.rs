//! Webhooks as an operator or a site's owner looks at them, and having one taken in again.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::db::jobs;
use crate::db::pool::{DbResult, SiteTx};
use crate::domain::ids::{DocumentId, EventId, JobId};
use crate::domain::job::{Job, Priority, Work};

/// Which webhooks to list; `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// queued, processed, failed or discarded.
    pub state: Option<String>,
    /// Who sent them.
    pub source: Option<String>,
    /// What happened.
    pub kind: Option<String>,
    /// About this document.
    pub document: Option<DocumentId>,
    /// Those that came before this one.
    pub before: Option<EventId>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    /// Its id here.
    pub id: EventId,
    /// Who sent it.
    pub source: String,
    /// The sender's name for it.
    pub external_id: String,
    /// What happened.
    pub kind: String,
    /// queued, processed, failed or discarded.
    pub state: String,
    /// Why it failed or was discarded, or how it was processed: a code.
    pub remark: Option<String>,
    /// Tries so far.
    pub attempts: i32,
    /// Whether its signature was right.
    pub signature_valid: bool,
    /// The secret that signed it.
    pub kid: Option<String>,
    /// When it happened, by the sender's clock.
    pub event_at: DateTime<Utc>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The headers that are kept, and `source_address`.
    pub headers: Value,
    /// SHA-256 of its body, in hex.
    pub body_sha256: String,
    /// Its body's length in bytes; none once its document was deleted.
    pub body_bytes: Option<i32>,
    /// What it is about.
    pub document_id: Option<DocumentId>,
    /// What takes it in.
    pub job_id: Option<JobId>,
}

/// Up to `limit` webhooks, the newest first.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx, which: &Which, limit: i64) -> DbResult<Vec<EventView>> {
    select(tx, None, which, limit).await
}

/// One webhook.
///
/// # Errors
/// When the database refuses or is away.
pub async fn get(tx: &mut SiteTx, id: EventId) -> DbResult<Option<EventView>> {
    Ok(select(tx, Some(id), &Which::default(), 1).await?.pop())
}

async fn select(tx: &mut SiteTx, id: Option<EventId>, which: &Which, limit: i64) -> DbResult<Vec<EventView>> {
    let rows = sqlx::query!(
        r#"SELECT id, source, external_id, kind, state, remark, attempts, signature_valid, kid, event_at, received_at,
                  headers, encode(body_sha256, 'hex') AS "body_sha256!", octet_length(raw) AS body_bytes,
                  document_id, job_id
           FROM inbound_events
           WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR state = $2)
             AND ($3::text IS NULL OR source = $3) AND ($4::text IS NULL OR kind = $4)
             AND ($5::uuid IS NULL OR document_id = $5) AND ($6::uuid IS NULL OR id < $6)
           ORDER BY id DESC LIMIT $7"#,
        id.map(|id| id.0),
        which.state,
        which.source,
        which.kind,
        which.document.map(|d| d.0),
        which.before.map(|b| b.0),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    let view = rows.into_iter().map(|r| EventView {
        id: EventId(r.id),
        source: r.source,
        external_id: r.external_id,
        kind: r.kind,
        state: r.state,
        remark: r.remark,
        attempts: r.attempts,
        signature_valid: r.signature_valid,
        kid: r.kid,
        event_at: r.event_at,
        received_at: r.received_at,
        headers: r.headers,
        body_sha256: r.body_sha256,
        body_bytes: r.body_bytes,
        document_id: r.document_id.map(DocumentId),
        job_id: r.job_id.map(JobId),
    });
    Ok(view.collect())
}

/// What became of the wish to have a webhook taken in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// This job does it.
    Queued(JobId),
    /// It waits or runs already.
    Waits(JobId),
    /// It didn't fail.
    NotFailed,
    /// Its body is gone, since its document was deleted.
    Forgotten,
}

/// Has a webhook that failed taken in again, by a job of the same id; none when there is none.
///
/// # Errors
/// When the database refuses or is away.
pub async fn again(tx: &mut SiteTx, id: EventId) -> DbResult<Option<Again>> {
    let found = sqlx::query!(
        r#"SELECT state, raw IS NOT NULL AS "whole!", document_id, job_id
           FROM inbound_events WHERE id = $1 FOR UPDATE"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(event) = found else { return Ok(None) };
    let job = JobId(event.job_id.unwrap_or_else(Uuid::now_v7));
    let document = match (event.state.as_str(), event.whole, event.document_id) {
        ("queued" | "failed", true, Some(document)) => DocumentId(document),
        ("queued" | "failed", ..) => return Ok(Some(Again::Forgotten)),
        _ => return Ok(Some(Again::NotFailed)),
    };
    let work = Job {
        work: Work::TakeEvent { event: id, document },
        key: id.to_string(),
        priority: Priority::High,
    };
    if !jobs::enqueue_again(tx, job, &work).await? {
        return Ok(Some(Again::Waits(job)));
    }
    sqlx::query!(
        "UPDATE inbound_events SET state = 'queued', remark = NULL, job_id = $2 WHERE id = $1",
        id.0,
        job.0
    )
    .execute(tx.conn())
    .await?;
    Ok(Some(Again::Queued(job)))
}
