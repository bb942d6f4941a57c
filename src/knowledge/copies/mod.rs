//! Copies of sites' knowledge in memory, so that a search needs the database only for the
//! passages that it shows and for the question whether the copy is still what the database
//! holds. A copy is of one revision; passages and revision come in one statement, so what a
//! search says is of one state, also where other processes change it. What has changed since
//! is read before the search is tried again. All copies together keep within a limit: the
//! site that wasn't asked about for the longest time goes first, and a site that is too
//! large has none and is searched in the database.

mod lexemes;
mod load;
mod lookup;
mod state;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use tokio_util::task::TaskTracker;

use crate::db::passages::{self, Row};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;

pub(in crate::knowledge) use lookup::{Asking, Chosen, Looked};
pub(in crate::knowledge) use state::SiteCopy;

use lexemes::Memo;

/// About what a passage takes, before it is known.
const A_PASSAGE: usize = 1_500;
/// The share of the limit that texts of passages may take beside the copies, and the most.
const TEXTS: (usize, u64) = (8, 32 << 20);
/// Copies that nobody asks for so long are given up.
const IDLE: Duration = Duration::from_hours(1);

/// A passage's text is the same as long as its document's revision is.
type OfText = (SiteId, i64, i64);

/// All of a process's copies.
pub struct Copies {
    /// In bytes; none: no copies.
    most: usize,
    sites: Mutex<HashMap<SiteId, Kept>>,
    loading: TaskTracker,
    memo: Memo,
    texts: Cache<OfText, Arc<Row>>,
}

struct Kept {
    /// None while it is being loaded, or when the site is too large.
    copy: Option<Arc<SiteCopy>>,
    bytes: usize,
    used: Instant,
}

/// How a search finds the copy of its site.
pub(in crate::knowledge) enum Held {
    /// There is one, not necessarily of the present state.
    Here(Arc<SiteCopy>),
    /// There is none.
    Missing,
    /// There is none and none is needed: it is being loaded, or too large, or none are kept.
    Unwanted,
}

