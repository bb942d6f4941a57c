//! What may stand for a question's words: synonyms, the wider place of a city, the right
//! spelling of a word that the site doesn't know.

use std::collections::BTreeSet;

use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::{self, MAX_TERMS, Term, Words};
use crate::domain::document::QueryTerm;
use crate::knowledge::words::{Stemmer, words};
use crate::knowledge::{places, spelling, synonyms};

/// The most words that may stand for the question's.
const MOST_OTHERS: usize = 200;
/// The most misspelt words that are looked at.
const MOST_MENDED: usize = 4;

/// A word that may stand for some of the question's.
#[derive(Debug, Clone)]
struct Other {
    word: String,
    lang: Option<&'static str>,
    weight: f64,
    stands_for: BTreeSet<String>,
}

/// All of them, each once a language.
#[derive(Debug, Default)]
pub(in crate::knowledge) struct Others(Vec<Other>);

impl Others {
    /// For a question.
    pub fn of(text: &str) -> Self {
        let mut others = Self::default();
        others.add_synonyms(text, None);
        for place in places::wider(text) {
            for word in place.name.split(' ') {
                others.add(word, None, place.weight, place.stands_for.clone());
            }
        }
        others
    }

    /// Adds the synonyms of a text's words, for a word of the question's that the text was
    /// made from, if it was.
    fn add_synonyms(&mut self, text: &str, made_from: Option<&str>) {
        for synonym in synonyms::of(text) {
            let stands_for =
                made_from.map_or_else(|| synonym.stands_for.concat(), |word| vec![word.to_owned()]);
            let weight = if synonym.words.len() > 1 {
                synonyms::PART
            } else {
                synonyms::WEIGHT
            };
            for word in synonym.words {
                self.add(word, Some(synonym.lang), weight, stands_for.clone());
            }
        }
    }

    fn add(&mut self, word: &str, lang: Option<&'static str>, weight: f64, stands_for: Vec<String>) {
        if let Some(other) = self.0.iter_mut().find(|o| o.word == word && o.lang == lang) {
            other.weight = other.weight.max(weight);
            other.stands_for.extend(stands_for);
        } else if self.0.len() < MOST_OTHERS {
            self.0.push(Other {
                word: word.to_owned(),
                lang,
                weight,
                stands_for: stands_for.into_iter().collect(),
            });
        }
    }

    /// The question's own text first, so that a word is its own before it is another's.
    pub fn words<'a>(&'a self, text: &'a str) -> Vec<Words<'a>> {
        let own = Words {
            text,
            weight: 1.0,
            lang: None,
        };
        let others = self.0.iter().map(|o| Words {
            text: &o.word,
            weight: o.weight,
            lang: o.lang,
        });
        std::iter::once(own).chain(others).collect()
    }

    /// A term as the finding shows it, with what it stands for.
    pub fn query_term(&self, term: Term) -> QueryTerm {
        let stemmer = Stemmer::of(&term.lang);
        let same = |o: &&Other| {
            o.lang.is_none_or(|l| l == term.lang) && stemmer.stem(&o.word.to_lowercase()) == term.term
        };
        let stands_for: BTreeSet<String> = self
            .0
            .iter()
            .filter(same)
            .flat_map(|o| o.stands_for.clone())
            .collect();
        QueryTerm {
            term: term.term,
            lang: term.lang,
            df: term.df,
            idf: term.idf,
            weight: term.weight,
            stands_for: stands_for.into_iter().collect(),
        }
    }
}

/// Looks for what unknown words might be misspellings of; whether it found any.
pub(in crate::knowledge) async fn mend(
    tx: &mut SiteTx,
    text: &str,
    terms: &[Term],
    others: &mut Others,
) -> DbResult<bool> {
    let known = |lang: &str, stem: &str| terms.iter().any(|t| t.lang == lang && t.term == stem && t.df > 0);
    let langs: BTreeSet<&str> = terms.iter().map(|t| t.lang.as_str()).collect();
    let mut found = false;
    let mut tried = BTreeSet::new();
    for word in words(text).into_iter().map(|w| w.lower) {
        if tried.len() >= MOST_MENDED || !spelling::is_suspect(&word) || !tried.insert(word.clone()) {
            continue;
        }
        let stemmers: Vec<(&str, Stemmer)> = langs.iter().map(|l| (*l, Stemmer::of(l))).collect();
        let asked = |(lang, stemmer): &(&str, Stemmer)| {
            let stem = stemmer.stem(&word);
            terms.iter().any(|t| t.lang == *lang && t.term == stem)
        };
        if !stemmers.iter().any(asked) || stemmers.iter().any(|(lang, s)| known(lang, &s.stem(&word))) {
            continue;
        }
        let worst = spelling::worst_slip(&word);
        for (lang, stemmer) in &stemmers {
            let guesses = spelling::guesses(&word);
            let stems: Vec<String> = guesses.iter().map(|g| stemmer.stem(&g.word)).collect();
            let live = postings::known(tx, lang, &stems).await?;
            let df = |stem: &String| live.iter().find(|(term, _)| term == stem).map(|(_, df)| *df);
            let best = guesses
                .iter()
                .zip(&stems)
                .filter(|(guess, _)| guess.slip <= worst)
                .filter_map(|(guess, stem)| Some((guess, df(stem)?)))
                .min_by_key(|(guess, df)| (guess.slip, -df));
            if let Some((guess, _)) = best {
                others.add(&guess.word, None, spelling::WEIGHT, vec![word.clone()]);
                // What the right word brings along stands for the wrong one too.
                others.add_synonyms(&guess.word, Some(&word));
                found = true;
            }
        }
    }
    Ok(found)
}

/// No more than [`MAX_TERMS`] that the site knows, and as many that it doesn't.
pub(in crate::knowledge) fn bounded(terms: Vec<Term>) -> Vec<Term> {
    let (mut known, mut unknown): (Vec<_>, Vec<_>) = terms.into_iter().partition(|t| t.df > 0);
    known.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.df.cmp(&b.df)));
    known.truncate(MAX_TERMS);
    unknown.truncate(MAX_TERMS);
    known.append(&mut unknown);
    known
}
