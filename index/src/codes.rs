//! A bit for each dimension of a vector, to tell which of very many are likely to be near:
//! on which side of the site's mean it lies there (after RaBitQ, Gao and Long, 2024, without
//! its rotation). A question is compared by counting bits: of very many first roughly, with
//! two bits a dimension (on which side it lies itself, and whether far away), then closely,
//! with four. The codes of eight vectors lie side by side, so that wide instructions count the
//! bits of all eight at once.

use pulp::{Arch, NullaryFnOnce};

use crate::best::Best;
use crate::bits::Bits;
use crate::vectors::widened;
use crate::wide;

/// Bits that a dimension of the question gets.
pub(crate) const PLANES: usize = 4;
/// Vectors of a block, whose codes are compared at once: as many as a byte has bits.
const EACH: u32 = u8::BITS;
pub(crate) const LANES: usize = EACH as usize;
/// How many are looked at closely for each that is wanted. On vectors of real texts and mixtures
/// of them the rough look then loses less than one in a thousand of what the close one finds.
const CLOSELY: usize = 4;
/// So many blocks before its turn a block is asked of the memory, which takes longer to answer
/// than a block to compare, most of all at the beginning of a page.
const AHEAD: u32 = 16;
/// What lies further away than this, in the mean of all dimensions, lies far away.
const FAR: f32 = 1.22;

/// Of all of a site's vectors.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    dimensions: usize,
    centre: Vec<f32>,
    /// How many the centre is of.
    centred: usize,
    /// How many vectors there are.
    len: usize,
    /// By block, then by word.
    codes: Vec<[u64; LANES]>,
    /// By block. For each vector: what turns the sum over its bits into a product, and what
    /// its product with the centre adds.
    scales: Vec<[[f32; LANES]; 2]>,
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
            len: 0,
            codes: Vec::with_capacity(len.div_ceil(LANES) * dimensions.div_ceil(64)),
            scales: Vec::with_capacity(len.div_ceil(LANES)),
        };
        for n in 0..len {
            codes.push(halves(n));
        }
        codes
    }

    /// Whether so many have come since that the centre is another one.
    pub fn is_stale(&self) -> bool {
        self.len > 2 * self.centred
    }

    pub fn push(&mut self, halves: &[u16]) {
        let words = self.dimensions.div_ceil(64);
        let (block, lane) = (self.len / LANES, self.len % LANES);
        if lane == 0 {
            self.codes.resize((block + 1) * words, [0; LANES]);
            self.scales.push([[0.0; LANES]; 2]);
        }
        let (mut square, mut sum, mut along) = (0.0_f32, 0.0_f32, 0.0_f32);
        let code = self.codes[block * words..].iter_mut();
        for ((halves, centre), word) in halves.chunks(64).zip(self.centre.chunks(64)).zip(code) {
            for (n, (half, c)) in halves.iter().zip(centre).enumerate() {
                let away = widened(*half) - c;
                word[lane] |= u64::from(away >= 0.0) << n;
                square += away * away;
                sum += away.abs();
                along += away * c;
            }
        }
        self.scales[block][0][lane] = if sum > 0.0 { square / sum } else { 0.0 };
        self.scales[block][1][lane] = along;
        self.len += 1;
    }

    /// Those of the allowed that are likely to have the `most` largest products, in the order in
    /// which they lie.
    pub fn likely(&self, to: &[f32], allowed: &Bits, most: usize) -> Vec<u32> {
        let asked = Asked::of(to, &self.centre);
        let all = Places::All(allowed);
        let left = CLOSELY * most;
        if allowed.count() <= 2 * left {
            return self.best(&asked, Look::Closely, &all, most);
        }
        let left = Places::These(self.best(&asked, Look::Roughly, &all, left));
        self.best(&asked, Look::Closely, &left, most)
    }

    /// The best `most` of these, in the order in which they lie.
    fn best(&self, asked: &Asked, look: Look, places: &Places<'_>, most: usize) -> Vec<u32> {
        let mut best = Best::new(most);
        let likely = Likely {
            codes: self,
            asked,
            look,
            places,
            best: &mut best,
        };
        if let Err(likely) = wide::show(likely) {
            Arch::new().dispatch(likely);
        }
        best.places()
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&*self.codes) + size_of_val(&*self.scales)
    }
}

