//! Sentence embeddings from a BERT model folder (the form that sentence-transformers
//! writes), computed here on the CPU. Synchronous and CPU-bound: callers on an async
//! runtime hand it to a blocking thread.

mod config;
mod elementwise;
mod forward;
mod matmul;
mod rerank;
#[cfg(test)]
mod tests;
mod text;
mod weights;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use rerank::Reranker;

use config::{Head, Pooling};
use forward::{Encoder, Packed, Scratch};
use text::Text;

/// Why a model folder cannot be used, or a text not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum BertError {
    #[error("{path} is missing")]
    Missing { path: PathBuf },
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path} has {size} bytes, more than the {limit} that are read")]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
    #[error("it is a `{kind}` model with the architecture {architecture}; BERT models are supported")]
    Architecture { kind: String, architecture: String },
    #[error("the model needs {what}, which is not supported")]
    Unsupported { what: String },
    #[error("{file}: {detail}")]
    Config { file: String, detail: String },
    #[error("model.safetensors cannot be read: {detail}")]
    Weights { detail: String },
    #[error("the tensor {name} is missing")]
    TensorMissing { name: String },
    #[error("the tensor {name} has the shape {found:?} instead of {expected:?}")]
    TensorShape {
        name: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error("the tensor {name} is of type {found}; F32, F16 and BF16 are supported")]
    TensorType { name: String, found: String },
    #[error("the tokenizer cannot be used: {detail}")]
    Tokenizer { detail: String },
    #[error("the model gave a value that is not a number")]
    NotFinite,
    #[error("no threads for the model: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// A sentence embedding model, ready to use from any thread.
pub struct Bert {
    id: String,
    head: Head,
    text: Text,
    runner: Runner,
}

/// The largest tokenizer file that is read.
const MAX_TOKENIZER_BYTES: u64 = 64 << 20;

impl Bert {
    /// Opens a model folder. `threads` is the number of threads that one call of
    /// [`embed`](Self::embed) uses for many texts; with 1 it uses the caller's alone.
    ///
    /// # Errors
    ///
    /// Names the file, key or tensor that is missing, malformed or unsupported.
    pub fn open(folder: &Path, threads: usize) -> Result<Self, BertError> {
        let map = weights::map(&folder.join("model.safetensors"))?;
        let mut config = config::read(folder, map.len() as u64)?;
        if config.classifier {
            return Err(BertError::Architecture {
                kind: "bert".to_owned(),
                architecture: "BertForSequenceClassification (a re-ranker)".to_owned(),
            });
        }
        let head = config::read_head(folder, &mut config)?;
        let json = config::read_limited(&folder.join("tokenizer.json"), MAX_TOKENIZER_BYTES)?;
        let text = Text::new(&json, &config)?;
        let encoder = weights::Tensors::new(&map)?.encoder(config.shape)?;
        let shape = config.shape;
        let name = config
            .name
            .unwrap_or_else(|| format!("bert-{}x{}", shape.hidden, shape.layers));
        let parts = config.sources.iter().map(Vec::as_slice);
        Ok(Self {
            id: identify(&name, parts.chain([json.as_slice(), &map])),
            head,
            text,
            runner: Runner::new(encoder, threads)?,
        })
    }

    /// The model's name and the first twelve digits of a hash over everything that
    /// decides what its vectors are. The same wherever the folder lies.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The length of the vectors.
    pub fn dims(&self) -> usize {
        self.runner.encoder.shape.hidden
    }

    /// Tokens of a text that are looked at, special ones included.
    pub fn max_tokens(&self) -> usize {
        self.text.limit()
    }

    /// Tokens of the whole text, without special ones.
    ///
    /// # Errors
    ///
    /// When the tokenizer has no token for a part of it.
    pub fn count(&self, text: &str) -> Result<usize, BertError> {
        self.text.count(text)
    }

    /// One vector of [`dims`](Self::dims) values per text, of length 1 where the model
    /// normalises. Only the first [`max_tokens`](Self::max_tokens) tokens count. Texts
    /// are computed together but never influence each other.
    ///
    /// # Errors
    ///
    /// When the tokenizer has no token for a part of a text, or a weight is no number.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, BertError> {
        let vectors = self.runner.run(
            texts,
            |text| self.text.single(text),
            |states| {
                let mut vector = pool(self.head.pooling, states, self.dims());
                if self.head.normalize {
                    normalize(&mut vector);
                }
                vector
            },
        )?;
        match vectors.iter().flatten().all(|value| value.is_finite()) {
            true => Ok(vectors),
            false => Err(BertError::NotFinite),
        }
    }
}

