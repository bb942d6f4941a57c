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
    let site = tx.site().0;
    // What is to be fetched may be another by now: it is never the same.
    let id = sqlx::query_scalar!(
        r#"WITH same AS MATERIALIZED (
               SELECT id FROM uploads
               WHERE document_id = $3 AND sha256 = $7 AND name = $4
                 AND title IS NOT DISTINCT FROM $5 AND url IS NOT DISTINCT FROM $6
                 AND tags = $10 AND channels IS NOT DISTINCT FROM $11 AND lang IS NOT DISTINCT FROM $12
           ), stored AS (
               INSERT INTO uploads (site_id, id, document_id, name, title, url, sha256, bytes, fetch_url, tags, channels, lang)
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 WHERE NOT EXISTS (SELECT FROM same)
               ON CONFLICT (site_id, document_id) DO UPDATE
                   SET id = excluded.id, name = excluded.name, title = excluded.title, url = excluded.url,
                       sha256 = excluded.sha256, bytes = excluded.bytes, fetch_url = excluded.fetch_url,
                       tags = excluded.tags, channels = excluded.channels, lang = excluded.lang, at = now()
               RETURNING id
           )
           SELECT id AS "id!" FROM same UNION ALL SELECT id FROM stored"#,
        site,
        UploadId::new().0,
        document.0,
        upload.name,
        upload.title,
        upload.url,
        sha256,
        bytes,
        fetch_url,
        &upload.labels.tags,
        upload.labels.channels.as_deref(),
        upload.labels.lang,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(UploadId(id))
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

/// An upload on its way in, and what else of its document and site decides what is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// It.
    pub upload: Upload,
    /// Where its document comes from.
    pub source: String,
    /// The site's language.
    pub locale: Option<String>,
}

/// Reads an upload; none when it has gone live, was replaced by a newer one, or deleted.
///
/// # Errors
/// When the database refuses or is away.
pub async fn read(tx: &mut SiteTx, id: UploadId, document: DocumentId) -> DbResult<Option<Waiting>> {
    let row = sqlx::query!(
        r#"SELECT u.name, u.title, u.url, u.bytes, u.sha256, u.fetch_url, u.tags, u.channels, u.lang, d.source,
                  (SELECT s.locale FROM sites s) AS "locale?"
           FROM uploads u JOIN documents d ON d.id = u.document_id
           WHERE u.id = $1 AND u.document_id = $2"#,
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
        let upload = Upload {
            name: r.name,
            title: r.title,
            url: r.url,
            content,
            labels: Labels {
                tags: r.tags,
                channels: r.channels,
                lang: r.lang,
            },
        };
        Ok(Waiting {
            upload,
            source: r.source,
            locale: r.locale,
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
