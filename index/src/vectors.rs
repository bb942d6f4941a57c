//! Vectors in half precision, as the database keeps them, and the nearest of them.

use pulp::{Arch, Simd, WithSimd};

use crate::best::{Best, Scored};
use crate::bits::Bits;
use crate::codes::Codes;
use crate::wide;

/// Vectors of a block; a block doesn't move when more come.
const BLOCK: usize = 1024;
/// From how many vectors on they get codes.
const CODED: usize = 8_192;
/// Up to how many are compared without a look at their codes first.
const COMPARED: usize = 6_000;
/// Of how many coded ones one is compared, and how many at least.
const SHARE: usize = 128;
const LEAST: usize = 1_000;

/// A site's, of one model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vectors {
    dimensions: usize,
    blocks: Vec<Vec<u16>>,
    len: usize,
    present: Bits,
    codes: Option<Codes>,
}

impl Vectors {
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            ..Self::default()
        }
    }

    /// Adds the next passage's. One of another length, or none, is none.
    pub fn push(&mut self, vector: Option<&[u16]>) {
        let vector = vector.filter(|v| v.len() == self.dimensions);
        if vector.is_some() {
            self.present.insert(u32::try_from(self.len).unwrap_or(u32::MAX));
        }
        if self.len.is_multiple_of(BLOCK) {
            self.blocks.push(Vec::new());
        }
        if let Some(block) = self.blocks.last_mut() {
            match vector {
                Some(vector) => block.extend_from_slice(vector),
                None => block.resize(block.len() + self.dimensions, 0),
            }
            // Doubling may end beyond the block.
            if block.len() == BLOCK * self.dimensions {
                block.shrink_to_fit();
            }
        }
        self.len += 1;
        if let Some(codes) = &mut self.codes {
            let last = self
                .blocks
                .last()
                .map_or(&[][..], |block| &block[block.len() - self.dimensions..]);
            codes.push(last);
        }
    }

    pub fn forget(&mut self, place: u32) {
        self.present.remove(place);
    }

    /// Makes what comparing many needs; cheap where nothing has changed much.
    pub fn prepare(&mut self) {
        let stale = self.codes.as_ref().is_none_or(|codes| codes.is_stale());
        if self.len >= CODED && stale {
            self.codes = Some(Codes::of(self.dimensions, self.len, |n| self.halves(n)));
        }
    }

    fn halves(&self, place: usize) -> &[u16] {
        let at = place % BLOCK * self.dimensions;
        &self.blocks[place / BLOCK][at..at + self.dimensions]
    }

    /// A passage's vector.
    pub fn vector(&self, place: u32) -> Option<Vec<f32>> {
        let halves = self
            .present
            .contains(place)
            .then(|| self.halves(place as usize))?;
        Some(halves.iter().map(|h| widened(*h)).collect())
    }

    /// The product of a passage's vector with another.
    pub fn product(&self, place: u32, with: &[f32]) -> Option<f32> {
        let has = self.present.contains(place) && with.len() == self.dimensions;
        has.then(|| Arch::new().dispatch(Product(self.halves(place as usize), with)))
    }

    /// The nearest `k` of those that are allowed.
    pub fn nearest(&self, to: &[f32], allowed: &Bits, k: usize) -> Vec<Scored> {
        if to.len() != self.dimensions {
            return Vec::new();
        }
        let compared = match &self.codes {
            Some(codes) if allowed.count() > COMPARED => {
                let most = (allowed.count() / SHARE).max(LEAST).max(4 * k);
                Compared::These(codes.likely(to, allowed, most))
            }
            _ => Compared::All(allowed),
        };
        let mut best = Best::new(k);
        Arch::new().dispatch(Nearest {
            vectors: self,
            to,
            compared: &compared,
            best: &mut best,
        });
        best.sorted()
    }

    /// Those at these places, in this order.
    pub fn moved(&self, places: impl Iterator<Item = u32>) -> Self {
        let mut moved = Self::new(self.dimensions);
        for place in places {
            let has = self.present.contains(place);
            moved.push(has.then(|| self.halves(place as usize)));
        }
        moved.prepare();
        moved
    }

    pub fn bytes(&self) -> usize {
        let halves: usize = self.blocks.iter().map(|b| 2 * b.capacity()).sum();
        halves + self.present.bytes() + self.codes.as_ref().map_or(0, Codes::bytes)
    }
}