/// How a question is compared.
#[derive(Debug, Clone, Copy)]
enum Look {
    Roughly,
    Closely,
}

/// A question's vector, seen from the centre.
pub(crate) struct Asked {
    /// On which side it lies, and whether far away, by word.
    pub sides: Vec<[u64; 2]>,
    /// How far in the dimensions where it isn't far, and in the others, on average; and all together.
    near: f32,
    far: f32,
    both: f32,
    /// By word, then by plane.
    pub planes: Vec<[u64; PLANES]>,
    /// The sum of those dimensions whose bits are set is `low · bits + step · weighted bits`.
    low: f32,
    step: f32,
    all: f32,
}

impl Asked {
    #[expect(clippy::cast_precision_loss, reason = "a length")]
    fn of(to: &[f32], centre: &[f32]) -> Self {
        let away: Vec<f32> = to.iter().zip(centre).map(|(x, c)| x - c).collect();
        let low = away.iter().copied().fold(f32::INFINITY, f32::min);
        let high = away.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let step = ((high - low) / 15.0).max(f32::MIN_POSITIVE);
        let mean = away.iter().map(|x| x.abs()).sum::<f32>() / away.len().max(1) as f32;
        let is_far = |x: f32| x.abs() > FAR * mean;
        let average = |far: bool| {
            let of = away.iter().map(|x| x.abs()).filter(|x| is_far(*x) == far);
            let (sum, n) = of.fold((0.0_f32, 0_usize), |(sum, n), x| (sum + x, n + 1));
            (sum, sum / n.max(1) as f32)
        };
        let ((all_near, near), (all_far, far)) = (average(false), average(true));
        let (mut sides, mut planes) = (Vec::new(), Vec::new());
        for away in away.chunks(64) {
            let (mut side, mut word) = ([0; 2], [0; PLANES]);
            for (n, x) in away.iter().enumerate() {
                side[0] |= u64::from(*x >= 0.0) << n;
                side[1] |= u64::from(is_far(*x)) << n;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
                let level = ((x - low) / step).round().clamp(0.0, 15.0) as u64;
                for (plane, bits) in word.iter_mut().enumerate() {
                    *bits |= (level >> plane & 1) << n;
                }
            }
            sides.push(side);
            planes.push(word);
        }
        Self {
            sides,
            near,
            far,
            both: all_near + all_far,
            planes,
            low,
            step,
            all: away.iter().sum(),
        }
    }

    /// In how many bits each of a block differs from the sides, and in how many of those where
    /// the question is far away.
    #[inline(always)]
    fn apart(&self, code: &[[u64; LANES]]) -> Counts {
        counts(|lane| {
            code.iter()
                .zip(&self.sides)
                .fold([0, 0], |[all, far], (words, [side, away])| {
                    let differs = words[lane] ^ side;
                    [all + differs.count_ones(), far + (differs & away).count_ones()]
                })
        })
    }

    /// How many bits of each of a block are set, and how many weighted by the planes.
    #[inline(always)]
    fn weighed(&self, code: &[[u64; LANES]]) -> Counts {
        counts(|lane| {
            code.iter()
                .zip(&self.planes)
                .fold([0, 0], |[all, weighed], (words, planes)| {
                    let of = (0..)
                        .zip(planes)
                        .map(|(n, plane)| (words[lane] & plane).count_ones() << n);
                    [all + words[lane].count_ones(), weighed + of.sum::<u32>()]
                })
        })
    }

    /// What counts make of the sum over the dimensions, with the sign of each of the code's
    /// bits: `fixed + first · a + second · b`. Roughly it is as if the question were equally near
    /// in all dimensions where it is near, and equally far in the others.
    fn formula(&self, look: Look) -> [f32; 3] {
        match look {
            Look::Roughly => [self.both, -2.0 * self.near, -2.0 * (self.far - self.near)],
            Look::Closely => [-self.all, 2.0 * self.low, 2.0 * self.step],
        }
    }
}

/// For each of a block, the two counts of bits that a look goes by.
pub(crate) type Counts = [[f32; LANES]; 2];

