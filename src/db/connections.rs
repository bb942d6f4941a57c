//! A site's connections to other systems. Secrets come and go sealed; who seals them is
//! `domain::connection`.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::pool::{DbResult, SiteTx};

/// A connection to keep.
#[derive(Debug, Clone, Copy)]
pub struct NewConnection<'a> {
    /// One of `domain::connection::KINDS`.
    pub kind: &'a str,
    /// Tells several of a kind apart; empty for the only one.
    pub name: &'a str,
    /// An object.
    pub config: &'a Value,
    /// The secret, sealed.
    pub secret_sealed: Option<&'a [u8]>,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// A connection as it stands there.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its kind.
    pub kind: String,
    /// Its name; empty for the only one of its kind.
    pub name: String,
    /// An object.
    pub config: Value,
    /// The secret, sealed.
    pub secret_sealed: Option<Vec<u8>>,
    /// When it was made or last changed.
    pub at: DateTime<Utc>,
}

/// Keeps a connection, in place of one of the same kind and name: configuration and secret
/// both, so that a secret is never sent where it wasn't given for.
///
/// # Errors
/// When the database refuses or is away.
pub async fn put(tx: &mut SiteTx, new: &NewConnection<'_>) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO connections (site_id, kind, name, config, secret_sealed, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site_id, kind, name) DO UPDATE
             SET config = excluded.config, secret_sealed = excluded.secret_sealed, at = excluded.at",
        tx.site().0,
        new.kind,
        new.name,
        new.config,
        new.secret_sealed,
        new.at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The site's connections of a kind, by name.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_kind(tx: &mut SiteTx, kind: &str) -> DbResult<Vec<Connection>> {
    let found = sqlx::query_as!(
        Connection,
        "SELECT kind, name, config, secret_sealed, at FROM connections WHERE kind = $1 ORDER BY name",
        kind
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(found)
}

/// All of the site's connections, by kind and name.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx) -> DbResult<Vec<Connection>> {
    let found = sqlx::query_as!(
        Connection,
        "SELECT kind, name, config, secret_sealed, at FROM connections ORDER BY kind, name"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(found)
}

/// Ends a connection; false when there is none.
///
/// # Errors
/// When the database refuses or is away.
pub async fn remove(tx: &mut SiteTx, kind: &str, name: &str) -> DbResult<bool> {
    let done = sqlx::query!(
        "DELETE FROM connections WHERE kind = $1 AND name = $2",
        kind,
        name
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
