//! Documents as their owner sees them: where each stands, how far a worker is with it, why
//! it failed, and of which passages it is made.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::document::DocumentState;
use crate::domain::ids::{DocumentId, JobId};
use crate::domain::job::Progress;

/// Which documents to list; `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Where they come from.
    pub source: Option<String>,
    /// Where they stand. Removed ones are listed only when they are asked for, or named.
    pub state: Option<DocumentState>,
    /// These ones.
    pub ids: Option<Vec<DocumentId>>,
    /// Those that have these names at their origin.
    pub external_ids: Option<Vec<String>>,
    /// Those after this one.
    pub after: Option<DocumentId>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DocumentView {
    /// Its id.
    pub id: DocumentId,
    /// Where it comes from.
    pub source: String,
    /// Its name there.
    pub external_id: String,
    /// Its title.
    pub title: String,
    /// Where a visitor can read it.
    pub url: Option<String>,
    /// Where it stands.
    pub state: DocumentState,
    /// How far a worker is with it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why its newest content failed, or why the last try did and there will be another; of a removed
    /// one, what its origin said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
    /// SHA-256 of the live version's content, in hex: what an approval is given for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// Of how many passages the live version is made.
    pub chunks: i32,
    /// How many versions have been live.
    pub version: i32,
    /// When the live version went live.
    pub updated_at: Option<DateTime<Utc>>,
    /// The time of the newest event that told of it.
    pub event_at: Option<DateTime<Utc>>,
    /// The words that it is filed under.
    pub tags: Vec<String>,
    /// The channels that may answer from it; empty: all.
    pub channels: Vec<String>,
    /// The job that is at it or will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureView {
    /// For programs.
    pub code: String,
    /// For the site's owner.
    pub detail: String,
}

/// The job that is at a document.
#[derive(Deserialize)]
struct Job {
    id: JobId,
    progress: Option<Progress>,
    code: Option<String>,
    detail: Option<String>,
}

/// A passage, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChunkView {
    /// What an answer cites.
    pub id: i64,
    /// Its place in the document, from 0.
    pub n: i32,
    /// The headings above it.
    pub heading_path: Vec<String>,
    /// The page in a paged document, from 1.
    pub page: Option<i32>,
    /// Markdown.
    pub text: String,
    /// How many tokens it is.
    pub tokens: i32,
}

