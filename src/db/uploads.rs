//! Uploads: bytes that wait for ingestion, or the address that they are to be fetched
//! from; at most one a document.

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::ids::{DocumentId, UploadId};

/// What waits for ingestion, and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// A file name or the like.
    pub name: String,
    /// The title that was given, if any.
    pub title: Option<String>,
    /// The URL that was given, if any.
    pub url: Option<String>,
    /// The content.
    pub content: Content,
    /// How its origin files it.
    pub labels: Labels,
}

/// A content, or where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Here.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// Of the bytes.
        sha256: Vec<u8>,
    },
    /// To be fetched from this address.
    Fetch(String),
}

/// How an origin files a content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Beside the tags that the content names itself.
    pub tags: Vec<String>,
    /// The channels that may answer from it; none: as before.
    pub channels: Option<Vec<String>>,
    /// The language that it is written in, a BCP 47 tag.
    pub lang: Option<String>,
}

/// Stores an upload in the place of the document's older one; gives the older one's id
/// instead when it is the very same. The document must be locked.
///
/// # Errors
/// When the database refuses or is away.
pub async fn put(tx: &mut SiteTx, document: DocumentId, upload: &Upload) -> DbResult<UploadId> {
    let (bytes, sha256, fetch_url) = match &upload.content {
        Content::Bytes { bytes, sha256 } => (Some(bytes), Some(sha256), None),
        Content::Fetch(url) => (None, None, Some(url)),
    };
    // What is to be fetched may be another by now.
    let same = sqlx::query_scalar!(
        "SELECT id FROM uploads
         WHERE document_id = $1 AND sha256 = $2 AND name = $3
           AND title IS NOT DISTINCT FROM $4 AND url IS NOT DISTINCT FROM $5
           AND tags = $6 AND channels IS NOT DISTINCT FROM $7 AND lang IS NOT DISTINCT FROM $8",
        document.0,
        sha256,
        upload.name,
        upload.title,
        upload.url,
        &upload.labels.tags,
        upload.labels.channels.as_deref(),
        upload.labels.lang,
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
        "INSERT INTO uploads (site_id, id, document_id, name, title, url, bytes, sha256, fetch_url, tags, channels, lang)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        site,
        id.0,
        document.0,
        upload.name,
        upload.title,
        upload.url,
        bytes,
        sha256,
        fetch_url,
        &upload.labels.tags,
        upload.labels.channels.as_deref(),
        upload.labels.lang,
    )
    .execute(tx.conn())
    .await?;
    Ok(id)
}

/// The upload that waits for a document.
///
/// # Errors
/// When the database refuses or is away.
pub async fn waiting(tx: &mut SiteTx, document: DocumentId) -> DbResult<Option<UploadId>> {
    let id = sqlx::query_scalar!("SELECT id FROM uploads WHERE document_id = $1", document.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(id.map(UploadId))
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
    let row = sqlx::query!(
        "SELECT name, title, url, bytes, sha256, fetch_url, tags, channels, lang FROM uploads
         WHERE id = $1 AND document_id = $2",
        id.0,
        document.0,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|r| {
        let content = match (r.bytes, r.sha256, r.fetch_url) {
            (Some(bytes), Some(sha256), _) => Content::Bytes { bytes, sha256 },
            (_, _, Some(url)) => Content::Fetch(url),
            _ => return Err(DbError::Unreadable("an upload without a content".to_owned())),
        };
        Ok(Upload {
            name: r.name,
            title: r.title,
            url: r.url,
            content,
            labels: Labels {
                tags: r.tags,
                channels: r.channels,
                lang: r.lang,
            },
        })
    })
    .transpose()
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
