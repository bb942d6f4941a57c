//! Versions: one content of a document each. [`swap`] is where a new one takes the old
//! one's place, in one transaction: a search sees the old or the new.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::db::embeddings::Computed;
use crate::db::fetched::{self, Fetched};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::{corpus, documents, embeddings, postings, uploads};
use crate::domain::document::PIN;
use crate::domain::ids::{DocumentId, UploadId, VersionId};
use crate::domain::settings::SiteSettings;

/// How many chunks one statement stores.
const BATCH: usize = 200;

/// A passage to store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewChunk {
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The `id` of the nearest heading in HTML.
    pub anchor: Option<String>,
    /// The page in a paged document, from 1.
    pub page: Option<i32>,
    /// Markdown.
    pub text: String,
    /// What it is found by: its lexemes are counted.
    pub index_text: String,
    /// SHA-256, in hex, of what an embedding would be made of.
    pub hash: String,
    /// How many tokens `text` is.
    pub tokens: i32,
}

/// A version to make live.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// Whose content it is.
    pub document: DocumentId,
    /// The upload that it was made from.
    pub upload: UploadId,
    /// Of the upload's bytes.
    pub sha256: Vec<u8>,
    /// Under which rules it was extracted and cut.
    pub recipe: String,
    /// The document's title from now on.
    pub title: String,
    /// Where a visitor can read it.
    pub url: Option<String>,
    /// The words that its author gave it.
    pub tags: Vec<String>,
    /// Those of them that came with the content.
    pub given_tags: Vec<String>,
    /// The channels that may answer from it, empty for all; none: as before.
    pub channels: Option<Vec<String>>,
    /// A text search configuration.
    pub lang: String,
    /// The whole, without the title.
    pub markdown: String,
    /// Its passages, in order.
    pub chunks: Vec<NewChunk>,
    /// The models that their vectors were computed for.
    pub models: Vec<Computed>,
    /// Where the content was fetched from and how its server tells it from others, if it was and does.
    pub fetched: Option<Fetched>,
}

/// What became of a [`NewVersion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    /// It will be live once the transaction is committed.
    Live(VersionId),
    /// Its upload has gone live before, or a newer upload took its place.
    Superseded,
    /// The document was deleted.
    Gone,
    /// The model that the site is searched by has changed, or vectors have gone, since they
    /// were computed; undo the transaction and begin again.
    ModelChanged,
}

/// Makes a version live, and deletes the chunks of the one before and the upload.
///
/// # Errors
/// When the database refuses or is away.
pub async fn swap(tx: &mut SiteTx, now: DateTime<Utc>, version: &NewVersion) -> DbResult<Swapped> {
    let Some(taken) = take(tx, version).await? else {
        return Ok(Swapped::Gone);
    };
    if !taken.upload {
        return Ok(Swapped::Superseded);
    }
    // The operator's own answers need no approval.
    let review = if taken.settings.require_review() && taken.source != PIN {
        review(tx, version).await?
    } else {
        Some("approved")
    };
    let id = VersionId::new();
    let replaced = replace(tx, now, version, id).await?;
    // From here on the site's statistics are locked. Unchanged passages take their vectors
    // over before the old chunks go.
    let held = postings::hold(tx, version.chunks.len().min(BATCH)).await?;
    if held
        .live
        .is_some_and(|m| !version.models.iter().any(|c| c.model == m))
    {
        return Ok(Swapped::ModelChanged);
    }
    let mut bucket = held.bucket;
    for (i, batch) in version.chunks.chunks(BATCH).enumerate() {
        if i > 0 {
            bucket = postings::bucket(tx, batch.len()).await?;
        }
        store(tx, version, id, i * BATCH, batch, bucket).await?;
    }
    describe(tx, now, version, review).await?;
    // A document that nothing was live of has no tags.
    if replaced || !version.tags.is_empty() {
        documents::tag(tx, version.document, &version.tags).await?;
    }
    for model in held.live.into_iter().chain(held.next) {
        let none = Computed::of(model);
        let computed = version.models.iter().find(|c| c.model == model).unwrap_or(&none);
        let lacking = embeddings::attach(tx, computed, id).await?;
        if lacking > 0 && Some(model) == held.live {
            return Ok(Swapped::ModelChanged);
        }
    }
    if replaced {
        corpus::uncount(tx, version.document, Some(id)).await?;
    }
    Ok(Swapped::Live(id))
}

/// A document, locked, and what else the swap must know.
struct Taken {
    source: String,
    settings: SiteSettings,
    /// Whether the version's upload was still there; it isn't any more.
    upload: bool,
}

