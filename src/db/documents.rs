//! Documents: the sources of a site's knowledge base, by the name that their origin
//! knows them by. Their contents are in `versions`, their passages in `postings`.

use chrono::{DateTime, Utc};

use crate::db::pool::{DbResult, SiteTx};
use crate::db::{corpus, removal};
use crate::domain::ids::DocumentId;

/// A document as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: DocumentId,
    /// Where it comes from.
    pub source: String,
    /// Its name there.
    pub external_id: String,
    /// The live version's title; before there is one, the upload's.
    pub title: String,
    /// Where a visitor can read it.
    pub url: Option<String>,
    /// The live version's text search configuration.
    pub lang: Option<String>,
    /// How many versions have been live.
    pub version: i32,
    /// The live version's number of chunks.
    pub chunks: i64,
    /// When the live version went live.
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether bytes wait for ingestion.
    pub waiting: bool,
    /// Why the latest try failed, as a code and a sentence.
    pub failure: Option<(String, String)>,
}

/// A document by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// Where a visitor can read it.
    pub url: Option<String>,
    /// What the live version says.
    pub markdown: Option<String>,
    /// Whether bytes wait for ingestion.
    pub waiting: bool,
}

/// A document as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Its title.
    pub title: String,
    /// Where it stands on the site.
    pub url: Option<String>,
    /// Markdown, without the title.
    pub markdown: String,
    /// When it went live.
    pub updated_at: DateTime<Utc>,
}

/// A document that was found under its origin's name, and what is live of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The document.
    pub id: DocumentId,
    /// The live version's content, if there is one.
    pub live: Option<Live>,
}

/// What tells one content from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Of the bytes.
    pub sha256: Option<Vec<u8>>,
    /// How they were extracted and cut.
    pub recipe: String,
    /// The title.
    pub title: String,
    /// The URL.
    pub url: Option<String>,
    /// The tags that came with the content.
    pub given_tags: Vec<String>,
    /// The channels that may answer from it; empty: all.
    pub channels: Vec<String>,
}

/// A document that an event is about, locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// The document.
    pub id: DocumentId,
    /// The time of the newest event that was taken in.
    pub event_at: Option<DateTime<Utc>>,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Whether its end was told and it is still to be removed.
    pub hidden: bool,
}

/// Finds a document by its origin's name or makes it, and locks it until the transaction
/// ends. A deleted one comes to life again.
///
/// # Errors
/// When the database refuses or is away.
pub async fn claim(tx: &mut SiteTx, source: &str, external_id: &str, title: &str) -> DbResult<Claimed> {
    let site = tx.site().0;
    let id = sqlx::query_scalar!(
        "INSERT INTO documents (site_id, id, source, external_id, title) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (site_id, source, external_id) DO UPDATE SET deleted_at = NULL
         RETURNING id",
        site,
        DocumentId::named(tx.site(), source, external_id).0,
        source,
        external_id,
        title,
    )
    .fetch_one(tx.conn())
    .await?;
    let id = DocumentId(id);
    Ok(Claimed {
        id,
        live: live(tx, id).await?,
    })
}

