//! Passages as searches show them, kept for the next search that shows them.

use std::sync::{Arc, OnceLock};

use moka::sync::Cache;

use super::lookup::Chosen;
use crate::db::passages::{self, Row};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;
use crate::knowledge::rerank::Said;
use crate::knowledge::snippet::Plain;

/// About what is kept of a byte of a text, with its words, and of each beside its text.
const A_BYTE: usize = 8;
const EACH: usize = 500;

/// A passage, and what a search makes of its text.
#[derive(Debug)]
pub(in crate::knowledge) struct Text {
    pub row: Row,
    said: OnceLock<Said>,
    plain: OnceLock<Plain>,
}

impl Text {
    /// To tell it from near duplicates.
    pub fn said(&self) -> &Said {
        self.said.get_or_init(|| Said::of(&self.row.text))
    }

    /// To take extracts from.
    pub fn plain(&self) -> &Plain {
        self.plain
            .get_or_init(|| Plain::of(&self.row.text, &self.row.lang))
    }
}

/// Site, chunk, and the document's revision: a passage is the same as long as that is.
type Key = (SiteId, i64, i64);

/// See the module.
pub(super) struct Texts(Cache<Key, Arc<Text>>);

impl Texts {
    /// With room for so many bytes.
    pub fn new(most: u64) -> Self {
        let weight = |_: &Key, text: &Arc<Text>| {
            u32::try_from(text.row.text.len() * A_BYTE + EACH).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(most).weigher(weight).build())
    }

    /// The texts of candidates of a revision, by their order, and the revision of the site's
    /// knowledge now. The database is asked only for texts that weren't shown lately, but it is
    /// always asked for the revision.
    pub async fn of(
        &self,
        db: &Db,
        site: SiteId,
        revision: i64,
        candidates: &[Chosen],
    ) -> DbResult<(i64, Vec<Option<Arc<Text>>>)> {
        let key = |chosen: &Chosen| (site, chosen.candidate.chunk_id, chosen.revision);
        let mut texts: Vec<Option<Arc<Text>>> = candidates.iter().map(|c| self.0.get(&key(c))).collect();
        let lacking = candidates.iter().zip(&texts).filter(|(_, text)| text.is_none());
        let ids: Vec<i64> = lacking.map(|(c, _)| c.candidate.chunk_id).collect();
        let (now, rows) = passages::current(db, site, &ids).await?;
        for row in rows.into_iter().filter(|_| now == revision) {
            let of = candidates
                .iter()
                .position(|c| c.candidate.chunk_id == row.chunk_id);
            if let Some(at) = of {
                let text = Arc::new(Text {
                    row,
                    said: OnceLock::new(),
                    plain: OnceLock::new(),
                });
                self.0.insert(key(&candidates[at]), Arc::clone(&text));
                texts[at] = Some(text);
            }
        }
        Ok((now, texts))
    }
}
