//! The chunks whose vectors are nearest to a question's, among those that a filter leaves.
//! Few are compared all; a large site has a graph (HNSW) that is walked on until enough
//! have passed the filter, so that no result is lost under it.

use pgvector::HalfVector;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::db::filtered::Narrowed;
use crate::db::models::{Model, SiteModels};
use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::Filter;

/// From how many chunks on a site gets a graph.
pub const LARGE: i64 = 5_000;
/// Comparing one vector and walking over one node of the graph, in microseconds, as
/// measured with 384 dimensions; what matters is their ratio.
const COMPARE: f64 = 0.6;
const WALK: f64 = 50.0;
/// How many candidates the walk keeps (`hnsw.ef_search`) in a graph of `AT` chunks, and at
/// the least and most in others.
const KEPT: f64 = 160.0;
const AT: f64 = 50_000.0;
const BOUNDS: (f64, f64) = (120.0, 400.0);

/// How the nearest were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All were compared.
    Exact,
    /// By the graph.
    Graph,
}

/// A chunk and its cosine to the question, from -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// The chunk.
    pub chunk_id: i64,
    /// The cosine.
    pub cosine: f64,
}

/// The nearest `k`, nearest first, and how they were found.
///
/// # Errors
/// When the database refuses or is away.
pub async fn nearest(
    tx: &mut SiteTx,
    known: &SiteModels,
    model: &Model,
    vector: &[f32],
    narrowed: &Narrowed,
    k: usize,
) -> DbResult<(Vec<Near>, Way)> {
    let vector = HalfVector::from_f32_slice(vector);
    let k = i64::try_from(k).unwrap_or(i64::MAX);
    let Narrowed { filter, few } = narrowed;
    if known.graphs.contains(&model.id) && known.chunks > LARGE {
        let left = match few {
            Some(documents) => count(tx, model, documents).await?,
            // Channels are no filter here: mostly all or most documents may answer on all.
            None => known.chunks,
        };
        #[expect(clippy::cast_precision_loss, reason = "counts of chunks")]
        let (left, all) = (left.max(1) as f64, known.chunks as f64);
        let kept = kept(all);
        if COMPARE * left >= WALK * f64::max(kept, 60.0 * all / left) {
            set_kept(tx, kept).await?;
            return Ok((walk(tx, model, &vector, filter, k).await?, Way::Graph));
        }
    }
    let near = match few {
        Some(documents) => exact_of(tx, model, &vector, documents, k).await?,
        None => exact(tx, model, &vector, filter, k).await?,
    };
    Ok((near, Way::Exact))
}

/// A vector in the precision that the database compares in.
#[must_use]
pub fn as_compared(vector: &[f32]) -> Vec<f32> {
    let half = HalfVector::from_f32_slice(vector);
    half.as_slice().iter().map(|x| x.to_f32()).collect()
}

/// In a larger graph as many candidates reach fewer of the nearest.
fn kept(chunks: f64) -> f64 {
    let kept = KEPT * (chunks / AT).powf(0.3);
    kept.clamp(BOUNDS.0, BOUNDS.1).round()
}

async fn set_kept(tx: &mut SiteTx, kept: f64) -> DbResult<()> {
    sqlx::query("SELECT set_config('hnsw.ef_search', $1, true)")
        .bind(kept.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How many chunks of these documents have a vector.
async fn count(tx: &mut SiteTx, model: &Model, documents: &[Uuid]) -> DbResult<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM embeddings WHERE model_id = $1 AND document_id = ANY ($2)"#,
        model.id,
        documents,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(count)
}

/// Compares all of these documents' chunks.
async fn exact_of(
    tx: &mut SiteTx,
    model: &Model,
    vector: &HalfVector,
    documents: &[Uuid],
    k: i64,
) -> DbResult<Vec<Near>> {
    let near = sqlx::query_as!(
        Near,
        r#"SELECT e.chunk_id, -(e.embedding <#> $2::halfvec) AS "cosine!"
           FROM embeddings e
           WHERE e.model_id = $1 AND e.document_id = ANY ($3)
           ORDER BY e.embedding <#> $2::halfvec, e.chunk_id LIMIT $4"#,
        model.id,
        vector as &HalfVector,
        documents,
        k,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(near)
}

async fn exact(
    tx: &mut SiteTx,
    model: &Model,
    vector: &HalfVector,
    filter: &Filter,
    k: i64,
) -> DbResult<Vec<Near>> {
    let rows = sqlx::query!(
        r#"SELECT e.chunk_id, -(e.embedding <#> $2::halfvec) AS "cosine!"
           FROM embeddings e
           WHERE e.model_id = $1 AND e.document_id = ANY (ARRAY (
               SELECT d.id FROM documents d
               WHERE d.deleted_at IS NULL AND d.visibility = 'public' AND d.review = 'approved'
                 AND ($3::text IS NULL OR d.channels = '{}' OR $3 = ANY (d.channels))
                 AND ($4::text[] = '{}' OR d.id IN (SELECT t.document_id FROM document_tags t WHERE t.tag = ANY ($4)))
                 AND ($5::text[] = '{}' OR d.source = ANY ($5))))
           ORDER BY e.embedding <#> $2::halfvec, e.chunk_id LIMIT $6"#,
        model.id,
        vector as &HalfVector,
        filter.channel,
        &filter.tags,
        &filter.sources,
        k,
    )
    .fetch_all(tx.conn())
    .await?;
    let near = rows.into_iter().map(|r| Near {
        chunk_id: r.chunk_id,
        cosine: r.cosine,
    });
    Ok(near.collect())
}

async fn walk(
    tx: &mut SiteTx,
    model: &Model,
    vector: &HalfVector,
    filter: &Filter,
    k: i64,
) -> DbResult<Vec<Near>> {
    // The index is the one of this site and model only where both stand in the statement.
    let (site, id, dimensions) = (tx.site(), model.id, model.dimensions);
    let sql = format!(
        "SELECT e.chunk_id, -(e.embedding::halfvec({dimensions}) <#> $1::halfvec({dimensions})) AS cosine
         FROM embeddings e
         WHERE e.model_id = {id} AND e.site_id = '{site}' AND EXISTS (
             SELECT 1 FROM documents d
             WHERE d.site_id = '{site}' AND d.id = e.document_id
               AND d.deleted_at IS NULL AND d.visibility = 'public' AND d.review = 'approved'
               AND ($2::text IS NULL OR d.channels = '{{}}' OR $2 = ANY (d.channels))
               AND ($3::text[] = '{{}}' OR EXISTS (
                   SELECT 1 FROM document_tags t
                   WHERE t.site_id = '{site}' AND t.document_id = d.id AND t.tag = ANY ($3)))
               AND ($4::text[] = '{{}}' OR d.source = ANY ($4)))
         ORDER BY e.embedding::halfvec({dimensions}) <#> $1::halfvec({dimensions}) LIMIT $5"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(vector)
        .bind(filter.channel.as_deref())
        .bind(&filter.tags)
        .bind(&filter.sources)
        .bind(k)
        .fetch_all(tx.conn())
        .await?;
    let mut near = Vec::with_capacity(rows.len());
    for row in rows {
        near.push(Near {
            chunk_id: row.try_get("chunk_id")?,
            cosine: row.try_get("cosine")?,
        });
    }
    // The walk gives them in about this order.
    near.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.chunk_id.cmp(&b.chunk_id)));
    Ok(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_graph_is_walked_with_more_candidates_within_bounds() {
        let of = [5_000.0, 50_000.0, 500_000.0, 1e9].map(|n| kept(n).to_string());
        assert_eq!(of, ["120", "160", "319", "400"]);
    }
}
