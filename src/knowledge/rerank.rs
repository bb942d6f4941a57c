//! A close look at the best candidates: passages that say the same are said once, however
//! many documents repeat them.

use std::collections::BTreeSet;

use crate::domain::document::Passage;
use crate::knowledge::words::words;

/// How many words make one shingle.
const SHINGLE: usize = 3;
/// Passages that share more of their shingles than this are one.
const SAME: f64 = 0.8;

/// Drops what a better passage says already, and keeps the order of the rest.
pub fn distinct(passages: &mut Vec<Passage>) {
    let mut kept: Vec<BTreeSet<Vec<String>>> = Vec::new();
    passages.retain(|passage| {
        let own = shingles(&passage.text);
        let fresh = kept.iter().all(|other| alike(&own, other) <= SAME);
        if fresh {
            kept.push(own);
        }
        fresh
    });
}

/// Runs of neighbouring words.
fn shingles(text: &str) -> BTreeSet<Vec<String>> {
    let words: Vec<String> = words(text).into_iter().map(|w| w.lower).collect();
    if words.len() <= SHINGLE {
        return BTreeSet::from([words]);
    }
    words.windows(SHINGLE).map(<[String]>::to_vec).collect()
}

/// Jaccard's index.
fn alike(a: &BTreeSet<Vec<String>>, b: &BTreeSet<Vec<String>>) -> f64 {
    let shared = a.intersection(b).count();
    let all = a.len() + b.len() - shared;
    #[expect(clippy::cast_precision_loss, reason = "counts of a passage's words")]
    let share = shared as f64 / all.max(1) as f64;
    share
}
