//! Receipts of deletions: of whom (a hash), what (counted), when. They can't be changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::db::pool::{DbResult, SiteTx};

/// What a deletion removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Its id.
    pub id: Uuid,
    /// `document` or `person`.
    pub kind: String,
    /// Of what was deleted: SHA-256 of its name.
    pub subject_hash: Vec<u8>,
    /// How much of each kind.
    pub counts: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// Stores a receipt.
///
/// # Errors
/// When the database refuses or is away.
pub async fn insert(
    tx: &mut SiteTx,
    kind: &str,
    subject_hash: &[u8],
    counts: &Value,
    at: DateTime<Utc>,
) -> DbResult<Uuid> {
    let (site, id) = (tx.site().0, Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO deletion_receipts (site_id, id, kind, subject_hash, counts, at) VALUES ($1, $2, $3, $4, $5, $6)",
        site,
        id,
        kind,
        subject_hash,
        counts,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(id)
}

/// A receipt.
///
/// # Errors
/// When the database refuses or is away.
pub async fn find(tx: &mut SiteTx, id: Uuid) -> DbResult<Option<Receipt>> {
    let receipt = sqlx::query_as!(
        Receipt,
        "SELECT id, kind, subject_hash, counts, at FROM deletion_receipts WHERE id = $1",
        id
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(receipt)
}
