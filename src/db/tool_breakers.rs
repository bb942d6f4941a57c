//! Breakers of a site's tools and connections, over all replicas. There is a row only while
//! there is something to remember, so that the usual call finds none and writes nothing.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::pool::{DbResult, SiteTx};

/// A breaker with something to remember.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerRow {
    /// The tool, or the connection as `kind/name`.
    pub name: String,
    /// As its owner writes it.
    pub state: Value,
}

/// Those of these names.
///
/// # Errors
/// When the database does.
pub async fn of(tx: &mut SiteTx, names: &[String]) -> DbResult<Vec<BreakerRow>> {
    let rows = sqlx::query_as!(
        BreakerRow,
        "SELECT name, state FROM tool_breakers WHERE name = ANY ($1) ORDER BY name",
        names
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// All of the site's.
///
/// # Errors
/// When the database does.
pub async fn all(tx: &mut SiteTx) -> DbResult<Vec<BreakerRow>> {
    let rows = sqlx::query_as!(
        BreakerRow,
        "SELECT name, state FROM tool_breakers ORDER BY name LIMIT 1000"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// One, locked until the transaction ends; it is made, with this state, where there is none.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, name: &str, fresh: &Value, now: DateTime<Utc>) -> DbResult<Value> {
    let state = sqlx::query_scalar!(
        "INSERT INTO tool_breakers (site_id, name, state, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site_id, name) DO UPDATE SET at = excluded.at RETURNING state",
        tx.site().0,
        name,
        fresh,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(state)
}

/// Stores a locked one's state; none: there is nothing to remember any more.
///
/// # Errors
/// When the database does.
pub async fn keep(tx: &mut SiteTx, name: &str, state: Option<&Value>) -> DbResult<()> {
    match state {
        Some(state) => {
            sqlx::query!("UPDATE tool_breakers SET state = $2 WHERE name = $1", name, state)
                .execute(tx.conn())
                .await?
        }
        None => {
            sqlx::query!("DELETE FROM tool_breakers WHERE name = $1", name)
                .execute(tx.conn())
                .await?
        }
    };
    Ok(())
}
