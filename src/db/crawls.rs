//! Crawls: what is crawled of a site, within which bounds, and how its runs went. Their
//! pages are in `crawl_pages`.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::crawl::{Bounds, Crawl, CrawlState};
use crate::domain::ids::{CrawlId, JobId, SiteId};

struct Row {
    id: Uuid,
    url: String,
    max_pages: i32,
    max_depth: i32,
    delay_ms: i32,
    exclude: Vec<String>,
    at_minute: i16,
    created_at: DateTime<Utc>,
    next_run_at: DateTime<Utc>,
    state: String,
    run: i32,
    job_id: Option<Uuid>,
    started_at: Option<DateTime<Utc>>,
    landed: Option<String>,
    bytes: i64,
    limited: bool,
    failures: i32,
    outcome: Option<String>,
    detail: Option<String>,
    finished_at: Option<DateTime<Utc>>,
    succeeded_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Crawl {
    type Error = DbError;

    fn try_from(r: Row) -> DbResult<Self> {
        let state = CrawlState::parse(&r.state);
        Ok(Self {
            id: CrawlId(r.id),
            url: r.url,
            bounds: Bounds {
                max_pages: r.max_pages.unsigned_abs(),
                max_depth: r.max_depth.unsigned_abs(),
                delay_ms: r.delay_ms.unsigned_abs(),
                exclude: r.exclude,
            },
            at_minute: r.at_minute.unsigned_abs(),
            created_at: r.created_at,
            next_run_at: r.next_run_at,
            state: state.ok_or_else(|| DbError::Unreadable(format!("a crawl's state `{}`", r.state)))?,
            run: r.run,
            job: r.job_id.map(JobId),
            started_at: r.started_at,
            landed: r.landed,
            bytes: r.bytes,
            limited: r.limited,
            failures: r.failures,
            outcome: r.outcome,
            detail: r.detail,
            finished_at: r.finished_at,
            succeeded_at: r.succeeded_at,
        })
    }
}

/// The site's crawls, oldest first.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx) -> DbResult<Vec<Crawl>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, url, max_pages, max_depth, delay_ms, exclude, at_minute, created_at, next_run_at, state, run,
                job_id, started_at, landed, bytes, limited, failures, outcome, detail, finished_at, succeeded_at
         FROM crawls ORDER BY created_at, id"
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Crawl::try_from).collect()
}

/// The same, locked until the transaction ends: which of them runs is decided over all.
///
/// # Errors
/// When the database refuses or is away.
pub async fn lock(tx: &mut SiteTx) -> DbResult<Vec<Crawl>> {
    sqlx::query!("SELECT id FROM crawls ORDER BY id FOR UPDATE")
        .fetch_all(tx.conn())
        .await?;
    list(tx).await
}

/// One of them.
///
/// # Errors
/// When the database refuses or is away.
pub async fn get(tx: &mut SiteTx, id: CrawlId) -> DbResult<Option<Crawl>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, url, max_pages, max_depth, delay_ms, exclude, at_minute, created_at, next_run_at, state, run,
                job_id, started_at, landed, bytes, limited, failures, outcome, detail, finished_at, succeeded_at
         FROM crawls WHERE id = $1",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Crawl::try_from).transpose()
}

/// Stores a new one; false when the site has one of this address.
///
/// # Errors
/// When the database refuses (bounds out of range) or is away.
pub async fn insert(tx: &mut SiteTx, crawl: &Crawl) -> DbResult<bool> {
    let site = tx.site().0;
    let b = &crawl.bounds;
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let added = sqlx::query!(
        "INSERT INTO crawls (site_id, id, url, max_pages, max_depth, delay_ms, exclude, at_minute, created_at, next_run_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (site_id, url) DO NOTHING",
        site,
        crawl.id.0,
        crawl.url,
        number(b.max_pages),
        number(b.max_depth),
        number(b.delay_ms),
        &b.exclude,
        i16::try_from(crawl.at_minute).unwrap_or(0),
        crawl.created_at,
        crawl.next_run_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(added.rows_affected() > 0)
}

/// Begins the next run, under this job.
///
/// # Errors
/// When the database refuses (another one of the site runs) or is away.
pub async fn begin(tx: &mut SiteTx, id: CrawlId, now: DateTime<Utc>, job: JobId) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawls SET state = 'running', run = run + 1, job_id = $2, started_at = $3, landed = NULL, bytes = 0,
                limited = false, failures = 0
         WHERE id = $1",
        id.0,
        job.0,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It waits for its turn, or is being removed by this job.
///
/// # Errors
/// When the database refuses or is away.
pub async fn set_state(tx: &mut SiteTx, id: CrawlId, state: CrawlState, job: Option<JobId>) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawls SET state = $2, job_id = coalesce($3, job_id) WHERE id = $1",
        id.0,
        state.as_str(),
        job.map(|j| j.0),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Locks a crawl until the transaction ends; false when this run of it isn't under way any more.
///
/// # Errors
/// When the database refuses or is away.
pub async fn hold(tx: &mut SiteTx, id: CrawlId, run: i32) -> DbResult<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM crawls WHERE id = $1 AND run = $2 AND state = 'running' FOR UPDATE",
        id.0,
        run
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

/// What a visit adds to the run: bytes, where the start led, and whether the server has
/// failed once more.
///
/// # Errors
/// When the database refuses or is away.
pub async fn advance(
    tx: &mut SiteTx,
    id: CrawlId,
    bytes: i64,
    landed: Option<&str>,
    failed: bool,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawls SET bytes = bytes + $2, landed = coalesce($3, landed),
                failures = CASE WHEN $4 THEN failures + 1 ELSE 0 END
         WHERE id = $1",
        id.0,
        bytes,
        landed,
        failed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// A code.
    pub outcome: &'a str,
    /// A sentence, where it went wrong.
    pub detail: Option<&'a str>,
    /// Whether it went well.
    pub well: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// When the next one is due.
    pub next: DateTime<Utc>,
}

/// Ends the run; false when it isn't running any more.
///
/// # Errors
/// When the database refuses or is away.
pub async fn end(tx: &mut SiteTx, id: CrawlId, end: End<'_>) -> DbResult<bool> {
    let ended = sqlx::query!(
        "UPDATE crawls SET state = 'idle', outcome = $2, detail = $3, finished_at = $4, next_run_at = $5,
                succeeded_at = CASE WHEN $6 THEN $4 ELSE succeeded_at END
         WHERE id = $1 AND state = 'running'",
        id.0,
        end.outcome,
        end.detail,
        end.at,
        end.next,
        end.well,
    )
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// Deletes it with what is known of its pages; their documents are somebody else's to delete.
///
/// # Errors
/// When the database refuses or is away.
pub async fn delete(tx: &mut SiteTx, id: CrawlId) -> DbResult<()> {
    sqlx::query!("DELETE FROM crawls WHERE id = $1", id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Over all sites: those that the clock must start, and those whose job has died.
///
/// # Errors
/// When the database refuses or is away.
pub async fn due(db: &Db, now: DateTime<Utc>) -> DbResult<Vec<(SiteId, CrawlId)>> {
    let rows = sqlx::query!(
        r#"SELECT site_id AS "site_id!", id AS "id!" FROM deskhand_crawls_due($1)"#,
        now
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (SiteId(r.site_id), CrawlId(r.id)))
        .collect())
}
