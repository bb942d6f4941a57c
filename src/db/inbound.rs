//! Webhooks as they came: stored once with their jobs, in one transaction, and found again
//! when they are repeated.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::ids::{DocumentId, EventId, JobId, SiteId, UploadId};
use crate::domain::job::{Priority, Retry, Work};
use crate::domain::webhook;

/// A webhook whose signature was found to be right.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its id here.
    pub id: EventId,
    /// Who sends it: `wordpress`.
    pub source: &'static str,
    /// The sender's name for it.
    pub external_id: String,
    /// What happened, in the sender's word.
    pub kind: &'static str,
    /// Of the body.
    pub body_sha256: [u8; 32],
    /// The body, byte for byte.
    pub raw: Vec<u8>,
    /// The headers that matter.
    pub headers: Value,
    /// The key that signed it.
    pub kid: String,
    /// When it happened, by the sender's clock.
    pub event_at: DateTime<Utc>,
    /// Whether the sender says so; else it is when the event was signed, anew for each repeat.
    pub dated: bool,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The document that it is about.
    pub document: DocumentId,
    /// Its source, and
    pub document_source: &'static str,
    /// its name there.
    pub document_name: String,
    /// Its title, as far as the event tells.
    pub title: String,
    /// Whether it takes the document away.
    pub removes: bool,
    /// The job that will take it in.
    pub job: JobId,
}

/// What a webhook is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The job, of this one or of the first with the same key or body.
    pub job: JobId,
    /// The document.
    pub document: DocumentId,
    /// Whether it came for the first time.
    pub new: bool,
    /// Whether it tells the same as the first.
    pub same: bool,
}

/// Stores webhooks that weren't there yet, with their jobs and, where they bring content, their
/// documents, in a transaction of its own; gives for each what it is answered. All are of the same
/// site.
///
/// # Errors
/// When the database refuses or is away.
pub async fn store_alone(db: &Db, site: SiteId, events: &[NewEvent]) -> DbResult<Vec<Stored>> {
    let mut tries = db.tries();
    let fresh = loop {
        match insert(db.pool(), site, events).await {
            Err(DbError::Unavailable(error)) if tries.again(&error) => {}
            fresh => break fresh?,
        }
    };
    if fresh.len() == events.len() {
        return Ok(events.iter().map(first).collect());
    }
    let mut tx = db.site(site).await?;
    let answers = answers(&mut tx, events, &fresh).await?;
    tx.commit().await?;
    Ok(answers)
}

/// The same within a transaction, for its site.
///
/// # Errors
/// When the database refuses or is away.
pub async fn store(tx: &mut SiteTx, events: &[NewEvent]) -> DbResult<Vec<Stored>> {
    let site = tx.site();
    let fresh = insert(tx.conn(), site, events).await?;
    answers(tx, events, &fresh).await
}

/// What one that is new is answered.
fn first(event: &NewEvent) -> Stored {
    Stored {
        job: event.job,
        document: event.document,
        new: true,
        same: true,
    }
}

/// What each is answered, of which these are new.
async fn answers(tx: &mut SiteTx, events: &[NewEvent], fresh: &[Uuid]) -> DbResult<Vec<Stored>> {
    let mut stored = Vec::with_capacity(events.len());
    for event in events {
        stored.push(if fresh.contains(&event.id.0) {
            first(event)
        } else {
            repeated(tx, event).await?
        });
    }
    Ok(stored)
}

/// Stores them in one statement; gives the ids of those that are new.
async fn insert(on: impl PgExecutor<'_>, site: SiteId, events: &[NewEvent]) -> DbResult<Vec<Uuid>> {
    let ids = |of: fn(&NewEvent) -> Uuid| events.iter().map(of).collect::<Vec<_>>();
    let texts =
        |of: fn(&NewEvent) -> &str| -> Vec<String> { events.iter().map(|e| of(e).to_owned()).collect() };
    let times = |of: fn(&NewEvent) -> DateTime<Utc>| events.iter().map(of).collect::<Vec<_>>();
    let raws: Vec<&[u8]> = events.iter().map(|e| e.raw.as_slice()).collect();
    let fresh = sqlx::query_scalar!(
        r#"SELECT deskhand_take_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                                       $18, $19, $20) AS "id!""#,
        site.0,
        &ids(|e| e.id.0),
        &texts(|e| e.source),
        &texts(|e| &e.external_id),
        &texts(|e| e.kind),
        &events.iter().map(|e| e.body_sha256.to_vec()).collect::<Vec<_>>(),
        &raws as &[&[u8]],
        &events.iter().map(|e| e.headers.clone()).collect::<Vec<_>>(),
        &texts(|e| &e.kid),
        &times(|e| e.event_at),
        &times(|e| e.received_at),
        &ids(|e| e.document.0),
        &ids(|e| e.job.0),
        &texts(|e| e.document_source),
        &texts(|e| &e.document_name),
        &texts(|e| &e.title),
        &events.iter().map(|e| e.removes).collect::<Vec<_>>(),
        // An end is quickly done, and urgent.
        Priority::High.as_i16(),
        Priority::Standard.as_i16(),
        Retry::of(Work::TAKE_EVENT).attempts,
    )
    .fetch_all(on)
    .await?;
    Ok(fresh)
}

