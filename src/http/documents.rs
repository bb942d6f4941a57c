//! A site's documents, for its own server: where each stands, having one made anew,
//! approving one, deleting one.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::auth::ApiKey;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::page;
use super::state::App;
use crate::db::document_states::{self, DocumentView, Which};
use crate::db::documents::{self, Approval};
use crate::db::{jobs, removal};
use crate::domain::document::DocumentState;
use crate::domain::ids::DocumentId;
use crate::domain::job::{self, Priority, Work};
use crate::knowledge::intake;

/// Documents on a page of the list, and at most.
const MOST: i64 = 200;
/// Names in one look-up.
const NAMES: usize = 200;
/// Passages in one answer.
const CHUNKS: i64 = 100;

/// A document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Document {
    id: Uuid,
    /// Where it comes from: wp_media, wp_post, crawl, file, …
    source: String,
    /// Its name there.
    external_id: String,
    title: String,
    /// Where a visitor can read it.
    url: Option<String>,
    /// waiting, processing, live, pending_review, failed or removed.
    state: &'static str,
    /// What a worker is at: fetch, sniff, scan, extract, normalise, chunk, embed or swap.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// How much of that stage is done, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f32>,
    /// Why its newest content failed. What was live before still is, unless its origin doesn't show
    /// it any more. Of a removed one: what its origin said.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// SHA-256 of the live version's content, in hex: what an approval is given for.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
    /// Of how many passages the live version is made.
    chunks: i32,
    /// How many versions have been live.
    version: i32,
    /// When the live version went live.
    updated_at: Option<DateTime<Utc>>,
}

/// Why something failed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Failure {
    /// For programs.
    pub code: String,
    /// For the site's owner.
    pub detail: String,
}

impl From<DocumentView> for Document {
    fn from(d: DocumentView) -> Self {
        let (stage, share) = d.progress.map(|p| (p.stage.into_owned(), p.share)).unzip();
        Self {
            id: d.id.0,
            source: d.source,
            external_id: d.external_id,
            title: d.title,
            url: d.url,
            state: d.state.as_str(),
            stage,
            share,
            failure: d.failure.map(|f| Failure {
                code: f.code,
                detail: f.detail,
            }),
            content_hash: d.content_hash,
            chunks: d.chunks,
            version: d.version,
            updated_at: d.updated_at,
        }
    }
}

/// A page of documents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page {
    documents: Vec<Document>,
    /// Give it as `after` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// What to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    source: Option<String>,
    state: Option<String>,
    after: Option<Uuid>,
    limit: Option<i64>,
}

fn not_found() -> Problem {
    Problem::new(Code::DocumentNotFound, "This site has no such document.")
}

type Id = Result<Path<Uuid>, PathRejection>;

fn id(path: Id) -> Result<DocumentId, Problem> {
    path.map(|Path(id)| DocumentId(id)).map_err(|_| not_found())
}

