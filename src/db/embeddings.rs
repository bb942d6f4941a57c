//! The chunks' vectors: which are missing, storing them, and giving up a model's. What is
//! searched is in `nearest`; here is what keeps it complete.

use pgvector::HalfVector;

use crate::db::pool::{DbResult, SiteTx};
use crate::domain::ids::{DocumentId, VersionId};

/// A chunk without a vector, and what its vector is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The chunk.
    pub chunk_id: i64,
    /// Its document's source.
    pub source: String,
    /// Its document's title.
    pub title: String,
    /// The headings above it.
    pub heading_path: Vec<String>,
    /// Markdown.
    pub text: String,
}

/// A model that a version's vectors were computed for, and those of them that aren't stored
/// anywhere yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// The model.
    pub model: i32,
    /// What they were made of (hex).
    pub hashes: Vec<String>,
    /// The vectors, in the same order.
    pub vectors: Vec<Vec<f32>>,
}

impl Computed {
    /// All are stored, or there is nothing to store.
    #[must_use]
    pub fn of(model: i32) -> Self {
        Self {
            model,
            hashes: Vec::new(),
            vectors: Vec::new(),
        }
    }
}

/// Those of the hashes (hex) that no stored vector of the model is for.
///
/// # Errors
/// When the database refuses or is away.
pub async fn missing(tx: &mut SiteTx, model: i32, hashes: &[String]) -> DbResult<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT DISTINCT h AS "h!" FROM unnest($2::text[]) AS h
           WHERE NOT EXISTS (SELECT 1 FROM embedding_cache k WHERE k.model_id = $1 AND k.hash = decode(h, 'hex'))
             AND NOT EXISTS (SELECT 1 FROM chunks c JOIN embeddings e ON (e.document_id, e.chunk_id) = (c.document_id, c.id) AND e.model_id = $1
                             WHERE c.hash = decode(h, 'hex'))"#,
        model,
        hashes,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Keeps vectors of a document's new version by what they were made of, for [`attach`]; not
/// if the document was deleted meanwhile.
///
/// # Errors
/// When the database refuses or is away.
pub async fn keep(tx: &mut SiteTx, document: DocumentId, computed: &Computed) -> DbResult<()> {
    let site = tx.site().0;
    let vectors = halves(&computed.vectors);
    // The lock makes a deletion wait, so that none of them is left behind.
    sqlx::query!(
        "WITH alive AS MATERIALIZED (
             SELECT id FROM documents WHERE id = $5 AND deleted_at IS NULL FOR KEY SHARE
         )
         INSERT INTO embedding_cache (site_id, model_id, document_id, hash, embedding)
         SELECT $1, $2, a.id, decode(g.hash, 'hex'), g.embedding
         FROM alive a, unnest($3::text[], $4::halfvec[]) AS g (hash, embedding)
         ORDER BY 4
         ON CONFLICT DO NOTHING",
        site,
        computed.model,
        &computed.hashes,
        &vectors as &[HalfVector],
        document.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives a version's chunks the vectors that were computed or are stored for their contents, and
/// takes them out of the cache; gives how many chunks have none.
///
/// # Errors
/// When the database refuses or is away.
pub async fn attach(tx: &mut SiteTx, computed: &Computed, version: VersionId) -> DbResult<i64> {
    let site = tx.site().0;
    let vectors = halves(&computed.vectors);
    let lacking = sqlx::query_scalar!(
        r#"WITH new AS MATERIALIZED (
               SELECT c.id, c.document_id, c.hash FROM chunks c WHERE c.version_id = $3
           ), given AS MATERIALIZED (
               SELECT decode(g.hash, 'hex') AS hash, g.embedding
               FROM unnest($4::text[], $5::halfvec[]) AS g (hash, embedding)
           ), stored AS (
               INSERT INTO embeddings (site_id, document_id, chunk_id, model_id, embedding)
               SELECT $1, n.document_id, n.id, $2, same.embedding
               FROM new n
               CROSS JOIN LATERAL (
                   (SELECT g.embedding FROM given g WHERE g.hash = n.hash)
                   UNION ALL
                   (SELECT k.embedding FROM embedding_cache k WHERE k.model_id = $2 AND k.hash = n.hash)
                   UNION ALL
                   (SELECT e.embedding FROM chunks c JOIN embeddings e ON (e.document_id, e.chunk_id) = (c.document_id, c.id) AND e.model_id = $2
                    WHERE c.hash = n.hash)
                   LIMIT 1
               ) AS same
               ORDER BY n.id
               RETURNING 1
           ), taken AS (
               DELETE FROM embedding_cache k USING new n WHERE k.model_id = $2 AND k.hash = n.hash
           )
           SELECT (SELECT count(*) FROM new) - (SELECT count(*) FROM stored) AS "lacking!""#,
        site,
        computed.model,
        version.0,
        &computed.hashes,
        &vectors as &[HalfVector],
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(lacking)
}

/// Chunks that lack a vector of the model, by id, after that one.
///
/// # Errors
/// When the database refuses or is away.
pub async fn pending(tx: &mut SiteTx, model: i32, after: i64, limit: i64) -> DbResult<Vec<Pending>> {
    let rows = sqlx::query_as!(
        Pending,
        "SELECT c.id AS chunk_id, d.source, d.title, c.heading_path, c.text
         FROM chunks c JOIN documents d ON d.id = c.document_id
         WHERE c.id > $2
           AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE (e.document_id, e.chunk_id) = (c.document_id, c.id) AND e.model_id = $1)
         ORDER BY c.id LIMIT $3",
        model,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// How many chunks have a vector of the model, and how many there are.
///
/// # Errors
/// When the database refuses or is away.
pub async fn count(tx: &mut SiteTx, model: i32) -> DbResult<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM embeddings WHERE model_id = $1) AS "have!",
                  (SELECT coalesce(sum(chunks), 0)::bigint FROM corpus_stats) AS "all!""#,
        model
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.have, row.all))
}

