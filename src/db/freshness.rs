//! How fresh a site's knowledge is: whether there is any, when it was last brought up to
//! date, and whether staff were told that something is wrong with it.

use chrono::{DateTime, Utc};

use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::tickets::{self, NewTicket};
use crate::domain::settings::SiteSettings;

/// How it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Whether there is a document that may answer.
    pub any: bool,
    /// When it was last brought up to date.
    pub newest: Option<DateTime<Utc>>,
    /// How old it may get, in hours; none: of any age.
    pub max_age_hours: Option<u32>,
    /// What staff were told is wrong.
    pub told: Option<String>,
}

/// A site with knowledge that is too old, or with none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfresh {
    /// The site's short name.
    pub slug: String,
    /// `empty` or `stale`.
    pub fault: String,
    /// When it was last brought up to date.
    pub newest: Option<DateTime<Utc>>,
}

/// Looks at the transaction's site.
///
/// # Errors
/// When the database refuses or is away.
pub async fn look(tx: &mut SiteTx) -> DbResult<Standing> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM documents WHERE deleted_at IS NULL AND version > 0 AND review = 'approved'
                             AND visibility = 'public') AS "any!",
                  greatest((SELECT max(updated_at) FROM documents WHERE deleted_at IS NULL),
                           (SELECT max(succeeded_at) FROM crawls),
                           (SELECT synced_at FROM knowledge_checks)) AS newest,
                  (SELECT settings FROM sites) AS settings,
                  (SELECT told FROM knowledge_checks) AS told"#
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Standing {
        any: row.any,
        newest: row.newest,
        max_age_hours: SiteSettings::new(row.settings.unwrap_or_default()).max_age_hours(),
        told: row.told,
    })
}

/// The knowledge was compared with its source just now, and is as it should be.
///
/// # Errors
/// When the database refuses or is away.
pub async fn synced(tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO knowledge_checks (site_id, synced_at) VALUES ($1, $2)
         ON CONFLICT (site_id) DO UPDATE SET synced_at = greatest(knowledge_checks.synced_at, $2)",
        site,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Opens a ticket that says what is wrong, unless there is one of this time already; false
/// then.
///
/// # Errors
/// When the database refuses or is away.
pub async fn tell(tx: &mut SiteTx, fault: &str, now: DateTime<Utc>) -> DbResult<bool> {
    let site = tx.site().0;
    let told = sqlx::query!(
        "INSERT INTO knowledge_checks (site_id, told, told_at) VALUES ($1, $2, $3)
         ON CONFLICT (site_id) DO UPDATE SET told = $2, told_at = $3
          WHERE knowledge_checks.told IS DISTINCT FROM $2",
        site,
        fault,
        now
    )
    .execute(tx.conn())
    .await?;
    if told.rows_affected() == 0 {
        return Ok(false);
    }
    tickets::open(tx, &NewTicket::of_system(&format!("knowledge_{fault}"), now)).await?;
    Ok(true)
}

/// It is right again: the next time that something is wrong, staff are told anew.
///
/// # Errors
/// When the database refuses or is away.
pub async fn mended(tx: &mut SiteTx) -> DbResult<()> {
    sqlx::query!("UPDATE knowledge_checks SET told = NULL, told_at = NULL WHERE told IS NOT NULL")
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Over all sites: those whose knowledge is too old, or that have none.
///
/// # Errors
/// When the database refuses or is away.
pub async fn unfresh(db: &Db, now: DateTime<Utc>) -> DbResult<Vec<Unfresh>> {
    let rows = sqlx::query_as!(
        Unfresh,
        r#"SELECT slug AS "slug!", fault AS "fault!", newest FROM deskhand_unfresh_sites($1)"#,
        now
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows)
}
