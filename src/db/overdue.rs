//! What no person has answered in time: tickets and handoffs past their time are marked once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{Db, DbResult, SiteTx};
use crate::domain::ids::SiteId;

/// Sites with something past its time that isn't marked yet.
///
/// # Errors
/// When the database does.
pub async fn sites(db: &Db, now: DateTime<Utc>) -> DbResult<Vec<SiteId>> {
    let ids = sqlx::query_scalar!(r#"SELECT deskhand_overdue_sites($1) AS "id!""#, now)
        .fetch_all(db.pool())
        .await?;
    Ok(ids.into_iter().map(SiteId).collect())
}

/// Something that no person answered in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// `ticket` or `handoff`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its conversation.
    pub thread: Option<Uuid>,
    /// By when somebody should have answered.
    pub due_at: DateTime<Utc>,
}

/// Marks a site's; gives those that weren't marked before.
///
/// # Errors
/// When the database does.
pub async fn mark(tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<Vec<Breach>> {
    let rows = sqlx::query_as!(
        Breach,
        r#"WITH t AS (
               UPDATE tickets SET breached_at = $1
               WHERE due_at <= $1 AND state <> 'resolved' AND answered_at IS NULL AND breached_at IS NULL
               RETURNING id, thread_id, due_at
           ), h AS (
               UPDATE handoffs SET breached_at = $1
               WHERE due_at <= $1 AND state <> 'resolved' AND answered_at IS NULL AND breached_at IS NULL
               RETURNING id, thread_id, due_at
           )
           SELECT 'ticket' AS "kind!", id AS "id!", thread_id AS thread, due_at AS "due_at!" FROM t
           UNION ALL
           SELECT 'handoff', id, thread_id, due_at FROM h
           ORDER BY 4"#,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
