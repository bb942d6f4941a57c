//! What a search shows of the chunks that it chose, and what each of the question's words
//! and its vector give to them.

use std::collections::HashMap;

use pgvector::HalfVector;

use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::postings::Term;
use crate::domain::ids::{DocumentId, SiteId};

/// A chunk as a search shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The chunk.
    pub chunk_id: i64,
    /// Its document.
    pub document_id: DocumentId,
    /// Where the document comes from.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// The document's URL.
    pub url: Option<String>,
    /// The headings above the chunk.
    pub heading_path: Vec<String>,
    /// The `id` of the nearest heading in HTML.
    pub anchor: Option<String>,
    /// The page in a paged document, from 1.
    pub page: Option<i32>,
    /// Its text search configuration.
    pub lang: String,
    /// Markdown.
    pub text: String,
    /// Each term that it has: its place among the terms asked for, tf, and its part of BM25.
    pub terms: Vec<(usize, i32, f64)>,
}

/// What a candidate's vector says, and in which language it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub chunk_id: i64,
    /// Its text search configuration.
    pub lang: String,
    /// The cosine to the question; none without a vector.
    pub cosine: Option<f64>,
}

/// The candidates, by their order.
///
/// # Errors
/// When the database refuses or is away.
pub async fn candidates(
    tx: &mut SiteTx,
    chunks: &[i64],
    vector: Option<(i32, &[f32])>,
) -> DbResult<Vec<Candidate>> {
    let model = vector.map(|(model, _)| model);
    let vector = vector.map(|(_, v)| HalfVector::from_f32_slice(v));
    let rows = sqlx::query_as!(
        Candidate,
        r#"SELECT c.id AS chunk_id, c.lang,
                  (SELECT -(e.embedding <#> $3::halfvec) FROM embeddings e
                   WHERE e.model_id = $2 AND e.document_id = c.document_id AND e.chunk_id = c.id) AS cosine
           FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, n) JOIN chunks c ON c.id = w.id
           ORDER BY w.n"#,
        chunks,
        model,
        vector as Option<HalfVector>,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The vectors of chunks that have one.
///
/// # Errors
/// When the database refuses or is away.
pub async fn vectors(tx: &mut SiteTx, chunks: &[i64], model: i32) -> DbResult<HashMap<i64, Vec<f32>>> {
    let rows = sqlx::query!(
        r#"SELECT c.id, e.embedding AS "embedding: HalfVector"
           FROM chunks c JOIN embeddings e ON (e.document_id, e.chunk_id) = (c.document_id, c.id) AND e.model_id = $2
           WHERE c.id = ANY ($1)"#,
        chunks,
        model,
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().map(|r| {
        let vector = r.embedding.as_slice().iter().map(|x| x.to_f32()).collect();
        (r.id, vector)
    });
    Ok(rows.collect())
}

/// The chunks themselves, by their order.
///
/// # Errors
/// When the database refuses or is away.
pub async fn read(tx: &mut SiteTx, chunks: &[i64], terms: &[Term]) -> DbResult<Vec<Row>> {
    let lexemes: Vec<String> = terms
        .iter()
        .filter(|t| t.df > 0)
        .map(|t| t.term.clone())
        .collect();
    let rows = sqlx::query!(
        r#"SELECT c.id, c.document_id, d.source, d.title, d.url, c.heading_path, c.anchor, c.page, c.lang, c.text,
                  c.length, m.terms AS "terms!", m.tfs AS "tfs!"
           FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, n)
           JOIN chunks c ON c.id = w.id
           JOIN documents d ON d.id = c.document_id
           CROSS JOIN LATERAL (
               SELECT coalesce(array_agg(l.lexeme), '{}') AS terms,
                      coalesce(array_agg(cardinality(l.positions)), '{}') AS tfs
               FROM unnest(c.lexemes) l WHERE l.lexeme = ANY ($2)
           ) m
           ORDER BY w.n"#,
        chunks,
        &lexemes,
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().map(|r| {
        let has: HashMap<String, i32> = r.terms.into_iter().zip(r.tfs).collect();
        let parts = terms
            .iter()
            .enumerate()
            .filter(|(_, t)| t.lang == r.lang && t.df > 0);
        Row {
            terms: parts
                .filter_map(|(place, term)| {
                    let tf = has.get(&term.term).copied()?;
                    Some((place, tf, term.part(f64::from(tf), f64::from(r.length))))
                })
                .collect(),
            chunk_id: r.id,
            document_id: DocumentId(r.document_id),
            source: r.source,
            title: r.title,
            url: r.url,
            heading_path: r.heading_path,
            anchor: r.anchor,
            page: r.page,
            lang: r.lang,
            text: r.text,
        }
    });
    Ok(rows.collect())
}

/// The chunks themselves as they are now, in no order and without their terms, and the
/// revision of the site's knowledge that they are of; 0 before the first.
///
/// # Errors
/// When the database refuses or is away.
pub async fn current(db: &Db, site: SiteId, chunks: &[i64]) -> DbResult<(i64, Vec<Row>)> {
    let rows = sqlx::query!(
        r#"SELECT revision AS "revision!", id, document_id, source, title, url, heading_path, anchor, page, lang, text
           FROM deskhand_passages($1, $2)"#,
        site.0,
        chunks,
    )
    .fetch_all(db.pool())
    .await?;
    let revision = rows.first().map_or(0, |r| r.revision);
    let rows = rows.into_iter().filter_map(|r| {
        Some(Row {
            chunk_id: r.id?,
            document_id: DocumentId(r.document_id?),
            source: r.source?,
            title: r.title?,
            url: r.url,
            heading_path: r.heading_path?,
            anchor: r.anchor,
            page: r.page,
            lang: r.lang?,
            text: r.text?,
            terms: Vec::new(),
        })
    });
    Ok((revision, rows.collect()))
}
