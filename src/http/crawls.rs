//! A site's crawls, for its own server: what is crawled, how the last run went; adding one,
//! running one now, removing one.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::auth::ApiKey;
use super::body::Json;
use super::documents::Failure;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::db::{crawl_pages, crawls};
use crate::domain::crawl::{Bounds, Counts, Crawl as Known};
use crate::domain::ids::CrawlId;
use crate::knowledge::crawl::{self, AddError};

/// Pages that weren't taken in, in one answer.
const PROBLEMS: i64 = 100;

/// A crawl.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Crawl {
    id: Uuid,
    /// A page or a sitemap.
    url: String,
    /// Pages of a run at most.
    max_pages: u32,
    /// Links from the start to a page at most.
    max_depth: u32,
    /// Between two requests, in milliseconds.
    delay_ms: u32,
    /// Patterns of what is left out.
    exclude: Vec<String>,
    /// idle, queued, running or removing.
    state: &'static str,
    /// When the clock starts it next.
    next_run_at: DateTime<Utc>,
    /// When the run under way or the last one began.
    started_at: Option<DateTime<Utc>>,
    /// When the last run ended.
    finished_at: Option<DateTime<Utc>>,
    /// When a run last ended well.
    succeeded_at: Option<DateTime<Utc>>,
    /// How the last run ended: done, page_limit, byte_limit, time_limit, many_gone, or the
    /// code of a failure.
    outcome: Option<String>,
    /// Why the last run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Pages of that run.
    pages: Pages,
    /// Pages that weren't taken in, at most 100; only where one crawl is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problems>,
}

/// Pages of a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Pages {
    known: i64,
    visited: i64,
    taken: i64,
    unchanged: i64,
    skipped: i64,
    gone: i64,
    failed: i64,
}

/// A page that wasn't taken in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problems {
    url: String,
    /// skipped, moved, refused, gone or failed.
    state: String,
    /// A code.
    reason: Option<String>,
}

fn shown(crawl: Known, counts: Counts, problems: Vec<crawl_pages::Problem>) -> Crawl {
    let code = crawl.outcome.clone().unwrap_or_default();
    Crawl {
        id: crawl.id.0,
        url: crawl.url,
        max_pages: crawl.bounds.max_pages,
        max_depth: crawl.bounds.max_depth,
        delay_ms: crawl.bounds.delay_ms,
        exclude: crawl.bounds.exclude,
        state: crawl.state.as_str(),
        next_run_at: crawl.next_run_at,
        started_at: crawl.started_at,
        finished_at: crawl.finished_at,
        succeeded_at: crawl.succeeded_at,
        outcome: crawl.outcome,
        failure: crawl.detail.map(|detail| Failure { code, detail }),
        pages: Pages {
            known: counts.pages,
            visited: counts.visited,
            taken: counts.taken,
            unchanged: counts.unchanged,
            skipped: counts.skipped,
            gone: counts.gone,
            failed: counts.failed,
        },
        problems: problems
            .into_iter()
            .map(|p| Problems {
                url: p.url,
                state: p.state,
                reason: p.reason,
            })
            .collect(),
    }
}

/// All of a site's crawls.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct List {
    crawls: Vec<Crawl>,
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "This site has no such crawl.")
}

type Id = Result<Path<Uuid>, PathRejection>;

fn id(path: Id) -> Result<CrawlId, Problem> {
    path.map(|Path(id)| CrawlId(id)).map_err(|_| not_found())
}

/// The site's crawls.
#[utoipa::path(
    get, path = "/api/crawls", tag = "intake", security(("api_key" = [])),
    responses(
        (status = 200, body = List),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
    )
)]
pub async fn list(State(app): State<Arc<App>>, key: ApiKey) -> Result<axum::Json<List>, Problem> {
    let mut tx = app.db.site(key.site).await?;
    let mut all = Vec::new();
    for crawl in crawls::list(&mut tx).await? {
        let counts = crawl_pages::counts(&mut tx, crawl.id, crawl.run).await?;
        all.push(shown(crawl, counts, Vec::new()));
    }
    Ok(axum::Json(List { crawls: all }))
}

