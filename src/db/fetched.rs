//! Where a document's live content was fetched from, and how its server tells it from other
//! versions: what needn't be fetched again is told by that.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::ids::DocumentId;

/// How a server tells a document's content from other versions of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Where it was fetched from.
    pub url: String,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// The content's SHA-256, in hex.
    pub sha256: String,
}

/// How the server told the document's content when it was last fetched.
///
/// # Errors
/// When the database refuses or is away.
pub async fn get(tx: &mut SiteTx, id: DocumentId) -> DbResult<Option<Fetched>> {
    let found = sqlx::query_scalar!("SELECT fetched FROM documents WHERE id = $1", id.0)
        .fetch_optional(tx.conn())
        .await?;
    // What another version wrote otherwise is as good as none.
    Ok(found.flatten().and_then(|v| serde_json::from_value(v).ok()))
}

/// Remembers how the server told the document's content; none: it can't be told.
///
/// # Errors
/// When the database refuses or is away.
pub async fn set(tx: &mut SiteTx, id: DocumentId, fetched: Option<&Fetched>) -> DbResult<()> {
    let value = fetched.map(to_json).transpose()?;
    sqlx::query!(
        "UPDATE documents SET fetched = $2 WHERE id = $1 AND fetched IS DISTINCT FROM $2",
        id.0,
        value
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// As it is stored.
pub(in crate::db) fn to_json(fetched: &Fetched) -> DbResult<Value> {
    serde_json::to_value(fetched).map_err(|e| DbError::Unreadable(format!("what was fetched: {e}")))
}