impl Copies {
    /// Keeps copies of as many bytes together; 0 keeps none.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let weight = |_: &OfText, row: &Arc<Row>| u32::try_from(row.text.len() + 400).unwrap_or(u32::MAX);
        let texts = u64::try_from(most / TEXTS.0).unwrap_or(u64::MAX).min(TEXTS.1);
        Self {
            most,
            sites: Mutex::default(),
            loading: TaskTracker::new(),
            memo: Memo::default(),
            texts: Cache::builder().max_capacity(texts).weigher(weight).build(),
        }
    }

    pub(in crate::knowledge) fn of(&self, site: SiteId) -> Held {
        if self.most == 0 {
            return Held::Unwanted;
        }
        let mut sites = self.sites();
        match sites.get_mut(&site) {
            Some(Kept {
                copy: Some(copy),
                used,
                ..
            }) => {
                *used = Instant::now();
                Held::Here(Arc::clone(copy))
            }
            // Too large some time ago; perhaps it isn't any more.
            Some(kept) if kept.used.elapsed() < IDLE => Held::Unwanted,
            _ => Held::Missing,
        }
    }

    /// Loads a site's copy in the background, where there is room for so many chunks.
    pub(in crate::knowledge) fn make(self: &Arc<Self>, db: &Db, site: SiteId, chunks: i64) {
        let expected = usize::try_from(chunks).unwrap_or(0).saturating_mul(A_PASSAGE);
        let kept = Kept {
            copy: None,
            bytes: 0,
            used: Instant::now(),
        };
        self.sites().insert(site, kept);
        if expected > self.most {
            tracing::info!(
                site = site.hashed(),
                chunks,
                "a site is too large for a copy in memory"
            );
            return;
        }
        let (copies, db) = (Arc::clone(self), db.clone());
        self.loading.spawn(async move {
            if let Err(error) = copies.load(&db, site).await {
                tracing::warn!(site = site.hashed(), %error, "a site's knowledge can't be loaded");
                copies.forget(site);
            }
        });
    }

    /// Loads a site's copy, in the place of one that is there.
    ///
    /// # Errors
    /// When the database refuses or is away.
    pub async fn load(&self, db: &Db, site: SiteId) -> DbResult<()> {
        let began = Instant::now();
        let copy = Arc::new(load::load(db, site).await?);
        let bytes = copy.bytes();
        metrics::histogram!("deskhand_copy_seconds", "work" => "load").record(began.elapsed());
        tracing::debug!(site = site.hashed(), bytes, "a site's knowledge was loaded");
        self.keep(site, copy, bytes);
        Ok(())
    }

    /// Brings a copy up to the present state; without success it is given up.
    pub(in crate::knowledge) async fn refresh(
        &self,
        db: &Db,
        site: SiteId,
        copy: &Arc<SiteCopy>,
    ) -> DbResult<bool> {
        let began = Instant::now();
        let refreshed = load::refresh(db, site, copy).await;
        metrics::histogram!("deskhand_copy_seconds", "work" => "refresh").record(began.elapsed());
        match refreshed {
            Ok(true) => self.keep(site, Arc::clone(copy), copy.bytes()),
            _ => self.forget(site),
        }
        refreshed
    }

    /// The texts of candidates of a revision, by their order, and the revision of the site's
    /// knowledge now. The database is asked only for texts that weren't shown lately, but it is
    /// always asked for the revision.
    pub(in crate::knowledge) async fn texts(
        &self,
        db: &Db,
        site: SiteId,
        revision: i64,
        candidates: &[Chosen],
    ) -> DbResult<(i64, Vec<Option<Arc<Row>>>)> {
        let key = |chosen: &Chosen| (site, chosen.candidate.chunk_id, chosen.revision);
        let mut rows: Vec<Option<Arc<Row>>> = candidates.iter().map(|c| self.texts.get(&key(c))).collect();
        let lacking = candidates.iter().zip(&rows).filter(|(_, row)| row.is_none());
        let ids: Vec<i64> = lacking.map(|(c, _)| c.candidate.chunk_id).collect();
        let (now, read) = passages::current(db, site, &ids).await?;
        for row in read.into_iter().filter(|_| now == revision) {
            let of = candidates
                .iter()
                .position(|c| c.candidate.chunk_id == row.chunk_id);
            if let Some(at) = of {
                let row = Arc::new(row);
                self.texts.insert(key(&candidates[at]), Arc::clone(&row));
                rows[at] = Some(row);
            }
        }
        Ok((now, rows))
    }

    fn keep(&self, site: SiteId, copy: Arc<SiteCopy>, bytes: usize) {
        let mut sites = self.sites();
        let kept = Kept {
            copy: (bytes <= self.most).then_some(copy),
            bytes: if bytes <= self.most { bytes } else { 0 },
            used: Instant::now(),
        };
        sites.insert(site, kept);
        sites.retain(|_, kept| kept.used.elapsed() < IDLE);
        let mut all: usize = sites.values().map(|k| k.bytes).sum();
        while all > self.most {
            let oldest = sites
                .iter()
                .filter(|(_, k)| k.copy.is_some())
                .min_by_key(|(_, k)| k.used);
            let Some((oldest, bytes)) = oldest.map(|(site, kept)| (*site, kept.bytes)) else {
                break;
            };
            sites.remove(&oldest);
            all -= bytes;
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("deskhand_copies_bytes").set(all as f64);
    }

    fn forget(&self, site: SiteId) {
        self.sites().remove(&site);
    }

    fn sites(&self) -> MutexGuard<'_, HashMap<SiteId, Kept>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is being loaded.
    pub async fn settled(&self) {
        self.loading.close();
        self.loading.wait().await;
        self.loading.reopen();
    }

    /// How many sites have a copy, and the bytes that these take.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let sites = self.sites();
        let copies = sites.values().filter(|k| k.copy.is_some());
        (copies.clone().count(), copies.map(|k| k.bytes).sum())
    }
}