/// The first one with this key or body.
async fn repeated(tx: &mut SiteTx, event: &NewEvent) -> DbResult<Stored> {
    let first = sqlx::query!(
        r#"SELECT job_id AS "job!", document_id AS "document!", raw,
                  kind = $4 AND (event_at = $5 OR NOT $6) AS "same!"
           FROM inbound_events
           WHERE source = $1 AND (external_id = $2 OR body_sha256 = $3)
           ORDER BY external_id = $2 DESC LIMIT 1"#,
        event.source,
        event.external_id,
        event.body_sha256.as_slice(),
        event.kind,
        event.event_at,
        event.dated,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or_else(|| DbError::Unreadable("a webhook that is there and isn't".to_owned()))?;
    let same = match &first.raw {
        Some(raw) => webhook::is_same(raw, &event.raw),
        // Its document was removed, and what it said with it; what is known of it must do.
        None => first.same && first.document == event.document.0,
    };
    Ok(Stored {
        job: first.job.into(),
        document: first.document.into(),
        new: false,
        same,
    })
}

/// A webhook that is to be taken in, locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its body; none once its document was deleted.
    pub raw: Option<Vec<u8>>,
    /// The content that it was made of, if that was done before.
    pub upload: Option<UploadId>,
    /// Whether it is still to be taken in.
    pub open: bool,
}

/// Locks a webhook and counts the try; none when it is gone.
///
/// # Errors
/// When the database refuses or is away.
pub async fn begin(tx: &mut SiteTx, id: EventId) -> DbResult<Option<Pending>> {
    let row = sqlx::query!(
        r#"UPDATE inbound_events SET attempts = attempts + 1 WHERE id = $1
           RETURNING raw, upload_id, state IN ('queued', 'failed') AS "open!""#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Pending {
        raw: r.raw,
        upload: r.upload_id.map(UploadId),
        open: r.open,
    }))
}

/// Names the content that a webhook was made of.
///
/// # Errors
/// When the database refuses or is away.
pub async fn made(tx: &mut SiteTx, id: EventId, upload: UploadId) -> DbResult<()> {
    sqlx::query!(
        "UPDATE inbound_events SET upload_id = $2 WHERE id = $1",
        id.0,
        upload.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets what a webhook said: it isn't to be taken in, now or later.
///
/// # Errors
/// When the database refuses or is away.
pub async fn forget_content(tx: &mut SiteTx, id: EventId) -> DbResult<()> {
    sqlx::query!("UPDATE inbound_events SET raw = NULL WHERE id = $1", id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How taking a webhook in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was.
    Processed,
    /// It was of no use any more.
    Discarded,
    /// It couldn't be.
    Failed,
}

/// Marks a webhook that is still open as ended; a code says why.
///
/// # Errors
/// When the database refuses or is away.
pub async fn end(tx: &mut SiteTx, id: EventId, how: Ended, remark: Option<&str>) -> DbResult<()> {
    let state = match how {
        Ended::Processed => "processed",
        Ended::Discarded => "discarded",
        Ended::Failed => "failed",
    };
    sqlx::query!(
        "UPDATE inbound_events SET state = $2, remark = $3 WHERE id = $1 AND state IN ('queued', 'failed')",
        id.0,
        state,
        remark
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Another try at a document's content is made: what failed before (but for `spared`) is of no use
/// any more, and goes from the list of the dead.
///
/// # Errors
/// When the database refuses or is away.
pub async fn supersede_failed(
    tx: &mut SiteTx,
    document: DocumentId,
    spared: Option<EventId>,
) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "WITH old AS (
             UPDATE inbound_events SET state = 'discarded', remark = 'superseded'
             WHERE document_id = $2 AND state = 'failed' AND id IS DISTINCT FROM $3
             RETURNING job_id)
         DELETE FROM jobs j USING old o WHERE j.id = o.job_id AND j.lane = $1 AND j.state = 'dead'",
        site,
        document.0,
        spared.map(|event| event.0),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What became of the webhook whose job isn't in the queue any more: its state, and its document.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_job(tx: &mut SiteTx, job: JobId) -> DbResult<Option<(String, Option<DocumentId>)>> {
    let row = sqlx::query!(
        "SELECT state, document_id FROM inbound_events WHERE job_id = $1 LIMIT 1",
        job.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| (r.state, r.document_id.map(DocumentId))))
}

/// The newest webhook that brought content for a document, and its body.
///
/// # Errors
/// When the database refuses or is away.
pub async fn newest_content(tx: &mut SiteTx, document: DocumentId) -> DbResult<Option<Vec<u8>>> {
    let raw = sqlx::query_scalar!(
        r#"SELECT raw AS "raw!" FROM inbound_events
           WHERE document_id = $1 AND raw IS NOT NULL
             AND (state IN ('processed', 'failed') OR remark = 'superseded' AND upload_id IS NOT NULL)
           ORDER BY event_at DESC, id DESC LIMIT 1"#,
        document.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(raw)
}
