//! The audit: who did what, appended and never changed. Nothing personal goes in: ids, codes
//! and amounts.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::ThreadId;

/// An entry to append.
#[derive(Debug)]
pub struct Entry<'a> {
    /// `agent`, `visitor`, `system`, or `staff:NAME`.
    pub who: &'a str,
    /// What was done, a code.
    pub act: &'a str,
    /// In which thread.
    pub thread: Option<ThreadId>,
    /// To what: an order's number, an id.
    pub subject: Option<&'a str>,
    /// What else is to be known.
    pub detail: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// An entry as it stands there.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AuditRow {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub who: String,
    /// What.
    pub act: String,
    /// To what.
    pub subject: Option<String>,
    /// More.
    pub detail: Value,
}

/// Appends an entry.
///
/// # Errors
/// When the database does.
pub async fn append(tx: &mut SiteTx, e: &Entry<'_>) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO audit (site_id, at, who, act, thread_id, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tx.site().0,
        e.at,
        e.who,
        e.act,
        e.thread.map(|t| t.0),
        e.subject,
        e.detail,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A thread's entries, oldest first, at most 500.
///
/// # Errors
/// When the database does.
pub async fn of_thread(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Vec<AuditRow>> {
    let rows = sqlx::query_as!(
        AuditRow,
        "SELECT at, who, act, subject, detail FROM audit WHERE thread_id = $1 ORDER BY id LIMIT 500",
        thread.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
