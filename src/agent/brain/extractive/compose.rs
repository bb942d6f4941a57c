//! From ranked sentences to an answer: a few of them, in an order that reads well, none
//! twice; or the decision that nothing of it fits.

use std::collections::BTreeSet;

use crate::agent::brain::extractive::kinds::Kind;
use crate::agent::brain::extractive::question::{Concept, Question};
use crate::agent::brain::extractive::rank::Candidate;
use crate::agent::brain::extractive::sentences::Form;
use crate::domain::document::Found;
use crate::knowledge::words::words;

/// The most sentences of an answer.
const MOST: usize = 4;
/// The most sentences of the best one's section.
const OF_SECTION: usize = 3;
/// A sentence further below the best one than this isn't said with it: of the same section,
/// the one that opens it or follows, of another section, of another document.
const BESIDE: f64 = 0.7;
const OPENING: f64 = 0.5;
const NEXT: f64 = 0.7;
const ELSEWHERE: f64 = 0.87;
/// Sentences that share more of their words than this say the same.
const SAME: f64 = 0.6;
/// How well the best sentence and its passage must fit the question.
pub const ENOUGH: f64 = 0.30;

/// A concept of this share of the question is what it is about, and a passage has it or not.
const SUBJECT: f64 = 0.5;
const HELD: f64 = 0.3;
/// How much of a question a sentence says that has none of its own words.
const SAID: f64 = 0.6;

/// How well a sentence and its passage fit the question, up to 1: how much of it both
/// cover, less for a word that the site has never heard of. Fitted on questions that a
/// shop's pages answer and ones that they don't.
#[must_use]
pub fn fit(question: &Question, candidate: &Candidate) -> f64 {
    let unheard = question
        .concepts
        .iter()
        .filter(|c| !c.known)
        .map(|c| c.importance)
        .fold(0.0, f64::max);
    0.25 * coverage(question, candidate) + 0.75 * candidate.about - 0.08 * unheard
}

/// How much of the question a sentence with its surroundings covers, 0 to 1.
#[must_use]
pub fn coverage(question: &Question, candidate: &Candidate) -> f64 {
    let total = question.total().max(f64::MIN_POSITIVE);
    let covered: f64 = candidate
        .covers
        .iter()
        .zip(&question.concepts)
        .map(|(v, c)| v * c.importance)
        .sum();
    covered / total
}

/// Whether what the question is mostly about is a phrase that the passage has nothing of: who asks
/// whether a neighbour may pick something up isn't answered by who picks a lamp.
fn misses_the_subject(question: &Question, best: &Candidate) -> bool {
    let total = question.total();
    let held = |c: usize| best.held.get(c).copied().unwrap_or(0.0);
    let is_phrase = |c: &Concept| c.known && c.words.len() > 1;
    question
        .concepts
        .iter()
        .enumerate()
        .any(|(n, c)| is_phrase(c) && c.importance >= SUBJECT * total && held(n) < HELD)
}

/// Whether the passage has not one word of the question, only what may stand for some, and the
/// sentence itself not much of that: a parcel to Vienna isn't what is returned in Austria within
/// days of delivery.
fn is_hearsay(question: &Question, best: &Candidate) -> bool {
    let own = best.held.iter().any(|held| *held >= 1.0);
    let total = question.total().max(f64::MIN_POSITIVE);
    let said: f64 = best
        .says
        .iter()
        .zip(&question.concepts)
        .map(|(v, c)| v * c.importance)
        .sum();
    !own && said / total < SAID
}

/// The sentences of the answer, in reading order; none when the best fits less than `enough`.
#[must_use]
pub fn compose(question: &Question, found: &Found, ranked: &[Candidate], enough: f64) -> Vec<Candidate> {
    let Some(best) = ranked.first() else {
        return Vec::new();
    };
    if fit(question, best) < enough || misses_the_subject(question, best) || is_hearsay(question, best) {
        return Vec::new();
    }
    if let (Form::Step(n), true) = (best.form, question.kinds.contains_key(&Kind::Way)) {
        return steps(ranked, best, n);
    }
    let document = |c: &Candidate| found.passages[c.passage].document_id;
    let section = |c: &Candidate| (c.passage, c.section);
    let mut chosen: Vec<Candidate> = vec![best.clone()];
    // Its section's first sentence mostly says what the section is about, and what follows
    // it mostly goes on from it.
    let opening = ranked
        .iter()
        .filter(|c| section(c) == section(best))
        .min_by_key(|c| c.place);
    let following = ranked
        .iter()
        .find(|c| (c.passage, c.block, c.place) == (best.passage, best.block, best.place + 1));
    let rest = opening.into_iter().chain(following).chain(&ranked[1..]);
    for candidate in rest {
        if chosen.len() >= MOST {
            break;
        }
        let of_section = chosen.iter().filter(|c| section(c) == section(candidate)).count();
        let bar = if section(candidate) == section(best) {
            if opening == Some(candidate) || following == Some(candidate) {
                OPENING
            } else {
                BESIDE
            }
        } else if document(candidate) == document(best) {
            NEXT
        } else {
            ELSEWHERE
        };
        let most = if section(candidate) == section(best) {
            OF_SECTION
        } else {
            1
        };
        if of_section < most
            && candidate.score >= bar * best.score
            && !chosen.iter().any(|c| same(&c.text, &candidate.text))
        {
            chosen.push(candidate.clone());
        }
    }
    // The best document first, and in it the passages and sentences as they stand.
    let first = document(best);
    let order: Vec<usize> = chosen.iter().map(|c| c.passage).collect();
    let rank_of = |passage: usize| order.iter().position(|p| *p == passage);
    chosen.sort_by_key(|c| (document(c) != first, rank_of(c.passage), c.place));
    chosen
}

/// The steps of a list from its first on, or, of a long one, those around the best.
fn steps(ranked: &[Candidate], best: &Candidate, n: usize) -> Vec<Candidate> {
    let first = if n < MOST { 0 } else { n - 1 };
    let mut steps: Vec<Candidate> = ranked
        .iter()
        .filter(|c| (c.passage, c.block) == (best.passage, best.block))
        .filter(|c| matches!(c.form, Form::Step(i) if (first..first + MOST).contains(&i)))
        .cloned()
        .collect();
    steps.sort_by_key(|c| c.place);
    steps
}

/// Whether two sentences say the same: most words are shared, and all numbers.
fn same(a: &str, b: &str) -> bool {
    let set = |text: &str| {
        words(text)
            .into_iter()
            .map(|w| w.lower)
            .collect::<BTreeSet<String>>()
    };
    let (a, b) = (set(a), set(b));
    let shared = a.intersection(&b).count();
    let smaller = a.len().min(b.len()).max(1);
    #[expect(clippy::cast_precision_loss, reason = "counts of a sentence's words")]
    let share = shared as f64 / smaller as f64;
    share > SAME && numbers(&a) == numbers(&b) || share > 0.95
}

fn numbers(words: &BTreeSet<String>) -> BTreeSet<&String> {
    words
        .iter()
        .filter(|w| w.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}
