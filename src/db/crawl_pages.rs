//! The pages that are known of a crawl: which a run has still to visit, and what its visits
//! brought. A page that waits has `visited < run`, so a run that was broken off goes on
//! where it was.

use chrono::{DateTime, Utc};

use crate::db::pool::{DbResult, SiteTx};
use crate::domain::crawl::Counts;
use crate::domain::ids::{CrawlId, DocumentId, JobId};
use crate::domain::job::Work;

/// The start of a crawl.
pub const START: i16 = 0;
/// A sitemap that something else named.
pub const SITEMAP: i16 = 1;
/// A page.
pub const PAGE: i16 = 2;

/// A page to visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Where.
    pub url: String,
    /// [`START`], [`SITEMAP`] or [`PAGE`].
    pub kind: i16,
    /// Links from the start to here.
    pub depth: i32,
    /// Redirects from the start to here.
    pub hops: i16,
    /// How often the server has put it off in this run.
    pub tries: i16,
    /// What was taken in of it, if that is still there.
    pub document: Option<DocumentId>,
    /// To ask whether it has changed.
    pub etag: Option<String>,
    /// The same.
    pub last_modified: Option<String>,
    /// What a sitemap says of its last change.
    pub changed: Option<String>,
    /// What it said when the page was read last.
    pub read_changed: Option<String>,
    /// When that was.
    pub read_at: Option<DateTime<Utc>>,
}

/// A page that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// Where.
    pub url: String,
    /// [`START`], [`SITEMAP`] or [`PAGE`].
    pub kind: i16,
    /// Links from the start to it.
    pub depth: i32,
    /// Redirects from the start to it.
    pub hops: i16,
    /// What a sitemap says of its last change.
    pub changed: Option<String>,
}

/// What a visit brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visit<'a> {
    /// As the table has it.
    pub state: &'a str,
    /// Why, as a code.
    pub reason: Option<&'a str>,
    /// Of the answer.
    pub etag: Option<&'a str>,
    /// The same.
    pub last_modified: Option<&'a str>,
    /// When the page was read, if it was.
    pub read_at: Option<DateTime<Utc>>,
    /// What was taken in of it.
    pub document: Option<DocumentId>,
}

/// A page whose document may have to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where.
    pub url: String,
    /// The document.
    pub document: DocumentId,
    /// Whether the server said that it is gone or not public; else it could not be had.
    pub said: bool,
    /// Runs in a row.
    pub misses: i16,
}

/// A page that wasn't taken in, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub url: String,
    /// As the table has it.
    pub state: String,
    /// A code.
    pub reason: Option<String>,
}

/// Has all known pages visited in this run. Where the start led to before is a page like any
/// other until it leads there again.
///
/// # Errors
/// When the database refuses or is away.
pub async fn requeue(tx: &mut SiteTx, crawl: CrawlId, run: i32) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawl_pages SET run = $2, tries = 0, kind = CASE WHEN kind = $3 THEN $4 ELSE kind END
          WHERE crawl_id = $1",
        crawl.0,
        run,
        START,
        PAGE,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Adds pages to this run, as far as there is room for `max_pages` of them; where there isn't,
