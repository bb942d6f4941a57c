//! What turns texts into vectors, whoever does it: a model on this machine or a provider.
//! Vectors are of unit length, so that their inner product is their cosine.

use std::fmt;
use std::str::FromStr;

use futures::future::BoxFuture;

/// The most dimensions that an index takes (pgvector's limit for `halfvec`).
pub const MOST_DIMENSIONS: usize = 4000;

/// What texts are embedded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody waits: one short try.
    Query,
    /// Passages to store: as many tries as it takes within minutes.
    Passages,
}

/// Why texts couldn't be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The model can't be used as it is configured; the sentence says what to do.
    #[error("{0}")]
    Unusable(String),
    /// The provider is away, slow or overloaded; later may be better.
    #[error("the embeddings can't be had right now: {0}")]
    Away(String),
    /// The provider turned the request down; again doesn't help.
    #[error("the provider refused to embed: {0}")]
    Refused(String),
}

impl EmbedError {
    /// Whether another try may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// Turns texts into vectors.
pub trait Embedder: Send + Sync {
    /// Names the model and its exact weights; vectors of other names don't compare.
    fn name(&self) -> &str;

    /// How long its vectors are.
    fn dimensions(&self) -> usize;

    /// The longest text that it reads to its end, in its own tokens.
    fn max_tokens(&self) -> usize;

    /// How many of its tokens a text is.
    fn count(&self, text: &str) -> usize;

    /// One vector a text, in their order, each of unit length. Longer texts than
    /// [`Embedder::max_tokens`] count by their beginning.
    fn embed(&self, texts: Vec<String>, purpose: Purpose)
    -> BoxFuture<'_, Result<Vec<Vec<f32>>, EmbedError>>;
}

/// Which model is meant: `local:FOLDER` or `openai:MODEL`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModelSpec {
    /// A folder with a BERT-family model; a name alone stands in the models' folder.
    Local(String),
    /// A provider's model, by its name there.
    OpenAi(String),
}

impl ModelSpec {
    /// What is allowed.
    pub const ALLOWED: &'static str =
        "`local:FOLDER` or `openai:MODEL`, for example `local:all-minilm-l6-v2`";
}

impl FromStr for ModelSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` names no model; allowed: {}", Self::ALLOWED);
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        let fits = !name.is_empty() && name.len() <= 500 && !name.chars().any(char::is_control);
        match kind {
            "local" if fits => Ok(Self::Local(name.to_owned())),
            "openai" if fits && !name.contains(char::is_whitespace) => Ok(Self::OpenAi(name.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(f, "local:{name}"),
            Self::OpenAi(name) => write!(f, "openai:{name}"),
        }
    }
}

/// Brings a vector to unit length; one of zeros, or with a number that is none, is refused.
pub(in crate::models) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector
        .iter()
        .map(|x| f64::from(*x) * f64::from(*x))
        .sum::<f64>()
        .sqrt();
    if !length.is_finite() || length < 1e-12 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "back to the precision it came in")]
    vector
        .iter_mut()
        .for_each(|x| *x = (f64::from(*x) / length) as f32);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_by_its_kind_and_name() {
        for good in [
            "local:all-minilm-l6-v2",
            "local:/srv/models/e5",
            "openai:text-embedding-3-small",
        ] {
            assert_eq!(good.parse::<ModelSpec>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "minilm",
            "local:",
            "openai:",
            "openai:a b",
            "ftp:x",
            "local:a\nb",
        ] {
            assert!(bad.parse::<ModelSpec>().unwrap_err().contains("allowed"), "{bad}");
        }
    }

    #[test]
    fn vectors_get_unit_length_or_are_none() {
        assert_eq!(unit(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
        assert_eq!(unit(vec![0.0, 0.0]), None);
        assert_eq!(unit(vec![f32::NAN, 1.0]), None);
        assert_eq!(unit(vec![f32::INFINITY, 1.0]), None);
    }
}
