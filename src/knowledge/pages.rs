//! A document as a page: the text that the knowledge base holds, as safe HTML.

use chrono::{DateTime, Utc};

use crate::db::pool::{DbResult, SiteTx};

/// A page.
pub struct Page {
    /// Its title.
    pub title: String,
    /// Sanitised HTML.
    pub html: String,
    /// Of the version that answers.
    pub updated_at: DateTime<Utc>,
}

/// The page of the document with this URL.
///
/// # Errors
/// When the database does.
pub async fn by_url(_tx: &mut SiteTx, _url: &str) -> DbResult<Option<Page>> {
    Ok(None)
}
