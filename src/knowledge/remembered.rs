//! What a search found a moment ago, so that the same question costs nothing again: kept
//! for a minute, and only as long as the site's knowledge is the same (KB-8).

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::db::models::Model;
use crate::domain::document::Found;
use crate::domain::ids::SiteId;
use crate::knowledge::search::SearchQuery;

/// How long what was found is kept.
const FOUND: Duration = Duration::from_mins(1);
/// How long a question's vector is kept; it doesn't depend on the knowledge.
const VECTORS: Duration = Duration::from_mins(10);
/// How many of each. A finding is about 20 KB, a vector 2 to 16 KB.
const MOST: u64 = 1_000;

/// What was asked, and of which state of the knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::knowledge) struct Asked {
    pub site: SiteId,
    pub revision: i64,
    pub query: SearchQuery,
}

/// Findings and vectors.
pub(in crate::knowledge) struct Remembered {
    pub found: Cache<Asked, Arc<Found>>,
    pub vectors: Cache<(String, String), Arc<Vec<f32>>>,
    /// The model that a site was searched by a moment ago: a guess that each search checks.
    pub models: Cache<SiteId, Option<Model>>,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            found: Cache::builder().max_capacity(MOST).time_to_live(FOUND).build(),
            vectors: Cache::builder().max_capacity(MOST).time_to_live(VECTORS).build(),
            models: Cache::builder().max_capacity(10 * MOST).build(),
        }
    }
}
