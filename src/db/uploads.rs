//! Uploads: raw bytes that wait for ingestion, at most one a document.

use crate::db::pool::{DbResult, SiteTx};
use crate::domain::ids::{DocumentId, UploadId};

/// The bytes that wait for ingestion, and what came with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// A file name or the like.
    pub name: String,
    /// The title that was given, if any.
    pub title: Option<String>,
    /// The URL that was given, if any.
    pub url: Option<String>,
    /// The content.
    pub bytes: Vec<u8>,
    /// Of the content.
    pub sha256: Vec<u8>,
}

/// Stores an upload in the place of the document's older one; gives the older one's id
/// instead when it is the very same. The document must be locked.
///
/// # Errors
/// When the database refuses or is away.
pub async fn put(tx: &mut SiteTx, document: DocumentId, upload: &Upload) -> DbResult<UploadId> {
    let same = sqlx::query_scalar!(
        "SELECT id FROM uploads
         WHERE document_id = $1 AND sha256 = $2 AND name = $3
           AND title IS NOT DISTINCT FROM $4 AND url IS NOT DISTINCT FROM $5",
        document.0,
        upload.sha256,
        upload.name,
        upload.title,
        upload.url,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(id) = same {
        return Ok(UploadId(id));
    }
    forget(tx, document).await?;
    let id = UploadId::new();
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO uploads (site_id, id, document_id, name, title, url, bytes, sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        site,
        id.0,
        document.0,
        upload.name,
        upload.title,
        upload.url,
        upload.bytes,
        upload.sha256,
    )
    .execute(tx.conn())
    .await?;
    Ok(id)
}

/// Deletes what waits for a document.
///
/// # Errors
/// When the database refuses or is away.
pub async fn forget(tx: &mut SiteTx, document: DocumentId) -> DbResult<()> {
    sqlx::query!("DELETE FROM uploads WHERE document_id = $1", document.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Reads an upload; none when it has gone live, was replaced by a newer one, or deleted.
///
/// # Errors
/// When the database refuses or is away.
pub async fn read(tx: &mut SiteTx, id: UploadId, document: DocumentId) -> DbResult<Option<Upload>> {
    let upload = sqlx::query_as!(
        Upload,
        "SELECT name, title, url, bytes, sha256 FROM uploads WHERE id = $1 AND document_id = $2",
        id.0,
        document.0,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(upload)
}

/// Takes an upload out; false when it isn't there any more.
///
/// # Errors
/// When the database refuses or is away.
pub async fn take(tx: &mut SiteTx, id: UploadId, document: DocumentId) -> DbResult<bool> {
    let taken = sqlx::query!(
        "DELETE FROM uploads WHERE id = $1 AND document_id = $2",
        id.0,
        document.0
    )
    .execute(tx.conn())
    .await?;
    Ok(taken.rows_affected() > 0)
}
