//! Questions that found nothing. They carry no personal data: what goes in has been masked.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db::pool::{DbResult, SiteTx};

/// The longest question that is kept, in characters.
pub const MAX_QUESTION: usize = 500;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Masked.
    pub question: String,
    /// The visitor's language, a BCP 47 tag.
    pub locale: String,
    /// When it was asked.
    pub at: DateTime<Utc>,
}

/// Keeps one.
///
/// # Errors
/// When the database refuses (an empty question, one over [`MAX_QUESTION`]) or is away.
pub async fn insert(tx: &mut SiteTx, gap: &Gap) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO gaps (site_id, id, question, locale, at) VALUES ($1, $2, $3, $4, $5)",
        site,
        Uuid::now_v7(),
        gap.question,
        gap.locale,
        gap.at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest ones since then.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx, since: DateTime<Utc>, limit: i64) -> DbResult<Vec<Gap>> {
    let rows = sqlx::query_as!(
        Gap,
        "SELECT question, locale, at FROM gaps WHERE at >= $1 ORDER BY at DESC LIMIT $2",
        since,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
