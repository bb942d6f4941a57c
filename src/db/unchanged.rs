//! Documents that are handed in as they are live already, many at once.

use std::collections::HashMap;

use uuid::Uuid;

use crate::db::documents::{Claimed, Live};
use crate::db::pool::{DbResult, SiteTx};
use crate::domain::ids::DocumentId;

/// Finds those of a source's documents that have these names there, and locks them until the transaction
/// ends; with what is live of each. Deleted ones, and those that nothing is live of, aren't among them.
///
/// # Errors
/// When the database refuses or is away.
pub async fn known(tx: &mut SiteTx, source: &str, names: &[String]) -> DbResult<Vec<(String, Claimed)>> {
    let found = sqlx::query!(
        "SELECT id, external_id FROM documents
         WHERE source = $1 AND external_id = ANY ($2) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
        source,
        names,
    )
    .fetch_all(tx.conn())
    .await?;
    // By another statement: what others have made live while this one waited for the locks counts.
    let ids: Vec<Uuid> = found.iter().map(|r| r.id).collect();
    let live = sqlx::query!(
        "SELECT d.id, v.sha256, v.recipe, d.title, d.url, v.given_tags, d.channels
         FROM documents d JOIN versions v ON v.document_id = d.id AND v.state = 'live'
         WHERE d.id = ANY ($1)",
        &ids,
    )
    .fetch_all(tx.conn())
    .await?;
    let mut names: HashMap<Uuid, String> = found.into_iter().map(|r| (r.id, r.external_id)).collect();
    let known = live.into_iter().filter_map(|r| {
        let claimed = Claimed {
            id: DocumentId(r.id),
            live: Some(Live {
                sha256: r.sha256,
                recipe: r.recipe,
                title: r.title,
                url: r.url,
                given_tags: r.given_tags,
                channels: r.channels,
            }),
        };
        Some((names.remove(&r.id)?, claimed))
    });
    Ok(known.collect())
}

/// Deletes what waits for documents whose live content is their newest, and why older ones failed.
/// They must be locked.
///
/// # Errors
/// When the database refuses or is away.
pub async fn settle(tx: &mut SiteTx, documents: &[DocumentId]) -> DbResult<()> {
    let ids: Vec<Uuid> = documents.iter().map(|d| d.0).collect();
    sqlx::query!(
        "WITH failed AS (
             DELETE FROM versions WHERE document_id = ANY ($1) AND state = 'failed'
         )
         DELETE FROM uploads WHERE document_id = ANY ($1)",
        &ids
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
