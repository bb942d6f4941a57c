//! The statistics that BM25 needs, kept exact: they change in the transaction that
//! changes the chunks, under one lock a site.

use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings;
use crate::domain::ids::{DocumentId, VersionId};

/// Deletes a document's chunks, and counts their lexemes as gone. The site's statistics are
/// locked from here until the transaction ends, so this should be among the last things
/// that it does.
///
/// # Errors
/// When the database refuses or is away.
pub async fn retire(tx: &mut SiteTx, document: DocumentId) -> DbResult<()> {
    // Two transactions that both update a common term would deadlock by the order of
    // their rows. This row makes them take turns.
    touch(tx).await?;
    uncount(tx, document, None).await
}

/// Deletes a document's chunks, but for those of the version to keep, and counts the lexemes of
/// those that go as gone. The site's statistics must be locked.
///
/// # Errors
/// When the database refuses or is away.
pub(in crate::db) async fn uncount(
    tx: &mut SiteTx,
    document: DocumentId,
    keep: Option<VersionId>,
) -> DbResult<()> {
    let keep = keep.map(|v| v.0);
    // A term that vanishes is deleted, one that stays updated.
    // Were a count ever wrong, the CHECKs (df > 0, chunks > 0) would refuse.
    sqlx::query!(
        "WITH gone AS MATERIALIZED (
             SELECT lang, length, lexemes FROM chunks
             WHERE document_id = $1 AND version_id IS DISTINCT FROM $2
         ), terms AS MATERIALIZED (
             SELECT g.lang, l.lexeme AS term, count(*) AS n FROM gone g, unnest(g.lexemes) l
             GROUP BY g.lang, l.lexeme
         ), vanished AS (
             DELETE FROM term_stats s USING terms t WHERE s.lang = t.lang AND s.term = t.term AND s.df = t.n
         ), changed AS (
             UPDATE term_stats s SET df = s.df - t.n FROM terms t
             WHERE s.lang = t.lang AND s.term = t.term AND s.df <> t.n
         ), sums AS MATERIALIZED (
             SELECT lang, count(*) AS n, sum(length) AS length FROM gone GROUP BY lang
         ), emptied AS (
             DELETE FROM corpus_stats s USING sums g WHERE s.lang = g.lang AND s.chunks = g.n
         )
         UPDATE corpus_stats s SET chunks = s.chunks - g.n, total_length = s.total_length - g.length
         FROM sums g WHERE s.lang = g.lang AND s.chunks <> g.n",
        document.0,
        keep,
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
