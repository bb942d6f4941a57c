//! The documents that a narrow filter leaves. With their ids in hand, both halves of a
//! search go straight to their chunks, however large the site is.

use uuid::Uuid;

use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::Filter;

/// More documents are not few.
const FEW: usize = 4_000;

/// A filter, and the documents that it leaves where they are few. What it leaves is as the
/// transaction sees it that it was made in.
#[derive(Debug, Clone)]
pub struct Narrowed {
    pub(in crate::db) filter: Filter,
    /// None: no tags or sources are named, or they leave many.
    pub(in crate::db) few: Option<Vec<Uuid>>,
}

/// Finds out what a filter leaves.
///
/// # Errors
/// When the database refuses or is away.
pub async fn narrow(tx: &mut SiteTx, filter: Filter) -> DbResult<Narrowed> {
    let few = few(tx, &filter).await?;
    Ok(Narrowed { filter, few })
}

async fn few(tx: &mut SiteTx, filter: &Filter) -> DbResult<Option<Vec<Uuid>>> {
    if filter.tags.is_empty() && filter.sources.is_empty() {
        return Ok(None);
    }
    let limit = i64::try_from(FEW + 1).unwrap_or(i64::MAX);
    // Two statements: in one for both, a plan for any parameters reads all documents. With a
    // join in place of the array it may do so too, to have them in order.
    let documents = if filter.tags.is_empty() {
        sqlx::query_scalar!(
            "SELECT d.id FROM documents d
             WHERE d.source = ANY ($2)
               AND d.deleted_at IS NULL AND d.visibility = 'public' AND d.review = 'approved'
               AND ($1::text IS NULL OR d.channels = '{}' OR $1 = ANY (d.channels))
             LIMIT $3",
            filter.channel,
            &filter.sources,
            limit,
        )
        .fetch_all(tx.conn())
        .await?
    } else {
        sqlx::query_scalar!(
            "SELECT d.id
             FROM documents d
             WHERE d.id = ANY (ARRAY (SELECT t.document_id FROM document_tags t WHERE t.tag = ANY ($2)))
               AND d.deleted_at IS NULL AND d.visibility = 'public' AND d.review = 'approved'
               AND ($1::text IS NULL OR d.channels = '{}' OR $1 = ANY (d.channels))
               AND ($3::text[] = '{}' OR d.source = ANY ($3))
             LIMIT $4",
            filter.channel,
            &filter.tags,
            &filter.sources,
            limit,
        )
        .fetch_all(tx.conn())
        .await?
    };
    Ok((documents.len() <= FEW).then_some(documents))
}

/// What filters of a site can name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Where its documents come from.
    pub sources: Vec<String>,
    /// The channels that its documents are limited to.
    pub channels: Vec<String>,
    /// Those of the tags asked about that no document has.
    pub unknown_tags: Vec<String>,
}

/// What the site's documents can be filtered by.
///
/// # Errors
/// When the database refuses or is away.
pub async fn labels(tx: &mut SiteTx, tags: &[String]) -> DbResult<Labels> {
    let labels = sqlx::query_as!(
        Labels,
        r#"SELECT
               ARRAY (SELECT DISTINCT source FROM documents WHERE deleted_at IS NULL ORDER BY 1) AS "sources!",
               ARRAY (SELECT DISTINCT c FROM documents, unnest(channels) AS c WHERE deleted_at IS NULL ORDER BY 1)
                   AS "channels!",
               ARRAY (SELECT t FROM unnest($1::text[]) AS t
                      WHERE NOT EXISTS (SELECT 1 FROM document_tags g WHERE g.tag = t)) AS "unknown_tags!""#,
        tags,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(labels)
}
