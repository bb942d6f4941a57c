//! A close look at the best candidates: passages that say the same are said once, however
//! many documents repeat them.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::document::Passage;
use crate::knowledge::words::words;

/// How many words make one shingle.
const SHINGLE: usize = 3;
/// Passages that share more of their shingles than this are one.
const SAME: f64 = 0.8;

/// Drops what a better passage says already, and keeps the order of the rest.
pub fn distinct(passages: &mut Vec<Passage>) {
    let mut kept: Vec<Vec<u64>> = Vec::new();
    passages.retain(|passage| {
        let own = shingles(&passage.text);
        let fresh = kept.iter().all(|other| alike(&own, other) <= SAME);
        if fresh {
            kept.push(own);
        }
        fresh
    });
}

/// Runs of neighbouring words, each once, as their hashes in order: comparing those costs a
/// tenth of comparing words.
fn shingles(text: &str) -> Vec<u64> {
    let words: Vec<String> = words(text).into_iter().map(|w| w.lower).collect();
    let hash = |run: &[String]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    let mut out: Vec<u64> = if words.len() <= SHINGLE {
        vec![hash(&words)]
    } else {
        words.windows(SHINGLE).map(hash).collect()
    };
    out.sort_unstable();
    out.dedup();
    out
}

/// Jaccard's index.
fn alike(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        shared += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    let all = a.len() + b.len() - shared;
    #[expect(clippy::cast_precision_loss, reason = "counts of a passage's words")]
    let share = shared as f64 / all.max(1) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_alike_by_the_runs_of_words_that_they_share() {
        let text = "A lamp may be sent back within thirty days of delivery.";
        let same = "a lamp may be sent back, within thirty days of delivery";
        assert_eq!(alike(&shingles(text), &shingles(same)), 1.0);
        let other = "Parcels are sent on working days by the carrier that you choose.";
        assert_eq!(alike(&shingles(text), &shingles(other)), 0.0);
        // Of ten and eleven runs, nine are shared.
        let longer = "A lamp may be sent back within thirty days of delivery and use.";
        assert_eq!(alike(&shingles(text), &shingles(longer)), 9.0 / 11.0);
        assert_eq!(alike(&shingles("a lamp"), &shingles("a lamp")), 1.0);
    }
}
