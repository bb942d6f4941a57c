//! What work on the knowledge base needs beside the database: the embedding models, how
//! documents are cut, and what searches remember.

use std::sync::Arc;

use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::extract::reader::{Reader, Settings};
use crate::knowledge::fetch::Fetcher;
use crate::knowledge::remembered::Remembered;
use crate::models::embedders::Embedders;
use crate::models::reranker::Reranker;

/// See the module.
pub struct Knowledge {
    /// The models.
    pub embedders: Arc<Embedders>,
    /// How long passages get, as configured; a model may ask for shorter ones.
    pub limits: ChunkLimits,
    /// A cross-encoder for the best candidates, where one is configured.
    pub reranker: Option<Reranker>,
    /// What reads files.
    pub reader: Reader,
    /// What fetches contents from their sites; none where nothing is fetched.
    pub fetcher: Option<Fetcher>,
    /// What was found and embedded a moment ago.
    pub(in crate::knowledge) remembered: Remembered,
}

impl Knowledge {
    /// A knowledge base that has remembered nothing yet.
    #[must_use]
    pub fn new(embedders: Arc<Embedders>, limits: ChunkLimits, reading: Settings) -> Self {
        Self {
            embedders,
            limits,
            reranker: None,
            reader: Reader::new(reading),
            fetcher: None,
            remembered: Remembered::default(),
        }
    }

    /// With this fetcher.
    #[must_use]
    pub fn with_fetcher(self, fetcher: Fetcher) -> Self {
        Self {
            fetcher: Some(fetcher),
            ..self
        }
    }

    /// With this cross-encoder.
    #[must_use]
    pub fn with_reranker(self, reranker: Option<Reranker>) -> Self {
        Self { reranker, ..self }
    }
}
