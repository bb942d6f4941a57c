//! Which of the sentences that were found answer the question, and whether any does.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::brain::extractive::kinds::{self, Kind};
use crate::agent::brain::extractive::question::{CLOCK, Question, mark};
use crate::agent::brain::extractive::sentences::{self, Speech, speech};
use crate::domain::document::{Found, Passage};
use crate::knowledge::words::{Stemmer, words};

/// A sentence that may answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which passage, by its place among those found.
    pub passage: usize,
    /// Its place among the passage's sentences.
    pub place: usize,
    /// Its section within the passage.
    pub section: usize,
    /// Its paragraph, list or table within the passage.
    pub block: usize,
    /// In what it stands.
    pub form: sentences::Form,
    /// The sentence.
    pub text: String,
    /// How well it answers.
    pub score: f64,
    /// For each concept of the question, how well the sentence with its heading covers it, 0 to 1.
    pub covers: Vec<f64>,
    /// For each concept, how well the sentence alone covers it.
    pub says: Vec<f64>,
    /// For each concept, how well its whole passage has it, 0 to 1.
    pub held: Vec<f64>,
    /// How much of the question the whole passage covers, 0 to 1.
    pub about: f64,
    /// How alike the heading above it is to the question, from 0; over 1 it is the question.
    pub asked: f64,
}

/// Scores every sentence of what was found, best first.
#[must_use]
pub fn candidates(question: &Question, found: &Found) -> Vec<Candidate> {
    let top = found
        .passages
        .iter()
        .map(|p| p.score)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut out: Vec<Candidate> = found
        .passages
        .iter()
        .enumerate()
        .flat_map(|(i, passage)| of_passage(question, i, passage, passage.score / top))
        .collect();
    out.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then((a.passage, a.place).cmp(&(b.passage, b.place)))
    });
    out
}

fn of_passage(question: &Question, i: usize, passage: &Passage, prior: f64) -> Vec<Candidate> {
    let stemmer = Stemmer::of(&passage.lang);
    let match_in = |text: &str| matches(question, &passage.lang, &stemmer, text);
    let speech: Speech = speech(&passage.text);
    let title = match_in(&passage.title);
    let above: Vec<f64> = passage
        .heading_path
        .last()
        .map_or_else(|| vec![0.0; question.concepts.len()], |h| match_in(h));
    let headings: Vec<Vec<f64>> = speech
        .headings
        .iter()
        .map(|h| h.as_ref().map_or_else(|| above.clone(), |h| match_in(h)))
        .collect();
    let said: Vec<Vec<f64>> = speech.sentences.iter().map(|s| match_in(&s.text)).collect();
    let mut blocks: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (sentence, says) in speech.sentences.iter().zip(&said) {
        let block = blocks
            .entry(sentence.block)
            .or_insert_with(|| vec![0.0; says.len()]);
        for (b, s) in block.iter_mut().zip(says) {
            *b = b.max(*s);
        }
    }
    let total = question.total().max(f64::MIN_POSITIVE);
    let share = |of: &[f64]| {
        of.iter()
            .zip(&question.concepts)
            .map(|(v, c)| v * c.importance)
            .sum::<f64>()
            / total
    };
    let whole: Vec<f64> = (0..question.concepts.len())
        .map(|c| {
            said.iter()
                .chain(&headings)
                .chain([&title])
                .map(|m| m[c])
                .fold(0.0, f64::max)
        })
        .collect();
    let about = share(&whole);
    let asked: Vec<f64> = speech
        .headings
        .iter()
        .map(|h| {
            h.as_ref()
                .or(passage.heading_path.last())
                .map_or(0.0, |h| likeness(&question.words, h))
        })
        .collect();
    speech
        .sentences
        .iter()
        .zip(said)
        .enumerate()
        .map(|(place, (sentence, says))| {
            let under = [1.0, 0.85, 0.7].get(sentence.place).copied().unwrap_or(0.55);
            let covers: Vec<f64> = (0..says.len())
                .map(|c| {
                    says[c]
                        .max(0.9 * under * headings[sentence.section][c])
                        .max(0.45 * title[c])
                        .max(0.4 * blocks[&sentence.block][c])
                })
                .collect();
            let covered = share(&covers);
            let kinds = question
                .kinds
                .iter()
                .filter(|(k, _)| kinds::answers(**k, &sentence.text));
            let kind: f64 = kinds.map(|(_, sure)| *sure).sum();
            let preamble = speech.headings[sentence.section].is_none() && passage.heading_path.is_empty();
            let score = covered
                + 0.15 * share(&says)
                + kind.min(0.3)
                + 0.2 * prior
                + 0.15 * about
                + 0.3 * under * asked[sentence.section]
                + 0.1 * phrases(question, &stemmer, &sentence.text)
                - if preamble { 0.15 } else { 0.0 };
            Candidate {
                passage: i,
                place,
                section: sentence.section,
                block: sentence.block,
                form: sentence.form,
                text: sentence.text.clone(),
                score: score
                    * manner(
                        &sentence.text,
                        sentence.form,
                        question.kinds.contains_key(&Kind::Way),
                    ),
                covers,
                says,
                held: whole.clone(),
                about,
                asked: asked[sentence.section],
            }
        })
        .collect()
}

