//! What work on the knowledge base needs beside the database: the embedding models, how
//! documents are cut, and what searches remember.

use std::sync::Arc;

use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::copies::Copies;
use crate::knowledge::extract::reader::{Reader, Settings};
use crate::knowledge::fetch::Fetcher;
use crate::knowledge::freshness::Freshness;
use crate::knowledge::remembered::Remembered;
use crate::knowledge::scan::Scanner;
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
    /// Sites' knowledge in memory; none is kept until there is room for it.
    pub copies: Arc<Copies>,
    /// What fetches contents from their sites; none where nothing is fetched.
    pub fetcher: Option<Fetcher>,
    /// What looks for viruses in files before they are read; none where none is configured.
    pub scanner: Option<Scanner>,
    /// Whether there is anything to answer from.
    pub freshness: Freshness,
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
            copies: Arc::new(Copies::new(0)),
            fetcher: None,
            scanner: None,
            freshness: Freshness::default(),
            remembered: Remembered::default(),
        }
    }

    /// Takes a question's vector that was computed elsewhere, as if it had been asked a
    /// moment ago.
    pub fn remember(&self, model: &str, question: &str, vector: Vec<f32>) {
        let key = (model.to_owned(), question.to_owned());
        self.remembered.vectors.insert(key, Arc::new(vector));
    }

    /// With room for copies of sites' knowledge, in bytes.
    #[must_use]
    pub fn with_copies(self, bytes: usize) -> Self {
        let copies = Arc::new(Copies::new(bytes));
        Self { copies, ..self }
    }

    /// With this fetcher.
    #[must_use]
    pub fn with_fetcher(self, fetcher: Fetcher) -> Self {
        Self {
            fetcher: Some(fetcher),
            ..self
        }
    }

    /// With this scanner.
    #[must_use]
    pub fn with_scanner(self, scanner: Option<Scanner>) -> Self {
        Self { scanner, ..self }
    }

    /// With this cross-encoder.
    #[must_use]
    pub fn with_reranker(self, reranker: Option<Reranker>) -> Self {
        Self { reranker, ..self }
    }
}
