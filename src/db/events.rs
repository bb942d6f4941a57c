//! A thread's events. One statement gives them their numbers, checks that the agent may
//! still speak (staff may have taken over, another replica may have taken the turn), and
//! announces them: whoever loses a race appends nothing.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::listen::THREAD_EVENTS;
use super::pool::{DbError, DbResult, SiteTx};
use crate::domain::event::ThreadEvent;
use crate::domain::ids::{ThreadId, TurnId};

/// An event with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number in the thread, from 1.
    pub seq: i64,
    /// The turn that it is part of.
    pub turn_id: Option<TurnId>,
    /// What happened.
    pub event: ThreadEvent,
}

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The agent, driving a turn under this epoch.
    Agent(TurnId, i64),
    /// Staff, or the system for them, in a thread that they hold.
    StaffHeld,
    /// The system, whoever holds the thread: what became of something that was approved.
    System,
}

/// Appends events and announces them; gives the last one's number.
///
/// # Errors
/// [`DbError::Fenced`] when this voice may not speak here any more.
pub async fn append(
    tx: &mut SiteTx,
    thread: ThreadId,
    voice: Voice,
    events: &[ThreadEvent],
    now: DateTime<Utc>,
) -> DbResult<i64> {
    let mut types = Vec::with_capacity(events.len());
    let mut bodies: Vec<Value> = Vec::with_capacity(events.len());
    for event in events {
        types.push(event.name().to_owned());
        bodies.push(serde_json::to_value(event).map_err(|e| DbError::Unreadable(e.to_string()))?);
    }
    let (turn, epoch) = match voice {
        Voice::Agent(turn, epoch) => (Some(turn.0), Some(epoch)),
        Voice::StaffHeld | Voice::System => (None, None),
    };
    let last = sqlx::query_scalar!(
        r#"WITH bumped AS (
               UPDATE threads SET last_seq = last_seq + cardinality($5::text[])
               WHERE id = $1 AND CASE WHEN $9 THEN true
                                      WHEN $3::bigint IS NULL THEN fence = 'staff'
                                      ELSE fence = 'agent' AND turn_epoch = $3 END
               RETURNING last_seq, last_seq - cardinality($5::text[]) AS before
           ), stored AS (
               INSERT INTO thread_events (site_id, thread_id, seq, turn_id, type, body, at)
               SELECT $4, $1, before + e.n, $2, e.type, e.body, $7
               FROM bumped, unnest($5::text[], $6::jsonb[]) WITH ORDINALITY AS e (type, body, n)
           )
           SELECT last_seq AS "last_seq!" FROM bumped, pg_notify($8, $1::text || ':' || last_seq)"#,
        thread.0,
        turn,
        epoch,
        tx.site().0,
        &types,
        &bodies,
        now,
        THREAD_EVENTS,
        voice == Voice::System,
    )
    .fetch_optional(tx.conn())
    .await?;
    last.ok_or(DbError::Fenced)
}

/// The events after `after`, at most `most`.
///
/// # Errors
/// When the database does, or an event is of a later version.
pub async fn after(tx: &mut SiteTx, thread: ThreadId, after: i64, most: i64) -> DbResult<Vec<StoredEvent>> {
    let rows = sqlx::query!(
        "SELECT seq, turn_id, body FROM thread_events WHERE thread_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        thread.0,
        after,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(StoredEvent {
                seq: r.seq,
                turn_id: r.turn_id.map(TurnId),
                event: serde_json::from_value(r.body)
                    .map_err(|e| DbError::Unreadable(format!("event: {e}")))?,
            })
        })
        .collect()
}

/// All events of a turn, in order.
///
/// # Errors
/// When the database does, or an event is of a later version.
pub async fn of_turn(tx: &mut SiteTx, turn: TurnId) -> DbResult<Vec<StoredEvent>> {
    let rows = sqlx::query!(
        "SELECT e.seq, e.body FROM turns u
         JOIN thread_events e ON e.thread_id = u.thread_id AND e.seq >= u.first_seq AND e.turn_id = u.id
         WHERE u.id = $1 ORDER BY e.seq",
        turn.0
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(StoredEvent {
                seq: r.seq,
                turn_id: Some(turn),
                event: serde_json::from_value(r.body)
                    .map_err(|e| DbError::Unreadable(format!("event: {e}")))?,
            })
        })
        .collect()
}
