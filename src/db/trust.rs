//! How far an embedding model is to be trusted with a language of a site, as it was
//! measured on the site's own passages.

use std::collections::BTreeMap;

use crate::db::pool::{DbResult, SiteTx};
use crate::domain::job::Work;

/// A language's measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The text search configuration.
    pub lang: String,
    /// From 0 to 1.
    pub trust: f32,
    /// How many chunks of the language there were.
    pub chunks: i64,
}

/// The trust by language; a language that isn't there was never measured.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_site(tx: &mut SiteTx, model: i32) -> DbResult<BTreeMap<String, f64>> {
    let rows = sqlx::query!("SELECT lang, trust FROM model_trust WHERE model_id = $1", model)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|r| (r.lang, f64::from(r.trust))).collect())
}

/// The languages whose measurement is missing or was made on far fewer or far more chunks
/// than there are now, and how many there are.
///
/// # Errors
/// When the database refuses or is away.
pub async fn stale(tx: &mut SiteTx, model: i32, least: i64) -> DbResult<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        "SELECT s.lang, s.chunks FROM corpus_stats s
         LEFT JOIN model_trust t ON t.model_id = $1 AND t.lang = s.lang
         WHERE s.chunks >= $2 AND (t.lang IS NULL OR s.chunks > 2 * t.chunks OR t.chunks > 2 * s.chunks)
         ORDER BY s.lang",
        model,
        least,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.lang, r.chunks)).collect())
}

/// Whether a language's measurement is missing or out of date, and no job that measures it is in the queue.
///
/// # Errors
/// When the database refuses or is away.
pub async fn due(tx: &mut SiteTx, model: i32, least: i64) -> DbResult<bool> {
    let site = tx.site().0;
    let due = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM corpus_stats s
               LEFT JOIN model_trust t ON t.model_id = $1 AND t.lang = s.lang
               WHERE s.chunks >= $2 AND (t.lang IS NULL OR s.chunks > 2 * t.chunks OR t.chunks > 2 * s.chunks))
           AND NOT EXISTS (
               SELECT FROM jobs
               WHERE lane = $3 AND kind = $4 AND key = $4 AND state = 'waiting') AS "due!""#,
        model,
        least,
        site,
        Work::MEASURE_TRUST,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(due)
}

/// A passage that a model is measured by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The chunk.
    pub chunk_id: i64,
    /// Its document's title.
    pub title: String,
    /// The headings above it.
    pub heading_path: Vec<String>,
    /// Markdown.
    pub text: String,
    /// All chunks of its document.
    pub siblings: Vec<i64>,
}

/// Passages of a language, spread over all of them; the same ones each time.
///
/// # Errors
/// When the database refuses or is away.
pub async fn sample(tx: &mut SiteTx, lang: &str, most: i64) -> DbResult<Vec<Sample>> {
    let rows = sqlx::query_as!(
        Sample,
        r#"WITH drawn AS MATERIALIZED (
               SELECT c.id, c.document_id FROM chunks c WHERE c.lang = $1 ORDER BY hashint8(c.id), c.id LIMIT $2
           )
           SELECT c.id AS chunk_id, d.title, c.heading_path, c.text,
                  ARRAY (SELECT o.id FROM chunks o WHERE o.document_id = c.document_id) AS "siblings!"
           FROM drawn s JOIN chunks c ON c.id = s.id JOIN documents d ON d.id = c.document_id
           WHERE d.source <> 'pin'"#,
        lang,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Stores a measurement.
///
/// # Errors
/// When the database refuses or is away.
pub async fn store(tx: &mut SiteTx, model: i32, measured: &Measured) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO model_trust (site_id, model_id, lang, trust, chunks) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (site_id, model_id, lang) DO UPDATE SET trust = excluded.trust, chunks = excluded.chunks",
        site,
        model,
        measured.lang,
        measured.trust,
        measured.chunks,
    )
    .execute(tx.conn())
    .await?;
    // What was found under the old trust is out of date.
    sqlx::query!("UPDATE knowledge_state SET revision = revision + 1")
        .execute(tx.conn())
        .await?;
    Ok(())
}
