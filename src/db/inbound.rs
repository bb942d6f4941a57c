//! Webhooks as they came: stored once with their jobs, in one transaction, and found again
//! when they are repeated.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::db::jobs;
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::ids::{DocumentId, EventId, JobId, UploadId};
use crate::domain::job::{Job, Priority, Work};

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
/// documents; gives for each what it is answered. All are of the transaction's site.
///
/// # Errors
/// When the database refuses or is away.
pub async fn store(tx: &mut SiteTx, events: &[NewEvent]) -> DbResult<Vec<Stored>> {
    let fresh = insert(tx, events).await?;
    let mut work = Vec::with_capacity(fresh.len());
    for event in events.iter().filter(|e| fresh.contains(&e.id.0)) {
        let job = Job {
            work: Work::TakeEvent {
                event: event.id,
                document: event.document,
            },
            key: event.id.to_string(),
            // An end is quickly done, and urgent.
            priority: if event.removes {
                Priority::High
            } else {
                Priority::Standard
            },
        };
        work.push((event.job, job));
    }
    jobs::enqueue_new(tx, &work).await?;
    let mut stored = Vec::with_capacity(events.len());
    for event in events {
        stored.push(if fresh.contains(&event.id.0) {
            Stored {
                job: event.job,
                document: event.document,
                new: true,
                same: true,
            }
        } else {
            repeated(tx, event).await?
        });
    }
    Ok(stored)
}

/// The ids of those that are new.
async fn insert(tx: &mut SiteTx, events: &[NewEvent]) -> DbResult<Vec<Uuid>> {
    let site = tx.site().0;
    let column = |of: fn(&NewEvent) -> Uuid| events.iter().map(of).collect::<Vec<_>>();
    let (ids, documents, jobs) = (column(|e| e.id.0), column(|e| e.document.0), column(|e| e.job.0));
    let text = |of: fn(&NewEvent) -> String| events.iter().map(of).collect::<Vec<_>>();
    let (sources, keys, kinds, kids) = (
        text(|e| e.source.to_owned()),
        text(|e| e.external_id.clone()),
        text(|e| e.kind.to_owned()),
        text(|e| e.kid.clone()),
    );
    let (document_sources, names, titles) = (
        text(|e| e.document_source.to_owned()),
        text(|e| e.document_name.clone()),
        text(|e| e.title.clone()),
    );
    let hashes: Vec<Vec<u8>> = events.iter().map(|e| e.body_sha256.to_vec()).collect();
    let raws: Vec<&[u8]> = events.iter().map(|e| e.raw.as_slice()).collect();
    let headers: Vec<Value> = events.iter().map(|e| e.headers.clone()).collect();
    let happened: Vec<DateTime<Utc>> = events.iter().map(|e| e.event_at).collect();
    let received: Vec<DateTime<Utc>> = events.iter().map(|e| e.received_at).collect();
    let removes: Vec<bool> = events.iter().map(|e| e.removes).collect();
    let fresh = sqlx::query_scalar!(
        r#"WITH given AS MATERIALIZED (
             SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::jsonb[],
                                  $9::text[], $10::timestamptz[], $11::timestamptz[], $12::uuid[], $13::uuid[],
                                  $14::text[], $15::text[], $16::text[], $17::bool[])
                  AS g (id, source, key, kind, sha, raw, headers, kid, event_at, received_at, document, job,
                        document_source, name, title, removes)
         ), fresh AS (
             INSERT INTO inbound_events (site_id, id, source, external_id, kind, body_sha256, raw, headers,
                                         signature_valid, kid, event_at, received_at, document_id, job_id)
             SELECT $1, id, source, key, kind, sha, raw, headers, true, kid, event_at, received_at, document, job
             FROM given
             ON CONFLICT DO NOTHING
             RETURNING id
         ), documents AS (
             INSERT INTO documents (site_id, id, source, external_id, title)
             SELECT DISTINCT ON (g.document) $1, g.document, g.document_source, g.name, g.title
             FROM given g JOIN fresh f ON f.id = g.id WHERE NOT g.removes
             ORDER BY g.document
             ON CONFLICT DO NOTHING
         )
         SELECT id AS "id!" FROM fresh"#,
        site,
        &ids,
        &sources,
        &keys,
        &kinds,
        &hashes,
        &raws as &[&[u8]],
        &headers,
        &kids,
        &happened,
        &received,
        &documents,
        &jobs,
        &document_sources,
        &names,
        &titles,
        &removes,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(fresh)
}

/// The first one with this key or body.
async fn repeated(tx: &mut SiteTx, event: &NewEvent) -> DbResult<Stored> {
    let first = sqlx::query!(
        r#"SELECT job_id AS "job!", document_id AS "document!", kind = $4 AND (event_at = $5 OR NOT $6) AS "same!"
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
    Ok(Stored {
        job: first.job.into(),
        document: first.document.into(),
        new: false,
        same: first.same && first.document == event.document.0,
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