/// What is live of a document.
///
/// # Errors
/// When the database refuses or is away.
pub async fn live(tx: &mut SiteTx, id: DocumentId) -> DbResult<Option<Live>> {
    let live = sqlx::query_as!(
        Live,
        "SELECT v.sha256, v.recipe, d.title, d.url, v.given_tags, d.channels
         FROM documents d JOIN versions v ON v.document_id = d.id AND v.state = 'live'
         WHERE d.id = $1",
        id.0,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(live)
}

/// Finds a document that an event is about, or makes it, and locks it until the transaction
/// ends. A new one is as if deleted: it becomes one by [`renew`].
///
/// # Errors
/// When the database refuses or is away.
pub async fn meet(tx: &mut SiteTx, now: DateTime<Utc>, source: &str, external_id: &str) -> DbResult<Met> {
    let site = tx.site();
    sqlx::query!(
        "INSERT INTO documents (site_id, id, source, external_id, deleted_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        site.0,
        DocumentId::named(site, source, external_id).0,
        source,
        external_id,
        now,
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        r#"SELECT id, event_at, deleted_at IS NOT NULL AS "deleted!", visibility = 'private' AS "hidden!"
           FROM documents WHERE source = $1 AND external_id = $2 FOR UPDATE"#,
        source,
        external_id,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Met {
        id: DocumentId(row.id),
        event_at: row.event_at,
        deleted: row.deleted,
        hidden: row.hidden,
    })
}

/// A document has new content, of an event of this time; a deleted one comes to life again. Its
/// title is the event's until it is live.
///
/// # Errors
/// When the database refuses or is away.
pub async fn renew(
    tx: &mut SiteTx,
    id: DocumentId,
    event_at: DateTime<Utc>,
    title: &str,
    fetch_url: Option<&str>,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE documents
         SET event_at = greatest(event_at, $2), deleted_at = NULL, visibility = 'public', fetch_url = $4,
             title = CASE WHEN version = 0 THEN $3 ELSE title END
         WHERE id = $1",
        id.0,
        event_at,
        title,
        fetch_url,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends all answers from a document at once, since an event of this time says so, unless a newer
/// one was taken in; the rest is for [`crate::db::removal`].
///
/// # Errors
/// When the database refuses or is away.
pub async fn hide(tx: &mut SiteTx, id: DocumentId, event_at: DateTime<Utc>) -> DbResult<()> {
    let hidden = sqlx::query!(
        "UPDATE documents SET visibility = 'private', event_at = $2
         WHERE id = $1 AND deleted_at IS NULL AND (event_at IS NULL OR event_at <= $2)",
        id.0,
        event_at,
    )
    .execute(tx.conn())
    .await?;
    if hidden.rows_affected() > 0 {
        corpus::touch(tx).await?;
    }
    Ok(())
}

/// A document that is deleted, or never was, ended at this time.
///
/// # Errors
/// When the database refuses or is away.
pub async fn ended(tx: &mut SiteTx, id: DocumentId, event_at: DateTime<Utc>) -> DbResult<()> {
    sqlx::query!(
        "UPDATE documents SET event_at = greatest(event_at, $2) WHERE id = $1 AND deleted_at IS NOT NULL",
        id.0,
        event_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a document's address away.
///
/// # Errors
/// When the database refuses or is away.
pub async fn unlink(tx: &mut SiteTx, id: DocumentId) -> DbResult<()> {
    sqlx::query!("UPDATE documents SET url = NULL WHERE id = $1", id.0)
        .execute(tx.conn())
        .await?;
    corpus::touch(tx).await
}

/// What a document was last fetched from.
///
/// # Errors
/// When the database refuses or is away.
pub async fn fetched_from(tx: &mut SiteTx, id: DocumentId) -> DbResult<Option<String>> {
    let url = sqlx::query_scalar!("SELECT fetch_url FROM documents WHERE id = $1", id.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(url.flatten())
}

/// Has the live version made anew when its content comes, even if that is the same.
///
/// # Errors
/// When the database refuses or is away.
pub async fn outdate(tx: &mut SiteTx, id: DocumentId) -> DbResult<()> {
    sqlx::query!(
        "UPDATE versions SET recipe = '' WHERE document_id = $1 AND state = 'live'",
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What an approval came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It is searched from now on.
    Given,
    /// Another content is live by now.
    Changed,
    /// There is no such document, or nothing of it is live.
    Nothing,
}

/// Lets a document that waits for approval be searched, if this is still its content (SHA-256, in
/// hex): nobody can approve what they haven't seen.
///
/// # Errors
/// When the database refuses or is away.
pub async fn approve(tx: &mut SiteTx, id: DocumentId, content: &str) -> DbResult<Approval> {
    if !lock(tx, id).await? {
        return Ok(Approval::Nothing);
    }
    let live = live(tx, id).await?.and_then(|live| live.sha256);
    match live.map(hex::encode) {
        None => return Ok(Approval::Nothing),
        Some(live) if live != content => return Ok(Approval::Changed),
        Some(_) => {}
    }
    sqlx::query!(
        "UPDATE documents d SET review = 'approved', approved_text = sha256(convert_to(v.markdown, 'UTF8'))
         FROM versions v WHERE d.id = $1 AND v.document_id = d.id AND v.state = 'live'",
        id.0,
    )
    .execute(tx.conn())
    .await?;
    corpus::touch(tx).await?;
    Ok(Approval::Given)
}

/// Locks a document until the transaction ends; false when it is deleted or was never there.
///
/// # Errors
/// When the database refuses or is away.
pub async fn lock(tx: &mut SiteTx, id: DocumentId) -> DbResult<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM documents WHERE id = $1 AND deleted_at IS NULL FOR UPDATE",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

/// The documents of a source that have a live version, and their names there.
///
/// # Errors
/// When the database refuses or is away.
pub async fn names(tx: &mut SiteTx, source: &str) -> DbResult<Vec<(DocumentId, String)>> {
    let rows = sqlx::query!(
        "SELECT id, external_id FROM documents WHERE source = $1 AND deleted_at IS NULL AND version > 0",
        source
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (DocumentId(r.id), r.external_id))
        .collect())
}

/// Files a document under these words and no others.
///
/// # Errors
/// When the database refuses or is away.
pub async fn tag(tx: &mut SiteTx, id: DocumentId, tags: &[String]) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "WITH others AS (
             DELETE FROM document_tags WHERE document_id = $2 AND tag <> ALL ($3)
         )
         INSERT INTO document_tags (site_id, tag, document_id) SELECT $1, t, $2 FROM unnest($3::text[]) AS t
         ON CONFLICT DO NOTHING",
        site,
        id.0,
        tags,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The documents, by title; at most `limit`, after `offset` of them.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx, limit: i64, offset: i64) -> DbResult<Vec<Row>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.source, d.external_id, d.title, d.url, d.lang, d.version, d.updated_at,
                  (SELECT count(*) FROM chunks c WHERE c.document_id = d.id) AS "chunks!",
                  EXISTS (SELECT 1 FROM uploads u WHERE u.document_id = d.id) AS "waiting!",
                  f.failure_code AS "failure_code?", f.failure AS "failure?"
           FROM documents d
           LEFT JOIN versions f ON f.document_id = d.id AND f.state = 'failed'
           WHERE d.deleted_at IS NULL
           ORDER BY d.title, d.id LIMIT $1 OFFSET $2"#,
        limit,
        offset,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Row {
            id: DocumentId(r.id),
            source: r.source,
            external_id: r.external_id,
            title: r.title,
            url: r.url,
            lang: r.lang,
            version: r.version,
            chunks: r.chunks,
            updated_at: r.updated_at,
            waiting: r.waiting,
            failure: r.failure_code.zip(r.failure),
        })
        .collect())
}

