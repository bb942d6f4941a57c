//! What time it is where a site is: PostgreSQL knows the time zones, the rules are in
//! `domain::hours`.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::pool::{DbResult, SiteTx};
use super::sites;
use crate::domain::ticket::Priority;

/// Whether a time zone's name is known.
///
/// # Errors
/// When the database does.
pub async fn knows_zone(tx: &mut SiteTx, zone: &str) -> DbResult<bool> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM pg_timezone_names WHERE name = $1) AS "known!""#,
        zone
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(known)
}

async fn local(tx: &mut SiteTx, zone: &str, at: DateTime<Utc>) -> DbResult<NaiveDateTime> {
    let local = sqlx::query_scalar!(r#"SELECT $1::timestamptz AT TIME ZONE $2 AS "local!""#, at, zone)
        .fetch_one(tx.conn())
        .await?;
    Ok(local)
}

/// When a site's people are back, in their own time; none when somebody is in.
///
/// # Errors
/// When the database does.
pub async fn away(tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<Option<Away>> {
    let settings = sites::settings(tx).await?;
    let Some(hours) = settings.hours() else {
        return Ok(None);
    };
    let local = local(tx, &hours.zone, now).await?;
    Ok((!hours.is_open(local)).then(|| Away {
        local,
        opens: hours.opens(local),
        words: settings.away().map(str::to_owned),
    }))
}

/// Nobody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The time there.
    pub local: NaiveDateTime,
    /// When somebody is back; none where that is further away than two months.
    pub opens: Option<NaiveDateTime>,
    /// The site's own words for it.
    pub words: Option<String>,
}

/// By when a person of the site must have answered; none where the site's table has no entry.
/// Minutes run while somebody is in.
///
/// # Errors
/// When the database does.
pub async fn due(
    tx: &mut SiteTx,
    category: &str,
    priority: Priority,
    now: DateTime<Utc>,
) -> DbResult<Option<DateTime<Utc>>> {
    let settings = sites::settings(tx).await?;
    let Some(minutes) = settings.sla().minutes(category, priority) else {
        return Ok(None);
    };
    let plain = now + chrono::TimeDelta::minutes(i64::from(minutes));
    let Some(hours) = settings.hours() else {
        return Ok(Some(plain));
    };
    let local = local(tx, &hours.zone, now).await?;
    let Some(due) = hours.after(local, minutes) else {
        return Ok(None);
    };
    let due = sqlx::query_scalar!(
        r#"SELECT $1::timestamp AT TIME ZONE $2 AS "due!""#,
        due,
        hours.zone
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Some(due))
}
