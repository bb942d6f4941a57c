//! Crawls: the pages of given addresses and sitemaps, taken in night by night. A run visits
//! one page after the other, politely, and hands what is new to ingestion; whatever it
//! learns is stored with each page, so that it can be broken off anywhere.

mod effects;
mod ending;
pub mod page;
pub mod robots;
pub mod run;
pub mod scope;
pub mod shown;
pub mod sitemap;
mod tags;
pub mod visit;

use chrono::{DateTime, Utc};
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::{crawl_pages, crawls, jobs};
use crate::domain::crawl::{Bounds, Crawl, CrawlState, MOST, next_run};
use crate::domain::ids::{CrawlId, JobId};
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::fetch::allow::AllowList;

/// Why a crawl can't be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// No URL that can be fetched.
    #[error("`{0}` is not an address that can be crawled; write it like https://shop.example/help/")]
    Url(String),
    /// Not one of the site's origins.
    #[error(
        "{0} isn't one of the site's origins, so it isn't crawled; the operator can allow it with `deskhand site set SITE fetch_origins={0}`"
    )]
    Origin(String),
    /// A bound out of range.
    #[error("`{0}` must be {1}")]
    Bounds(&'static str, &'static str),
    /// The site has it already.
    #[error("the site has a crawl of this address already")]
    Known,
    /// The site has too many.
    #[error("a site has at most {MOST} crawls")]
    TooMany,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds a crawl. It runs at night, at a time of its own, unless `at_minute` says when.
///
/// # Errors
/// When it can't be crawled; the message says what to do.
pub async fn add(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    url: &str,
    bounds: Bounds,
    at_minute: Option<u16>,
) -> Result<Crawl, AddError> {
    let bad = || AddError::Url(url.to_owned());
    let url = Url::parse(url.trim())
        .ok()
        .and_then(scope::normalise)
        .ok_or_else(bad)?;
    if !AllowList::of_site(tx).await?.allows(&url) {
        return Err(AddError::Origin(url.origin().ascii_serialization()));
    }
    if let Some((name, allowed)) = bounds.fault() {
        return Err(AddError::Bounds(name, allowed));
    }
    if crawls::lock(tx).await?.len() >= MOST {
        return Err(AddError::TooMany);
    }
    let id = CrawlId::new();
    let at_minute = at_minute.filter(|m| *m < 1440).unwrap_or_else(|| night(id));
    let crawl = Crawl {
        id,
        url: url.into(),
        bounds,
        at_minute,
        created_at: now,
        next_run_at: next_run(now, at_minute),
        state: CrawlState::Idle,
        run: 0,
        job: None,
        started_at: None,
        landed: None,
        bytes: 0,
        limited: false,
        failures: 0,
        outcome: None,
        detail: None,
        finished_at: None,
        succeeded_at: None,
    };
    if !crawls::insert(tx, &crawl).await? {
        return Err(AddError::Known);
    }
    Ok(crawl)
}

/// Between one and five in the morning, each crawl at a minute of its own.
fn night(id: CrawlId) -> u16 {
    let hash = Sha256::digest(id.0.as_bytes());
    60 + u16::from_be_bytes([hash[0], hash[1]]) % 240
}

/// Begins a run, or has it wait until the site's other crawl has ended; gives its job once it
/// has one. A run that is under way is left alone.
///
/// # Errors
/// When the database refuses or is away.
pub async fn begin(tx: &mut SiteTx, now: DateTime<Utc>, id: CrawlId) -> DbResult<Option<JobId>> {
    let all = crawls::lock(tx).await?;
    let Some(crawl) = all.iter().find(|c| c.id == id) else {
        return Ok(None);
    };
    match crawl.state {
        CrawlState::Running | CrawlState::Removing => return Ok(crawl.job),
        CrawlState::Idle | CrawlState::Queued => {}
    }
    if all.iter().any(|c| c.state == CrawlState::Running) {
        crawls::set_state(tx, id, CrawlState::Queued, None).await?;
        return Ok(None);
    }
    let run = crawl.run + 1;
    let job = enqueue(tx, id, &run.to_string()).await?;
    crawls::begin(tx, id, now, job).await?;
    crawl_pages::forget_gone(tx, id).await?;
    crawl_pages::requeue(tx, id, run).await?;
    let start = crawl_pages::NewPage {
        url: crawl.url.clone(),
        kind: crawl_pages::START,
        depth: 0,
        hops: 0,
        changed: None,
    };
    crawl_pages::queue(tx, id, run, &[start], crawl.bounds.max_pages).await?;
    Ok(Some(job))
}

/// Begins the removal of a crawl and of the documents that it took in; gives its job. None
/// when there is no such crawl.
///
/// # Errors
/// When the database refuses or is away.
pub async fn remove(tx: &mut SiteTx, id: CrawlId) -> DbResult<Option<JobId>> {
    let all = crawls::lock(tx).await?;
    let Some(crawl) = all.iter().find(|c| c.id == id) else {
        return Ok(None);
    };
    if crawl.state == CrawlState::Removing {
        return Ok(crawl.job);
    }
    let job = enqueue(tx, id, "remove").await?;
    crawls::set_state(tx, id, CrawlState::Removing, Some(job)).await?;
    Ok(Some(job))
}

/// What the clock finds due: begins it; or, where its job has died, ends the run or takes the
/// removal up again.
///
/// # Errors
/// When the database refuses or is away.
pub async fn wake(tx: &mut SiteTx, now: DateTime<Utc>, id: CrawlId) -> DbResult<()> {
    let Some(crawl) = crawls::get(tx, id).await? else {
        return Ok(());
    };
    match crawl.state {
        CrawlState::Idle => {
            begin(tx, now, id).await?;
        }
        CrawlState::Queued => {}
        CrawlState::Running => {
            let detail = "The run was broken off again and again; the operator's log says why.";
            end(tx, now, &crawl, "broken_off", Some(detail)).await?;
        }
        CrawlState::Removing => {
            let job = enqueue(tx, id, "remove").await?;
            crawls::set_state(tx, id, CrawlState::Removing, Some(job)).await?;
        }
    }
    Ok(())
}

/// Ends a run, and begins that of the next crawl that waits.
///
/// # Errors
/// When the database refuses or is away.
pub async fn end(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    crawl: &Crawl,
    outcome: &str,
    detail: Option<&str>,
) -> DbResult<()> {
    let end = crawls::End {
        outcome,
        detail,
        well: detail.is_none(),
        at: now,
        next: next_run(now, crawl.at_minute),
    };
    crawls::end(tx, crawl.id, end).await?;
    begin_waiting(tx, now).await
}

/// Begins the run of the crawl that has waited longest, if none runs.
///
/// # Errors
/// When the database refuses or is away.
pub async fn begin_waiting(tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<()> {
    let all = crawls::lock(tx).await?;
    if let Some(next) = all.iter().find(|c| c.state == CrawlState::Queued) {
        begin(tx, now, next.id).await?;
    }
    Ok(())
}

async fn enqueue(tx: &mut SiteTx, id: CrawlId, what: &str) -> DbResult<JobId> {
    let job = Job {
        work: Work::Crawl { crawl: id },
        key: format!("{id}:{what}"),
        priority: Priority::Batch,
    };
    Ok(jobs::enqueue(tx, &job).await?.id)
}
