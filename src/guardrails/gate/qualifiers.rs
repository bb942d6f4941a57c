//! What is granted to some only: unopened goods, members, whoever calls by noon. A sentence that leaves
//! all of that out grants it to whoever asks, which no source does.

use super::Fault;
use super::figures::{Figure, figures};
use super::fit::{Fit, has_word};
use super::negation::{clauses, denies};
use super::qualifier_words::{
    ADDRESSED, GENERIC, GETS, GRANTS, PEOPLE, PRONOUNS, SCENARIO, STATES, STATES_GERMAN, UNDER,
};
use super::tongue::Tongue;
use super::tools::Said;
use super::words::{Term, fold, same, terms};

/// The share of a part's words from which a unit says it, whatever others say better.
const SAYS: f64 = 0.8;

/// What a unit's grant is under; read once.
#[derive(Debug, Default)]
pub struct Qualifiers {
    all: Vec<Qualifier>,
}

/// One thing that it is under.
#[derive(Debug)]
struct Qualifier {
    /// Keys of its words: one of them keeps it.
    keys: Vec<String>,
    /// Its figures: so does one of these.
    figures: Vec<Figure>,
    /// What it is said of, where that isn't anything at all.
    noun: Option<String>,
    /// Whether it is a sort of people.
    people: bool,
}

/// A word of a text.
struct Word {
    text: String,
    from: usize,
    to: usize,
}

fn words(text: &str) -> Vec<Word> {
    let mut out = Vec::new();
    let mut start = None;
    for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_alphanumeric() || matches!(c, '\'' | '’') {
            start.get_or_insert(i);
        } else if let Some(from) = start.take() {
            out.push(Word {
                text: fold(&text[from..i]),
                from,
                to: i,
            });
        }
    }
    out
}

fn has(words: &[Word], list: &[&str]) -> bool {
    words.iter().any(|w| list.contains(&w.text.as_str()))
}

/// Whether a word says which state a thing is in.
fn is_state(word: &str) -> bool {
    STATES.contains(&word)
        || STATES_GERMAN.iter().any(|s| {
            word.strip_prefix(s)
                .is_some_and(|end| ["", "e", "en", "er", "es", "em"].contains(&end))
        })
}

impl Qualifiers {
    /// Reads a text, its words and its figures. One that grants nothing is under nothing.
    pub fn read(text: &str, terms: &[Term], figures: &[Figure]) -> Self {
        let words = words(text);
        let grants = |w: &Word| GRANTS.contains(&w.text.as_str()) || GETS.contains(&w.text.as_str());
        let Some(grant) = words.iter().position(grants).filter(|_| !denies(text)) else {
            return Self::default();
        };
        let mut all: Vec<Qualifier> = people(text, &words[..grant], terms).into_iter().collect();
        if has(&words, GRANTS) {
            all.extend(states(text, &words, terms));
            all.extend(condition(text, &words, terms, figures));
            all.extend(in_its_box(&words, terms));
        }
        Self { all }
    }
}

/// `unopened goods`
fn states(text: &str, words: &[Word], terms: &[Term]) -> Vec<Qualifier> {
    let key = |w: &Word| terms.iter().find(|t| t.at.start == w.from).map(|t| t.key.clone());
    let mut out = Vec::new();
    for (i, word) in words.iter().enumerate().filter(|(_, w)| is_state(&w.text)) {
        // Past others of its sort: `unopened, undamaged goods`.
        let joins = |w: &&Word| is_state(&w.text) || ["and", "or", "und", "oder"].contains(&w.text.as_str());
        let noun = words[i + 1..].iter().find(|w| !joins(w));
        let near = noun.filter(|n| !text[word.to..n.from].contains(['.', ';', ':', '(', '–']));
        let Some(key_of_state) = key(word) else { continue };
        // What follows may be the verb: `goods are returned unopened`.
        let noun = near.and_then(key).filter(|_| !near.is_some_and(is_generic));
        out.push(Qualifier {
            keys: vec![key_of_state],
            figures: Vec::new(),
            noun,
            people: false,
        });
    }
    out
}

fn is_generic(word: &Word) -> bool {
    GENERIC.contains(&word.text.as_str()) || GRANTS.contains(&word.text.as_str())
}

/// `Members can …`: people before the verb, in its clause.
fn people(text: &str, before: &[Word], terms: &[Term]) -> Option<Qualifier> {
    let who = before.iter().rfind(|w| PEOPLE.contains(&w.text.as_str()))?;
    let to = before.last().map_or(who.to, |w| w.to);
    if text[who.to..to].contains([',', ';', ':', '.', '(']) {
        return None;
    }
    let key = terms.iter().find(|t| t.at.start == who.from)?.key.clone();
    Some(Qualifier {
        keys: vec![key],
        figures: Vec::new(),
        noun: None,
        people: true,
    })
}

