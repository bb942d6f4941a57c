//! What waits for the site's people: threads given to them, and tickets. Both are keyed by
//! thread or turn, so that closing a turn again after a crash finds the first one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{HandoffId, ProposalId, ThreadId, TicketId, TurnId};

/// Opens the thread's handoff, or finds the open one.
///
/// # Errors
/// When the database does.
pub async fn open_handoff(
    tx: &mut SiteTx,
    thread: ThreadId,
    turn: TurnId,
    reason: &str,
    now: DateTime<Utc>,
) -> DbResult<HandoffId> {
    let id = sqlx::query_scalar!(
        "INSERT INTO handoffs (site_id, id, thread_id, turn_id, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site_id, thread_id) WHERE state <> 'resolved' DO UPDATE SET reason = handoffs.reason
         RETURNING id",
        tx.site().0,
        HandoffId::new().0,
        thread.0,
        turn.0,
        reason,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!("UPDATE threads SET status = 'handoff' WHERE id = $1", thread.0)
        .execute(tx.conn())
        .await?;
    Ok(id.into())
}

/// Notes what staff are to approve with a handoff.
///
/// # Errors
/// When the database does.
pub async fn attach_proposal(tx: &mut SiteTx, handoff: HandoffId, proposal: ProposalId) -> DbResult<()> {
    sqlx::query!(
        "UPDATE handoffs SET proposal_id = $2 WHERE id = $1",
        handoff.0,
        proposal.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Opens the turn's ticket, or finds it.
///
/// # Errors
/// When the database does.
pub async fn open_ticket(
    tx: &mut SiteTx,
    thread: ThreadId,
    turn: TurnId,
    reason: &str,
    now: DateTime<Utc>,
) -> DbResult<TicketId> {
    let id = sqlx::query_scalar!(
        "INSERT INTO tickets (site_id, id, thread_id, turn_id, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site_id, turn_id) DO UPDATE SET reason = tickets.reason RETURNING id",
        tx.site().0,
        TicketId::new().0,
        thread.0,
        turn.0,
        reason,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// What waits for the site's people: an open handoff or ticket.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Waiting {
    /// `handoff` or `ticket`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its thread.
    pub thread_id: Option<Uuid>,
    /// Why, a code.
    pub reason: String,
    /// How it stands.
    pub state: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Open handoffs and tickets, oldest first, at most 500.
///
/// # Errors
/// When the database does.
pub async fn waiting(tx: &mut SiteTx) -> DbResult<Vec<Waiting>> {
    let rows = sqlx::query_as!(
        Waiting,
        r#"SELECT 'handoff' AS "kind!", id AS "id!", thread_id, reason AS "reason!", state AS "state!", at AS "at!"
           FROM handoffs WHERE state <> 'resolved'
           UNION ALL
           SELECT 'ticket', id, thread_id, reason, state, at FROM tickets WHERE state <> 'resolved'
           ORDER BY 6 LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What nobody has taken on yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCount {
    /// `handoff` or `ticket`.
    pub kind: String,
    /// Why, a code.
    pub reason: String,
    /// How many.
    pub n: i64,
    /// Since when the oldest waits.
    pub oldest: DateTime<Utc>,
}

/// Handoffs that nobody has claimed, and tickets that aren't resolved, by reason.
///
/// # Errors
/// When the database does.
pub async fn open_counts(tx: &mut SiteTx) -> DbResult<Vec<OpenCount>> {
    let rows = sqlx::query_as!(
        OpenCount,
        r#"SELECT 'handoff' AS "kind!", reason AS "reason!", count(*) AS "n!", min(at) AS "oldest!"
           FROM handoffs WHERE state = 'open' GROUP BY reason
           UNION ALL
           SELECT 'ticket', reason, count(*), min(at) FROM tickets WHERE state <> 'resolved' GROUP BY reason
           ORDER BY 1, 2"#
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