/// The site's documents. Removed ones are listed only when they are asked for.
#[utoipa::path(
    get, path = "/api/documents", tag = "intake", security(("api_key" = [])),
    params(
        ("source" = Option<String>, Query),
        ("state" = Option<String>, Query, description = "waiting, processing, live, pending_review, failed or removed"),
        ("after" = Option<Uuid>, Query, description = "the `next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 otherwise"),
    ),
    responses(
        (status = 200, body = Page),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn list(
    State(app): State<Arc<App>>,
    key: ApiKey,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<axum::Json<Page>, Problem> {
    let Query(wanted) = query.map_err(|_| {
        Problem::new(
            Code::InvalidField,
            "Only source, state, after (an id) and limit (a number) can be given.",
        )
    })?;
    let state = match &wanted.state {
        None => None,
        Some(name) => Some(DocumentState::parse(name).ok_or_else(|| {
            Problem::field(
                "/state",
                "waiting, processing, live, pending_review, failed or removed.",
            )
        })?),
    };
    let limit = page::limit(wanted.limit)?;
    let which = Which {
        source: wanted.source,
        state,
        after: wanted.after.map(DocumentId),
        ..Which::default()
    };
    let mut tx = app.db.site(key.site).await?;
    let mut found = document_states::list(&mut tx, &which, limit + 1).await?;
    let more = page::cut(&mut found, limit);
    Ok(axum::Json(Page {
        next: found.last().filter(|_| more).map(|d| d.id.0),
        documents: found.into_iter().map(Document::from).collect(),
    }))
}

/// Names at an origin.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Where they come from: wp_media or wp_post.
    source: String,
    /// At most 200.
    external_ids: Vec<String>,
}

/// Documents by their names at their origin; those that aren't known are left out.
#[utoipa::path(
    post, path = "/api/documents/lookup", tag = "intake", request_body = Lookup, security(("api_key" = [])),
    responses(
        (status = 200, body = Page),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn lookup(
    State(app): State<Arc<App>>,
    key: ApiKey,
    Json(lookup): Json<Lookup>,
) -> Result<axum::Json<Page>, Problem> {
    if lookup.external_ids.len() > NAMES {
        return Err(Problem::field("/external_ids", format!("At most {NAMES}.")));
    }
    let which = Which {
        source: Some(lookup.source),
        external_ids: Some(lookup.external_ids),
        ..Which::default()
    };
    let mut tx = app.db.site(key.site).await?;
    let found = document_states::list(&mut tx, &which, MOST).await?;
    Ok(axum::Json(Page {
        documents: found.into_iter().map(Document::from).collect(),
        next: None,
    }))
}

/// One document.
#[utoipa::path(
    get, path = "/api/documents/{id}", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 200, body = Document),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "document_not_found", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
) -> Result<axum::Json<Document>, Problem> {
    let id = id(path)?;
    let mut tx = app.db.site(key.site).await?;
    let found = document_states::get(&mut tx, id).await?.ok_or_else(not_found)?;
    Ok(axum::Json(found.into()))
}

/// A passage.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Chunk {
    /// What an answer cites.
    id: i64,
    /// Its place in the document, from 0.
    n: i32,
    /// The headings above it.
    heading_path: Vec<String>,
    /// The page in a paged document, from 1.
    page: Option<i32>,
    /// Markdown.
    text: String,
    /// How many tokens it is.
    tokens: i32,
}

/// Passages in their order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Chunks {
    /// Of the content that they were made of: what an approval of them is given for.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
    chunks: Vec<Chunk>,
    /// Give it as `after` to get the next ones; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i32>,
}

/// Where to go on.
#[derive(Debug, Deserialize)]
pub struct After {
    after: Option<i32>,
}

/// The passages that a document's live version is made of.
#[utoipa::path(
    get, path = "/api/documents/{id}/chunks", tag = "intake", security(("api_key" = [])),
    params(("id" = Uuid, Path), ("after" = Option<i32>, Query, description = "the `next` of the answer before")),
    responses(
        (status = 200, body = Chunks),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "document_not_found", body = ProblemBody),
    )
)]
pub async fn chunks(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
    query: Result<Query<After>, QueryRejection>,
) -> Result<axum::Json<Chunks>, Problem> {
    let id = id(path)?;
    let Query(After { after }) = query.map_err(|_| Problem::field("/after", "A number."))?;
    // No other version may come between what names them and themselves.
    let mut tx = app.db.snapshot(key.site).await?;
    let document = document_states::get(&mut tx, id).await?.ok_or_else(not_found)?;
    let found = document_states::chunks(&mut tx, id, after.unwrap_or(-1), CHUNKS).await?;
    drop(tx);
    let full = i64::try_from(found.len()).is_ok_and(|n| n == CHUNKS);
    Ok(axum::Json(Chunks {
        content_hash: document.content_hash,
        next: found.last().filter(|_| full).map(|c| c.n),
        chunks: found
            .into_iter()
            .map(|c| Chunk {
                id: c.id,
                n: c.n,
                heading_path: c.heading_path,
                page: c.page,
                text: c.text,
                tokens: c.tokens,
            })
            .collect(),
    }))
}

/// A job that was enqueued.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Enqueued {
    job_id: Uuid,
    /// Where it can be watched.
    status_url: String,
}

