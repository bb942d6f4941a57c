//! Sets of passages, a bit each.

use std::ops::Range;

/// A set of places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    ones: usize,
}

impl Bits {
    /// None of so many.
    #[must_use]
    pub fn none(places: usize) -> Self {
        Self {
            words: vec![0; places.div_ceil(64)],
            ones: 0,
        }
    }

    /// How many are in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ones
    }

    /// Puts one in; the set grows as far as it must.
    pub fn insert(&mut self, place: u32) {
        let (word, bit) = (place as usize / 64, 1 << (place % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.ones += usize::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Takes one out.
    pub fn remove(&mut self, place: u32) {
        let bit = 1 << (place % 64);
        if let Some(word) = self.words.get_mut(place as usize / 64) {
            self.ones -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    /// Whether one is in it.
    #[must_use]
    pub fn contains(&self, place: u32) -> bool {
        let word = self.words.get(place as usize / 64).copied().unwrap_or(0);
        word >> (place % 64) & 1 == 1
    }

    /// Those in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.within(0..u32::MAX)
    }

    /// Those of a range in it, in order. The range begins and ends where a word does.
    pub(crate) fn within(&self, places: Range<u32>) -> impl Iterator<Item = u32> {
        let last = self.words.len().min(places.end as usize / 64);
        let first = last.min(places.start as usize / 64);
        self.words[first..last]
            .iter()
            .zip(places.start / 64..)
            .flat_map(|(word, n)| {
                let mut left = *word;
                std::iter::from_fn(move || {
                    let next = left.checked_ilog2().map(|_| left.trailing_zeros())?;
                    left &= left - 1;
                    Some(64 * n + next)
                })
            })
    }

    /// Eight places each, by number, in order, with a bit for each of them that is in it; those
    /// of which none is are left out.
    #[inline(always)]
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (u32, u8)> {
        (0..).step_by(8).zip(&self.words).flat_map(|(first, word)| {
            let bytes = (first..).zip(word.to_le_bytes());
            bytes.filter(|(_, byte)| *byte != 0)
        })
    }

    /// The memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        8 * self.words.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_own() {
        let mut set = Bits::none(10);
        for place in [3, 64, 3, 200] {
            set.insert(place);
        }
        assert_eq!(
            (set.count(), set.iter().collect::<Vec<_>>()),
            (3, vec![3, 64, 200])
        );
        assert_eq!(set.within(64..192).collect::<Vec<_>>(), [64]);
        let blocks: Vec<(u32, u8)> = set.blocks().collect();
        assert_eq!(blocks, [(0, 8), (8, 1), (25, 1)]);
        assert_eq!(set.within(192..1024).collect::<Vec<_>>(), [200]);
        assert_eq!(set.within(1024..2048).count(), 0);
        assert!(set.contains(64) && !set.contains(65) && !set.contains(9999));
        set.remove(64);
        set.remove(65);
        set.remove(9999);
        assert_eq!((set.count(), set.iter().collect::<Vec<_>>()), (2, vec![3, 200]));
    }
}
