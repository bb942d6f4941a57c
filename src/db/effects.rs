//! The ledger of effects: a row is begun before the other side is asked, and ended after it
//! has answered. One key, one effect.

use chrono::{DateTime, Utc};

use super::pool::{DbResult, SiteTx};

/// An effect that is about to be asked for.
#[derive(Debug)]
pub struct NewEffect<'a> {
    /// One effect has one key.
    pub key: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// The order.
    pub order_number: &'a str,
    /// Minor units and currency, where money moves.
    pub amount: Option<(i64, &'a str)>,
    /// How many of the tool's effects on this order were done when the order was read.
    pub seen: i64,
    /// When.
    pub now: DateTime<Utc>,
}

/// What the ledger says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectRow {
    /// `started`, `done`, `failed` or `unknown`.
    pub state: String,
    /// The other side's name for it.
    pub remote_ref: Option<String>,
    /// Why it failed.
    pub code: Option<String>,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// When it ended, or when it was noted that nobody knows.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How many of a tool's effects on an order are done.
///
/// # Errors
/// When the database does.
pub async fn done(tx: &mut SiteTx, tool: &str, order_number: &str) -> DbResult<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM effects WHERE tool = $1 AND order_number = $2 AND state = 'done'"#,
        tool,
        order_number
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Begins an effect; false when its key is in the ledger already, when nobody knows yet what
/// became of another one of the same tool and order, or when another was done since the order was
/// read.
///
/// # Errors
/// When the database does.
pub async fn begin(tx: &mut SiteTx, e: &NewEffect<'_>) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO effects (site_id, key, tool, order_number, amount_minor, currency, state, at)
         SELECT $1::uuid, $2::text, $3::text, $4::text, $5::bigint, $6::text, 'started', $7::timestamptz
         WHERE NOT EXISTS (SELECT FROM effects WHERE site_id = $1 AND tool = $3 AND order_number = $4
                           AND state IN ('started', 'unknown'))
           AND (SELECT count(*) FROM effects WHERE site_id = $1 AND tool = $3 AND order_number = $4
                AND state = 'done') = $8::bigint
         ON CONFLICT DO NOTHING",
        tx.site().0,
        e.key,
        e.tool,
        e.order_number,
        e.amount.map(|a| a.0),
        e.amount.map(|a| a.1),
        e.now,
        e.seen,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What the ledger says of a key.
///
/// # Errors
/// When the database does.
pub async fn find(tx: &mut SiteTx, key: &str) -> DbResult<Option<EffectRow>> {
    let row = sqlx::query_as!(
        EffectRow,
        "SELECT state, remote_ref, code, at, ended_at FROM effects WHERE key = $1",
        key
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Ends an effect that was begun, or settles one that was unknown; false when it has ended
/// otherwise meanwhile.
///
/// # Errors
/// When the database does.
pub async fn end(
    tx: &mut SiteTx,
    key: &str,
    state: &str,
    remote_ref: Option<&str>,
    code: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let done = sqlx::query!(
        "UPDATE effects SET state = $2, remote_ref = $3, code = $4, ended_at = $5
         WHERE key = $1 AND state IN ('started', 'unknown')",
        key,
        state,
        remote_ref,
        code,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