/// the crawl remembers it.
///
/// # Errors
/// When the database refuses or is away.
pub async fn queue(
    tx: &mut SiteTx,
    crawl: CrawlId,
    run: i32,
    pages: &[NewPage],
    max_pages: u32,
) -> DbResult<()> {
    let known = sqlx::query_scalar!(
        // The start is a page too, unless it is a list of pages.
        r#"SELECT count(*) AS "n!" FROM crawl_pages
           WHERE crawl_id = $1 AND (kind = $2 OR kind = $3 AND state <> 'listed')"#,
        crawl.0,
        PAGE,
        START
    )
    .fetch_one(tx.conn())
    .await?;
    let room = i64::from(max_pages).saturating_sub(known).max(0);
    let site = tx.site().0;
    let column = |of: fn(&NewPage) -> i16| pages.iter().map(of).collect::<Vec<_>>();
    let (kinds, hops) = (column(|p| p.kind), column(|p| p.hops));
    let urls: Vec<String> = pages.iter().map(|p| p.url.clone()).collect();
    let depths: Vec<i32> = pages.iter().map(|p| p.depth).collect();
    let changed: Vec<Option<String>> = pages.iter().map(|p| p.changed.clone()).collect();
    // Known ones first: they take no room. Pages by their order, sitemaps always.
    let done = sqlx::query!(
        r#"WITH given AS (
               SELECT DISTINCT ON (url) * FROM unnest($4::text[], $5::smallint[], $6::int[], $7::smallint[], $8::text[])
                   WITH ORDINALITY AS g (url, kind, depth, hops, changed, n) ORDER BY url, n
           ), known AS (
               UPDATE crawl_pages p
                  SET run = $3, kind = least(p.kind, g.kind), depth = least(p.depth, g.depth), changed = coalesce(g.changed, p.changed),
                      tries = CASE WHEN p.run < $3 THEN 0 ELSE p.tries END
                 FROM given g WHERE p.crawl_id = $2 AND p.url = g.url
               RETURNING p.url
           ), fresh AS (
               SELECT g.*, CASE WHEN g.kind = 2 THEN row_number() OVER (PARTITION BY g.kind ORDER BY g.n) ELSE 0 END AS place
                 FROM given g WHERE NOT EXISTS (SELECT FROM known k WHERE k.url = g.url)
           ), added AS (
               INSERT INTO crawl_pages (site_id, crawl_id, url, kind, depth, hops, changed, run)
               SELECT $1, $2, url, kind, depth, hops, changed, $3 FROM fresh WHERE place <= $9
               ON CONFLICT DO NOTHING RETURNING 1
           )
           SELECT NOT EXISTS (SELECT FROM fresh WHERE place > $9) AS "room!", (SELECT count(*) FROM added) AS added"#,
        site,
        crawl.0,
        run,
        &urls,
        &kinds,
        &depths,
        &hops,
        &changed as &[Option<String>],
        room,
    )
    .fetch_one(tx.conn())
    .await?;
    if !done.room {
        sqlx::query!("UPDATE crawls SET limited = true WHERE id = $1", crawl.0)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// The next page of this run.
///
/// # Errors
/// When the database refuses or is away.
pub async fn next(tx: &mut SiteTx, crawl: CrawlId, run: i32) -> DbResult<Option<Next>> {
    let row = sqlx::query!(
        r#"SELECT p.url, p.kind, p.depth, p.hops, p.tries, d.id AS "document?", p.etag, p.last_modified, p.changed,
                  p.read_changed, p.read_at
           FROM crawl_pages p LEFT JOIN documents d ON d.id = p.document_id AND d.deleted_at IS NULL
           WHERE p.crawl_id = $1 AND p.run = $2 AND p.visited < p.run
           ORDER BY p.kind, p.depth, p.url LIMIT 1"#,
        crawl.0,
        run,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Next {
        url: r.url,
        kind: r.kind,
        depth: r.depth,
        hops: r.hops,
        tries: r.tries,
        document: r.document.map(DocumentId),
        etag: r.etag,
        last_modified: r.last_modified,
        changed: r.changed,
        read_changed: r.read_changed,
        read_at: r.read_at,
    }))
}

/// Stores what a visit brought. Of a page that could not be had this time, what was known
/// before stays.
///
/// # Errors
/// When the database refuses or is away.
pub async fn visited(tx: &mut SiteTx, crawl: CrawlId, url: &str, visit: &Visit<'_>) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawl_pages
            SET visited = run, state = $3, reason = $4,
                etag = CASE WHEN $7::timestamptz IS NULL THEN etag ELSE $5 END,
                last_modified = CASE WHEN $7::timestamptz IS NULL THEN last_modified ELSE $6 END,
                read_at = coalesce($7, read_at),
                read_changed = CASE WHEN $7::timestamptz IS NULL THEN read_changed ELSE changed END,
                document_id = CASE WHEN $3 IN ('failed', 'gone', 'refused', 'unchanged') THEN coalesce($8, document_id)
                                   ELSE $8 END,
                misses = CASE WHEN $3 IN ('failed', 'gone', 'refused') THEN misses + 1 ELSE 0 END
          WHERE crawl_id = $1 AND url = $2",
        crawl.0,
        url,
        visit.state,
        visit.reason,
        visit.etag.filter(|t| t.len() <= 1000),
        visit.last_modified.filter(|t| t.len() <= 100),
        visit.read_at,
        visit.document.map(|d| d.0),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The server puts a page off: it stays to be visited.
///
/// # Errors
/// When the database refuses or is away.
pub async fn put_off(tx: &mut SiteTx, crawl: CrawlId, url: &str) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawl_pages SET tries = tries + 1 WHERE crawl_id = $1 AND url = $2",
        crawl.0,
        url
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether the page of this address was left to another one in this run.
///
/// # Errors
/// When the database refuses or is away.
pub async fn is_duplicate(tx: &mut SiteTx, crawl: CrawlId, url: &str, run: i32) -> DbResult<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM crawl_pages WHERE crawl_id = $1 AND url = $2 AND visited = $3
                             AND reason = 'duplicate') AS "found!""#,
        crawl.0,
        url,
        run
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// Documents of this address that didn't come by a crawl.
///
/// # Errors
/// When the database refuses or is away.
pub async fn is_known_otherwise(tx: &mut SiteTx, url: &str, source: &str) -> DbResult<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM documents WHERE url = $1 AND source <> $2 AND deleted_at IS NULL
                             AND version > 0) AS "found!""#,
        url,
        source
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// How a run stands.
///
/// # Errors
/// When the database refuses or is away.
pub async fn counts(tx: &mut SiteTx, crawl: CrawlId, run: i32) -> DbResult<Counts> {
    let counts = sqlx::query_as!(
        Counts,
        r#"SELECT count(*) AS "pages!",
                  count(*) FILTER (WHERE visited = $2) AS "visited!",
                  count(*) FILTER (WHERE visited = $2 AND state = 'taken') AS "taken!",
                  count(*) FILTER (WHERE visited = $2 AND state = 'unchanged') AS "unchanged!",
                  count(*) FILTER (WHERE visited = $2 AND state IN ('skipped', 'moved')) AS "skipped!",
                  count(*) FILTER (WHERE visited = $2 AND state IN ('gone', 'refused')) AS "gone!",
                  count(*) FILTER (WHERE visited = $2 AND state = 'failed') AS "failed!"
           FROM crawl_pages WHERE crawl_id = $1 AND run = $2 AND state <> 'listed'"#,
        crawl.0,
        run
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(counts)
}

/// How many pages of a crawl have a document.
///
/// # Errors
/// When the database refuses or is away.
pub async fn with_document(tx: &mut SiteTx, crawl: CrawlId) -> DbResult<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM crawl_pages WHERE crawl_id = $1 AND document_id IS NOT NULL"#,
        crawl.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(count)
}

