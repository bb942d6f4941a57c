//! A search in a copy: what `search` does with the database's statements, done in memory,
//! on one state.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use deskhand_index::{Bits, Filter, Index, Scored};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::Copies;
use super::lexemes::Known;
use super::state::{SiteCopy, State};
use crate::db::nearest::as_compared;
use crate::db::pool::{Db, DbResult};
use crate::db::postings::{self, B, Counted, K1, Term};
use crate::knowledge::expansion::{Others, Suspect, bounded};
use crate::knowledge::fusion::{FEEDBACK, Weights, fed_back};
use crate::knowledge::search::{CANDIDATES, Candidate, Mode, SearchQuery};
use crate::knowledge::{measure, pins};

/// The most postings that a question adds up, the rarest words' first: half a millisecond's.
const MOST_POSTINGS: i64 = 500_000;
/// So many more than are wanted are scored once more with all digits.
const CLOSE: usize = 16;
/// How often a question's words are looked up before the database is asked instead.
const TRIES: usize = 4;

/// From so many passages on a look-up takes a thread of the runtime for milliseconds.
const LARGE: usize = 20_000;

/// Does what takes long without keeping other tasks of this thread waiting.
fn aside<R>(work: impl FnOnce() -> R) -> R {
    // A runtime of one thread has no other to give them to.
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// What is looked for.
pub(in crate::knowledge) struct Asking<'a> {
    pub query: &'a SearchQuery,
    /// The question's vector.
    pub vector: Option<&'a [f32]>,
}

/// What a copy gave.
pub(in crate::knowledge) struct Looked {
    /// Of which revision it is.
    pub revision: i64,
    pub terms: Vec<Term>,
    pub others: Others,
    /// Best first.
    pub candidates: Vec<Chosen>,
}

/// A candidate, with what a search shows of it beside its text.
pub(in crate::knowledge) struct Chosen {
    pub candidate: Candidate,
    /// Its document's.
    pub revision: i64,
    /// Each term that it has: its place among the terms asked for, tf, and its part of BM25.
    pub terms: Vec<(usize, i32, f64)>,
    place: u32,
}

