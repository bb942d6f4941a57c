//! Whether a site's knowledge is fit to answer from (KB-10): there must be some, and it must
//! not be older than the site allows. Where it isn't, search is switched off, questions go
//! to people, and staff are told once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;

use crate::db::freshness::{self, Unfresh};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;

/// How long a site that was all right is believed to be.
const BELIEVED: Duration = Duration::from_secs(30);

/// What is wrong with a site's knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    Empty,
    /// It is older than the site allows.
    Stale,
}

impl Fault {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Stale => "stale",
        }
    }
}

/// Looks at sites' knowledge, and remembers for a moment what was all right.
pub struct Freshness {
    fine: Cache<SiteId, ()>,
    over_all: Cache<(), Arc<Vec<Unfresh>>>,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            fine: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(BELIEVED)
                .build(),
            over_all: Cache::builder().max_capacity(1).time_to_live(BELIEVED).build(),
        }
    }
}

impl Freshness {
    /// What is wrong with a site's knowledge, if anything; staff are told of it once.
    ///
    /// # Errors
    /// When the database refuses or is away.
    pub async fn fault(&self, db: &Db, site: SiteId, now: DateTime<Utc>) -> DbResult<Option<Fault>> {
        if self.fine.contains_key(&site) {
            return Ok(None);
        }
        let mut tx = db.site(site).await?;
        let standing = freshness::look(&mut tx).await?;
        let is_old = |hours: u32| {
            let oldest = now - TimeDelta::hours(hours.into());
            standing.newest.is_none_or(|newest| newest < oldest)
        };
        let fault = match standing.max_age_hours {
            _ if !standing.any => Some(Fault::Empty),
            Some(hours) if is_old(hours) => Some(Fault::Stale),
            _ => None,
        };
        match fault {
            Some(fault) if standing.told.as_deref() != Some(fault.as_str()) => {
                if freshness::tell(&mut tx, fault.as_str(), now).await? {
                    tracing::warn!(site = %site.hashed(), fault = fault.as_str(), "questions go to people");
                }
                tx.commit().await?;
            }
            Some(_) => {}
            None => {
                if standing.told.is_some() {
                    freshness::mended(&mut tx).await?;
                    tx.commit().await?;
                }
                self.fine.insert(site, ()).await;
            }
        }
        Ok(fault)
    }

    /// The sites of which something is wrong, as they were a moment ago.
    ///
    /// # Errors
    /// When the database refuses or is away.
    pub async fn unfresh(&self, db: &Db, now: DateTime<Utc>) -> DbResult<Arc<Vec<Unfresh>>> {
        if let Some(known) = self.over_all.get(&()).await {
            return Ok(known);
        }
        let found = Arc::new(freshness::unfresh(db, now).await?);
        self.over_all.insert((), Arc::clone(&found)).await;
        Ok(found)
    }
}
