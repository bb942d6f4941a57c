//! The demo store's rows: its orders, and what was done to them under which key. Doing
//! something under a key that was used before changes nothing and says so.

use chrono::{DateTime, Utc};

use super::pool::{DbError, DbResult, SiteTx};
use crate::domain::order::Order;

fn read(body: serde_json::Value) -> DbResult<Order> {
    serde_json::from_value(body).map_err(|e| DbError::Unreadable(format!("a demo order: {e}")))
}

fn written(order: &Order) -> DbResult<serde_json::Value> {
    serde_json::to_value(order).map_err(|e| DbError::Unreadable(e.to_string()))
}

/// Puts an order there, in place of one of the same number.
///
/// # Errors
/// When the database does.
pub async fn put(tx: &mut SiteTx, order: &Order) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO demo_orders (site_id, number, email, body) VALUES ($1, $2, lower($3), $4)
         ON CONFLICT (site_id, number) DO UPDATE SET email = excluded.email, body = excluded.body",
        tx.site().0,
        order.number,
        order.email,
        written(order)?
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many orders the store has.
///
/// # Errors
/// When the database does.
pub async fn count(tx: &mut SiteTx) -> DbResult<i64> {
    Ok(sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM demo_orders"#)
        .fetch_one(tx.conn())
        .await?)
}

/// An order by its number.
///
/// # Errors
/// When the database does.
pub async fn find(tx: &mut SiteTx, number: &str) -> DbResult<Option<Order>> {
    let body = sqlx::query_scalar!("SELECT body FROM demo_orders WHERE number = $1", number)
        .fetch_optional(tx.conn())
        .await?;
    body.map(read).transpose()
}

/// An order, locked until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, number: &str) -> DbResult<Option<Order>> {
    let body = sqlx::query_scalar!(
        "SELECT body FROM demo_orders WHERE number = $1 FOR UPDATE",
        number
    )
    .fetch_optional(tx.conn())
    .await?;
    body.map(read).transpose()
}

/// The orders of a billing e-mail, at most `most`, newest first.
///
/// # Errors
/// When the database does.
pub async fn of_email(tx: &mut SiteTx, email: &str, most: i64) -> DbResult<Vec<Order>> {
    let bodies = sqlx::query_scalar!(
        "SELECT body FROM demo_orders WHERE email = lower($1) ORDER BY body->>'placed_at' DESC LIMIT $2",
        email,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    bodies.into_iter().map(read).collect()
}

/// What was done under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// To which order.
    pub number: String,
    /// `refund` or `address`.
    pub act: String,
    /// How much, of a refund, in minor units.
    pub amount_minor: Option<i64>,
}

/// What was done under a key.
///
/// # Errors
/// When the database does.
pub async fn act(tx: &mut SiteTx, key: &str) -> DbResult<Option<Act>> {
    let act = sqlx::query_as!(
        Act,
        "SELECT number, act, amount_minor FROM demo_acts WHERE key = $1",
        key
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(act)
}

/// All that was done to an order, oldest first.
///
/// # Errors
/// When the database does.
pub async fn acts(tx: &mut SiteTx, number: &str) -> DbResult<Vec<Act>> {
    let acts = sqlx::query_as!(
        Act,
        "SELECT number, act, amount_minor FROM demo_acts WHERE number = $1 ORDER BY at, key",
        number
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(acts)
}

/// Notes an act; false when its key was used before.
///
/// # Errors
/// When the database does.
pub async fn note_act(tx: &mut SiteTx, key: &str, act: &Act, now: DateTime<Utc>) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO demo_acts (site_id, key, number, act, amount_minor, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING",
        tx.site().0,
        key,
        act.number,
        act.act,
        act.amount_minor,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All orders of the store, by number.
///
/// # Errors
/// When the database does.
pub async fn all(tx: &mut SiteTx) -> DbResult<Vec<Order>> {
    let bodies = sqlx::query_scalar!("SELECT body FROM demo_orders ORDER BY number")
        .fetch_all(tx.conn())
        .await?;
    bodies.into_iter().map(read).collect()
}