/// An encoder with its threads and working memory.
struct Runner {
    encoder: Encoder,
    threads: usize,
    pool: Option<rayon::ThreadPool>,
    scratch: Mutex<Vec<Scratch>>,
}

/// Tokens of a micro-batch: enough that packing the weights for the product costs
/// little, few enough that the working memory stays in the cache.
const MAX_BATCH: usize = 1024;
const MIN_BATCH: usize = 512;

impl Runner {
    fn new(encoder: Encoder, threads: usize) -> Result<Self, BertError> {
        let threads = threads.max(1);
        let pool = (threads > 1).then(|| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("bert-{index}"))
                .build()
        });
        Ok(Self {
            encoder,
            threads,
            pool: pool.transpose()?,
            scratch: Mutex::default(),
        })
    }

    /// Tokenises inputs, runs them through the encoder in micro-batches, and finishes
    /// each sequence's hidden states. Results come in the order of the inputs.
    fn run<I: Sync, T: Send>(
        &self,
        inputs: &[I],
        tokenize: impl Fn(&I) -> Result<tokenizers::Encoding, BertError> + Sync + Send,
        finish: impl Fn(&[f32]) -> T + Sync + Send,
    ) -> Result<Vec<T>, BertError> {
        let Some(pool) = self.pool.as_ref().filter(|_| inputs.len() > 1) else {
            let encodings = inputs.iter().map(tokenize).collect::<Result<Vec<_>, _>>()?;
            let batches = batches(&encodings, MAX_BATCH);
            return Ok(batches
                .iter()
                .flat_map(|batch| self.compute(batch, &finish))
                .collect());
        };
        pool.install(|| {
            let encodings = inputs.par_iter().map(tokenize).collect::<Result<Vec<_>, _>>()?;
            let tokens: usize = encodings.iter().map(tokenizers::Encoding::len).sum();
            let size = tokens.div_ceil(self.threads).clamp(MIN_BATCH, MAX_BATCH);
            let batches = batches(&encodings, size);
            let results: Vec<Vec<T>> = batches
                .par_iter()
                .map(|batch| self.compute(batch, &finish))
                .collect();
            Ok(results.into_iter().flatten().collect())
        })
    }

    fn compute<T>(&self, batch: &Packed, finish: impl Fn(&[f32]) -> T) -> Vec<T> {
        let kept = || self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = kept().pop().unwrap_or_default();
        let mut states = self.encoder.forward(batch, &mut scratch);
        let mut results = Vec::with_capacity(batch.lengths.len());
        for length in &batch.lengths {
            let (sequence, rest) = states.split_at(length * self.encoder.shape.hidden);
            results.push(finish(sequence));
            states = rest;
        }
        kept().push(scratch);
        results
    }
}

/// Packs sequences, in order, into batches of at most `size` tokens (or one sequence).
fn batches(encodings: &[tokenizers::Encoding], size: usize) -> Vec<Packed> {
    let mut batches: Vec<Packed> = Vec::new();
    for encoding in encodings {
        match batches.last_mut() {
            Some(batch) if batch.ids.len() + encoding.len() <= size => {
                batch.push(encoding.get_ids(), encoding.get_type_ids());
            }
            _ => {
                let mut batch = Packed::default();
                batch.push(encoding.get_ids(), encoding.get_type_ids());
                batches.push(batch);
            }
        }
    }
    batches
}

/// One vector out of the rows of a sequence.
fn pool(pooling: Pooling, states: &[f32], dims: usize) -> Vec<f32> {
    let mut rows = states.chunks_exact(dims);
    let mut vector = rows.next().map_or_else(|| vec![0.0; dims], <[f32]>::to_vec);
    match pooling {
        Pooling::Cls => {}
        Pooling::Mean => {
            rows.for_each(|row| elementwise::add(&mut vector, row));
            elementwise::scale(&mut vector, dims as f32 / states.len() as f32);
        }
        Pooling::Max => {
            for row in rows {
                for (most, value) in vector.iter_mut().zip(row) {
                    *most = most.max(*value);
                }
            }
        }
    }
    vector
}

/// Scales to length 1; a vector without length stays as it is.
fn normalize(vector: &mut [f32]) {
    let square: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
    elementwise::scale(vector, (1.0 / square.sqrt().max(1e-12)) as f32);
}

/// `name-hash` with the last part of the name, in lower case and without surprises.
fn identify<'a>(name: &str, parts: impl Iterator<Item = &'a [u8]>) -> String {
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let clean: String = last
        .chars()
        .take(64)
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!(
        "{}-{}",
        clean.trim_matches('-'),
        &hex::encode(hash.finalize())[..12]
    )
}