impl Asking<'_> {
    /// Looks it up in a copy; none when it is being changed.
    pub async fn of(&self, copies: &Copies, db: &Db, copy: &SiteCopy) -> DbResult<Option<Looked>> {
        let mut others = Others::of(&self.query.text);
        let mut known = Known::default();
        let mut mended = false;
        for _ in 0..TRIES {
            let Some(unknown) = copy.read().map(|state| {
                let words = others.words(&self.query.text);
                let langs = state.index.languages().filter(|l| l.chunks > 0);
                let texts = langs.flat_map(|of| {
                    let of_lang = words.iter().filter(move |w| w.lang.is_none_or(|l| l == of.lang));
                    of_lang.map(move |w| (of.lang, w.text))
                });
                copies.memo.recall(&mut known, texts)
            }) else {
                return Ok(None);
            };
            if !unknown.is_empty() {
                copies.memo.ask(db, &mut known, unknown).await?;
            }
            let Some(state) = copy.read() else {
                return Ok(None);
            };
            // A language may have come meanwhile.
            let Some(terms) = terms(&state.index, &others.words(&self.query.text), &known) else {
                continue;
            };
            if !mended {
                mended = true;
                let mut found = false;
                for suspect in Suspect::of(&self.query.text, &terms) {
                    found |= suspect.mend(&mut others, |lang, stem| {
                        let lang = state.index.languages().position(|l| l.lang == lang)?;
                        Some(state.index.df(lang, stem)).filter(|df| *df > 0)
                    });
                }
                if found {
                    continue;
                }
            }
            let looks = || self.look_up(&state, bounded(terms), others);
            return Ok(Some(if state.index.len() > LARGE {
                aside(looks)
            } else {
                looks()
            }));
        }
        Ok(None)
    }

    fn look_up(&self, state: &State, terms: Vec<Term>, others: Others) -> Looked {
        let index = &state.index;
        let (query, asked) = (self.query, Terms::of(index, &terms));
        let vector = self.vector.map(as_compared);
        let allowed = index.allowed(&of_index(&query.filter));
        let begun = Instant::now();
        let by_words = match query.mode {
            Mode::Vectors => Vec::new(),
            _ => asked.best(index, &allowed, CANDIDATES),
        };
        measure::took("words", begun);
        let begun = Instant::now();
        let near = vector
            .as_ref()
            .map_or_else(Vec::new, |v| index.nearest(v, &allowed, CANDIDATES));
        measure::took("vectors", begun);
        let pinned = (query.mode == Mode::Hybrid)
            .then(|| self.pinned(state, &terms, &asked, vector.as_deref()))
            .flatten();
        let rank =
            |found: &[Scored]| -> HashMap<u32, u32> { found.iter().map(|s| s.place).zip(1..).collect() };
        let (word_ranks, vector_ranks) = (rank(&by_words), rank(&near));
        let mut places: Vec<u32> = by_words
            .iter()
            .chain(&near)
            .map(|s| s.place)
            .chain(pinned)
            .collect();
        places.sort_unstable();
        places.dedup();
        let weights = Weights::of(&terms, state.trust.clone());
        let langs: Vec<&str> = index.languages().map(|l| l.lang).collect();
        let has = index.matches(&asked.all, &places);
        let mut candidates: Vec<Chosen> = places
            .into_iter()
            .zip(has)
            .map(|(place, has)| {
                let parts = asked.parts(index, place, &has);
                let bm25 = match query.mode {
                    Mode::Vectors => 0.0,
                    _ => parts
                        .iter()
                        .filter(|(n, ..)| asked.counts[*n])
                        .map(|(.., part)| part)
                        .sum(),
                };
                let cosine = vector
                    .as_ref()
                    .and_then(|v| index.product(place, v))
                    .map(f64::from);
                let candidate = Candidate {
                    chunk_id: index.id(place),
                    bm25,
                    bm25_rank: word_ranks.get(&place).copied(),
                    cosine,
                    vector_rank: vector_ranks.get(&place).copied(),
                    fused: weights.fuse(langs[index.lang_of(place)], bm25, cosine),
                    pinned: pinned == Some(place),
                };
                Chosen {
                    candidate,
                    revision: index.document(place).map_or(0, |d| d.revision),
                    terms: parts,
                    place,
                }
            })
            .collect();
        sort(&mut candidates, query.mode);
        if let (Mode::Hybrid, Some(vector)) = (query.mode, &vector) {
            feed_back(index, vector, &weights, &mut candidates);
            sort(&mut candidates, query.mode);
        }
        Looked {
            revision: state.revision,
            terms,
            others,
            candidates,
        }
    }

    /// The pin that answers this very question, as `pins` has it.
    fn pinned(
        &self,
        state: &State,
        terms: &[Term],
        asked: &Terms<'_>,
        vector: Option<&[f32]>,
    ) -> Option<u32> {
        let filter = pins::among(&self.query.filter)?;
        let index = &state.index;
        let allowed = index.allowed(&of_index(&filter));
        if allowed.count() == 0 {
            return None;
        }
        let near = vector.and_then(|v| index.nearest(v, &allowed, 1).first().copied());
        if let Some(near) = near.filter(|n| f64::from(n.score) >= pins::SAME_MEANING) {
            return Some(near.place);
        }
        let langs: Vec<&str> = index.languages().map(|l| l.lang).collect();
        let ranked = asked.best(index, &allowed, pins::LOOKED_AT);
        let same = ranked.into_iter().find(|scored| {
            let title = index.document(scored.place).and_then(|d| d.title.as_deref());
            let lang = langs[index.lang_of(scored.place)];
            title.is_some_and(|title| pins::alike(&self.query.text, title, lang, terms) >= pins::SAME_WORDS)
        });
        same.map(|scored| scored.place)
    }
}

fn of_index(filter: &postings::Filter) -> Filter {
    Filter {
        channel: filter.channel.clone(),
        tags: filter.tags.clone(),
        sources: filter.sources.clone(),
    }
}

/// The lexemes of the words in each language, as [`postings::terms`] gives them; none when
/// some word's aren't known.
fn terms(index: &Index, words: &[postings::Words<'_>], known: &Known) -> Option<Vec<Term>> {
    let mut terms = Vec::new();
    for (number, language) in index.languages().enumerate().filter(|(_, l)| l.chunks > 0) {
        let mut of_lang: BTreeMap<&str, usize> = BTreeMap::new();
        for (from, words) in words.iter().enumerate() {
            if words.lang.is_none_or(|l| l == language.lang) {
                for lexeme in known.of(language.lang, words.text)? {
                    of_lang.entry(lexeme).or_insert(from);
                }
            }
        }
        for (lexeme, from) in of_lang {
            let counted = Counted {
                df: index.df(number, lexeme),
                chunks: language.chunks,
                total_length: language.total_length,
            };
            let (lang, term) = (language.lang.to_owned(), lexeme.to_owned());
            terms.push(Term::new(lang, term, from, words[from].weight, counted));
        }
    }
    terms.sort_by(|a, b| a.lang.cmp(&b.lang).then_with(|| a.term.cmp(&b.term)));
    Some(terms)
}

/// A question's terms as the index takes them.
struct Terms<'a> {
    all: Vec<deskhand_index::Term<'a>>,
    /// For each its place among the terms asked for.
    asked: Vec<usize>,
    /// By that place: whether it is scored.
    counts: Vec<bool>,
}

