//! A close look at the best candidates: a cross-encoder puts them in order where one is
//! configured, and passages that say the same are said once, however many documents
//! repeat them.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::document::Passage;
use crate::knowledge::embed;
use crate::knowledge::words::words;
use crate::models::reranker::Reranker;

/// How many words make one shingle.
const SHINGLE: usize = 3;
/// Passages that share more of their shingles than this, and all numbers, are one: two rows
/// of prices are not.
const SAME: f64 = 0.9;

/// How many of the best a cross-encoder looks at.
pub const CLOSELY: usize = 16;

/// Puts the best candidates in the order that a cross-encoder gives them, after the pins.
pub async fn look_closely(reranker: &Reranker, question: &str, passages: &mut [Passage]) {
    let best = passages.len().min(CLOSELY);
    let best = &mut passages[..best];
    let texts = best
        .iter()
        .map(|p| embed::text_of("", &p.title, &p.heading_path, &p.text))
        .collect();
    let Some(scores) = reranker.score(question, texts).await else {
        return;
    };
    for (passage, score) in best.iter_mut().zip(scores) {
        passage.parts.reranked = Some(f64::from(score));
    }
    let score = |p: &Passage| p.parts.reranked.unwrap_or(f64::MIN);
    best.sort_by(|a, b| {
        b.parts
            .pinned
            .cmp(&a.parts.pinned)
            .then(score(b).total_cmp(&score(a)))
    });
}

/// Drops what a better passage says already, and keeps the order of the rest.
pub fn distinct(passages: &mut Vec<Passage>) {
    let mut kept: Vec<Said> = Vec::new();
    passages.retain(|passage| {
        let own = Said::of(&passage.text);
        let fresh = !kept.iter().any(|other| own.same_as(other));
        if fresh {
            kept.push(own);
        }
        fresh
    });
}

/// What a passage says.
#[derive(Debug)]
pub(in crate::knowledge) struct Said {
    /// Hashes, in order: comparing those costs a tenth of comparing words.
    shingles: Vec<u64>,
    numbers: BTreeSet<String>,
}

impl Said {
    pub fn of(text: &str) -> Self {
        let words: Vec<String> = words(text).into_iter().map(|w| w.lower).collect();
        let number = |w: &&String| w.contains(|c: char| c.is_ascii_digit());
        Self {
            numbers: words.iter().filter(number).cloned().collect(),
            shingles: shingles(&words),
        }
    }

    pub fn same_as(&self, other: &Self) -> bool {
        self.numbers == other.numbers && alike(&self.shingles, &other.shingles) > SAME
    }
}

/// Runs of neighbouring words.
fn shingles(words: &[String]) -> Vec<u64> {
    let hash = |run: &[String]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    let mut out: Vec<u64> = if words.len() <= SHINGLE {
        vec![hash(words)]
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
    fn the_same_said_again_is_the_same_and_other_numbers_are_not() {
        let text = "Parcels leave our warehouse on the same day if you order before noon on a weekday.";
        let said = Said::of(text);
        assert!(said.same_as(&Said::of(&text.to_uppercase())));
        assert!(!said.same_as(&Said::of("Parcels leave our warehouse when they are packed.")));
        let price = |n: u32| {
            Said::of(&format!(
                "{text} It costs {n} euros to send a parcel anywhere in the country."
            ))
        };
        assert!(price(4).same_as(&price(4)) && !price(4).same_as(&price(5)));
        assert!(!Said::of("").same_as(&said) && Said::of("").same_as(&Said::of(" ")));
    }
}
