//! Counts webhooks to known sites whose signature was wrong. Anybody can send those, so they cost
//! next to nothing: they are summed up here, and the sums stored every few seconds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use tokio_util::task::TaskTracker;

use crate::db::pool::{Db, DbResult};
use crate::db::refused::{self, OTHERS, Refused};
use crate::domain::ids::SiteId;

/// How long they are summed up.
const PAUSE: Duration = Duration::from_secs(2);
/// Senders that are told apart meanwhile.
const SENDERS: usize = 1_000;

type Key = (SiteId, NaiveDate, &'static str, String);

/// See the module.
pub struct Refusals {
    db: Db,
    tasks: TaskTracker,
    sums: Arc<Mutex<HashMap<Key, Refused>>>,
}

impl Refusals {
    /// One that has counted nothing.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            tasks: TaskTracker::new(),
            sums: Arc::default(),
        }
    }

    /// Counts one.
    pub fn count(
        &self,
        site: SiteId,
        source: &'static str,
        from: Option<IpAddr>,
        user_agent: Option<String>,
        now: DateTime<Utc>,
    ) {
        let mut sums = lock(&self.sums);
        let first = sums.is_empty();
        let day = now.date_naive();
        let mut address = from.map_or_else(|| OTHERS.to_owned(), |ip| ip.to_string());
        if sums.len() >= SENDERS && !sums.contains_key(&(site, day, source, address.clone())) {
            address = OTHERS.to_owned();
            // Sites are few; what comes for ever more of them at once is left to the metric.
            if sums.len() >= 2 * SENDERS {
                return;
            }
        }
        let sum = sums
            .entry((site, day, source, address.clone()))
            .or_insert_with(|| Refused {
                day,
                source: source.to_owned(),
                address,
                n: 0,
                first_at: now,
                last_at: now,
                user_agent: None,
            });
        sum.n += 1;
        sum.last_at = now;
        sum.user_agent = user_agent;
        if first {
            self.tasks.spawn(store(self.db.clone(), Arc::clone(&self.sums)));
        }
    }
}

fn lock(sums: &Mutex<HashMap<Key, Refused>>) -> MutexGuard<'_, HashMap<Key, Refused>> {
    // Nothing panics in between.
    sums.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores what is summed up in a while.
async fn store(db: Db, sums: Arc<Mutex<HashMap<Key, Refused>>>) {
    tokio::time::sleep(PAUSE).await;
    let all = std::mem::take(&mut *lock(&sums));
    let mut of_sites: HashMap<SiteId, Vec<Refused>> = HashMap::new();
    for ((site, ..), sum) in all {
        of_sites.entry(site).or_default().push(sum);
    }
    for (site, mut sums) in of_sites {
        // In one order everywhere, so that two replicas don't wait for each other.
        sums.sort_by(|a, b| (a.day, &a.source, &a.address).cmp(&(b.day, &b.source, &b.address)));
        if let Err(error) = add(&db, site, &sums).await {
            tracing::warn!(%error, site = site.hashed(), "refused webhooks weren't counted");
        }
    }
}

async fn add(db: &Db, site: SiteId, sums: &[Refused]) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    for sum in sums {
        refused::add(&mut tx, sum).await?;
    }
    tx.commit().await
}