/// Half precision as single: moving the bits leaves the exponent 112 too low. Infinite values
/// and those that are no numbers don't come up.
#[inline(always)]
pub(crate) fn widened(half: u16) -> f32 {
    let bits = i32::from(half.cast_signed()).cast_unsigned() << 13;
    f32::from_bits(bits & 0x8FFF_E000) * f32::from_bits((127 + 112) << 23)
}

/// Sums that go on side by side, so that the compiler can use wide instructions.
const LANES: usize = 32;
/// Vectors that are compared side by side: they lie far apart, and memory answers several
/// questions in the time of one.
const SIDE_BY_SIDE: usize = 4;
/// So many before their turn they are asked of the memory.
const AHEAD: usize = 8;

#[inline(always)]
fn products<const N: usize>(halves: [&[u16]; N], with: &[f32]) -> [f32; N] {
    let mut sums = [[0.0_f32; LANES]; N];
    let mut rest = [0.0; N];
    let whole = with.len() / LANES * LANES;
    for n in 0..N {
        for (half, x) in halves[n].iter().zip(with).skip(whole) {
            rest[n] += widened(*half) * x;
        }
    }
    for at in (0..whole).step_by(LANES) {
        for n in 0..N {
            let (a, b) = (&halves[n][at..at + LANES], &with[at..at + LANES]);
            for lane in 0..LANES {
                sums[n][lane] += widened(a[lane]) * b[lane];
            }
        }
    }
    let mut products = rest;
    for n in 0..N {
        products[n] += sums[n].iter().sum::<f32>();
    }
    products
}

struct Product<'a>(&'a [u16], &'a [f32]);

impl WithSimd for Product<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        products([self.0], self.1)[0]
    }
}

enum Compared<'a> {
    All(&'a Bits),
    These(Vec<u32>),
}

struct Nearest<'a> {
    vectors: &'a Vectors,
    to: &'a [f32],
    compared: &'a Compared<'a>,
    best: &'a mut Best,
}

impl Nearest<'_> {
    // Inlined as a whole, so that it is compiled for wide instructions.
    #[inline(always)]
    fn among(self, places: impl Iterator<Item = u32>) {
        let Self {
            vectors, to, best, ..
        } = self;
        let (mut beside, mut n) = ([0_u32; SIDE_BY_SIDE], 0);
        for place in places {
            if !vectors.present.contains(place) {
                continue;
            }
            beside[n] = place;
            n += 1;
            if n == SIDE_BY_SIDE {
                n = 0;
                let [a, b, c, d] = beside;
                let at = |place: u32| vectors.halves(place as usize);
                let found = products([at(a), at(b), at(c), at(d)], to);
                for i in 0..SIDE_BY_SIDE {
                    best.show(beside[i], found[i]);
                }
            }
        }
        for place in &beside[..n] {
            best.show(*place, products([vectors.halves(*place as usize)], to)[0]);
        }
    }
}

impl WithSimd for Nearest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.compared {
            Compared::All(places) => self.among(places.iter()),
            Compared::These(places) => {
                let vectors = self.vectors;
                let later = places.iter().skip(AHEAD).map(Some).chain(std::iter::repeat(None));
                self.among(places.iter().zip(later).map(|(place, later)| {
                    wide::fetch(later.map(|later| vectors.halves(*later as usize)));
                    *place
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_half_is_widened_exactly() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if half.is_finite() {
                assert_eq!(widened(bits), half.to_f32(), "{bits:#x}");
            }
        }
    }

    proptest! {
        #[test]
        fn products_of_any_length_are_the_sums_of_products(pairs in prop::collection::vec((-2.0_f32..2.0, -2.0_f32..2.0), 0..200)) {
            let halves: Vec<f16> = pairs.iter().map(|p| f16::from_f32(p.0)).collect();
            let want: f64 = halves.iter().zip(&pairs).map(|(h, p)| h.to_f64() * f64::from(p.1)).sum();
            let bits: Vec<u16> = halves.iter().map(|h| h.to_bits()).collect();
            let with: Vec<f32> = pairs.iter().map(|p| p.1).collect();
            prop_assert!((f64::from(Arch::new().dispatch(Product(&bits, &with))) - want).abs() < 1e-3);
        }
    }
}
