//! The statistics that BM25 needs, kept exact: they change in the transaction that
//! changes the chunks, under one lock a site.

use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings;
use crate::domain::ids::{DocumentId, VersionId};

/// Deletes a document's chunks, but for those of the version to keep, and counts: lexemes
/// of the version to keep are new, those of the others gone. The site's statistics are
/// locked from here until the transaction ends, so this should be among the last things
/// that it does.
///
/// # Errors
/// When the database refuses or is away.
pub async fn retire(tx: &mut SiteTx, document: DocumentId, keep: Option<VersionId>) -> DbResult<()> {
    let site = tx.site().0;
    let keep = keep.map(|v| v.0);
    // Two transactions that both update a common term would deadlock by the order of
    // their rows. This row makes them take turns.
    touch(tx).await?;
    // A term that vanishes is deleted, one that stays updated, one that is new inserted.
    // Were a count ever wrong, the CHECKs (df > 0, chunks > 0) would refuse.
    sqlx::query!(
        "WITH delta AS MATERIALIZED (
             SELECT c.lang, l.lexeme AS term,
                    sum(CASE WHEN c.version_id IS NOT DISTINCT FROM $2 THEN 1 ELSE -1 END) AS n
             FROM chunks c, unnest(c.lexemes) l
             WHERE c.document_id = $1
             GROUP BY c.lang, l.lexeme
         ), vanished AS (
             DELETE FROM term_stats s USING delta d
             WHERE s.lang = d.lang AND s.term = d.term AND s.df + d.n = 0
             RETURNING s.lang, s.term
         ), changed AS (
             UPDATE term_stats s SET df = s.df + d.n FROM delta d
             WHERE s.lang = d.lang AND s.term = d.term AND d.n <> 0 AND s.df + d.n <> 0
             RETURNING s.lang, s.term
         )
         INSERT INTO term_stats (site_id, lang, term, df)
         SELECT $3, d.lang, d.term, d.n FROM delta d
         WHERE d.n <> 0
           AND NOT EXISTS (SELECT 1 FROM vanished v WHERE v.lang = d.lang AND v.term = d.term)
           AND NOT EXISTS (SELECT 1 FROM changed v WHERE v.lang = d.lang AND v.term = d.term)
         ORDER BY d.lang, d.term",
        document.0,
        keep,
        site,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "WITH delta AS MATERIALIZED (
             SELECT c.lang,
                    sum(CASE WHEN c.version_id IS NOT DISTINCT FROM $2 THEN 1 ELSE -1 END) AS n,
                    sum(CASE WHEN c.version_id IS NOT DISTINCT FROM $2 THEN c.length ELSE -c.length END) AS length
             FROM chunks c WHERE c.document_id = $1 GROUP BY c.lang
         ), vanished AS (
             DELETE FROM corpus_stats s USING delta d
             WHERE s.lang = d.lang AND s.chunks + d.n = 0
             RETURNING s.lang
         ), changed AS (
             UPDATE corpus_stats s SET chunks = s.chunks + d.n, total_length = s.total_length + d.length
             FROM delta d WHERE s.lang = d.lang AND s.chunks + d.n <> 0
             RETURNING s.lang
         )
         INSERT INTO corpus_stats (site_id, lang, chunks, total_length)
         SELECT $3, d.lang, d.n, d.length FROM delta d
         WHERE NOT EXISTS (SELECT 1 FROM vanished v WHERE v.lang = d.lang)
           AND NOT EXISTS (SELECT 1 FROM changed v WHERE v.lang = d.lang)
         ORDER BY d.lang",
        document.0,
        keep,
        site,
    )
    .execute(tx.conn())
    .await?;
    postings::remove(tx, document, keep).await?;
    sqlx::query!(
        "DELETE FROM chunks WHERE document_id = $1 AND version_id IS DISTINCT FROM $2",
        document.0,
        keep,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What may be answered from has changed, though no passage has: findings that were kept are of
/// no use any more. Locks the site's statistics.
///
/// # Errors
/// When the database refuses or is away.
pub async fn touch(tx: &mut SiteTx) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO knowledge_state (site_id, revision) VALUES ($1, 1)
         ON CONFLICT (site_id) DO UPDATE SET revision = knowledge_state.revision + 1",
        site,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A number that rises with every change of the site's knowledge; 0 before the first.
///
/// # Errors
/// When the database refuses or is away.
pub async fn revision(tx: &mut SiteTx) -> DbResult<i64> {
    let revision = sqlx::query_scalar!("SELECT revision FROM knowledge_state")
        .fetch_optional(tx.conn())
        .await?;
    Ok(revision.unwrap_or(0))
}

/// A language of the site's live chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// The text search configuration.
    pub lang: String,
    /// How many chunks.
    pub chunks: i64,
    /// The sum of their lengths in lexemes.
    pub total_length: i64,
}

/// The languages that the site has chunks in.
///
/// # Errors
/// When the database refuses or is away.
pub async fn languages(tx: &mut SiteTx) -> DbResult<Vec<Language>> {
    let rows = sqlx::query_as!(
        Language,
        "SELECT lang, chunks, total_length FROM corpus_stats ORDER BY lang"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
