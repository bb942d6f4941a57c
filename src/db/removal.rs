//! The end of a document, in one transaction: passages, vectors, postings, vectors that
//! were computed ahead, content that waits, what webhooks brought, and the jobs that would
//! bring it back; and a receipt of it all. What runs on the document is stopped, since its
//! job is gone, and finds nothing to write to.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::{corpus, documents, receipts};
use crate::domain::ids::{DocumentId, JobId};

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Passages.
    pub chunks: i64,
    /// Their vectors.
    pub vectors: i64,
    /// Their words' entries in the index.
    pub postings: i64,
    /// Vectors that were computed for a version that isn't live yet.
    pub cached_vectors: i64,
    /// What is known of its versions.
    pub versions: i64,
    /// Contents that waited.
    pub uploads: i64,
    /// Webhooks whose content was forgotten.
    pub events: i64,
    /// Jobs that waited, ran or had failed.
    pub jobs: i64,
}

/// What a removal leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Its receipt.
    pub receipt: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// How much.
    pub counts: Counts,
}

/// Removes everything of a document but its name at its origin and the time of the event that
/// ended it (none: now); none when there is nothing to remove. `spared` is the job that does so.
///
/// # Errors
/// When the database refuses or is away.
pub async fn remove(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    id: DocumentId,
    event_at: Option<DateTime<Utc>>,
    spared: Option<JobId>,
) -> DbResult<Option<Removed>> {
    if !documents::lock(tx, id).await? {
        return Ok(None);
    }
    let site = tx.site().0;
    let until = event_at.unwrap_or(now);
    let (name, mut counts) = count(tx, id).await?;
    // Before the uploads, whose ids are the jobs' keys. A newer event's job is left alone.
    let jobs = sqlx::query!(
        "DELETE FROM jobs
         WHERE lane = $1 AND state <> 'done' AND id IS DISTINCT FROM $4
           AND (id IN (SELECT job_id FROM inbound_events
                       WHERE document_id = $2 AND state IN ('queued', 'failed') AND event_at <= $3)
                OR (kind = 'ingest_document' AND key IN (SELECT id::text FROM uploads WHERE document_id = $2)))",
        site,
        id.0,
        until,
        spared.map(|job| job.0),
    )
    .execute(tx.conn())
    .await?;
    let events = sqlx::query!(
        "UPDATE inbound_events
         SET raw = NULL,
             remark = CASE WHEN state = 'queued' AND job_id IS DISTINCT FROM $3 THEN 'removed' ELSE remark END,
             state = CASE WHEN state = 'queued' AND job_id IS DISTINCT FROM $3 THEN 'discarded' ELSE state END
         WHERE document_id = $1 AND event_at <= $2 AND raw IS NOT NULL",
        id.0,
        until,
        spared.map(|job| job.0),
    )
    .execute(tx.conn())
    .await?;
    let uploads = sqlx::query!("DELETE FROM uploads WHERE document_id = $1", id.0)
        .execute(tx.conn())
        .await?;
    contents(tx, id, &mut counts).await?;
    forget(tx, now, id).await?;
    documents::ended(tx, id, until).await?;
    counts.uploads = many(uploads.rows_affected());
    counts.events = many(events.rows_affected());
    counts.jobs = many(jobs.rows_affected());
    receipt(tx, now, &name, counts).await.map(Some)
}

/// Forgets what is known of a document but its name at its origin: it is deleted from now on. Who tells
/// of it once more, as it was told before, has it taken in again; an end that was told is noted besides.
pub(in crate::db) async fn forget(tx: &mut SiteTx, now: DateTime<Utc>, id: DocumentId) -> DbResult<()> {
    sqlx::query!(
        "UPDATE documents
         SET deleted_at = $2, event_at = event_at - interval '1 microsecond', updated_at = NULL, title = '', url = NULL, fetch_url = NULL, fetched = NULL,
             tags = '{}', channels = '{}', lang = NULL, version = 0, visibility = 'public', review = 'approved',
             approved_text = NULL
         WHERE id = $1",
        id.0,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What there is of a document, and its name for a receipt.
pub(in crate::db) async fn count(tx: &mut SiteTx, id: DocumentId) -> DbResult<(String, Counts)> {
    let found = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM chunks WHERE document_id = $1) AS "chunks!",
                  (SELECT coalesce(sum(length(lexemes)), 0) FROM chunks WHERE document_id = $1) AS "postings!",
                  (SELECT count(*) FROM embeddings WHERE document_id = $1) AS "vectors!",
                  (SELECT source FROM documents WHERE id = $1) AS "source!",
                  (SELECT external_id FROM documents WHERE id = $1) AS "external_id!""#,
        id.0,
    )
    .fetch_one(tx.conn())
    .await?;
    let counts = Counts {
        chunks: found.chunks,
        postings: found.postings,
        vectors: found.vectors,
        ..Counts::default()
    };
    Ok((format!("document:{}:{}", found.source, found.external_id), counts))
}

/// Removes all that was made of a document's contents. The site's statistics are locked from then
/// on.
pub(in crate::db) async fn contents(tx: &mut SiteTx, id: DocumentId, counts: &mut Counts) -> DbResult<()> {
    let cached = sqlx::query!("DELETE FROM embedding_cache WHERE document_id = $1", id.0)
        .execute(tx.conn())
        .await?;
    corpus::retire(tx, id).await?;
    documents::tag(tx, id, &[]).await?;
    let versions = sqlx::query!("DELETE FROM versions WHERE document_id = $1", id.0)
        .execute(tx.conn())
        .await?;
    counts.cached_vectors = many(cached.rows_affected());
    counts.versions = many(versions.rows_affected());
    Ok(())
}

/// Leaves a receipt of what was removed of the document of this name.
pub(in crate::db) async fn receipt(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    name: &str,
    counts: Counts,
) -> DbResult<Removed> {
    let told = serde_json::to_value(counts).map_err(|e| DbError::Unreadable(format!("a receipt: {e}")))?;
    Ok(Removed {
        receipt: receipts::insert(tx, "document", &Sha256::digest(name), &told, now).await?,
        at: now,
        counts,
    })
}

fn many(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
