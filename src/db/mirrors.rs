//! Where tickets are mirrored: what of each the other side has, and one delivery at a time. A
//! change of a ticket enqueues its delivery in its own transaction.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::jobs;
use super::pool::{DbResult, SiteTx};
use crate::domain::connection::kinds::MIRRORS;
use crate::domain::ids::TicketId;
use crate::domain::job::{Job, Priority, Work};

/// How long a delivery may take before another one may begin, in seconds.
const BUSY: f64 = 60.0;

/// Enqueues the delivery of tickets that have changed, where the site mirrors them.
///
/// # Errors
/// When the database does.
pub async fn changed(tx: &mut SiteTx, tickets: &[Uuid]) -> DbResult<()> {
    if tickets.is_empty() {
        return Ok(());
    }
    let kinds: Vec<String> = MIRRORS.iter().map(|k| (*k).to_owned()).collect();
    let rows = sqlx::query!(
        "SELECT id, rev FROM tickets WHERE id = ANY ($1)
           AND EXISTS (SELECT 1 FROM connections WHERE kind = ANY ($2))",
        tickets,
        &kinds
    )
    .fetch_all(tx.conn())
    .await?;
    for row in rows {
        let job = Job {
            work: Work::MirrorTicket {
                ticket: TicketId(row.id),
            },
            // A change that comes while an earlier one is being delivered is its own job.
            key: format!("{}/{}", row.id, row.rev),
            priority: Priority::Standard,
        };
        jobs::enqueue(tx, &job).await?;
    }
    Ok(())
}

/// A delivery that may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The other side's name for the ticket.
    pub remote_ref: Option<String>,
    /// Whether something was asked for before whose answer nobody has seen.
    pub in_doubt: bool,
    /// The last change that the other side has.
    pub sent_rev: i32,
    /// When that was delivered.
    pub at: DateTime<Utc>,
    /// How often it was asked to wait.
    pub waits: i32,
}

/// Whether a delivery may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// It may.
    Now(Begun),
    /// The other side has this change already.
    Done,
    /// Another delivery is under way.
    Busy,
}

/// Begins a delivery of a change.
///
/// # Errors
/// When the database does.
pub async fn begin(
    tx: &mut SiteTx,
    ticket: TicketId,
    kind: &str,
    name: &str,
    rev: i32,
    now: DateTime<Utc>,
) -> DbResult<Begin> {
    sqlx::query!(
        "INSERT INTO ticket_mirrors (site_id, ticket_id, kind, name, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        tx.site().0,
        ticket.0,
        kind,
        name,
        now
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        r#"SELECT sent_rev, remote_ref, begun_at, at, waits, coalesce(busy_until > clock_timestamp(), false) AS "busy!"
           FROM ticket_mirrors WHERE ticket_id = $1 AND kind = $2 AND name = $3 FOR UPDATE"#,
        ticket.0,
        kind,
        name
    )
    .fetch_one(tx.conn())
    .await?;
    if row.sent_rev >= rev {
        return Ok(Begin::Done);
    }
    if row.busy {
        return Ok(Begin::Busy);
    }
    sqlx::query!(
        "UPDATE ticket_mirrors SET begun_at = coalesce(begun_at, $4),
                busy_until = clock_timestamp() + make_interval(secs => $5)
         WHERE ticket_id = $1 AND kind = $2 AND name = $3",
        ticket.0,
        kind,
        name,
        now,
        BUSY
    )
    .execute(tx.conn())
    .await?;
    Ok(Begin::Now(Begun {
        remote_ref: row.remote_ref,
        in_doubt: row.begun_at.is_some(),
        sent_rev: row.sent_rev,
        at: row.at,
        waits: row.waits,
    }))
}

/// What the other side has now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its name for the ticket.
    pub remote_ref: Option<String>,
    /// Where it is there.
    pub remote_url: Option<String>,
}

/// Notes that a change is delivered.
///
/// # Errors
/// When the database does.
pub async fn sent(
    tx: &mut SiteTx,
    ticket: TicketId,
    (kind, name): (&str, &str),
    rev: i32,
    sent: &Sent,
    now: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE ticket_mirrors SET sent_rev = greatest(sent_rev, $4), remote_ref = coalesce($5, remote_ref),
                remote_url = coalesce($6, remote_url), begun_at = NULL, busy_until = NULL, waits = 0, error = NULL, at = $7
         WHERE ticket_id = $1 AND kind = $2 AND name = $3",
        ticket.0,
        kind,
        name,
        rev,
        sent.remote_ref,
        sent.remote_url,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes what the other side is called before its first change is known to be complete.
///
/// # Errors
/// When the database does.
pub async fn found(
    tx: &mut SiteTx,
    ticket: TicketId,
    (kind, name): (&str, &str),
    sent: &Sent,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE ticket_mirrors SET remote_ref = $4, remote_url = coalesce($5, remote_url)
         WHERE ticket_id = $1 AND kind = $2 AND name = $3",
        ticket.0,
        kind,
        name,
        sent.remote_ref,
        sent.remote_url
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that a delivery failed; whether it may have happened all the same, and whether the other
/// side asked to wait.
///
/// # Errors
/// When the database does.
pub async fn failed(
    tx: &mut SiteTx,
    ticket: TicketId,
    (kind, name): (&str, &str),
    error: &str,
    in_doubt: bool,
    waits: bool,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE ticket_mirrors SET error = left($4, 500), busy_until = NULL,
                begun_at = CASE WHEN $5 THEN begun_at END, waits = CASE WHEN $6 THEN waits + 1 ELSE 0 END
         WHERE ticket_id = $1 AND kind = $2 AND name = $3",
        ticket.0,
        kind,
        name,
        error,
        in_doubt,
        waits
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How a mirror of a ticket stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MirrorRow {
    /// The connection's kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The last change that is there.
    pub sent_rev: i32,
    /// The ticket's name there.
    pub remote_ref: Option<String>,
    /// Where it is there.
    pub remote_url: Option<String>,
    /// Why the last delivery failed.
    pub error: Option<String>,
}

/// A ticket's mirrors.
///
/// # Errors
/// When the database does.
pub async fn of_ticket(tx: &mut SiteTx, ticket: TicketId) -> DbResult<Vec<MirrorRow>> {
    let rows = sqlx::query_as!(
        MirrorRow,
        "SELECT kind, name, sent_rev, remote_ref, remote_url, error FROM ticket_mirrors
         WHERE ticket_id = $1 ORDER BY kind, name",
        ticket.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
