//! A model that runs on this machine (`deskhand_bert`), off the runtime's threads: a query doesn't
//! wait behind a batch of passages.

use std::path::Path;
use std::sync::Arc;

use deskhand_bert::Bert;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::embedder::{EmbedError, Embedder, Purpose, unit};

/// The default model's folder, which is what `embeddings.model` calls it.
pub const DEFAULT: &str = "all-minilm-l6-v2";
/// What its files make it: a hash of all that decides its vectors is part of the name.
pub const DEFAULT_ID: &str = "minilm-l6-h384-uncased-a7238f48b0f8";

/// How many passages go through the model before others get a turn.
const BATCH: usize = 32;

/// A model folder, opened.
pub struct LocalEmbedder {
    bert: Arc<Bert>,
}

impl LocalEmbedder {
    /// Opens a folder; batches run on so many threads.
    ///
    /// # Errors
    /// When it holds no model that can be run; the message says why.
    pub async fn open(folder: &Path, threads: usize) -> Result<Self, EmbedError> {
        let path = folder.to_owned();
        let opened = tokio::task::spawn_blocking(move || Bert::open(&path, threads)).await;
        match opened {
            Ok(Ok(bert)) => Ok(Self { bert: Arc::new(bert) }),
            Ok(Err(error)) => Err(EmbedError::Unusable(format!(
                "the model in {} can't be used: {error}",
                folder.display()
            ))),
            Err(_) => Err(EmbedError::Unusable(format!(
                "the model in {} can't be read",
                folder.display()
            ))),
        }
    }
}

impl Embedder for LocalEmbedder {
    fn name(&self) -> &str {
        self.bert.id()
    }

    fn dimensions(&self) -> usize {
        self.bert.dims()
    }

    fn max_tokens(&self) -> usize {
        self.bert.max_tokens()
    }

    fn count(&self, text: &str) -> usize {
        // What the tokenizer can't read counts as if each byte were a token: never too little.
        self.bert.count(text).unwrap_or(text.len())
    }

    fn embed(&self, texts: Vec<String>, _: Purpose) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EmbedError>> {
        async move {
            let mut out = Vec::with_capacity(texts.len());
            for batch in texts.chunks(BATCH) {
                let (bert, batch) = (Arc::clone(&self.bert), batch.to_vec());
                let embedded = tokio::task::spawn_blocking(move || {
                    let texts: Vec<&str> = batch.iter().map(String::as_str).collect();
                    bert.embed(&texts)
                });
                let failed = |why: String| EmbedError::Refused(format!("the model failed on a text: {why}"));
                let vectors = embedded.await.map_err(|e| failed(e.to_string()))?;
                for vector in vectors.map_err(|e| failed(e.to_string()))? {
                    // Not every model brings its vectors to unit length itself.
                    out.push(unit(vector).ok_or_else(|| failed("its vector has no direction".to_owned()))?);
                }
            }
            Ok(out)
        }
        .boxed()
    }
}
