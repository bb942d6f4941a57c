//! The best few of many.

use std::cmp::Ordering;

/// A passage by its place, and how well it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The place.
    pub place: u32,
    /// More is better.
    pub score: f32,
}

/// Keeps the best `most` of what it is shown. Twice as many are collected before the worse
/// half is thrown away, so that each costs a comparison and little more.
pub(crate) struct Best {
    most: usize,
    kept: Vec<Scored>,
    /// What can't be among the best any more.
    floor: f32,
}

/// Better first; among equals the earlier place.
fn order(a: &Scored, b: &Scored) -> Ordering {
    b.score.total_cmp(&a.score).then(a.place.cmp(&b.place))
}

impl Best {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            kept: Vec::with_capacity(2 * most),
            floor: f32::NEG_INFINITY,
        }
    }

    /// What isn't better than this needn't be shown.
    #[inline(always)]
    pub fn floor(&self) -> f32 {
        self.floor
    }

    #[inline(always)]
    pub fn show(&mut self, place: u32, score: f32) {
        if score > self.floor {
            self.keep(place, score);
        }
    }

    fn keep(&mut self, place: u32, score: f32) {
        if self.most == 0 {
            return;
        }
        self.kept.push(Scored { place, score });
        if self.kept.len() == 2 * self.most {
            self.kept.select_nth_unstable_by(self.most - 1, order);
            self.kept.truncate(self.most);
            // Places come in order: an equal one that comes later is worse.
            self.floor = self.kept[self.most - 1].score;
        }
    }

    /// In the order of their places, which costs less than that of their scores.
    pub fn places(mut self) -> Vec<u32> {
        if self.kept.len() > self.most {
            self.kept.select_nth_unstable_by(self.most, order);
            self.kept.truncate(self.most);
        }
        let mut places: Vec<u32> = self.kept.into_iter().map(|s| s.place).collect();
        places.sort_unstable();
        places
    }

    pub fn sorted(mut self) -> Vec<Scored> {
        self.kept.sort_unstable_by(order);
        self.kept.truncate(self.most);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_in_order() {
        let all: Vec<Scored> = (0..1000_u32)
            .map(|place| Scored {
                place,
                score: (place * 7919 % 83) as f32,
            })
            .collect();
        let mut want = all.clone();
        want.sort_by(order);
        for most in [0, 1, 7, 100, 999, 1000, 2000] {
            let mut best = Best::new(most);
            all.iter().for_each(|s| best.show(s.place, s.score));
            assert_eq!(best.sorted(), want[..most.min(1000)], "{most}");
        }
    }
}
