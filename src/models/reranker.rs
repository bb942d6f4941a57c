//! A cross-encoder that looks at question and passage together, where one is configured.
//! It is opened at its first use; one that can't be used leaves the ranking as it is.

use std::path::PathBuf;
use std::sync::Arc;

use deskhand_bert::Reranker as Folder;
use tokio::sync::OnceCell;

/// See the module.
pub struct Reranker {
    folder: PathBuf,
    threads: usize,
    opened: OnceCell<Option<Arc<Folder>>>,
}

impl Reranker {
    /// The model of this folder; opens nothing yet.
    #[must_use]
    pub fn new(folder: PathBuf, threads: usize) -> Self {
        Self {
            folder,
            threads,
            opened: OnceCell::new(),
        }
    }

    /// How well each passage answers the question, larger is better; none when the model
    /// can't be used, which the log says.
    pub async fn score(&self, question: &str, passages: Vec<String>) -> Option<Vec<f32>> {
        let folder = self.opened.get_or_init(|| self.open()).await.clone()?;
        let question = question.to_owned();
        let scored = tokio::task::spawn_blocking(move || {
            let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
            folder.score(&question, &passages)
        });
        match scored.await {
            Ok(Ok(scores)) => Some(scores),
            Ok(Err(error)) => {
                tracing::warn!(%error, "passages can't be re-ranked");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "passages can't be re-ranked");
                None
            }
        }
    }

    async fn open(&self) -> Option<Arc<Folder>> {
        let (path, threads) = (self.folder.clone(), self.threads);
        match tokio::task::spawn_blocking(move || Folder::open(&path, threads)).await {
            Ok(Ok(folder)) => Some(Arc::new(folder)),
            Ok(Err(error)) => {
                tracing::error!(folder = %self.folder.display(), %error, "the re-ranking model can't be used");
                None
            }
            Err(error) => {
                tracing::error!(folder = %self.folder.display(), %error, "the re-ranking model can't be read");
                None
            }
        }
    }
}