/// How alike a heading is to the question, word by word: above 0 from half of the words on.
fn likeness(question: &[String], heading: &str) -> f64 {
    let heading: BTreeSet<String> = words(heading).into_iter().map(|w| w.lower).collect();
    let question: BTreeSet<String> = question.iter().cloned().collect();
    let all = heading.union(&question).count().max(1);
    #[expect(clippy::cast_precision_loss, reason = "counts of words")]
    let share = heading.intersection(&question).count() as f64 / all as f64;
    let same_word = match (asking_word(&question), asking_word(&heading)) {
        (Some(a), Some(b)) if a == b => 0.15,
        _ => 0.0,
    };
    ((share - 0.4) / 0.6).max(0.0) + same_word
}

/// The word by which a question asks, with what shapes it: how *often*.
fn asking_word(words: &BTreeSet<String>) -> Option<&'static str> {
    const ASKING: [&str; 22] = [
        "often", "long", "much", "many", "tall", "high", "big", "quickly", "which", "who", "where", "when",
        "why", "how", "what", "can", "wann", "wo", "wie", "wer", "welche", "warum",
    ];
    ASKING.into_iter().find(|w| words.contains(*w))
}

/// How many of the question's neighbouring telling words are neighbours in the sentence
/// too, up to 2: "gift card", "old lamp".
fn phrases(question: &Question, stemmer: &Stemmer, text: &str) -> f64 {
    let telling: BTreeSet<&String> = question.concepts.iter().flat_map(|c| &c.words).collect();
    let stems: Vec<String> = words(text).into_iter().map(|w| stemmer.stem(&w.lower)).collect();
    let pairs = question
        .words
        .windows(2)
        .filter(|pair| pair.iter().all(|w| telling.contains(w)))
        .filter(|pair| {
            let (a, b) = (stemmer.stem(&pair[0]), stemmer.stem(&pair[1]));
            stems.windows(2).any(|s| s[0] == a && s[1] == b)
        })
        .count();
    #[expect(clippy::cast_precision_loss, reason = "at most 2")]
    let pairs = pairs.min(2) as f64;
    pairs
}

/// How well each concept stands in a text.
fn matches(question: &Question, lang: &str, stemmer: &Stemmer, text: &str) -> Vec<f64> {
    let mut stems: Vec<String> = words(text).into_iter().map(|w| stemmer.stem(&w.lower)).collect();
    if kinds::clock_time(&text.to_lowercase()) {
        stems.push(CLOCK.to_owned());
    }
    let of_kind = question.kinds.keys().filter(|k| kinds::answers(**k, text));
    stems.extend(of_kind.map(|k| mark(*k)));
    question
        .concepts
        .iter()
        .map(|concept| {
            concept
                .forms
                .iter()
                .filter(|f| (f.lang.is_empty() || f.lang == lang) && says(&stems, &f.lexemes))
                .map(|f| f.strength)
                .fold(0.0, f64::max)
        })
        .collect()
}

/// Whether lexemes stand in a text in this order, with one other word between them at most.
fn says(stems: &[String], lexemes: &[String]) -> bool {
    let Some((first, rest)) = lexemes.split_first() else {
        return false;
    };
    (0..stems.len()).filter(|i| stems[*i] == *first).any(|start| {
        let mut at = start;
        rest.iter().all(|lexeme| {
            let next = (at + 1..stems.len().min(at + 3)).find(|i| stems[*i] == *lexeme);
            at = next.unwrap_or(at);
            next.is_some()
        })
    })
}

/// Sentences that only lead to others, ask, or run on are worse answers.
fn manner(text: &str, form: sentences::Form, wants_way: bool) -> f64 {
    let lower = text.to_lowercase();
    let mut factor = 1.0;
    if lower.ends_with('?') {
        factor *= 0.5;
    }
    let leads = ["this page", "on this page", "diese seite", "auf dieser seite"];
    let refers = [
        "see our",
        "our page about",
        "our shipping page",
        "our privacy page",
        "siehe",
    ];
    if leads.iter().any(|l| lower.starts_with(l)) {
        factor *= 0.5;
    } else if refers.iter().any(|r| lower.contains(r)) {
        factor *= 0.75;
    }
    if text.split_whitespace().count() > 40 {
        factor *= 0.85;
    }
    match form {
        sentences::Form::Row => factor * 0.9,
        // One step of several says little by itself.
        sentences::Form::Step(_) if !wants_way => factor * 0.85,
        _ => factor,
    }
}
