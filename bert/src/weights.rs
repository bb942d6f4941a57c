//! The weight file: mapped while it is read, every tensor checked by name, type and
//! shape, and copied out as single precision in the layout that the encoder wants.

use std::fs::File;
use std::path::Path;

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use super::BertError;
use super::config::Shape;
use super::forward::{Encoder, Layer, Norm};
use super::matmul::Linear;

/// Weight files beyond this are refused: it is eight times the largest BERT.
const MAX_WEIGHT_BYTES: u64 = 12 << 30;

/// The size of a file that must exist.
pub(super) fn size_of(path: &Path) -> Result<u64, BertError> {
    match std::fs::metadata(path) {
        Ok(data) if data.is_file() => Ok(data.len()),
        Ok(_) => Err(BertError::Missing {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BertError::Missing {
            path: path.to_owned(),
        }),
        Err(source) => Err(BertError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Maps a file into memory.
pub(super) fn map(path: &Path) -> Result<Mmap, BertError> {
    let size = size_of(path)?;
    if size > MAX_WEIGHT_BYTES {
        return Err(BertError::TooLarge {
            path: path.to_owned(),
            size,
            limit: MAX_WEIGHT_BYTES,
        });
    }
    let io = |source| BertError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the mapping is private and read-only, is read as bytes only (any bit
    // pattern is valid) and lives no longer than the opening of the model. What is left
    // is that another process could change or shorten the file meanwhile: model files
    // are installed by renaming them into place and are never written afterwards.
    #[expect(unsafe_code, reason = "a file can only be mapped unsafely")]
    let map = unsafe { Mmap::map(&file) };
    map.map_err(io)
}

/// The tensors of a file, by the names that BERT gives them.
pub(super) struct Tensors<'a> {
    tensors: SafeTensors<'a>,
    /// `bert.` where the encoder is part of a larger model.
    prefix: &'static str,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, BertError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| BertError::Weights {
            detail: error.to_string(),
        })?;
        let prefixed = tensors.tensor("bert.embeddings.word_embeddings.weight").is_ok();
        Ok(Self {
            tensors,
            prefix: if prefixed { "bert." } else { "" },
        })
    }

    /// A tensor of the encoder, of exactly this shape.
    pub(super) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, BertError> {
        self.read_full(&format!("{}{name}", self.prefix), shape)
    }

    /// A tensor by its full name.
    pub(super) fn read_full(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, BertError> {
        let view = self.tensors.tensor(name).map_err(|_| BertError::TensorMissing {
            name: name.to_owned(),
        })?;
        if view.shape() != shape {
            return Err(BertError::TensorShape {
                name: name.to_owned(),
                found: view.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        // The file keeps no alignment, so values are put together from their bytes.
        let bytes = view.data();
        match view.dtype() {
            Dtype::F32 => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect()),
            Dtype::F16 => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f16::from_le_bytes(*b).to_f32())
                .collect()),
            Dtype::BF16 => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| bf16::from_le_bytes(*b).to_f32())
                .collect()),
            other => Err(BertError::TensorType {
                name: name.to_owned(),
                found: format!("{other:?}"),
            }),
        }
    }

    /// The weights and bias of a linear layer under `name`.
    fn linear(&self, name: &str, input: usize, output: usize) -> Result<(Vec<f32>, Vec<f32>), BertError> {
        let weights = self.read(&format!("{name}.weight"), &[output, input])?;
        let bias = self.read(&format!("{name}.bias"), &[output])?;
        Ok((weights, bias))
    }

    /// A linear layer of the encoder's model.
    pub(super) fn dense(&self, name: &str, input: usize, output: usize) -> Result<Linear, BertError> {
        let (weights, bias) = self.linear(name, input, output)?;
        Ok(Linear::new(input, bias, &weights))
    }

    fn norm(&self, name: &str, hidden: usize) -> Result<Norm, BertError> {
        // Checkpoints converted from TensorFlow kept its names.
        let old = format!("{}{name}.gamma", self.prefix);
        let (gain, shift) = match self.tensors.tensor(&old) {
            Ok(_) => ("gamma", "beta"),
            Err(_) => ("weight", "bias"),
        };
        Ok(Norm {
            gain: self.read(&format!("{name}.{gain}"), &[hidden])?,
            shift: self.read(&format!("{name}.{shift}"), &[hidden])?,
        })
    }

    /// Reads the whole encoder.
    pub(super) fn encoder(&self, shape: Shape) -> Result<Encoder, BertError> {
        let hidden = shape.hidden;
        let embedding = |name: &str, rows: usize| {
            self.read(&format!("embeddings.{name}_embeddings.weight"), &[rows, hidden])
        };
        Ok(Encoder {
            shape,
            words: embedding("word", shape.vocabulary)?,
            positions: embedding("position", shape.positions)?,
            types: embedding("token_type", shape.types)?,
            norm: self.norm("embeddings.LayerNorm", hidden)?,
            layers: (0..shape.layers)
                .map(|index| self.layer(&shape, &format!("encoder.layer.{index}")))
                .collect::<Result<_, _>>()?,
        })
    }

    fn layer(&self, shape: &Shape, name: &str) -> Result<Layer, BertError> {
        let (hidden, wide) = (shape.hidden, shape.intermediate);
        // The division of the scores by √d is folded into the queries.
        let factor = 1.0 / ((hidden / shape.heads) as f32).sqrt();
        let projection = |part: &str| self.linear(&format!("{name}.attention.self.{part}"), hidden, hidden);
        let (mut weights, mut bias) = projection("query")?;
        for value in weights.iter_mut().chain(&mut bias) {
            *value *= factor;
        }
        for part in ["key", "value"] {
            let (more, more_bias) = projection(part)?;
            weights.extend(more);
            bias.extend(more_bias);
        }
        Ok(Layer {
            projections: Linear::new(hidden, bias, &weights),
            attended: self.dense(&format!("{name}.attention.output.dense"), hidden, hidden)?,
            attention_norm: self.norm(&format!("{name}.attention.output.LayerNorm"), hidden)?,
            widen: self.dense(&format!("{name}.intermediate.dense"), hidden, wide)?,
            narrow: self.dense(&format!("{name}.output.dense"), wide, hidden)?,
            output_norm: self.norm(&format!("{name}.output.LayerNorm"), hidden)?,
        })
    }
}
