//! `[embeddings]`: which model gives passages and questions their vectors, and where it is.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Config, ConfigError};
use crate::models::embedder::{MOST_DIMENSIONS, ModelSpec};
use crate::models::embedders::EmbedderSettings;
use crate::models::openai::embeddings::OpenAiSettings;
use crate::models::reranker::Reranker;

/// What switches vectors off.
const NONE: &str = "none";

/// `[embeddings]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embeddings {
    /// The model that a new site begins with.
    pub model: String,
    /// The folder of local models.
    pub folder: Option<PathBuf>,
    /// Threads of a local model; 0: one a core.
    pub threads: usize,
    /// A provider's address.
    pub base_url: String,
    /// Its key.
    pub api_key: Option<SecretString>,
    /// A file that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// Asks a provider for shorter vectors.
    pub dimensions: Option<usize>,
    /// A cross-encoder's folder.
    pub reranker: Option<PathBuf>,
    /// How long a question may wait for its vector.
    pub query_ms: u64,
}

impl Embeddings {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |key, got: String, allowed| Err(ConfigError::Range { key, got, allowed });
        if self.model != NONE && self.model.parse::<ModelSpec>().is_err() {
            return wrong(
                "embeddings.model",
                format!("`{}`", self.model),
                "`local:FOLDER`, `openai:MODEL` or `none`",
            );
        }
        if self.threads > 256 {
            return wrong("embeddings.threads", self.threads.to_string(), "0 to 256");
        }
        if !self.base_url.starts_with("http://") && !self.base_url.starts_with("https://") {
            return wrong(
                "embeddings.base_url",
                format!("`{}`", self.base_url),
                "an http or https URL",
            );
        }
        if self.dimensions.is_some_and(|d| d == 0 || d > MOST_DIMENSIONS) {
            return wrong(
                "embeddings.dimensions",
                self.dimensions.unwrap_or(0).to_string(),
                "1 to 4000",
            );
        }
        if !(50..=10_000).contains(&self.query_ms) {
            return wrong("embeddings.query_ms", self.query_ms.to_string(), "50 to 10000");
        }
        Ok(())
    }
}

impl Config {
    /// The cross-encoder that looks at the best candidates, if one is configured.
    #[must_use]
    pub fn reranker(&self) -> Option<Reranker> {
        let folder = self.embeddings.reranker.clone()?;
        let folder = self.model_folder().join(folder);
        Some(Reranker::new(folder, self.threads()))
    }

    fn model_folder(&self) -> PathBuf {
        self.embeddings
            .folder
            .clone()
            .unwrap_or_else(|| self.cache_dir.clone())
    }

    fn threads(&self) -> usize {
        match self.embeddings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }

    /// The settings of the embedding models.
    ///
    /// # Errors
    /// When the key's file can't be read.
    pub fn embedder_settings(&self) -> Result<EmbedderSettings, ConfigError> {
        let e = &self.embeddings;
        let key = match (&e.api_key, &e.api_key_file) {
            (Some(key), _) => Some(key.expose_secret().to_owned()),
            (None, Some(file)) => {
                let read = std::fs::read_to_string(file);
                Some(read.map_err(|error| ConfigError::File(file.clone(), error))?)
            }
            (None, None) => None,
        };
        Ok(EmbedderSettings {
            // Validated; anything else than a model is `none`.
            model: e.model.parse().ok(),
            folder: self.model_folder(),
            threads: self.threads(),
            openai: OpenAiSettings {
                base_url: e.base_url.clone(),
                key: key.map(|k| SecretString::from(k.trim().to_owned())),
                dimensions: e.dimensions,
                connect: Duration::from_secs(5),
                query: Duration::from_millis(e.query_ms),
                passages: Duration::from_secs(60),
            },
        })
    }
}