impl<'a> Terms<'a> {
    fn of(index: &Index, terms: &'a [Term]) -> Self {
        let langs: Vec<&str> = index.languages().map(|l| l.lang).collect();
        let (mut all, mut asked) = (Vec::new(), Vec::new());
        for (n, term) in terms.iter().enumerate().filter(|(_, t)| t.df > 0) {
            let Some(lang) = langs.iter().position(|l| *l == term.lang) else {
                continue;
            };
            all.push(deskhand_index::Term {
                lang,
                lexeme: &term.term,
                factor: term.weight * term.idf * (K1 + 1.0),
                base: K1 * (1.0 - B),
                slope: K1 * B / term.average_length,
            });
            asked.push(n);
        }
        let mut rarest = asked.clone();
        rarest.sort_by_key(|n| terms[*n].df);
        let (mut counts, mut read) = (vec![false; terms.len()], 0);
        for n in rarest {
            let first = read == 0;
            read += terms[n].df;
            counts[n] = first || read <= MOST_POSTINGS;
        }
        Self { all, asked, counts }
    }

    /// The best `k` of the allowed.
    fn best(&self, index: &Index, allowed: &Bits, k: usize) -> Vec<Scored> {
        let counted: Vec<_> = self
            .all
            .iter()
            .zip(&self.asked)
            .filter(|(_, n)| self.counts[**n])
            .collect();
        let counted: Vec<_> = counted.into_iter().map(|(term, _)| term.clone()).collect();
        let mut best = index.by_words(&counted, allowed, k + CLOSE);
        best.sort_unstable_by_key(|s| s.place);
        let places: Vec<u32> = best.iter().map(|s| s.place).collect();
        let exact = index
            .matches(&counted, &places)
            .into_iter()
            .zip(&places)
            .map(|(has, place)| {
                let gain = |(n, often): (usize, u8)| counted[n].gain(often, index.length(*place));
                (has.into_iter().map(gain).sum::<f64>(), index.id(*place), *place)
            });
        let mut exact: Vec<(f64, i64, u32)> = exact.collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        exact.truncate(k);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only their order matters from here on"
        )]
        let scored = exact.into_iter().map(|(score, _, place)| Scored {
            place,
            score: score as f32,
        });
        scored.collect()
    }

    /// What each term gives to a passage: its place among those asked for, tf, its part.
    fn parts(&self, index: &Index, place: u32, has: &[(usize, u8)]) -> Vec<(usize, i32, f64)> {
        let length = index.length(place);
        let part = |(n, often): &(usize, u8)| {
            (
                self.asked[*n],
                i32::from(*often),
                self.all[*n].gain(*often, length),
            )
        };
        has.iter().map(part).collect()
    }
}

fn sort(candidates: &mut [Chosen], mode: Mode) {
    candidates.sort_by(|a, b| a.candidate.order(&b.candidate, mode));
}

/// Compares all candidates once more, with what the best of them taught.
fn feed_back(index: &Index, question: &[f32], weights: &Weights, candidates: &mut [Chosen]) {
    let Some(next) = candidates.get(FEEDBACK).map(|c| c.candidate.fused.score()) else {
        return;
    };
    let best: Vec<(f64, Vec<f32>)> = candidates[..FEEDBACK]
        .iter()
        .filter_map(|c| Some((c.candidate.fused.score(), index.vector(c.place)?)))
        .collect();
    let Some(moved) = fed_back(question, &best, next) else {
        return;
    };
    let moved = as_compared(&moved);
    let langs: Vec<&str> = index.languages().map(|l| l.lang).collect();
    for chosen in candidates {
        let cosine = index.product(chosen.place, &moved).map(f64::from);
        chosen.candidate.fused =
            weights.fuse(langs[index.lang_of(chosen.place)], chosen.candidate.bm25, cosine);
    }
}