/// Has a document made anew, of its content as it is now at its origin.
#[utoipa::path(
    post, path = "/api/documents/{id}/reindex", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 202, body = Enqueued),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "document_not_found", body = ProblemBody),
        (status = 409, description = "no_source", body = ProblemBody),
    )
)]
pub async fn reindex(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
) -> Result<(StatusCode, axum::Json<Enqueued>), Problem> {
    let id = id(path)?;
    let mut tx = app.db.site(key.site).await?;
    if !documents::lock(&mut tx, id).await? {
        return Err(not_found());
    }
    let upload = intake::again(&mut tx, id).await?.ok_or_else(|| {
        Problem::new(
            Code::NoSource,
            "Its content isn't kept here and can't be fetched. Please hand it in again.",
        )
    })?;
    let job = job::Job {
        work: Work::IngestDocument { upload, document: id },
        key: upload.to_string(),
        priority: Priority::High,
    };
    let job = jobs::enqueue(&mut tx, &job).await?.id;
    tx.commit().await?;
    let answer = Enqueued {
        job_id: job.0,
        status_url: format!("/api/jobs/{job}"),
    };
    Ok((StatusCode::ACCEPTED, axum::Json(answer)))
}

/// What somebody has seen and approves.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// The `content_hash` of what they have seen, as the document or its passages show it.
    content_hash: String,
}

/// Lets a document that waits for approval be searched, as somebody has seen it: of another
/// content that has come meanwhile it is refused.
#[utoipa::path(
    post, path = "/api/documents/{id}/approve", tag = "intake", params(("id" = Uuid, Path)), request_body = Approved,
    security(("api_key" = [])),
    responses(
        (status = 200, body = Document),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "document_not_found", body = ProblemBody),
        (status = 409, description = "content_changed", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn approve(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
    Json(seen): Json<Approved>,
) -> Result<axum::Json<Document>, Problem> {
    let id = id(path)?;
    let content = seen.content_hash.trim().to_ascii_lowercase();
    if content.len() != 64 || !content.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Problem::field(
            "/content_hash",
            "The 64 hex digits that the document shows as its `content_hash`.",
        ));
    }
    let mut tx = app.db.site(key.site).await?;
    match documents::approve(&mut tx, id, &content).await? {
        Approval::Given => {}
        Approval::Changed => {
            return Err(Problem::new(
                Code::ContentChanged,
                "It has another content by now. Look at that, and approve it by its own content_hash.",
            ));
        }
        Approval::Nothing => {
            return Err(Problem::new(
                Code::DocumentNotFound,
                "This site has no such document, or nothing of it is taken in yet.",
            ));
        }
    }
    let found = document_states::get(&mut tx, id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(axum::Json(found.into()))
}

/// What a deletion removed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    receipt_id: Uuid,
    at: DateTime<Utc>,
    counts: Counts,
}

/// How much of each kind.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Counts {
    chunks: i64,
    vectors: i64,
    postings: i64,
    cached_vectors: i64,
    versions: i64,
    uploads: i64,
    events: i64,
    jobs: i64,
}

/// Deletes a document, at once and for good; only its name at its origin is kept, so that what
/// was sent before can't bring it back.
#[utoipa::path(
    delete, path = "/api/documents/{id}", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 200, body = Receipt),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "document_not_found", body = ProblemBody),
    )
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
) -> Result<axum::Json<Receipt>, Problem> {
    let id = id(path)?;
    let mut tx = app.db.site(key.site).await?;
    let removed = removal::remove(&mut tx, app.clock.now(), id, None, None)
        .await?
        .ok_or_else(not_found)?;
    tx.commit().await?;
    let c = removed.counts;
    Ok(axum::Json(Receipt {
        receipt_id: removed.receipt,
        at: removed.at,
        counts: Counts {
            chunks: c.chunks,
            vectors: c.vectors,
            postings: c.postings,
            cached_vectors: c.cached_vectors,
            versions: c.versions,
            uploads: c.uploads,
            events: c.events,
            jobs: c.jobs,
        },
    }))
}
