//! The embedding models that this process can use, each opened once, at its first use. A
//! model that can't be opened is tried again after a while, not at every question.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::embedder::{EmbedError, Embedder, ModelSpec};
use super::local::LocalEmbedder;
use super::openai::embeddings::{OpenAiEmbedder, OpenAiSettings};

/// How long a failure is remembered.
const REST: Duration = Duration::from_secs(20);

/// Where models are, and which one a site begins with.
#[derive(Debug, Clone)]
pub struct EmbedderSettings {
    /// For sites that have no vectors yet; none: such sites are searched by words alone.
    pub model: Option<ModelSpec>,
    /// In which folder a local model's name is looked for.
    pub folder: PathBuf,
    /// Threads of a local model.
    pub threads: usize,
    /// The provider of the others.
    pub openai: OpenAiSettings,
}

type Opened = Result<Arc<dyn Embedder>, (EmbedError, Instant)>;

/// The models.
pub struct Embedders {
    settings: EmbedderSettings,
    open: Mutex<HashMap<ModelSpec, Opened>>,
}

impl Embedders {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(settings: EmbedderSettings) -> Self {
        Self {
            settings,
            open: Mutex::default(),
        }
    }

    /// The model that a site begins with.
    #[must_use]
    pub fn first_choice(&self) -> Option<&ModelSpec> {
        self.settings.model.as_ref()
    }

    /// Where a local model of this name is looked for.
    #[must_use]
    pub fn folder_of(&self, name: &str) -> PathBuf {
        // An absolute path stays itself.
        self.settings.folder.join(name)
    }

    /// The model, opened now if it wasn't. `dimensions`, where they are known, spare a
    /// provider's model a call.
    ///
    /// # Errors
    /// When it can't be used; the message says what to do.
    pub async fn get(
        &self,
        spec: &ModelSpec,
        dimensions: Option<usize>,
    ) -> Result<Arc<dyn Embedder>, EmbedError> {
        let mut open = self.open.lock().await;
        match open.get(spec) {
            Some(Ok(embedder)) => return Ok(Arc::clone(embedder)),
            Some(Err((error, until))) if Instant::now() < *until => return Err(error.clone()),
            _ => {}
        }
        let opened: Result<Arc<dyn Embedder>, EmbedError> = match spec {
            ModelSpec::Local(name) => {
                let folder = self.folder_of(name);
                if folder.is_dir() {
                    LocalEmbedder::open(&folder, self.settings.threads)
                        .await
                        .map(|e| Arc::new(e) as Arc<dyn Embedder>)
                } else {
                    Err(EmbedError::Unusable(format!(
                        "there is no model in {}; `deskhand doctor --fix` fetches the default one",
                        folder.display()
                    )))
                }
            }
            ModelSpec::OpenAi(model) => OpenAiEmbedder::open(model, self.settings.openai.clone(), dimensions)
                .await
                .map(|e| Arc::new(e) as Arc<dyn Embedder>),
        };
        let kept = match &opened {
            Ok(embedder) => Ok(Arc::clone(embedder)),
            Err(error) => {
                tracing::warn!(%spec, %error, "an embedding model can't be used");
                Err((error.clone(), Instant::now() + REST))
            }
        };
        open.insert(spec.clone(), kept);
        opened
    }
}
