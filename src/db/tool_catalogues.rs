//! What the servers that a site's operator connects say that they can do: stored, so that a
//! turn never waits for a server to tell, and all replicas know the same.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::pool::{DbResult, SiteTx};

/// What a server told.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueRow {
    /// The connection's kind.
    pub kind: String,
    /// The connection's name.
    pub name: String,
    /// The tools, as their owner writes them.
    pub tools: Value,
    /// When they were told; none when they never were.
    pub at: Option<DateTime<Utc>>,
    /// When they were last asked for.
    pub tried_at: DateTime<Utc>,
    /// Why they weren't told the last time.
    pub failure: Option<String>,
}

/// All of the site's.
///
/// # Errors
/// When the database does.
pub async fn all(tx: &mut SiteTx) -> DbResult<Vec<CatalogueRow>> {
    let rows = sqlx::query_as!(
        CatalogueRow,
        "SELECT kind, name, tools, at, tried_at, failure FROM tool_catalogues ORDER BY kind, name LIMIT 1000"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Says that this process asks a server now; false when somebody has asked it since `before`.
///
/// # Errors
/// When the database does, or the connection is gone.
pub async fn claim(
    tx: &mut SiteTx,
    kind: &str,
    name: &str,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO tool_catalogues (site_id, kind, name, tried_at) VALUES ($1, $2, $3, $5)
         ON CONFLICT (site_id, kind, name) DO UPDATE SET tried_at = excluded.tried_at
         WHERE tool_catalogues.tried_at <= $4",
        tx.site().0,
        kind,
        name,
        before,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores what a server told.
///
/// # Errors
/// When the database does.
pub async fn told(
    tx: &mut SiteTx,
    kind: &str,
    name: &str,
    tools: &Value,
    now: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE tool_catalogues SET tools = $3, at = $4, failure = NULL WHERE kind = $1 AND name = $2",
        kind,
        name,
        tools,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stores why it told nothing; what it told before stays.
///
/// # Errors
/// When the database does.
pub async fn failed(tx: &mut SiteTx, kind: &str, name: &str, failure: &str) -> DbResult<()> {
    sqlx::query!(
        "UPDATE tool_catalogues SET failure = left($3, 500) WHERE kind = $1 AND name = $2",
        kind,
        name,
        failure
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
