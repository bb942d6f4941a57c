//! The encoder: packed token sequences in, one vector per token out. Sequences are
//! laid end to end without padding; linear layers run over all tokens at once,
//! attention runs sequence by sequence and head by head.

use super::config::Shape;
use super::elementwise::{activate, add, add_bias, exponentials, layer_norm, scale};
use super::matmul::{Into, Linear, View, product};

/// Token sequences laid end to end.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub ids: Vec<u32>,
    /// The segment of each token (0, or 1 for the second text of a pair).
    pub types: Vec<u32>,
    /// The length of each sequence; they add up to `ids.len()`.
    pub lengths: Vec<usize>,
}

impl Packed {
    pub(super) fn push(&mut self, ids: &[u32], types: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.types.extend_from_slice(types);
        self.lengths.push(ids.len());
    }
}

/// Gain and shift of a layer norm.
pub(super) struct Norm {
    pub gain: Vec<f32>,
    pub shift: Vec<f32>,
}

pub(super) struct Layer {
    /// Queries (already divided by √d), keys and values side by side.
    pub projections: Linear,
    pub attended: Linear,
    pub attention_norm: Norm,
    pub widen: Linear,
    pub narrow: Linear,
    pub output_norm: Norm,
}

pub(super) struct Encoder {
    pub shape: Shape,
    /// `vocabulary × hidden`
    pub words: Vec<f32>,
    /// `positions × hidden`
    pub positions: Vec<f32>,
    /// `types × hidden`
    pub types: Vec<f32>,
    pub norm: Norm,
    pub layers: Vec<Layer>,
}

/// Working memory of one micro-batch, kept between calls.
#[derive(Default)]
pub(super) struct Scratch {
    hidden: Vec<f32>,
    projected: Vec<f32>,
    scores: Vec<f32>,
    inverse: Vec<f32>,
    context: Vec<f32>,
    wide: Vec<f32>,
}

fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

impl Encoder {
    /// The last hidden state of every token, row by row. Ids, types and lengths are
    /// inside the model's tables: the tokenizer was checked against them.
    pub(super) fn forward<'s>(&self, batch: &Packed, scratch: &'s mut Scratch) -> &'s [f32] {
        let Shape {
            hidden,
            heads,
            intermediate,
            epsilon,
            activation,
            ..
        } = self.shape;
        let tokens = batch.ids.len();
        let longest = batch.lengths.iter().copied().max().unwrap_or(0);
        let x = room(&mut scratch.hidden, tokens * hidden);
        let projected = room(&mut scratch.projected, tokens * 3 * hidden);
        let scores = room(&mut scratch.scores, longest * longest);
        let inverse = room(&mut scratch.inverse, longest);
        let context = room(&mut scratch.context, tokens * hidden);
        let wide = room(&mut scratch.wide, tokens.min(ROWS) * intermediate);

        self.embed(batch, x);
        for layer in &self.layers {
            layer.projections.apply(x, projected, Into::Overwrite);
            add_bias(projected, 3 * hidden, &layer.projections.bias);
            let mut first = 0;
            for &length in &batch.lengths {
                let rows = first..first + length;
                let sequence = &projected[rows.start * 3 * hidden..rows.end * 3 * hidden];
                let target = &mut context[rows.start * hidden..rows.end * hidden];
                attend(sequence, heads, hidden, length, scores, inverse, target);
                first = rows.end;
            }
            layer.attended.apply(context, x, Into::Add);
            let norm = &layer.attention_norm;
            layer_norm(x, &layer.attended.bias, &norm.gain, &norm.shift, epsilon);
            for x in x.chunks_mut(ROWS * hidden) {
                let wide = &mut wide[..x.len() / hidden * intermediate];
                layer.widen.apply(x, wide, Into::Overwrite);
                activate(activation, wide, &layer.widen.bias);
                layer.narrow.apply(wide, x, Into::Add);
                let norm = &layer.output_norm;
                layer_norm(x, &layer.narrow.bias, &norm.gain, &norm.shift, epsilon);
            }
        }
        x
    }

    fn embed(&self, batch: &Packed, x: &mut [f32]) {
        let hidden = self.shape.hidden;
        let positions = batch.lengths.iter().flat_map(|length| 0..*length);
        let tokens = batch.ids.iter().zip(&batch.types).zip(positions);
        for (((&id, &kind), position), row) in tokens.zip(x.chunks_exact_mut(hidden)) {
            row.copy_from_slice(&self.words[id as usize * hidden..][..hidden]);
            add(row, &self.positions[position * hidden..][..hidden]);
            add(row, &self.types[kind as usize * hidden..][..hidden]);
        }
        let none = vec![0.0; hidden];
        layer_norm(x, &none, &self.norm.gain, &self.norm.shift, self.shape.epsilon);
    }
}

/// Tokens that go through the feed-forward block at a time: its wide rows stay in the
/// second-level cache.
const ROWS: usize = 256;

/// Attention of one sequence: every row of `target` becomes the weighted mean of the
/// values, head by head.
fn attend(
    sequence: &[f32],
    heads: usize,
    hidden: usize,
    length: usize,
    scores: &mut [f32],
    inverse: &mut [f32],
    target: &mut [f32],
) {
    let width = hidden / heads;
    let scores = &mut scores[..length * length];
    let inverse = &mut inverse[..length];
    let stride = 3 * hidden;
    for head in 0..heads {
        let at = head * width;
        let queries = View {
            data: &sequence[at..],
            rows: stride,
            columns: 1,
        };
        let keys = View {
            data: &sequence[hidden + at..],
            rows: 1,
            columns: stride,
        };
        product(
            (length, width, length),
            queries,
            keys,
            scores,
            length,
            Into::Overwrite,
        );
        exponentials(scores, length, inverse);
        let weights = View {
            data: scores,
            rows: length,
            columns: 1,
        };
        let values = View {
            data: &sequence[2 * hidden + at..],
            rows: stride,
            columns: 1,
        };
        let context = &mut target[at..];
        product(
            (length, length, width),
            weights,
            values,
            context,
            hidden,
            Into::Overwrite,
        );
        for (row, factor) in context.chunks_mut(hidden).zip(&*inverse) {
            scale(&mut row[..width], *factor);
        }
    }
}
