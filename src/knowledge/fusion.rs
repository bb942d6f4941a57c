//! Puts together what words and vectors say of a passage. Both are measured on scales
//! that don't depend on the other candidates: BM25 as a share of what the question's words
//! could give at most, the cosine as it is, weighted by how far the model is to be trusted
//! with the passage's language.

use std::collections::BTreeMap;

use crate::db::postings::{K1, Term};
use crate::knowledge::trust::unmeasured;

/// What a cosine of 1 is worth beside all of the question's words.
pub const MEANING: f64 = 1.0;
/// How many of the best give feedback, and how much of the question's vector it is.
pub const FEEDBACK: usize = 5;
const FED_BACK: f64 = 0.4;

/// How a search weighs its halves.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// A language's most that the question's own words could give.
    most: BTreeMap<String, f64>,
    /// How far the model is to be trusted with a language, 0 to 1, where it was measured.
    trust: BTreeMap<String, f64>,
}

/// What the halves gave.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fused {
    /// BM25 as a share of the most.
    pub words: f64,
    /// The cosine's part.
    pub meaning: f64,
}

impl Fused {
    /// The score.
    #[must_use]
    pub fn score(self) -> f64 {
        self.words + self.meaning
    }
}

impl Weights {
    /// For a question's terms, those that the site doesn't know among them: they are what a
    /// passage can't have.
    #[must_use]
    pub fn of(terms: &[Term], trust: BTreeMap<String, f64>) -> Self {
        let mut most = BTreeMap::new();
        for term in terms.iter().filter(|t| t.weight >= 1.0) {
            *most.entry(term.lang.clone()).or_insert(0.0) += term.idf * (K1 + 1.0);
        }
        Self { most, trust }
    }

    /// Weighs a passage.
    #[must_use]
    pub fn fuse(&self, lang: &str, bm25: f64, cosine: Option<f64>) -> Fused {
        let most = self.most.get(lang).copied().unwrap_or(0.0);
        let trust = self.trust.get(lang).copied().unwrap_or_else(|| {
            // No further than those that were: else the three passages of a Spanish site that
            // look English come before all others.
            self.trust.values().copied().fold(unmeasured(lang), f64::min)
        });
        Fused {
            words: if most > 0.0 { bm25 / most } else { 0.0 },
            // Twice: a model that half understands a language ranks by chance the other half.
            meaning: MEANING * trust * trust * cosine.unwrap_or(0.0),
        }
    }
}

/// The question's vector, moved towards the best passages by how far each is above the
/// first that gives no feedback (after Rocchio, 1971). `best` has their scores and vectors,
/// best first; none when there is nothing to learn from them.
#[must_use]
pub fn fed_back(question: &[f32], best: &[(f64, Vec<f32>)], next: f64) -> Option<Vec<f32>> {
    let shares: Vec<f64> = best.iter().map(|(score, _)| (score - next).max(0.0)).collect();
    let total: f64 = shares.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let mut moved: Vec<f64> = question.iter().map(|x| f64::from(*x)).collect();
    for ((_, vector), share) in best.iter().zip(&shares) {
        for (m, x) in moved.iter_mut().zip(vector) {
            *m += FED_BACK * share / total * f64::from(*x);
        }
    }
    let length = moved.iter().map(|x| x * x).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "back to the precision it came in")]
    let unit = moved.iter().map(|x| (x / length) as f32).collect();
    (length > 0.0).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(lang: &str, idf: f64, weight: f64) -> Term {
        Term {
            lang: lang.to_owned(),
            term: "t".to_owned(),
            from: 0,
            weight,
            df: 1,
            idf,
            average_length: 10.0,
        }
    }

    #[test]
    fn both_halves_count_and_a_model_that_knows_nothing_of_a_language_does_not() {
        let terms = [
            term("english", 2.0, 1.0),
            term("english", 9.0, 0.5),
            term("german", 1.0, 1.0),
        ];
        let trust = BTreeMap::from([("english".to_owned(), 1.0), ("german".to_owned(), 0.0)]);
        let weights = Weights::of(&terms, trust);
        let english = weights.fuse("english", 2.2, Some(0.5));
        assert!((english.words - 0.5).abs() < 1e-12 && (english.meaning - 0.5).abs() < 1e-12);
        let german = weights.fuse("german", 2.2, Some(0.5));
        assert!((german.score() - 1.0).abs() < 1e-12);
        assert!(weights.fuse("french", 1.0, None).score().abs() < 1e-12);
    }

    #[test]
    fn a_language_that_was_not_measured_is_trusted_no_further_than_those_that_were() {
        let meaning = |trust: &[(&str, f64)], lang: &str| {
            let trust = trust.iter().map(|(l, t)| ((*l).to_owned(), *t)).collect();
            Weights::of(&[], trust).fuse(lang, 0.0, Some(1.0)).meaning
        };
        assert!((meaning(&[], "english") - 1.0).abs() < 1e-12);
        assert!((meaning(&[], "french") - 0.64).abs() < 1e-12);
        let spanish = [("spanish", 0.5)];
        assert!((meaning(&spanish, "english") - 0.25).abs() < 1e-12);
        assert!((meaning(&[("english", 0.9)], "french") - 0.64).abs() < 1e-12);
    }

    #[test]
    fn feedback_moves_towards_the_best_and_stays_a_unit_vector() {
        let question = [1.0, 0.0];
        let moved = fed_back(&question, &[(2.0, vec![0.0, 1.0]), (1.0, vec![1.0, 0.0])], 1.0).unwrap();
        assert!((moved[1] / moved[0] - 0.4).abs() < 1e-6);
        assert!((moved[0] * moved[0] + moved[1] * moved[1] - 1.0).abs() < 1e-6);
        assert_eq!(fed_back(&question, &[(1.0, vec![0.0, 1.0])], 1.0), None);
        assert_eq!(fed_back(&question, &[], 0.0), None);
    }
}
