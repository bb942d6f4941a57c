//! A bit for each dimension of a vector, to tell which of very many are likely to be near:
//! on which side of the site's mean it lies there (after RaBitQ, Gao and Long, 2024, without
//! its rotation). A question's vector is kept with four bits a dimension, so that comparing
//! is counting bits.

use pulp::{Arch, Simd, WithSimd};

use crate::best::Best;
use crate::bits::Bits;
use crate::vectors::widened;

/// Bits that a dimension of the question gets.
const PLANES: usize = 4;
/// The usual length of a vector, for which the loop is unrolled, in words of 64 bits.
const USUAL: usize = 6;

/// Of all of a site's vectors.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    dimensions: usize,
    centre: Vec<f32>,
    /// How many the centre is of.
    centred: usize,
    codes: Vec<u64>,
    /// For each vector: what turns the sum over its bits into a product, and what its
    /// product with the centre adds.
    scales: Vec<[f32; 2]>,
}

impl Codes {
    pub fn of<'a>(dimensions: usize, len: usize, halves: impl Fn(usize) -> &'a [u16]) -> Self {
        let mut sums = vec![0.0_f64; dimensions];
        for n in 0..len {
            for (sum, half) in sums.iter_mut().zip(halves(n)) {
                *sum += f64::from(widened(*half));
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a mean"
        )]
        let centre = sums.iter().map(|sum| (sum / len.max(1) as f64) as f32).collect();
        let mut codes = Self {
            dimensions,
            centre,
            centred: len,
            codes: Vec::with_capacity(len * dimensions.div_ceil(64)),
            scales: Vec::with_capacity(len),
        };
        for n in 0..len {
            codes.push(halves(n));
        }
        codes
    }

    /// Whether so many have come since that the centre is another one.
    pub fn is_stale(&self) -> bool {
        self.scales.len() > 2 * self.centred
    }

    pub fn push(&mut self, halves: &[u16]) {
        let (mut square, mut sum, mut along) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (halves, centre) in halves.chunks(64).zip(self.centre.chunks(64)) {
            let mut word = 0_u64;
            for (n, (half, c)) in halves.iter().zip(centre).enumerate() {
                let away = widened(*half) - c;
                word |= u64::from(away >= 0.0) << n;
                square += away * away;
                sum += away.abs();
                along += away * c;
            }
            self.codes.push(word);
        }
        let scale = if sum > 0.0 { square / sum } else { 0.0 };
        self.scales.push([scale, along]);
    }

    /// Those of the allowed that are likely to have the `most` largest products.
    pub fn likely(&self, to: &[f32], allowed: &Bits, most: usize) -> Vec<u32> {
        let mut best = Best::new(most);
        let asked = Asked::of(to, &self.centre);
        Arch::new().dispatch(Likely {
            codes: self,
            asked: &asked,
            allowed,
            best: &mut best,
        });
        best.sorted().into_iter().map(|s| s.place).collect()
    }

    pub fn bytes(&self) -> usize {
        8 * self.codes.capacity() + 8 * self.scales.capacity()
    }
}

/// A question's vector, seen from the centre, in planes of bits.
struct Asked {
    /// By word, then by plane.
    planes: Vec<[u64; PLANES]>,
    /// The sum of those dimensions whose bits are set is `low · bits + step · weighted bits`.
    low: f32,
    step: f32,
    all: f32,
}

impl Asked {
    fn of(to: &[f32], centre: &[f32]) -> Self {
        let away: Vec<f32> = to.iter().zip(centre).map(|(x, c)| x - c).collect();
        let low = away.iter().copied().fold(f32::INFINITY, f32::min);
        let high = away.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let step = ((high - low) / 15.0).max(f32::MIN_POSITIVE);
        let planes = away.chunks(64).map(|away| {
            let mut word = [0; PLANES];
            for (n, x) in away.iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
                let level = ((x - low) / step).round().clamp(0.0, 15.0) as u64;
                for (plane, bits) in word.iter_mut().enumerate() {
                    *bits |= (level >> plane & 1) << n;
                }
            }
            word
        });
        Self {
            planes: planes.collect(),
            low,
            step,
            all: away.iter().sum(),
        }
    }

    /// The sum over the dimensions, with the sign of each bit.
    #[inline(always)]
    fn sum(&self, code: &[u64]) -> f32 {
        let (mut bits, mut weighted) = (0, 0);
        for (word, planes) in code.iter().zip(&self.planes) {
            bits += word.count_ones();
            for (plane, of_question) in planes.iter().enumerate() {
                weighted += (word & of_question).count_ones() << plane;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of bits")]
        let set = self.low * bits as f32 + self.step * weighted as f32;
        2.0 * set - self.all
    }
}

struct Likely<'a> {
    codes: &'a Codes,
    asked: &'a Asked,
    allowed: &'a Bits,
    best: &'a mut Best,
}

impl WithSimd for Likely<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            codes,
            asked,
            allowed,
            best,
        } = self;
        let words = codes.dimensions.div_ceil(64);
        let usual = words == USUAL;
        for place in allowed.iter() {
            let at = place as usize;
            let Some([scale, along]) = codes.scales.get(at) else {
                continue;
            };
            // With its length known the loop is unrolled.
            let code = &codes.codes[at * words..(at + 1) * words];
            let sum = match code.first_chunk::<USUAL>() {
                Some(code) if usual => asked.sum(code),
                _ => asked.sum(code),
            };
            best.show(place, scale * sum + along);
        }
    }
}