/// Whether a document has a live version.
///
/// # Errors
/// When the database refuses or is away.
pub async fn has_live(tx: &mut SiteTx, id: DocumentId) -> DbResult<bool> {
    let live = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM versions WHERE document_id = $1 AND state = 'live') AS "live!""#,
        id.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(live)
}

/// The documents of a source, by title.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_source(tx: &mut SiteTx, source: &str) -> DbResult<Vec<Named>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.title, d.url, v.markdown AS "markdown?",
                  EXISTS (SELECT 1 FROM uploads u WHERE u.document_id = d.id) AS "waiting!"
           FROM documents d LEFT JOIN versions v ON v.document_id = d.id AND v.state = 'live'
           WHERE d.source = $1 AND d.deleted_at IS NULL ORDER BY d.title, d.id LIMIT 10000"#,
        source,
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().map(|r| Named {
        id: DocumentId(r.id),
        title: r.title,
        url: r.url,
        markdown: r.markdown,
        waiting: r.waiting,
    });
    Ok(rows.collect())
}

/// The live version of the document with this URL, as a page.
///
/// # Errors
/// When the database refuses or is away.
pub async fn article(tx: &mut SiteTx, url: &str) -> DbResult<Option<Article>> {
    let article = sqlx::query_as!(
        Article,
        r#"SELECT d.title, d.url, v.markdown AS "markdown!", v.at AS updated_at
           FROM documents d JOIN versions v ON v.document_id = d.id AND v.state = 'live'
           WHERE d.url = $1 AND d.visibility = 'public' AND d.review = 'approved'
           ORDER BY v.at DESC LIMIT 1"#,
        url,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(article)
}

/// How many documents have a live version.
///
/// # Errors
/// When the database refuses or is away.
pub async fn count_live(tx: &mut SiteTx) -> DbResult<usize> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM documents d
           WHERE d.deleted_at IS NULL
             AND EXISTS (SELECT 1 FROM versions v WHERE v.document_id = d.id AND v.state = 'live')"#
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Deletes everything of a document but its name at its origin; false when there was
/// nothing to delete. Once committed, no search finds it. See [`crate::db::removal`].
///
/// # Errors
/// When the database refuses or is away.
pub async fn delete(tx: &mut SiteTx, now: DateTime<Utc>, id: DocumentId) -> DbResult<bool> {
    Ok(removal::remove(tx, now, id, None, None).await?.is_some())
}
