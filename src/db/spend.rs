//! What a site has spent on a day. A call's upper bound is added before it is made and what
//! it didn't cost is taken off after it, so that no race passes the cap (AGT-17).

use chrono::{DateTime, NaiveDate, Utc};

use super::pool::{Db, DbResult, SiteTx};
use super::tickets::{self, NewTicket};
use crate::domain::ids::{SiteId, TicketId};

/// Adds `micro` to what is spent on a day, unless that would pass `cap`; gives whether it
/// was added. All in millionths of the currency's unit. One statement and a transaction of
/// its own.
///
/// # Errors
/// When the database does.
pub async fn reserve(db: &Db, site: SiteId, day: NaiveDate, micro: i64, cap: i64) -> DbResult<bool> {
    if micro > cap {
        return Ok(false);
    }
    let reserve = sqlx::query_scalar!(
        r#"SELECT deskhand_reserve($1, $2, $3, $4) AS "reserved!""#,
        site.0,
        day,
        micro,
        cap
    );
    Ok(reserve.fetch_one(db.pool()).await?)
}

/// Puts the cost in the place of what was reserved for it.
///
/// # Errors
/// When the database does.
pub async fn settle(tx: &mut SiteTx, day: NaiveDate, reserved: i64, cost: i64) -> DbResult<()> {
    sqlx::query!(
        "UPDATE spend_daily SET spent_micro = greatest(0, spent_micro - $2 + $3) WHERE day = $1",
        day,
        reserved,
        cost
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What is spent on a day, with what is reserved.
///
/// # Errors
/// When the database does.
pub async fn spent(tx: &mut SiteTx, day: NaiveDate) -> DbResult<i64> {
    let spent = sqlx::query_scalar!("SELECT spent_micro FROM spend_daily WHERE day = $1", day)
        .fetch_optional(tx.conn())
        .await?;
    Ok(spent.unwrap_or(0))
}

/// What a site has spent on one day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The day.
    pub day: NaiveDate,
    /// With what is reserved, in millionths of the currency's unit.
    pub micro: i64,
    /// When staff were told that the cap is reached.
    pub told_at: Option<DateTime<Utc>>,
}

/// What is spent on each day since `since`, newest first; days without a call are left out.
///
/// # Errors
/// When the database does.
pub async fn by_day(tx: &mut SiteTx, since: NaiveDate) -> DbResult<Vec<Spent>> {
    let rows = sqlx::query_as!(
        Spent,
        "SELECT day, spent_micro AS micro, told_at FROM spend_daily WHERE day >= $1 ORDER BY day DESC",
        since
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Opens one ticket a day that says the cap is reached; none when staff were told already.
///
/// # Errors
/// When the database does.
pub async fn tell_once(tx: &mut SiteTx, day: NaiveDate, now: DateTime<Utc>) -> DbResult<Option<TicketId>> {
    let first = sqlx::query!(
        "INSERT INTO spend_daily AS s (site_id, day, spent_micro, told_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (site_id, day) DO UPDATE SET told_at = $3 WHERE s.told_at IS NULL",
        tx.site().0,
        day,
        now,
    )
    .execute(tx.conn())
    .await?;
    if first.rows_affected() == 0 {
        return Ok(None);
    }
    let opened = tickets::open(tx, &NewTicket::of_system("budget_spent", now)).await?;
    Ok(Some(opened.id))
}