/// `if you call us by noon`
fn condition(text: &str, words: &[Word], terms: &[Term], figures: &[Figure]) -> Option<Qualifier> {
    let at = under(words)?;
    let from = words[at].from;
    // What opens the sentence ends at its comma.
    let ends: &[char] = if at == 0 { &[',', ';', '.'] } else { &[';', '.'] };
    let to = text[from..].find(ends).map_or(text.len(), |end| from + end);
    let inside = |at: usize| (from..to).contains(&at);
    let clause: Vec<&Word> = words.iter().filter(|w| inside(w.from)).collect();
    // Who wants to do something may do it: no condition.
    if clause.iter().any(|w| SCENARIO.contains(&w.text.as_str())) {
        return None;
    }
    let elsewhere = |t: &Term| terms.iter().any(|u| !inside(u.at.start) && u.key == t.key);
    let keys: Vec<String> = terms
        .iter()
        .filter(|t| inside(t.at.start) && t.weight >= 1.0 && !elsewhere(t))
        .map(|t| t.key.clone())
        .collect();
    let figures: Vec<Figure> = figures.iter().filter(|f| inside(f.at.start)).cloned().collect();
    (!keys.is_empty() || !figures.is_empty()).then_some(Qualifier {
        keys,
        figures,
        noun: None,
        people: false,
    })
}

/// `in its original box`, said of what stands before it.
fn in_its_box(words: &[Word], terms: &[Term]) -> Option<Qualifier> {
    const ORIGINAL: &[&str] = &[
        "original",
        "originalverpackung",
        "originalkarton",
        "originalzustand",
    ];
    let at = words.iter().position(|w| ORIGINAL.contains(&w.text.as_str()))?;
    let within = words[..at]
        .iter()
        .rev()
        .take(2)
        .any(|w| w.text == "in" || w.text == "im");
    let term = terms.iter().find(|t| t.at.start == words[at].from)?;
    within.then(|| Qualifier {
        keys: vec![term.key.clone()],
        figures: Vec::new(),
        noun: None,
        people: false,
    })
}

/// Checks that a part which grants something keeps one at least of what the units that say it best are
/// under, unless the visitor has said that it is so.
pub fn keeps(
    part: &str,
    fits: &[Fit<'_>],
    close: &[&Fit<'_>],
    said: &Said,
    tongue: Tongue,
) -> Result<(), Fault> {
    if close.iter().all(|f| f.unit.qualifiers.all.is_empty()) {
        return Ok(());
    }
    let words = words(part);
    let grants = has(&words, GRANTS);
    if !(grants || has(&words, GETS)) || denies(part) || under(&words).is_some() {
        return Ok(());
    }
    let here = Here {
        terms: terms(part, tongue, &[]),
        figures: figures(part),
        heard: heard(said, tongue),
        named: figures(&said.message),
        addressed: has(&words, ADDRESSED),
        pointing: has(&words, PRONOUNS),
        tongue,
    };
    let keeps = |f: &Fit<'_>| {
        let mut bearing = f.unit.qualifiers.all.iter().filter(|q| here.bears(q)).peekable();
        f.unit.row.is_some() || bearing.peek().is_none() || bearing.any(|q| here.keeps(q))
    };
    // What a heading alone lends a unit the unit doesn't say.
    let says = |f: &Fit<'_>| {
        let own = |t: &Term| t.weight >= 1.0 && has_word(t, f.unit, tongue);
        here.terms.iter().any(own)
    };
    let mut own = close.iter().filter(|f| says(f)).peekable();
    let open = own.peek().is_none() || own.any(|f| keeps(f));
    if open || fits.iter().any(|f| f.cover >= SAYS && says(f) && keeps(f)) {
        Ok(())
    } else {
        Err(Fault::Unsupported)
    }
}

/// Where a condition begins.
fn under(words: &[Word]) -> Option<usize> {
    let begins = |at: usize, phrase: &str| {
        let mut rest = words[at..].iter();
        phrase
            .split(' ')
            .all(|p| rest.next().is_some_and(|w| w.text == p))
    };
    (0..words.len()).find(|at| UNDER.iter().any(|phrase| begins(*at, phrase)))
}

/// The words of the visitor's message that it doesn't deny.
fn heard(said: &Said, tongue: Tongue) -> Vec<&Term> {
    let clauses = clauses(&said.message);
    let denied = |at: usize| clauses.iter().find(|c| at < c.end).is_some_and(|c| c.denies);
    said.asked(tongue)
        .iter()
        .filter(|t| !denied(t.at.start))
        .collect()
}

/// A part, and what the visitor said.
struct Here<'a> {
    terms: Vec<Term>,
    figures: Vec<Figure>,
    heard: Vec<&'a Term>,
    named: Vec<Figure>,
    /// It speaks to the visitor.
    addressed: bool,
    /// It points at a thing without its name.
    pointing: bool,
    tongue: Tongue,
}

impl Here<'_> {
    /// Whether what it grants is what a qualifier is said of.
    fn bears(&self, qualifier: &Qualifier) -> bool {
        if qualifier.people {
            return self.addressed;
        }
        let speaks_of = |noun: &String| self.terms.iter().any(|t| same(&t.key, noun, self.tongue));
        qualifier
            .noun
            .as_ref()
            .is_none_or(|noun| self.pointing || speaks_of(noun))
    }

    fn keeps(&self, qualifier: &Qualifier) -> bool {
        let word = |t: &Term| qualifier.keys.iter().any(|k| same(&t.key, k, self.tongue));
        let figure = |f: &Figure| qualifier.figures.iter().any(|q| f.is_said_by(q, |_| false));
        self.terms.iter().any(word)
            || self.heard.iter().any(|t| word(t))
            || self.figures.iter().chain(&self.named).any(figure)
    }
}
