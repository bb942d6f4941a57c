//! What may stand for a question's words: synonyms, the wider place of a city, the right
//! spelling of a word that the site doesn't know.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::{self, MAX_TERMS, Term, Words};
use crate::domain::document::QueryTerm;
use crate::knowledge::spelling::Guess;
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

    /// The terms as the finding shows them, each with what it stands for.
    pub fn query_terms(&self, terms: Vec<Term>) -> Vec<QueryTerm> {
        let langs: BTreeSet<String> = terms.iter().map(|t| t.lang.clone()).collect();
        let mut stands_for: HashMap<(String, String), BTreeSet<&String>> = HashMap::new();
        for lang in langs {
            let stemmer = Stemmer::of(&lang);
            for other in self.0.iter().filter(|o| o.lang.is_none_or(|l| l == lang)) {
                let key = (lang.clone(), stemmer.stem(&other.word.to_lowercase()));
                stands_for.entry(key).or_default().extend(&other.stands_for);
            }
        }
        let shown = terms.into_iter().map(|term| {
            let key = (term.lang, term.term);
            let stands_for = stands_for.get(&key).into_iter().flatten();
            QueryTerm {
                stands_for: stands_for.map(|word| (*word).clone()).collect(),
                lang: key.0,
                term: key.1,
                df: term.df,
                idf: term.idf,
                weight: term.weight,
            }
        });
        shown.collect()
    }
}

/// A word that the site doesn't know, and what might have been meant by it: each with its
/// lexeme, in each language.
pub(in crate::knowledge) struct Suspect<'a> {
    word: String,
    meant: Vec<(&'a str, Vec<(Guess, String)>)>,
}

impl<'a> Suspect<'a> {
    /// The misspelt words of a question, as far as its terms tell.
    pub fn of(text: &str, terms: &'a [Term]) -> Vec<Self> {
        let langs: BTreeSet<&str> = terms.iter().map(|t| t.lang.as_str()).collect();
        let stemmers: Vec<(&str, Stemmer)> = langs.into_iter().map(|l| (l, Stemmer::of(l))).collect();
        let mut tried = BTreeSet::new();
        let mut suspects = Vec::new();
        for word in words(text).into_iter().map(|w| w.lower) {
            if tried.len() >= MOST_MENDED || !spelling::is_suspect(&word) || !tried.insert(word.clone()) {
                continue;
            }
            let dfs = stemmers.iter().filter_map(|(lang, stemmer)| {
                let stem = stemmer.stem(&word);
                terms
                    .iter()
                    .find(|t| t.lang == *lang && t.term == stem)
                    .map(|t| t.df)
            });
            // Asked for in no language, or known in one.
            if dfs.max() != Some(0) {
                continue;
            }
            let worst = spelling::worst_slip(&word);
            let guesses: Vec<Guess> = spelling::guesses(&word)
                .into_iter()
                .filter(|g| g.slip <= worst)
                .collect();
            let meant = stemmers.iter().map(|(lang, stemmer)| {
                let stemmed = guesses.iter().map(|g| (g.clone(), stemmer.stem(&g.word)));
                (*lang, stemmed.collect())
            });
            suspects.push(Self {
                meant: meant.collect(),
                word,
            });
        }
        suspects
    }

    /// Takes the likeliest guesses among the words that the site knows; whether there are any.
    pub fn mend(self, others: &mut Others, df: impl Fn(&str, &str) -> Option<i64>) -> bool {
        let mut found = false;
        for (lang, guesses) in self.meant {
            let best = guesses
                .iter()
                .filter_map(|(guess, stem)| Some((guess, df(lang, stem)?)))
                .min_by_key(|(guess, df)| (guess.slip, -df));
            if let Some((guess, _)) = best {
                others.add(&guess.word, None, spelling::WEIGHT, vec![self.word.clone()]);
                // What the right word brings along stands for the wrong one too.
                others.add_synonyms(&guess.word, Some(&self.word));
                found = true;
            }
        }
        found
    }
}

/// Looks for what unknown words might be misspellings of; whether it found any.
pub(in crate::knowledge) async fn mend(
    tx: &mut SiteTx,
    text: &str,
    terms: &[Term],
    others: &mut Others,
) -> DbResult<bool> {
    let suspects = Suspect::of(text, terms);
    let mut wanted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (lang, guesses) in suspects.iter().flat_map(|s| &s.meant) {
        let stems = guesses.iter().map(|(_, stem)| stem.clone());
        wanted.entry(lang).or_default().extend(stems);
    }
    let mut known: HashMap<(&str, String), i64> = HashMap::new();
    for (lang, stems) in wanted {
        let live = postings::known(tx, lang, &stems).await?;
        known.extend(live.into_iter().map(|(term, df)| ((lang, term), df)));
    }
    let mut found = false;
    for suspect in suspects {
        found |= suspect.mend(others, |lang, stem| known.get(&(lang, stem.to_owned())).copied());
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