#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "counts of bits")]
fn counts(of: impl Fn(usize) -> [u32; 2]) -> Counts {
    let counts: [[u32; 2]; LANES] = std::array::from_fn(of);
    [counts.map(|c| c[0] as f32), counts.map(|c| c[1] as f32)]
}

enum Places<'a> {
    All(&'a Bits),
    These(Vec<u32>),
}

pub(crate) struct Likely<'a> {
    codes: &'a Codes,
    pub asked: &'a Asked,
    look: Look,
    places: &'a Places<'a>,
    best: &'a mut Best,
}

impl Likely<'_> {
    /// With what counts the bits of a block; both looks and both ways through the places get
    /// loops of their own.
    #[inline(always)]
    pub fn everywhere(
        self,
        apart: impl Fn(&[[u64; LANES]]) -> Counts,
        weighed: impl Fn(&[[u64; LANES]]) -> Counts,
    ) {
        match (self.places, self.look) {
            (Places::All(bits), Look::Roughly) => self.among(all(bits), apart),
            (Places::All(bits), Look::Closely) => self.among(all(bits), weighed),
            (Places::These(places), Look::Roughly) => self.among(these(places), apart),
            (Places::These(places), Look::Closely) => self.among(these(places), weighed),
        }
    }

    // Inlined as a whole: what the processor's wide and counting instructions are compiled
    // for is the one function that it is inlined into.
    #[inline(always)]
    fn among(self, blocks: impl Iterator<Item = Block>, count: impl Fn(&[[u64; LANES]]) -> Counts) {
        let Self {
            codes,
            asked,
            look,
            best,
            ..
        } = self;
        let words = codes.dimensions.div_ceil(64);
        let [fixed, first, second] = asked.formula(look);
        for Block {
            number,
            wanted,
            later,
        } in blocks
        {
            let (block, later) = (number as usize, later as usize);
            wide::fetch(codes.codes.get(later * words..(later + 1) * words));
            wide::fetch(codes.scales.get(later..=later));
            let Some([scales, along]) = codes.scales.get(block) else {
                continue;
            };
            let [a, b] = count(&codes.codes[block * words..(block + 1) * words]);
            let scores: [f32; LANES] =
                std::array::from_fn(|n| scales[n] * (fixed + first * a[n] + second * b[n]) + along[n]);
            // Of most blocks none is good enough.
            let most = scores
                .iter()
                .fold(f32::NEG_INFINITY, |a, b| if a > *b { a } else { *b });
            if most > best.floor() {
                for (lane, score) in (0..).zip(scores).filter(|(lane, _)| wanted >> lane & 1 == 1) {
                    best.show(EACH * number + lane, score);
                }
            }
        }
    }
}

/// Which of a block are to be looked at, and the block whose turn comes some blocks later.
struct Block {
    number: u32,
    wanted: u8,
    later: u32,
}

#[inline(always)]
fn all(bits: &Bits) -> impl Iterator<Item = Block> {
    bits.blocks().map(|(number, wanted)| Block {
        number,
        wanted,
        later: number + AHEAD,
    })
}

/// Of places that rise.
#[inline(always)]
fn these(places: &[u32]) -> impl Iterator<Item = Block> {
    let mut left = places;
    std::iter::from_fn(move || {
        let number = left.first()? / EACH;
        let mut wanted = 0;
        while let Some((place, rest)) = left.split_first().filter(|(p, _)| **p / EACH == number) {
            wanted |= 1 << (place % EACH);
            left = rest;
        }
        let later = left.get(AHEAD as usize).map_or(number, |place| place / EACH);
        Some(Block {
            number,
            wanted,
            later,
        })
    })
}