/// Locks the document, then takes the upload: in this order, as in taking an upload in, or the two
/// could deadlock. None when the document is deleted.
async fn take(tx: &mut SiteTx, version: &NewVersion) -> DbResult<Option<Taken>> {
    let row = sqlx::query!(
        r#"WITH document AS MATERIALIZED (
               SELECT id, source FROM documents WHERE id = $1 AND deleted_at IS NULL FOR UPDATE
           ), taken AS (
               DELETE FROM uploads u USING document d WHERE u.id = $2 AND u.document_id = d.id RETURNING 1
           )
           SELECT d.source, (SELECT s.settings FROM sites s) AS "settings?", EXISTS (SELECT FROM taken) AS "taken!"
           FROM document d"#,
        version.document.0,
        version.upload.0,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Taken {
        source: r.source,
        settings: r.settings.map(SiteSettings::new).unwrap_or_default(),
        upload: r.taken,
    }))
}

/// How a version is reviewed where the site asks for it: a new text waits for approval, unless it is
/// the one that was approved last, which may have been away meanwhile; and what is live already keeps
/// its mark (none), in whatever bytes it comes: pages have times and numbers in them that nobody reads.
async fn review(tx: &mut SiteTx, version: &NewVersion) -> DbResult<Option<&'static str>> {
    let known = sqlx::query!(
        r#"SELECT coalesce(d.approved_text = sha256(convert_to($2, 'UTF8')), false) AS "approved!",
                  EXISTS (SELECT FROM versions v
                          WHERE v.document_id = d.id AND v.state = 'live' AND v.markdown = $2) AS "live!"
           FROM documents d WHERE d.id = $1"#,
        version.document.0,
        version.markdown,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(match (known.live, known.approved) {
        (true, _) => None,
        (false, true) => Some("approved"),
        (false, false) => Some("pending"),
    })
}

/// Stores the version in the place of the live one and of what failed; gives whether there was a
/// live one. That one is replaced before, since only one may be live: the count asks for it.
async fn replace(tx: &mut SiteTx, now: DateTime<Utc>, version: &NewVersion, id: VersionId) -> DbResult<bool> {
    let site = tx.site().0;
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let tokens = version
        .chunks
        .iter()
        .fold(0_i32, |sum, c| sum.saturating_add(c.tokens));
    let replaced = sqlx::query_scalar!(
        r#"WITH replaced AS (
               UPDATE versions SET state = 'replaced', markdown = NULL
               WHERE document_id = $3 AND state = 'live' RETURNING 1
           ), forgotten AS (
               DELETE FROM versions WHERE document_id = $3 AND state = 'failed'
           ), before AS MATERIALIZED (
               SELECT count(*) > 0 AS had FROM replaced
           ), added AS (
               INSERT INTO versions (site_id, id, document_id, sha256, recipe, state, chunks, tokens, markdown, at, given_tags)
               SELECT $1, $2, $3, $4, $5, 'live', $6, $7, $8, $9, $10 FROM before b WHERE b.had IS NOT NULL
           )
           SELECT b.had AS "had!" FROM before b"#,
        site,
        id.0,
        version.document.0,
        version.sha256,
        version.recipe,
        count(version.chunks.len()),
        tokens,
        version.markdown,
        now,
        &version.given_tags,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(replaced)
}

