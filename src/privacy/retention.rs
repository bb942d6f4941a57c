//! How long a site keeps what: conversations, webhooks, tickets and audit, by its settings.

use chrono::{DateTime, TimeDelta, Utc};

use crate::db::persons::Person;
use crate::db::pool::{Db, DbResult};
use crate::db::{erasure, retention, sites};
use crate::domain::ids::SiteId;
use crate::domain::settings::{KEEP_AUDIT, KEEP_EVENTS, KEEP_TICKETS, KEEP_TRANSCRIPTS, SiteSettings};

/// Pieces a run deletes of one kind on one site at most; the next run goes on.
const PIECES: usize = 200;

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Gone {
    pub threads: i64,
    pub visitors: i64,
    pub gaps: i64,
    pub events: i64,
    pub tickets: i64,
    pub audit: i64,
}

/// Deletes what sites keep no longer. One site's trouble doesn't keep the others waiting.
///
/// # Errors
/// The last trouble, when the database refused or was away.
pub async fn enforce(db: &Db, now: DateTime<Utc>) -> DbResult<Gone> {
    let mut all = Gone::default();
    let mut trouble = None;
    for site in sites::list(db).await? {
        if let Err(error) = of_site(db, site.id, now, &mut all).await {
            tracing::warn!(%error, site = site.id.hashed(), "what is old wasn't deleted");
            trouble = Some(error);
        }
    }
    trouble.map_or(Ok(all), Err)
}

async fn of_site(db: &Db, site: SiteId, now: DateTime<Utc>, gone: &mut Gone) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    let settings = sites::settings(&mut tx).await?;
    drop(tx);
    let before = |key| oldest(&settings, key, now);
    for _ in 0..PIECES {
        let piece = threads(db, site, before(KEEP_TRANSCRIPTS)).await?;
        gone.threads += piece;
        if piece == 0 {
            break;
        }
    }
    // Piece by piece, each in a transaction of its own.
    macro_rules! pieces {
        ($sum:expr, $delete:path, $before:expr) => {
            for _ in 0..PIECES {
                let mut tx = db.site(site).await?;
                let piece = $delete(&mut tx, $before).await?;
                tx.commit().await?;
                $sum += piece;
                if piece < retention::PIECE {
                    break;
                }
            }
        };
    }
    pieces!(gone.visitors, retention::visitors, before(KEEP_TRANSCRIPTS));
    pieces!(gone.gaps, retention::gaps, before(KEEP_TRANSCRIPTS));
    pieces!(gone.events, retention::events, before(KEEP_EVENTS));
    pieces!(gone.events, retention::bridge_events, before(KEEP_EVENTS));
    pieces!(gone.events, retention::refused, before(KEEP_EVENTS));
    pieces!(gone.tickets, retention::tickets, before(KEEP_TICKETS));
    pieces!(gone.audit, retention::audit, before(KEEP_AUDIT));
    Ok(())
}

fn oldest(settings: &SiteSettings, key: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(settings.days(key).into())
}

/// Some conversations that are old; what they counted for in usage and cost stays.
async fn threads(db: &Db, site: SiteId, before: DateTime<Utc>) -> DbResult<i64> {
    let mut tx = db.site(site).await?;
    let old = retention::idle_threads(&mut tx, before).await?;
    if !old.is_empty() {
        retention::detach_tickets(&mut tx, &old).await?;
        erasure::erase(&mut tx, &Person::default(), &old, &[], None).await?;
    }
    tx.commit().await?;
    Ok(i64::try_from(old.len()).unwrap_or(i64::MAX))
}
