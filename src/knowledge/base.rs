//! What work on the knowledge base needs beside the database: the embedding models, how
//! documents are cut, and what searches remember.

use std::sync::Arc;

use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::extract::reader::{Reader, Settings};
use crate::knowledge::remembered::Remembered;
use crate::models::embedders::Embedders;

/// See the module.
pub struct Knowledge {
    /// The models.
    pub embedders: Arc<Embedders>,
    /// How long passages get, as configured; a model may ask for shorter ones.
    pub limits: ChunkLimits,
    /// What reads files.
    pub reader: Reader,
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
            reader: Reader::new(reading),
            remembered: Remembered::default(),
        }
    }
}
