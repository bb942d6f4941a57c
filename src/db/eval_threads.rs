//! What an evaluation leaves on a site that also has real visitors, and how it goes again.

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::VisitorId;

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// Visitors, each with all of their threads and what hangs on these: messages, turns,
    /// events, tool calls, handoffs, tickets.
    pub visitors: u64,
    /// Questions that were noted as gaps.
    pub gaps: u64,
}

/// Deletes these visitors with everything of theirs, and the gaps that their turns noted.
/// A gap has no thread; it is known by its question, as it was kept, and by its time,
/// which is that of the turn's end. None of their turns may be under way.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut SiteTx, visitors: &[VisitorId], questions: &[String]) -> DbResult<Gone> {
    let visitors: Vec<_> = visitors.iter().map(|v| v.0).collect();
    let gaps = sqlx::query!(
        "DELETE FROM gaps g USING turns u JOIN threads t ON t.id = u.thread_id
         WHERE t.visitor_id = ANY ($1) AND g.at = u.finished_at AND g.question = ANY ($2)",
        &visitors,
        questions
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    let visitors = sqlx::query!("DELETE FROM visitors WHERE id = ANY ($1)", &visitors)
        .execute(tx.conn())
        .await?
        .rows_affected();
    Ok(Gone { visitors, gaps })
}