impl NullaryFnOnce for Likely<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let asked = self.asked;
        self.everywhere(|code| asked.apart(code), |code| asked.weighed(code));
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;
    use crate::tests::{clustered, embedded};

    fn halves(vectors: &[Vec<f32>]) -> Vec<Vec<u16>> {
        let of = |v: &Vec<f32>| v.iter().map(|x| f16::from_f32(*x).to_bits()).collect();
        vectors.iter().map(of).collect()
    }

    fn codes(halves: &[Vec<u16>]) -> Codes {
        Codes::of(halves[0].len(), halves.len(), |n| &halves[n])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
        /// For every length of vectors, with the processor's instructions and without them, a look
        /// gives what its formula says.
        #[test]
        fn a_look_is_the_same_on_every_processor(
            dimensions in 1_usize..420,
            usual in any::<bool>(),
            seed in any::<u64>(),
            most in 1_usize..30,
        ) {
            let dimensions = if usual { 384 } else { dimensions };
            let vectors = clustered(seed, 90, dimensions);
            let (question, vectors) = vectors.split_first().unwrap();
            let halves = halves(vectors);
            let codes = codes(&halves);
            let mut allowed = Bits::none(halves.len());
            (0..89).filter(|n| n % 4 != 1).for_each(|n| allowed.insert(n));
            let asked = Asked::of(question, &codes.centre);
            for look in [Look::Roughly, Look::Closely] {
                let away = |d: usize| question[d] - codes.centre[d];
                let all: f32 = (0..dimensions).map(away).sum();
                let score = |place: u32| -> f32 {
                    let set = |d: &usize| widened(halves[place as usize][*d]) - codes.centre[*d] >= 0.0;
                    let sum: f32 = match look {
                        Look::Roughly => {
                            let mean = (0..dimensions).map(|d| away(d).abs()).sum::<f32>() / dimensions as f32;
                            let step = |d: usize| if away(d).abs() > FAR * mean { asked.far } else { asked.near };
                            let sign = |d: usize| if set(&d) == (away(d) >= 0.0) { 1.0_f32 } else { -1.0 };
                            (0..dimensions).map(|d| sign(d) * step(d)).sum()
                        }
                        Look::Closely => {
                            let level = |d: usize| ((away(d) - asked.low) / asked.step).round();
                            let nearly = (0..dimensions).filter(set).map(|d| asked.low + asked.step * level(d));
                            2.0 * nearly.sum::<f32>() - all
                        }
                    };
                    let [scales, along] = codes.scales[place as usize / LANES];
                    let lane = place as usize % LANES;
                    scales[lane] * sum + along[lane]
                };
                let mut portable = Best::new(most);
                let everywhere = Places::All(&allowed);
                let likely = Likely { codes: &codes, asked: &asked, look, places: &everywhere, best: &mut portable };
                likely.call();
                let portable = portable.places();
                prop_assert_eq!(&codes.best(&asked, look, &everywhere, most), &portable);
                let these = Places::These(allowed.iter().collect());
                prop_assert_eq!(&codes.best(&asked, look, &these, most), &portable);
                let least = portable.iter().map(|p| score(*p)).fold(f32::INFINITY, f32::min);
                for place in allowed.iter().filter(|p| !portable.contains(p)) {
                    prop_assert!(score(place) <= least + 1e-3, "{} over {least}", score(place));
                }
            }
        }
    }

    /// What the rough look leaves holds what the close one would have chosen of all.
    #[test]
    fn two_looks_find_what_one_finds() {
        for (seed, dimensions) in [(3, 384), (4, 384), (5, 100)] {
            let vectors = embedded(seed, 20_040, dimensions);
            let (questions, vectors) = vectors.split_at(40);
            let halves = halves(vectors);
            let codes = codes(&halves);
            let mut allowed = Bits::none(halves.len());
            (0..20_000).filter(|n| n % 10 > 2).for_each(|n| allowed.insert(n));
            let (most, mut once, mut twice) = (allowed.count() / 128, 0, 0);
            assert!(allowed.count() > 2 * CLOSELY * most);
            for question in questions {
                let product = |place: u32| -> f32 {
                    let vector = &halves[place as usize];
                    vector.iter().zip(question).map(|(h, x)| widened(*h) * x).sum()
                };
                let mut nearest: Vec<(f32, u32)> = allowed.iter().map(|p| (product(p), p)).collect();
                nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
                let nearest: Vec<u32> = nearest.into_iter().take(10).map(|(_, p)| p).collect();
                let found = |likely: Vec<u32>| nearest.iter().filter(|p| likely.contains(p)).count();
                let asked = Asked::of(question, &codes.centre);
                once += found(codes.best(&asked, Look::Closely, &Places::All(&allowed), most));
                twice += found(codes.likely(question, &allowed, most));
            }
            assert!(
                once > 360 && 100 * twice >= 99 * once,
                "{twice} of 400, by one look {once}"
            );
        }
    }
}