/// Makes the document's own row say what the version does. An approval is for its text.
async fn describe(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    version: &NewVersion,
    review: Option<&str>,
) -> DbResult<()> {
    let fetched = version.fetched.as_ref().map(fetched::to_json).transpose()?;
    sqlx::query!(
        "UPDATE documents
         SET title = $2, url = $3, tags = $4, lang = $5, version = version + 1, updated_at = $6,
             review = coalesce($7, review), channels = coalesce($8, channels), fetched = $9,
             approved_text = CASE WHEN coalesce($7, review) = 'approved' THEN sha256(convert_to($10, 'UTF8'))
                                  ELSE approved_text END
         WHERE id = $1",
        version.document.0,
        version.title,
        version.url,
        &version.tags,
        version.lang,
        now,
        review,
        version.channels.as_deref(),
        fetched,
        version.markdown,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stores chunks, their postings, and what the statistics say of both. `tf` is how often a lexeme
/// stands in a chunk's `index_text` (at most 255, the most that a `tsvector` holds), a chunk's length
/// the sum of them.
async fn store(
    tx: &mut SiteTx,
    version: &NewVersion,
    id: VersionId,
    first: usize,
    batch: &[NewChunk],
    bucket: i32,
) -> DbResult<()> {
    let site = tx.site().0;
    let first = i32::try_from(first).unwrap_or(i32::MAX);
    let batch: Value =
        serde_json::to_value(batch).map_err(|e| DbError::Unreadable(format!("chunks: {e}")))?;
    sqlx::query!(
        "WITH given AS MATERIALIZED (
             SELECT $5 + (e.ordinality - 1)::int AS n, r.*, to_tsvector($4::text::regconfig, r.index_text) AS lexemes
             FROM jsonb_array_elements($6) WITH ORDINALITY e,
                  jsonb_to_record(e.value) AS r (heading_path text[], anchor text, page int, text text,
                                                 index_text text, hash text, tokens int)
         ), stored AS (
             INSERT INTO chunks (site_id, version_id, document_id, n, heading_path, anchor, page, text,
                                 hash, lang, length, tokens, lexemes, bucket)
             SELECT $1, $2, $3, g.n, g.heading_path, g.anchor, g.page, g.text, decode(g.hash, 'hex'), $4,
                    coalesce((SELECT sum(cardinality(l.positions)) FROM unnest(g.lexemes) l), 0), g.tokens,
                    g.lexemes, $7
             FROM given g ORDER BY g.n
             RETURNING id, length, lexemes
         ), words AS MATERIALIZED (
             SELECT l.lexeme AS term, count(*) AS n,
                    string_agg(substring(int8send(s.id) FROM 4) || int2send(least(s.length, 32767)::int2)
                               || substring(int2send(cardinality(l.positions)::int2) FROM 2), ''::bytea ORDER BY s.id)
                        AS data
             FROM stored s, unnest(s.lexemes) l
             GROUP BY l.lexeme
         ), counted AS (
             INSERT INTO term_stats AS t (site_id, lang, term, df)
             SELECT $1, $4, w.term, w.n FROM words w ORDER BY w.term
             ON CONFLICT (site_id, lang, term) DO UPDATE SET df = t.df + excluded.df
         ), summed AS (
             INSERT INTO corpus_stats AS c (site_id, lang, chunks, total_length)
             SELECT $1, $4, count(*), coalesce(sum(s.length), 0) FROM stored s
             ON CONFLICT (site_id, lang) DO UPDATE
                 SET chunks = c.chunks + excluded.chunks, total_length = c.total_length + excluded.total_length
         )
         INSERT INTO postings AS p (site_id, lang, term, bucket, data)
         SELECT $1, $4, w.term, $7, w.data FROM words w ORDER BY w.term
         ON CONFLICT (site_id, lang, term, bucket) DO UPDATE SET data = p.data || excluded.data",
        site,
        id.0,
        version.document.0,
        version.lang,
        first,
        batch,
        bucket,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Why a content can't become a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Stable, for programs.
    pub code: &'a str,
    /// A sentence for the site's owner.
    pub detail: &'a str,
    /// Of the content, if it was had at all.
    pub sha256: Option<&'a [u8]>,
    /// Under which rules it was tried.
    pub recipe: &'a str,
}

/// Records that a document's new content failed, in the place of an older failure. What
/// is live stays live; the upload stays, so that the job can be tried again. Does nothing
/// when the upload (if it was one) has been replaced meanwhile.
///
/// # Errors
/// When the database refuses or is away.
pub async fn fail(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    document: DocumentId,
    upload: Option<UploadId>,
    failure: &Failure<'_>,
) -> DbResult<()> {
    if !documents::lock(tx, document).await? || uploads::waiting(tx, document).await? != upload {
        return Ok(());
    }
    record_failure(tx, now, document, failure).await
}

/// Writes down why a document's newest content failed, in the place of an older failure.
pub(in crate::db) async fn record_failure(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    document: DocumentId,
    failure: &Failure<'_>,
) -> DbResult<()> {
    forget_failure(tx, document).await?;
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO versions (site_id, id, document_id, sha256, recipe, state, failure_code, failure, at)
         VALUES ($1, $2, $3, $4, $5, 'failed', $6, $7, $8)",
        site,
        VersionId::new().0,
        document.0,
        failure.sha256,
        failure.recipe,
        failure.code,
        failure.detail,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets why a document's last content failed: another is tried, or it is live after all.
///
/// # Errors
/// When the database refuses or is away.
pub async fn forget_failure(tx: &mut SiteTx, document: DocumentId) -> DbResult<()> {
    sqlx::query!(
        "DELETE FROM versions WHERE document_id = $1 AND state = 'failed'",
        document.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
