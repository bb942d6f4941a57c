//! Threads given to the site's people. There is one open handoff of a thread, so that closing a
//! turn again after a crash, or a second wish for a person, finds the first one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use super::{hours, notices, turns};
use crate::domain::ids::{HandoffId, ProposalId, SiteId, ThreadId, TurnId};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::sla::HANDOFF;
use crate::domain::ticket::Priority;

/// A handoff to open.
#[derive(Debug, Clone, Copy)]
pub struct NewHandoff<'a> {
    /// The thread.
    pub thread: ThreadId,
    /// The turn that gives it away.
    pub turn: TurnId,
    /// Why, a code.
    pub reason: &'a str,
    /// What staff should read first, sealed ([`excerpt_owner`]).
    pub excerpt: Option<&'a [u8]>,
    /// When.
    pub now: DateTime<Utc>,
}

/// What an excerpt is sealed for.
#[must_use]
pub fn excerpt_owner(site: SiteId, thread: ThreadId) -> String {
    format!("site/{site}/thread/{thread}/excerpt")
}

/// What became of an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The handoff.
    pub id: HandoffId,
    /// Whether this turn opened it; else it was open before.
    pub first: bool,
}

/// Opens the thread's handoff with its time to answer, or finds the open one. The visitor's own
/// wish for a person goes before any other reason.
///
/// # Errors
/// [`super::pool::DbError::Fenced`] when staff have taken the thread over, or the turn has ended:
/// what a tool does late opens nothing anew.
pub async fn open(tx: &mut SiteTx, new: &NewHandoff<'_>) -> DbResult<Opened> {
    turns::speaks(tx, new.thread, new.turn).await?;
    let due = hours::due(tx, HANDOFF, Priority::Normal, new.now).await?;
    let row = sqlx::query!(
        "INSERT INTO handoffs (site_id, id, thread_id, turn_id, reason, excerpt_sealed, due_at, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (site_id, thread_id) WHERE state <> 'resolved' DO UPDATE
         SET reason = CASE excluded.reason WHEN 'visitor_asked' THEN excluded.reason ELSE handoffs.reason END,
             excerpt_sealed = coalesce(excluded.excerpt_sealed, handoffs.excerpt_sealed)
         RETURNING id, turn_id",
        tx.site().0,
        HandoffId::new().0,
        new.thread.0,
        new.turn.0,
        new.reason,
        new.excerpt,
        due,
        new.now
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!(
        "UPDATE threads SET status = 'handoff' WHERE id = $1",
        new.thread.0
    )
    .execute(tx.conn())
    .await?;
    let first = row.turn_id == new.turn.0;
    if first {
        let notice = Notice {
            kind: NoticeKind::Handoff.of(new.reason),
            key: format!("handoff/{}", row.id),
            thread: Some(new.thread),
            subject: None,
            reason: new.reason,
            at: new.now,
        };
        notices::enqueue(tx, &notice).await?;
    }
    Ok(Opened {
        id: row.id.into(),
        first,
    })
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

/// Notes at a thread's open handoff how the effect has ended whose end nobody knew: another reason,
/// and in words, sealed ([`excerpt_owner`]), where the agent passed nothing on. Whether there was one.
///
/// # Errors
/// When the database does.
pub async fn settled(tx: &mut SiteTx, thread: ThreadId, reason: &str, words: &[u8]) -> DbResult<bool> {
    let noted = sqlx::query!(
        "UPDATE handoffs SET reason = $2, excerpt_sealed = coalesce(excerpt_sealed, $3)
         WHERE thread_id = $1 AND state <> 'resolved' AND reason = 'unknown_effect'",
        thread.0,
        reason,
        words
    )
    .execute(tx.conn())
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Ends the handoff of a thread that was opened for an approval only, which is decided: nobody
/// has claimed it, no other proposal of the thread waits. Whether there was one.
///
/// # Errors
/// When the database does.
pub async fn approval_decided(tx: &mut SiteTx, thread: ThreadId, now: DateTime<Utc>) -> DbResult<bool> {
    let ended = sqlx::query!(
        "UPDATE handoffs SET state = 'resolved', resolved_at = $2, answered_at = coalesce(answered_at, $2)
         WHERE thread_id = $1 AND state = 'open' AND reason = 'needs_approval'
           AND NOT EXISTS (SELECT 1 FROM proposals p WHERE p.thread_id = $1 AND p.state = 'waiting')",
        thread.0,
        now
    )
    .execute(tx.conn())
    .await?
    .rows_affected()
        == 1;
    if ended {
        sqlx::query!(
            "UPDATE threads SET status = 'open' WHERE id = $1 AND fence = 'agent'",
            thread.0
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(ended)
}

/// What waits for the site's people: an open handoff or ticket.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Waiting {
    /// `handoff` or `ticket`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// What people call a ticket, as a number.
    pub number: Option<i32>,
    /// Its thread.
    pub thread_id: Option<Uuid>,
    /// Why, a code.
    pub reason: String,
    /// How it stands.
    pub state: String,
    /// Who has it.
    pub staff: Option<String>,
    /// A ticket's priority.
    pub priority: Option<String>,
    /// The visitor's language.
    pub lang: Option<String>,
    /// Since when.
    pub at: DateTime<Utc>,
    /// By when somebody must have answered.
    pub due_at: Option<DateTime<Utc>>,
    /// When somebody has.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it was noticed that nobody had in time.
    pub breached_at: Option<DateTime<Utc>>,
}

/// Open handoffs and tickets, what is due first at the top, at most 500.
///
/// # Errors
/// When the database does.
pub async fn waiting(tx: &mut SiteTx) -> DbResult<Vec<Waiting>> {
    let rows = sqlx::query_as!(
        Waiting,
        r#"SELECT 'handoff' AS "kind!", h.id AS "id!", NULL::int AS number, h.thread_id, h.reason AS "reason!",
                  h.state AS "state!", h.claimed_by AS staff, NULL::text AS priority, t.lang, h.at AS "at!", h.due_at,
                  h.answered_at, h.breached_at
           FROM handoffs h JOIN threads t ON t.id = h.thread_id WHERE h.state <> 'resolved'
           UNION ALL
           SELECT 'ticket', k.id, k.number, k.thread_id, k.reason, k.state, k.assignee, k.priority, t.lang, k.at,
                  k.due_at, k.answered_at, k.breached_at
           FROM tickets k LEFT JOIN threads t ON t.id = k.thread_id WHERE k.state <> 'resolved'
           ORDER BY 12 NULLS FIRST, 11, 10 LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// A thread's handoffs, as staff see them beside the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoffRow {
    /// Why, a code.
    pub reason: String,
    /// `open`, `claimed` or `resolved`.
    pub state: String,
    /// Who has or had it.
    pub staff: Option<String>,
    /// What the agent passed on, sealed.
    pub excerpt: Option<Vec<u8>>,
    /// When it was opened.
    pub at: DateTime<Utc>,
    /// By when somebody must have answered.
    pub due_at: Option<DateTime<Utc>>,
    /// When somebody has.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// All handoffs of a thread, oldest first, at most 100.
///
/// # Errors
/// When the database does.
pub async fn of_thread(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Vec<HandoffRow>> {
    let rows = sqlx::query_as!(
        HandoffRow,
        "SELECT reason, state, claimed_by AS staff, excerpt_sealed AS excerpt, at, due_at, answered_at, resolved_at
         FROM handoffs WHERE thread_id = $1 ORDER BY at, id LIMIT 100",
        thread.0
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
