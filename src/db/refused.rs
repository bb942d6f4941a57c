//! Webhooks that were refused, since their signature was wrong: counted by day and sender.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::db::pool::{DbResult, SiteTx};

/// Senders of a site and day at most; what comes from more of them is counted together.
pub const MOST: i64 = 200;
/// Whom the rest is counted for.
pub const OTHERS: &str = "others";

/// What one sender sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// On this day (UTC).
    pub day: NaiveDate,
    /// As whose: `wordpress`.
    pub source: String,
    /// From which address.
    pub address: String,
    /// How many.
    pub n: i64,
    /// The first one.
    pub first_at: DateTime<Utc>,
    /// The last one.
    pub last_at: DateTime<Utc>,
    /// What the last one called itself.
    pub user_agent: Option<String>,
}

/// Adds to a sender's count.
///
/// # Errors
/// When the database refuses or is away.
pub async fn add(tx: &mut SiteTx, new: &Refused) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO refused_webhooks AS r (site_id, day, source, address, n, first_at, last_at, user_agent)
         SELECT $1, $2, $3,
                CASE WHEN (SELECT count(*) FROM refused_webhooks WHERE day = $2) < $9
                       OR EXISTS (SELECT FROM refused_webhooks WHERE day = $2 AND source = $3 AND address = $4)
                     THEN $4 ELSE $10 END,
                $5, $6, $7, $8
         ON CONFLICT (site_id, day, source, address) DO UPDATE
         SET n = r.n + excluded.n, last_at = greatest(r.last_at, excluded.last_at), user_agent = excluded.user_agent",
        site,
        new.day,
        new.source,
        new.address,
        new.n,
        new.first_at,
        new.last_at,
        new.user_agent,
        MOST,
        OTHERS,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Senders since a day, those with the most first; at most 1000.
///
/// # Errors
/// When the database refuses or is away.
pub async fn since(tx: &mut SiteTx, day: NaiveDate) -> DbResult<Vec<Refused>> {
    let rows = sqlx::query_as!(
        Refused,
        "SELECT day, source, address, n, first_at, last_at, user_agent FROM refused_webhooks
         WHERE day >= $1 ORDER BY day DESC, n DESC LIMIT 1000",
        day
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
