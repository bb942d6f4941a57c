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

/// Something that conversations have left on a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// `effect`, `proposal`, `handoff` or `ticket`.
    pub kind: String,
    /// A tool, or a reason.
    pub name: String,
    /// The order that it is about.
    pub order_number: Option<String>,
    /// In minor units.
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// How it stands.
    pub state: String,
}

/// Everything that conversations have left on the transaction's site, oldest first, at most 1000.
///
/// # Errors
/// When the database does.
pub async fn traces(tx: &mut SiteTx) -> DbResult<Vec<Trace>> {
    let rows = sqlx::query_as!(
        Trace,
        r#"SELECT kind AS "kind!", name AS "name!", order_number, amount_minor, currency, state AS "state!" FROM (
               SELECT 'effect' AS kind, tool AS name, order_number, amount_minor, currency, state, at, key AS id FROM effects
               UNION ALL
               SELECT 'proposal', tool, order_number, amount_minor, currency, state, at, id::text FROM proposals
               UNION ALL
               SELECT 'handoff', reason, NULL, NULL, NULL, state, at, id::text FROM handoffs
               UNION ALL
               SELECT 'ticket', reason, NULL, NULL, NULL, state, at, id::text FROM tickets) AS left_behind
           ORDER BY at, id LIMIT 1000"#
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
