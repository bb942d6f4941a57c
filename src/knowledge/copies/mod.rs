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
mod texts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::task::TaskTracker;

use crate::db::models::SiteModels;
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;

pub(in crate::knowledge) use lookup::{Asking, Chosen, Looked};
pub(in crate::knowledge) use state::SiteCopy;

use lexemes::Memo;
use texts::{Text, Texts};

/// About what a passage takes beside its vector, and what a dimension of that takes, in bits: half
/// precision, and its side.
const A_PASSAGE: usize = 600;
const A_DIMENSION: usize = 16 + 1;
/// The share of the limit that texts of passages may take beside the copies, and the most.
const TEXTS: (usize, u64) = (8, 32 << 20);
/// Copies that nobody asks for so long are given up.
const IDLE: Duration = Duration::from_hours(1);

/// All of a process's copies.
pub struct Copies {
    /// In bytes; none: no copies.
    most: usize,
    sites: Mutex<HashMap<SiteId, Kept>>,
    loading: TaskTracker,
    memo: Memo,
    texts: Texts,
}

struct Kept {
    stage: Stage,
    bytes: usize,
    used: Instant,
}

enum Stage {
    /// Somebody has searched it: one that does so again will do so often.
    Asked,
    Loading,
    TooLarge,
    Here(Arc<SiteCopy>),
}

impl Kept {
    fn new(stage: Stage, bytes: usize) -> Self {
        Self {
            stage,
            bytes,
            used: Instant::now(),
        }
    }
}

/// How a search finds the copy of its site.
pub(in crate::knowledge) enum Held {
    /// There is one, not necessarily of the present state.
    Here(Arc<SiteCopy>),
    /// There is none, and there should be.
    Missing,
    /// There is none and none is needed: nobody has asked before, it is being loaded, the site
    /// is too large, or no copies are kept.
    Unwanted,
}

/// About what a copy takes, before it is known.
fn expected(known: &SiteModels) -> usize {
    let dimensions = known.live.as_ref().map_or(0, |model| model.dimensions);
    let vector = usize::try_from(dimensions).unwrap_or(0) * A_DIMENSION / 8;
    usize::try_from(known.chunks)
        .unwrap_or(0)
        .saturating_mul(A_PASSAGE + vector)
}

impl Copies {
    /// Keeps copies of as many bytes together; 0 keeps none.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let texts = u64::try_from(most / TEXTS.0).unwrap_or(u64::MAX).min(TEXTS.1);
        Self {
            most,
            sites: Mutex::default(),
            loading: TaskTracker::new(),
            memo: Memo::default(),
            texts: Texts::new(texts),
        }
    }

    pub(in crate::knowledge) fn of(&self, site: SiteId) -> Held {
        if self.most == 0 {
            return Held::Unwanted;
        }
        let mut sites = self.sites();
        let Some(kept) = sites.get_mut(&site) else {
            sites.insert(site, Kept::new(Stage::Asked, 0));
            return Held::Unwanted;
        };
        match &kept.stage {
            Stage::Here(copy) => {
                kept.used = Instant::now();
                Held::Here(Arc::clone(copy))
            }
            Stage::Asked => Held::Missing,
            // Perhaps it isn't any more.
            Stage::TooLarge if kept.used.elapsed() > IDLE => Held::Missing,
            Stage::TooLarge | Stage::Loading => Held::Unwanted,
        }
    }

    /// Loads a site's copy in the background, where there is room for what it knows.
    pub(in crate::knowledge) fn make(self: &Arc<Self>, db: &Db, site: SiteId, known: &SiteModels) {
        let expected = expected(known);
        let fits = expected <= self.most;
        let stage = if fits { Stage::Loading } else { Stage::TooLarge };
        let before = self.sites().insert(site, Kept::new(stage, 0));
        if before.is_some_and(|kept| matches!(kept.stage, Stage::Loading)) {
            // Another search was as quick.
            return;
        }
        if !fits {
            let wanted_mb = expected.div_ceil(1 << 20);
            tracing::info!(
                site = site.hashed(),
                chunks = known.chunks,
                wanted_mb,
                "a site is too large for a copy in memory: it is searched in the database, more slowly; \
                 `knowledge.copies_mb` says how much memory copies may take"
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

    /// See [`Texts::of`].
    pub(in crate::knowledge) async fn texts(
        &self,
        db: &Db,
        site: SiteId,
        revision: i64,
        candidates: &[Chosen],
    ) -> DbResult<(i64, Vec<Option<Arc<Text>>>)> {
        self.texts.of(db, site, revision, candidates).await
    }

    fn keep(&self, site: SiteId, copy: Arc<SiteCopy>, bytes: usize) {
        let mut sites = self.sites();
        let kept = if bytes <= self.most {
            Kept::new(Stage::Here(copy), bytes)
        } else {
            Kept::new(Stage::TooLarge, 0)
        };
        sites.insert(site, kept);
        sites.retain(|_, kept| kept.used.elapsed() < IDLE);
        let mut all: usize = sites.values().map(|k| k.bytes).sum();
        while all > self.most {
            let oldest = sites
                .iter()
                .filter(|(_, k)| k.bytes > 0)
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
        let copies = sites.values().filter(|k| matches!(k.stage, Stage::Here(_)));
        (copies.clone().count(), copies.map(|k| k.bytes).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::models::Model;

    #[test]
    fn what_a_copy_takes_is_told_by_its_models_vectors() {
        let of = |dimensions: Option<i32>| {
            expected(&SiteModels {
                live: dimensions.map(|dimensions| Model {
                    id: 1,
                    name: String::new(),
                    spec: String::new(),
                    dimensions,
                }),
                chunks: 500_000,
                ..SiteModels::default()
            })
        };
        let mb = |bytes: usize| bytes >> 20;
        // 604 MB were measured.
        assert!((604..750).contains(&mb(of(Some(384)))), "{}", mb(of(Some(384))));
        assert!(mb(of(None)) < 300 && mb(of(Some(3072))) > 3_000);
    }
}
