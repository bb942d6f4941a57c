//! What happens to a live document whose origin doesn't show it any more: nothing is answered from
//! it from the same moment on, its owner reads why, and a receipt says what was removed.

use chrono::{DateTime, Utc};

use crate::db::pool::{DbResult, SiteTx};
use crate::db::versions::{self, Failure};
use crate::db::{documents, removal, uploads};
use crate::domain::ids::{DocumentId, UploadId};

/// Takes what is live of a document away, and records why; the document stays, and so does what
/// waits for another try, and that somebody approved its content: the same needs no second approval. Does nothing when the upload (if it was one) has been replaced meanwhile;
/// without anything live it is a failure like others.
///
/// # Errors
/// When the database refuses or is away.
pub async fn withdraw(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    id: DocumentId,
    upload: Option<UploadId>,
    failure: &Failure<'_>,
) -> DbResult<()> {
    if !take_away(tx, now, id, upload, failure).await? {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE documents
         SET updated_at = NULL, version = 0, tags = '{}', lang = NULL, fetched = NULL, review = 'approved'
         WHERE id = $1",
        id.0,
    )
    .execute(tx.conn())
    .await?;
    versions::record_failure(tx, now, id, failure).await
}

/// Removes a document whose origin says that it isn't there any more, and records that it said so.
/// Does nothing when the upload (if it was one) has been replaced meanwhile; without anything live
/// it is a failure like others. Webhooks that are newer than what was taken in aren't touched.
///
/// # Errors
/// When the database refuses or is away.
pub async fn end(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    id: DocumentId,
    upload: Option<UploadId>,
    failure: &Failure<'_>,
) -> DbResult<()> {
    if !take_away(tx, now, id, upload, failure).await? {
        return Ok(());
    }
    uploads::forget(tx, id).await?;
    sqlx::query!(
        "UPDATE inbound_events e SET raw = NULL
         FROM documents d WHERE d.id = $1 AND e.document_id = d.id AND e.event_at <= d.event_at AND e.raw IS NOT NULL",
        id.0,
    )
    .execute(tx.conn())
    .await?;
    removal::forget(tx, now, id).await?;
    versions::record_failure(tx, now, id, failure).await
}

/// Takes what is live away, with a receipt; false when that isn't to be, or there is nothing live.
async fn take_away(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    id: DocumentId,
    upload: Option<UploadId>,
    failure: &Failure<'_>,
) -> DbResult<bool> {
    if !documents::lock(tx, id).await? || uploads::waiting(tx, id).await? != upload {
        return Ok(false);
    }
    if !documents::has_live(tx, id).await? {
        versions::record_failure(tx, now, id, failure).await?;
        return Ok(false);
    }
    let (name, mut counts) = removal::count(tx, id).await?;
    removal::contents(tx, id, &mut counts).await?;
    removal::receipt(tx, now, &name, counts).await?;
    Ok(true)
}