/// Pages with a document that the server didn't show in this run.
///
/// # Errors
/// When the database refuses or is away.
pub async fn lost(tx: &mut SiteTx, crawl: CrawlId, run: i32) -> DbResult<Vec<Lost>> {
    let rows = sqlx::query!(
        r#"SELECT url, document_id AS "document!", state <> 'failed' AS "said!", misses FROM crawl_pages
           WHERE crawl_id = $1 AND visited = $2 AND state IN ('gone', 'refused', 'failed') AND document_id IS NOT NULL"#,
        crawl.0,
        run
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Lost {
            url: r.url,
            document: DocumentId(r.document),
            said: r.said,
            misses: r.misses,
        })
        .collect())
}

/// Why the server didn't let the run in at its start, as a code; none if it did.
///
/// # Errors
/// When the database refuses or is away.
pub async fn shut_start(tx: &mut SiteTx, crawl: CrawlId, run: i32) -> DbResult<Option<String>> {
    let reason = sqlx::query_scalar!(
        "SELECT reason FROM crawl_pages
         WHERE crawl_id = $1 AND kind = $3 AND visited = $2 AND state IN ('gone', 'refused', 'skipped')
         ORDER BY hops DESC LIMIT 1",
        crawl.0,
        run,
        START
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(reason.flatten())
}

/// A page's document is gone.
///
/// # Errors
/// When the database refuses or is away.
pub async fn let_go(tx: &mut SiteTx, crawl: CrawlId, url: &str) -> DbResult<()> {
    sqlx::query!(
        "UPDATE crawl_pages SET document_id = NULL WHERE crawl_id = $1 AND url = $2",
        crawl.0,
        url
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets pages that are gone and have no document any more.
///
/// # Errors
/// When the database refuses or is away.
pub async fn forget_gone(tx: &mut SiteTx, crawl: CrawlId) -> DbResult<()> {
    sqlx::query!(
        "DELETE FROM crawl_pages WHERE crawl_id = $1 AND kind <> $2 AND state = 'gone' AND document_id IS NULL",
        crawl.0,
        START
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Up to `limit` pages of a crawl that have a document, and whether another crawl has it too.
///
/// # Errors
/// When the database refuses or is away.
pub async fn documents(
    tx: &mut SiteTx,
    crawl: CrawlId,
    limit: i64,
) -> DbResult<Vec<(String, DocumentId, bool)>> {
    let rows = sqlx::query!(
        r#"SELECT p.url, p.document_id AS "document!",
                  EXISTS (SELECT FROM crawl_pages o WHERE o.document_id = p.document_id AND o.crawl_id <> $1) AS "shared!"
           FROM crawl_pages p WHERE p.crawl_id = $1 AND p.document_id IS NOT NULL ORDER BY p.url LIMIT $2"#,
        crawl.0,
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.url, DocumentId(r.document), r.shared))
        .collect())
}

/// Pages of the last run that weren't taken in, at most `limit`.
///
/// # Errors
/// When the database refuses or is away.
pub async fn problems(tx: &mut SiteTx, crawl: CrawlId, run: i32, limit: i64) -> DbResult<Vec<Problem>> {
    let rows = sqlx::query_as!(
        Problem,
        "SELECT url, state, reason FROM crawl_pages
         WHERE crawl_id = $1 AND visited = $2 AND state NOT IN ('new', 'taken', 'unchanged', 'listed')
         ORDER BY state, url LIMIT $3",
        crawl.0,
        run,
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The jobs that still make versions of a crawl's documents.
///
/// # Errors
/// When the database refuses or is away.
pub async fn jobs(tx: &mut SiteTx, crawl: CrawlId) -> DbResult<Vec<JobId>> {
    let site = tx.site().0;
    let rows = sqlx::query_scalar!(
        "SELECT j.id FROM jobs j JOIN crawl_pages p
             ON p.crawl_id = $2 AND p.document_id = (j.args->>'document')::uuid
         WHERE j.lane = $1 AND j.kind = $3 AND j.state IN ('waiting', 'running')",
        site,
        crawl.0,
        Work::INGEST_DOCUMENT,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(JobId).collect())
}