/// Up to `limit` documents, by id.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx, which: &Which, limit: i64) -> DbResult<Vec<DocumentView>> {
    let site = tx.site().0;
    let ids: Option<Vec<Uuid>> = which.ids.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    let rows = sqlx::query!(
        r#"SELECT id, source, external_id, title, url, version, updated_at, event_at, tags, channels,
                  content AS "content?", coalesce(chunks, 0) AS "chunks!", failure AS "failure?", job AS "job?", state AS "state!"
           FROM (
             SELECT r.*,
                    CASE WHEN hidden OR (deleted AND job IS NULL) THEN 'removed'
                         WHEN job ->> 'state' = 'running' THEN 'processing'
                         WHEN job IS NOT NULL THEN 'waiting'
                         WHEN failure IS NOT NULL THEN 'failed'
                         WHEN chunks IS NULL THEN 'waiting'
                         WHEN review = 'approved' THEN 'live'
                         ELSE 'pending_review' END AS state
             FROM (
               SELECT d.id, d.source, d.external_id, d.title, d.url, d.version, d.updated_at, d.event_at, d.tags,
                      d.channels, d.review, d.visibility = 'private' AS hidden, d.deleted_at IS NOT NULL AS deleted,
                      l.chunks, encode(l.sha256, 'hex') AS content,
                      (SELECT jsonb_build_object('code', f.failure_code, 'detail', f.failure)
                       FROM versions f WHERE f.document_id = d.id AND f.state = 'failed') AS failure,
                      (SELECT to_jsonb(q) FROM (
                           (SELECT w.id, w.state, w.progress, w.error_code AS code, w.error_detail AS detail
                            FROM inbound_events e JOIN jobs w ON w.id = e.job_id AND w.lane = $1
                            WHERE e.document_id = d.id AND e.state IN ('queued', 'failed')
                              AND w.state IN ('waiting', 'running'))
                           UNION ALL
                           (SELECT w.id, w.state, w.progress, w.error_code, w.error_detail
                            FROM uploads u JOIN jobs w ON w.lane = $1 AND w.kind = 'ingest_document' AND w.key = u.id::text
                            WHERE u.document_id = d.id AND w.state IN ('waiting', 'running'))
                           ORDER BY state LIMIT 1
                       ) q) AS job
               FROM documents d
               LEFT JOIN versions l ON l.document_id = d.id AND l.state = 'live'
               WHERE ($2::text IS NULL OR d.source = $2)
                 AND ($3::uuid[] IS NULL OR d.id = ANY ($3))
                 AND ($4::text[] IS NULL OR d.external_id = ANY ($4))
                 AND ($5::uuid IS NULL OR d.id > $5)
               -- In order, so that no more of them are looked at than are asked for.
               ORDER BY d.id OFFSET 0
             ) r
             OFFSET 0
           ) s
           WHERE CASE WHEN $6::text IS NOT NULL THEN state = $6
                      ELSE state <> 'removed' OR $3 IS NOT NULL OR $4 IS NOT NULL END
           ORDER BY id LIMIT $7"#,
        site,
        which.source,
        ids.as_deref(),
        which.external_ids.as_deref(),
        which.after.map(|id| id.0),
        which.state.map(DocumentState::as_str),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            let unread = |what: &str| DbError::Unreadable(format!("a document's {what}"));
            let state = DocumentState::parse(&r.state).ok_or_else(|| unread("state"))?;
            let job: Option<Job> = r
                .job
                .map(serde_json::from_value)
                .transpose()
                .map_err(|_| unread("job"))?;
            let failed: Option<FailureView> = r
                .failure
                .map(serde_json::from_value)
                .transpose()
                .map_err(|_| unread("failure"))?;
            let failure = match (state, &job) {
                (DocumentState::Failed | DocumentState::Removed, _) => failed,
                (DocumentState::Waiting | DocumentState::Processing, Some(job)) => job
                    .code
                    .clone()
                    .zip(job.detail.clone())
                    .map(|(code, detail)| FailureView { code, detail }),
                _ => None,
            };
            let job_id = job.as_ref().map(|j| j.id);
            let progress = job
                .and_then(|j| j.progress)
                .filter(|_| state == DocumentState::Processing);
            Ok(DocumentView {
                id: DocumentId(r.id),
                source: r.source,
                external_id: r.external_id,
                title: r.title,
                url: r.url,
                state,
                progress,
                failure,
                content_hash: r.content,
                chunks: r.chunks,
                version: r.version,
                updated_at: r.updated_at,
                event_at: r.event_at,
                tags: r.tags,
                channels: r.channels,
                job_id,
            })
        })
        .collect()
}

/// One document.
///
/// # Errors
/// When the database refuses or is away.
pub async fn get(tx: &mut SiteTx, id: DocumentId) -> DbResult<Option<DocumentView>> {
    let which = Which {
        ids: Some(vec![id]),
        ..Which::default()
    };
    Ok(list(tx, &which, 1).await?.pop())
}

/// The live version's passages in their order, after that one; at most `limit`.
///
/// # Errors
/// When the database refuses or is away.
pub async fn chunks(tx: &mut SiteTx, id: DocumentId, after: i32, limit: i64) -> DbResult<Vec<ChunkView>> {
    let rows = sqlx::query_as!(
        ChunkView,
        "SELECT id, n, heading_path, page, text, tokens FROM chunks
         WHERE document_id = $1 AND n > $2 ORDER BY n LIMIT $3",
        id.0,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
