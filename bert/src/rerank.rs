//! A cross-encoder: query and passage go through the encoder together, and a classifier
//! of one label on the first token says how well they belong together.

use std::path::Path;

use super::config;
use super::matmul::{Into, Linear};
use super::text::Text;
use super::weights::{self, Tensors};
use super::{BertError, MAX_TOKENIZER_BYTES, Runner};

/// A re-ranking model, ready to use from any thread.
pub struct Reranker {
    text: Text,
    runner: Runner,
    pooler: Linear,
    classifier: Linear,
}

impl Reranker {
    /// Opens the folder of a `BertForSequenceClassification` with one label; `threads`
    /// as in [`Bert::open`](super::Bert::open).
    ///
    /// # Errors
    ///
    /// Names the file, key or tensor that is missing, malformed or unsupported.
    pub fn open(folder: &Path, threads: usize) -> Result<Self, BertError> {
        let map = weights::map(&folder.join("model.safetensors"))?;
        let config = config::read(folder, map.len() as u64)?;
        if !config.classifier {
            return Err(BertError::Architecture {
                kind: "bert".to_owned(),
                architecture: "an encoder without a classifier".to_owned(),
            });
        }
        if config.labels != 1 {
            return Err(BertError::Unsupported {
                what: format!("a classifier of {} labels", config.labels),
            });
        }
        let json = config::read_limited(&folder.join("tokenizer.json"), MAX_TOKENIZER_BYTES)?;
        let text = Text::new(&json, &config)?;
        let tensors = Tensors::new(&map)?;
        let hidden = config.shape.hidden;
        let weights = tensors.read_full("classifier.weight", &[1, hidden])?;
        let bias = tensors.read_full("classifier.bias", &[1])?;
        Ok(Self {
            text,
            pooler: tensors.dense("pooler.dense", hidden, hidden)?,
            classifier: Linear::new(hidden, bias, &weights),
            runner: Runner::new(tensors.encoder(config.shape)?, threads)?,
        })
    }

    /// How well each passage answers the query: the classifier's own output, larger is
    /// better, without a scale that would hold across models. Where both are too long
    /// together, the longer is cut first.
    ///
    /// # Errors
    ///
    /// When the tokenizer has no token for a part of a text, or a weight is no number.
    pub fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, BertError> {
        let query = self.text.first(query, self.text.limit())?;
        let scores = self.runner.run(
            passages,
            |passage| self.text.pair(&query, passage),
            |states| self.classify(&states[..self.runner.encoder.shape.hidden]),
        )?;
        match scores.iter().all(|score| score.is_finite()) {
            true => Ok(scores),
            false => Err(BertError::NotFinite),
        }
    }

    fn classify(&self, first: &[f32]) -> f32 {
        let mut pooled = self.pooler.bias.clone();
        self.pooler.apply(first, &mut pooled, Into::Add);
        for value in &mut pooled {
            *value = value.tanh();
        }
        let mut score = self.classifier.bias.clone();
        self.classifier.apply(&pooled, &mut score, Into::Add);
        score[0]
    }
}