/// What to crawl.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// A page or a sitemap, on one of the site's origins.
    url: String,
    /// 1 to 50000; 1000 otherwise.
    max_pages: Option<u32>,
    /// 0 to 20; 5 otherwise.
    max_depth: Option<u32>,
    /// 0 to 60000; 500 otherwise.
    delay_ms: Option<u32>,
    /// Patterns as in robots.txt.
    #[serde(default)]
    exclude: Vec<String>,
    /// When it runs each night, in minutes of the day in UTC; otherwise a minute of its own.
    at_minute: Option<u16>,
    /// Whether to run it now too; true otherwise.
    #[serde(default = "yes")]
    run: bool,
}

fn yes() -> bool {
    true
}

/// Adds a crawl.
#[utoipa::path(
    post, path = "/api/crawls", tag = "intake", request_body = Wanted, security(("api_key" = [])),
    responses(
        (status = 201, body = Crawl),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn add(
    State(app): State<Arc<App>>,
    key: ApiKey,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, axum::Json<Crawl>), Problem> {
    if wanted.at_minute.is_some_and(|m| m >= 1440) {
        return Err(Problem::field("/at_minute", "0 to 1439."));
    }
    let usual = Bounds::default();
    let bounds = Bounds {
        max_pages: wanted.max_pages.unwrap_or(usual.max_pages),
        max_depth: wanted.max_depth.unwrap_or(usual.max_depth),
        delay_ms: wanted.delay_ms.unwrap_or(usual.delay_ms),
        exclude: wanted.exclude,
    };
    let now = app.clock.now();
    let mut tx = app.db.site(key.site).await?;
    let added = crawl::add(&mut tx, now, &wanted.url, bounds, wanted.at_minute)
        .await
        .map_err(|error| match error {
            AddError::Bounds(name, allowed) => Problem::field(format!("/{name}"), format!("{allowed}.")),
            AddError::Db(error) => error.into(),
            other => Problem::field("/url", format!("{other}.")),
        })?;
    if wanted.run {
        crawl::begin(&mut tx, now, added.id).await?;
    }
    let added = crawls::get(&mut tx, added.id).await?.unwrap_or(added);
    tx.commit().await?;
    Ok((
        StatusCode::CREATED,
        axum::Json(shown(added, Counts::default(), Vec::new())),
    ))
}

/// One crawl, with the pages that weren't taken in.
#[utoipa::path(
    get, path = "/api/crawls/{id}", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 200, body = Crawl),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
    )
)]
pub async fn get(State(app): State<Arc<App>>, key: ApiKey, path: Id) -> Result<axum::Json<Crawl>, Problem> {
    let id = id(path)?;
    let mut tx = app.db.site(key.site).await?;
    let crawl = crawls::get(&mut tx, id).await?.ok_or_else(not_found)?;
    let counts = crawl_pages::counts(&mut tx, id, crawl.run).await?;
    let problems = crawl_pages::problems(&mut tx, id, crawl.run, PROBLEMS).await?;
    Ok(axum::Json(shown(crawl, counts, problems)))
}

/// What was enqueued.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Enqueued {
    /// None while another crawl of the site runs: this one comes after it.
    job_id: Option<Uuid>,
    /// Where the job can be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_url: Option<String>,
}

fn enqueued(job: Option<Uuid>) -> (StatusCode, axum::Json<Enqueued>) {
    let body = Enqueued {
        job_id: job,
        status_url: job.map(|id| format!("/api/jobs/{id}")),
    };
    (StatusCode::ACCEPTED, axum::Json(body))
}

/// Runs a crawl now. One that runs already is left alone.
#[utoipa::path(
    post, path = "/api/crawls/{id}/run", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 202, body = Enqueued),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
    )
)]
pub async fn run(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
) -> Result<(StatusCode, axum::Json<Enqueued>), Problem> {
    let id = id(path)?;
    let mut tx = app.db.site(key.site).await?;
    crawls::get(&mut tx, id).await?.ok_or_else(not_found)?;
    let job = crawl::begin(&mut tx, app.clock.now(), id).await?;
    tx.commit().await?;
    Ok(enqueued(job.map(|j| j.0)))
}

/// Removes a crawl, and the documents that it took in.
#[utoipa::path(
    delete, path = "/api/crawls/{id}", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 202, body = Enqueued),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
    )
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Id,
) -> Result<(StatusCode, axum::Json<Enqueued>), Problem> {
    let id = id(path)?;
    let mut tx = app.db.site(key.site).await?;
    let job = crawl::remove(&mut tx, id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(enqueued(Some(job.0)))
}
