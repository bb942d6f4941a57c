//! The embedding models that this process can use, each opened once, at its first use. A
//! model that can't be opened is tried again after a while, not at every question.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::embedder::{EmbedError, Embedder, ModelSpec};
use super::local::{self, LocalEmbedder};
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

/// A model's place: who opens it holds it, so that others wait for the same model only.
type Place = Arc<Mutex<Option<Opened>>>;

/// The models.
pub struct Embedders {
    settings: EmbedderSettings,
    places: std::sync::Mutex<HashMap<ModelSpec, Place>>,
}

impl Embedders {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(settings: EmbedderSettings) -> Self {
        Self {
            settings,
            places: std::sync::Mutex::default(),
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
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(spec.clone()).or_default())
        };
        let mut place = place.lock().await;
        match &*place {
            Some(Ok(embedder)) => return Ok(Arc::clone(embedder)),
            Some(Err((error, until))) if Instant::now() < *until => return Err(error.clone()),
            _ => {}
        }
        let opened = self.open(spec, dimensions).await;
        *place = Some(match &opened {
            Ok(embedder) => Ok(Arc::clone(embedder)),
            Err(error) => {
                // Who asked says so, and what it means for them.
                tracing::info!(%spec, %error, "an embedding model can't be used");
                Err((error.clone(), Instant::now() + REST))
            }
        });
        opened
    }

    async fn open(
        &self,
        spec: &ModelSpec,
        dimensions: Option<usize>,
    ) -> Result<Arc<dyn Embedder>, EmbedError> {
        match spec {
            ModelSpec::Local(name) => {
                let folder = self.folder_of(name);
                if folder.is_dir() {
                    let opened = LocalEmbedder::open(&folder, self.settings.threads).await?;
                    // Vectors of damaged weights look like any others.
                    if name == local::DEFAULT && opened.name() != local::DEFAULT_ID {
                        return Err(EmbedError::Unusable(format!(
                            "the files in {} aren't those of the default model, they are damaged or of another model; \
                             `deskhand doctor --fix` fetches them anew (give a model of your own a folder of another name)",
                            folder.display()
                        )));
                    }
                    Ok(Arc::new(opened) as Arc<dyn Embedder>)
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
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_model_that_opens_slowly_keeps_no_other_waiting() {
        // Takes connections and never answers.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let long = Duration::from_secs(600);
        let embedders = Embedders::new(EmbedderSettings {
            model: None,
            folder: PathBuf::from("/nonexistent"),
            threads: 1,
            openai: OpenAiSettings {
                base_url: format!("http://{}", silent.local_addr().unwrap()),
                key: None,
                dimensions: None,
                connect: long,
                query: long,
                passages: long,
            },
        });
        let slow = ModelSpec::OpenAi("slow".to_owned());
        let slow = embedders.get(&slow, None);
        tokio::pin!(slow);
        let connection = tokio::select! {
            opened = &mut slow => panic!("opened without an answer: {:?}", opened.err()),
            connection = silent.accept() => connection.unwrap(),
        };
        let missing = ModelSpec::Local("missing".to_owned());
        let at_once = embedders.get(&missing, None).now_or_never();
        let opened = at_once.expect("an answer at once, though another model is being opened");
        assert!(matches!(opened, Err(EmbedError::Unusable(_))));
        drop(connection);
    }
}