/// Stores vectors of chunks that are still there.
///
/// # Errors
/// When the database refuses or is away.
pub async fn store(tx: &mut SiteTx, model: i32, chunks: &[i64], vectors: &[Vec<f32>]) -> DbResult<()> {
    let vectors = halves(vectors);
    sqlx::query!(
        "INSERT INTO embeddings (site_id, document_id, chunk_id, model_id, embedding)
         SELECT c.site_id, c.document_id, c.id, $1, g.embedding
         FROM unnest($2::bigint[], $3::halfvec[]) AS g (id, embedding)
         JOIN chunks c ON c.id = g.id
         ORDER BY c.id FOR KEY SHARE OF c
         ON CONFLICT DO NOTHING",
        model,
        chunks,
        &vectors as &[HalfVector],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The models that the site has vectors of, or a graph, though it is neither searched by them
/// nor builds them.
///
/// # Errors
/// When the database refuses or is away.
pub async fn given_up(tx: &mut SiteTx) -> DbResult<Vec<i32>> {
    let models = sqlx::query_scalar!(
        "SELECT m.id FROM embedding_models m
         WHERE NOT EXISTS (SELECT 1 FROM knowledge_state s WHERE m.id IN (s.model_id, s.next_model_id))
           AND (EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = m.id)
                OR EXISTS (SELECT 1 FROM embedding_cache k WHERE k.model_id = m.id)
                OR EXISTS (SELECT 1 FROM knowledge_state s WHERE m.id = ANY (s.graphs)))
         ORDER BY m.id"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(models)
}

/// Deletes up to `limit` of the site's vectors of a model that it is neither searched by nor
/// builds, with those that wait in the cache; gives how many of the first.
///
/// # Errors
/// When the database refuses or is away.
pub async fn forget(tx: &mut SiteTx, model: i32, limit: i64) -> DbResult<u64> {
    let gone = sqlx::query!(
        "WITH given_up AS MATERIALIZED (
             SELECT e.document_id, e.chunk_id FROM embeddings e
             WHERE e.model_id = $1
               AND NOT EXISTS (SELECT 1 FROM knowledge_state s WHERE $1 IN (s.model_id, s.next_model_id))
             LIMIT $2),
         cached AS (
             DELETE FROM embedding_cache k
             WHERE k.model_id = $1
               AND NOT EXISTS (SELECT 1 FROM knowledge_state s WHERE $1 IN (s.model_id, s.next_model_id)))
         DELETE FROM embeddings e USING given_up g
         WHERE e.model_id = $1 AND e.document_id = g.document_id AND e.chunk_id = g.chunk_id",
        model,
        limit,
    )
    .execute(tx.conn())
    .await?;
    Ok(gone.rows_affected())
}

fn halves(vectors: &[Vec<f32>]) -> Vec<HalfVector> {
    vectors.iter().map(|v| HalfVector::from_f32_slice(v)).collect()
}
