//! Events of the bridge: stored once with their jobs, found again when they are repeated, and
//! read by who asks what came of them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::EventId;

/// An event to store; its body as the caller has sealed it.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// Its id here, which its sender is given.
    pub id: EventId,
    /// The sender's name for it.
    pub key: &'a str,
    /// Of the body.
    pub body_hash: &'a [u8; 32],
    /// The secret that signed it.
    pub kid: &'a str,
    /// What happened.
    pub event_type: &'a str,
    /// What it is about.
    pub object_ref: &'a str,
    /// The body, sealed.
    pub body: &'a [u8],
    /// Keyed hashes of the addresses in it.
    pub addresses: Vec<Vec<u8>>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// The first event with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: EventId,
    /// Of its body.
    pub body_hash: Vec<u8>,
}

/// Stores an event; false when its key is there already.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut SiteTx, new: &NewEvent<'_>) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO bridge_events (site_id, id, idempotency_key, body_hash, kid, event_type, object_ref, body,
                                    addresses, occurred_at, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (site_id, idempotency_key) DO NOTHING",
        tx.site().0,
        new.id.0,
        new.key,
        new.body_hash.as_slice(),
        new.kid,
        new.event_type,
        new.object_ref,
        new.body,
        &new.addresses,
        new.occurred_at,
        new.received_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The event with this key.
///
/// # Errors
/// When the database does.
pub async fn by_key(tx: &mut SiteTx, key: &str) -> DbResult<Option<Known>> {
    let row = sqlx::query!(
        "SELECT id, body_hash FROM bridge_events WHERE idempotency_key = $1",
        key
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Known {
        id: r.id.into(),
        body_hash: r.body_hash,
    }))
}

/// How many events of the site came since then.
///
/// # Errors
/// When the database does.
pub async fn recent(tx: &mut SiteTx, since: DateTime<Utc>) -> DbResult<i64> {
    let recent = sqlx::query_scalar!(
        r#"SELECT count(*) AS "recent!" FROM bridge_events WHERE received_at > $1"#,
        since
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(recent)
}

/// Locks an event that is still to be handled and counts the try; gives its sealed body.
///
/// # Errors
/// When the database does.
pub async fn begin(tx: &mut SiteTx, id: EventId) -> DbResult<Option<Vec<u8>>> {
    let body = sqlx::query_scalar!(
        "UPDATE bridge_events SET attempts = attempts + 1 WHERE id = $1 AND state <> 'processed' RETURNING body",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(body)
}

/// Notes what came of an event: a result, or the code of why there is none.
///
/// # Errors
/// When the database does.
pub async fn finish(
    tx: &mut SiteTx,
    id: EventId,
    outcome: Result<&Value, &str>,
    at: DateTime<Utc>,
) -> DbResult<()> {
    let (state, result, error) = match outcome {
        Ok(result) => ("processed", Some(result), None),
        Err(code) => ("failed", None, Some(code)),
    };
    sqlx::query!(
        "UPDATE bridge_events SET state = $2, result = $3, error_code = $4, finished_at = $5
         WHERE id = $1 AND state <> 'processed'",
        id.0,
        state,
        result,
        error,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An event as it stands, without its body.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its id.
    pub id: EventId,
    /// The sender's name for it.
    pub key: String,
    /// What happened.
    pub event_type: String,
    /// What it is about.
    pub object_ref: String,
    /// `queued`, `processed` or `failed`.
    pub state: String,
    /// What came of it.
    pub result: Option<Value>,
    /// Why nothing did.
    pub error: Option<String>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When it was handled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Where a reader of results stands: after the event that was handled then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// The time.
    pub at: DateTime<Utc>,
    /// The event; nil for all of that time.
    pub id: Uuid,
}

/// What was handled after a place and before `until`, the oldest first.
///
/// # Errors
/// When the database does.
pub async fn results(
    tx: &mut SiteTx,
    after: After,
    until: DateTime<Utc>,
    most: i64,
) -> DbResult<Vec<EventRow>> {
    let rows = sqlx::query_as!(
        EventRow,
        "SELECT id, idempotency_key AS key, event_type, object_ref, state, result, error_code AS error, occurred_at,
                received_at, finished_at
         FROM bridge_events
         WHERE finished_at IS NOT NULL AND (finished_at, id) > ($1, $2) AND finished_at < $3
         ORDER BY finished_at, id LIMIT $4",
        after.at,
        after.id,
        until,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The newest events, of one type if it is named.
///
/// # Errors
/// When the database does.
pub async fn newest(tx: &mut SiteTx, event_type: Option<&str>, most: i64) -> DbResult<Vec<EventRow>> {
    let rows = sqlx::query_as!(
        EventRow,
        "SELECT id, idempotency_key AS key, event_type, object_ref, state, result, error_code AS error, occurred_at,
                received_at, finished_at
         FROM bridge_events WHERE $1::text IS NULL OR event_type = $1
         ORDER BY received_at DESC, id DESC LIMIT $2",
        event_type,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// An event with its body, which is sealed.
///
/// # Errors
/// When the database does.
pub async fn body(tx: &mut SiteTx, id: EventId) -> DbResult<Option<Vec<u8>>> {
    let body = sqlx::query_scalar!("SELECT body FROM bridge_events WHERE id = $1", id.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(body)
}

/// Events in which an address stands, by its hash.
///
/// # Errors
/// When the database does.
pub async fn of_address(tx: &mut SiteTx, hash: &[u8], most: i64) -> DbResult<Vec<EventRow>> {
    let rows = sqlx::query_as!(
        EventRow,
        "SELECT id, idempotency_key AS key, event_type, object_ref, state, result, error_code AS error, occurred_at,
                received_at, finished_at
         FROM bridge_events WHERE $1 = ANY (addresses) ORDER BY received_at, id LIMIT $2",
        hash,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
