//! What a question asks for: its telling words with all that may stand for them, how much
//! each is of it, and the kind of answer that it waits for.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::brain::extractive::chatter::{self, Clause};
use crate::agent::brain::extractive::kinds::{self, Kind};
use crate::domain::document::{Found, QueryTerm};
use crate::knowledge::synonyms::Synonym;
use crate::knowledge::words::{Stemmer, words};
use crate::knowledge::{places, spelling, synonyms};
use crate::models::tokens;

/// Stands for any time of day in a sentence, where the question has another.
pub const CLOCK: &str = "#clock";

/// Stands for anything of a kind: for a deadline, any time.
#[must_use]
pub fn mark(kind: Kind) -> String {
    format!("#{kind:?}")
}

/// A telling word of the question, or several that say one thing: "send … back".
#[derive(Debug, Clone, PartialEq)]
pub struct Concept {
    /// As they were written, in lower case.
    pub words: Vec<String>,
    /// How much of the question it is.
    pub importance: f64,
    /// Whether the site has it, or anything that stands for it.
    pub known: bool,
    /// What it can be met as.
    pub forms: Vec<Form>,
}

/// Something that a sentence may say for a concept.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The text search configuration that the lexemes are of; empty: any.
    pub lang: String,
    /// Lexemes that must all be there, next to each other and in this order.
    pub lexemes: Vec<String>,
    /// How well they stand for the concept, up to 1.
    pub strength: f64,
}

/// A question as the brain understands it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// In order, each once.
    pub concepts: Vec<Concept>,
    /// What it waits for, and how sure that is.
    pub kinds: BTreeMap<Kind, f64>,
    /// All its words, in lower case.
    pub words: Vec<String>,
}

impl Question {
    /// The sum of the importances.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.concepts.iter().map(|c| c.importance).sum()
    }
}

/// How much of its importance a word keeps that carries the conversation, not its subject.
const CHATTER: f64 = 0.25;
/// The same for a word that only shapes the question: how *long*, how *much*.
const SHAPE: f64 = 0.15;
/// The same for what is said around the question, where the question says enough itself
/// and where it doesn't.
const AROUND: f64 = 0.4;
const AROUND_LITTLE: f64 = 0.75;
/// The same for an alternative that the site doesn't know.
const EXCUSED: f64 = 0.15;
/// What a question that says enough itself has in importance.
const ENOUGH_ASKED: f64 = 2.5;
/// No word is more important than this.
const MOST: f64 = 3.5;
/// How well what isn't the word itself stands for it.
const SYNONYM: f64 = 0.85;
const MENDED: f64 = 0.95;
const ANY_CLOCK: f64 = 0.8;
const ANY_OF_KIND: f64 = 0.7;
const PART_OF_PHRASE: f64 = 0.55;
const PART_OF_PHRASAL: f64 = 0.15;
/// How important a word is that the site doesn't have and that asks for a kind.
const KIND: f64 = 1.0;
/// Verbs that "up" or "off" turns into something else.
const VERBS: [&str; 18] = [
    "pick", "picked", "picks", "picking", "set", "sign", "look", "call", "drop", "pay", "back", "give",
    "turn", "put", "take", "cut", "break", "wrap",
];
/// No phrase is more important than this: what it means was found by way of others.
const MOST_PHRASE: f64 = 2.5;

/// Reads a question against what a search found for it. `before` is the question that it
/// goes on from. The site's name is no subject.
#[must_use]
pub fn read(message: &str, before: Option<&str>, site_name: &str, found: &Found) -> Question {
    let all = [message, before.unwrap_or_default()].join("\n");
    let langs: BTreeSet<&str> = found.terms.iter().map(|t| t.lang.as_str()).collect();
    let stemmers: Vec<(&str, Stemmer)> = langs.iter().map(|l| (*l, Stemmer::of(l))).collect();
    let names: Vec<String> = words(site_name).into_iter().map(|w| w.lower).collect();
    let shaping = chatter::shaping(&all);
    let others = others(&all, found);
    let mut clauses = chatter::clauses(message);
    if let Some(before) = before {
        // It goes on from that one, so what it says itself asks, and the other is around it.
        clauses.iter_mut().for_each(|c| c.asks = true);
        clauses.extend(
            chatter::clauses(before)
                .into_iter()
                .map(|c| Clause { asks: false, ..c }),
        );
    }
    let mut read: Vec<(Concept, bool)> = Vec::new();
    for clause in &clauses {
        for word in words(&clause.text).into_iter().map(|w| w.lower) {
            if read.iter().any(|(c, _)| c.words.contains(&word)) {
                continue;
            }
            let Some(mut concept) = concept(&word, found, &others, &stemmers) else {
                continue;
            };
            let in_phrase = others
                .iter()
                .any(|o| o.phrases.iter().any(|p| p.len() > 1 && p.contains(&word)));
            if shaping.contains(&word) {
                concept.importance *= SHAPE;
            } else if !in_phrase && (chatter::is_chatter(&word) || names.contains(&word)) {
                concept.importance *= CHATTER;
            }
            // Two forms of one word are one.
            if !read.iter().any(|(c, _)| c.forms.first() == concept.forms.first()) {
                read.push((concept, clause.asks));
            }
        }
    }
    excuse_alternatives(&all, &mut read);
    let asked: f64 = read
        .iter()
        .filter(|(_, asks)| *asks)
        .map(|(c, _)| c.importance)
        .sum();
    let around = if clauses.iter().all(|c: &Clause| !c.asks) {
        1.0
    } else if asked >= ENOUGH_ASKED {
        AROUND
    } else {
        AROUND_LITTLE
    };
    for (concept, asks) in &mut read {
        concept.importance *= match (*asks, concept.known) {
            (true, _) => 1.0,
            (false, true) => around,
            // What the site doesn't know of the story is just that.
            (false, false) => around * around,
        };
    }
    Question {
        concepts: joined(read.into_iter().map(|(c, _)| c).collect(), &others),
        kinds: kinds::kinds(&all),
        words: words(message).into_iter().map(|w| w.lower).collect(),
    }
}

/// Of "Amex or Visa" one is enough: what the site doesn't know of the two hardly counts.
fn excuse_alternatives(message: &str, read: &mut [(Concept, bool)]) {
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    for i in (0..lower.len()).filter(|i| matches!(lower[*i].as_str(), "or" | "oder")) {
        let before = &lower[i.saturating_sub(2)..i];
        let after = &lower[i + 1..lower.len().min(i + 3)];
        let of = |side: &[String], known: bool, read: &[(Concept, bool)]| -> Vec<usize> {
            (0..read.len())
                .filter(|n| read[*n].0.known == known && read[*n].0.words.iter().any(|w| side.contains(w)))
                .collect()
        };
        for (one, other) in [(before, after), (after, before)] {
            if !of(one, true, read).is_empty() {
                for n in of(other, false, read) {
                    read[n].0.importance *= EXCUSED;
                }
            }
        }
    }
}

fn concept(word: &str, found: &Found, others: &[Other], stemmers: &[(&str, Stemmer)]) -> Option<Concept> {
    let own: Vec<&QueryTerm> = stemmers
        .iter()
        .filter_map(|(lang, stemmer)| {
            let stem = stemmer.stem(word);
            let same = |t: &&QueryTerm| t.lang == *lang && t.term == stem && t.weight >= 1.0;
            found.terms.iter().find(same)
        })
        .collect();
    let phrase = others
        .iter()
        .flat_map(|o| &o.phrases)
        .find(|p| p.len() > 1 && p.iter().any(|w| w == word));
    // A word of a phrase says half of it, and the whole with the others.
    let own_strength = match phrase {
        // "pick" alone is something else than "pick up".
        Some(phrase) if is_phrasal(phrase) => PART_OF_PHRASAL,
        Some(_) => PART_OF_PHRASE,
        None => 1.0,
    };
    let mut forms: Vec<Form> = own
        .iter()
        .map(|t| Form {
            lang: t.lang.clone(),
            lexemes: vec![t.term.clone()],
            strength: own_strength,
        })
        .collect();
    for (lang, stemmer) in stemmers {
        let form = |words: &[String], strength: f64| Form {
            lang: (*lang).to_owned(),
            lexemes: words.iter().map(|w| stemmer.stem(&w.to_lowercase())).collect(),
            strength,
        };
        forms.extend(phrase.map(|p| form(p, 1.0)));
        let fitting = others
            .iter()
            .filter(|o| o.lang.is_none_or(|l| l == *lang) && o.phrases.iter().flatten().any(|w| w == word));
        forms.extend(fitting.map(|o| form(&o.words, o.strength)));
    }
    // A word that every language ignores says something only in a phrase or as a synonym.
    let first = own.first().copied().or(found.terms.first())?;
    if own.is_empty() && forms.is_empty() {
        return None;
    }
    let rarest = |others: bool| {
        let fitting = forms
            .iter()
            .filter(|f| others || own.iter().any(|o| f.lexemes == [o.term.as_str()]));
        fitting.filter_map(|f| rarity_of(f, found)).reduce(f64::max)
    };
    let known = if phrase.is_some() {
        rarest(true)
    } else {
        rarest(false).or_else(|| rarest(true))
    };
    if known.is_none() && own.is_empty() {
        return None;
    }
    let by_kind: Vec<Form> = kinds::asked_by(word)
        .map(|kind| Form {
            lang: String::new(),
            lexemes: vec![mark(kind)],
            strength: ANY_OF_KIND,
        })
        .collect();
    let told_by_kind = !by_kind.is_empty();
    forms.extend(by_kind);
    if chatter::is_clock(word) {
        forms.push(Form {
            lang: String::new(),
            lexemes: vec![CLOCK.to_owned()],
            strength: ANY_CLOCK,
        });
    }
    let most = if phrase.is_some() || own.is_empty() {
        MOST_PHRASE
    } else {
        MOST
    };
    Some(Concept {
        words: vec![word.to_owned()],
        importance: match known {
            Some(idf) => idf.min(most),
            None if told_by_kind => KIND,
            None => (first.idf * rarity(word)).min(most),
        },
        known: known.is_some() || told_by_kind,
        forms,
    })
}

/// A form is known when all of its words are, those aside that its language ignores; it is
/// as rare as the rarest.
fn rarity_of(form: &Form, found: &Found) -> Option<f64> {
    let mut most = 0.0_f64;
    for lexeme in &form.lexemes {
        if let Some(term) = found
            .terms
            .iter()
            .find(|t| t.lang == form.lang && t.term == *lexeme)
        {
            if term.df == 0 {
                return None;
            }
            most = most.max(term.idf);
        }
    }
    (most > 0.0).then_some(most)
}

/// A word or phrase that may stand for words of the question.
struct Other {
    lang: Option<&'static str>,
    words: Vec<String>,
    phrases: Vec<Vec<String>>,
    strength: f64,
}

/// All of them: synonyms, wider places, and right spellings with their own synonyms.
fn others(message: &str, found: &Found) -> Vec<Other> {
    let from_synonym = |s: Synonym| Other {
        lang: Some(s.lang),
        words: s.words.iter().map(|w| (*w).to_owned()).collect(),
        phrases: s.stands_for,
        strength: SYNONYM,
    };
    let mut out: Vec<Other> = synonyms::of(message).into_iter().map(from_synonym).collect();
    out.extend(phrasal(message));
    out.extend(places::wider(message).into_iter().map(|p| Other {
        lang: None,
        words: p.name.split(' ').map(str::to_owned).collect(),
        phrases: p.stands_for.into_iter().map(|w| vec![w]).collect(),
        strength: (p.weight + 0.15).min(0.95),
    }));
    let mended = found
        .terms
        .iter()
        .filter(|t| t.weight == spelling::WEIGHT && t.stands_for.len() == 1);
    for term in mended.filter(|t| t.df > 0) {
        let phrases = vec![term.stands_for.clone()];
        out.push(Other {
            lang: None,
            words: vec![term.term.clone()],
            phrases: phrases.clone(),
            strength: MENDED,
        });
        out.extend(synonyms::of(&term.term).into_iter().map(|s| Other {
            phrases: phrases.clone(),
            ..from_synonym(s)
        }));
    }
    out
}

/// Verbs that a small word makes another verb of: who picks a lamp picks nothing up.
fn phrasal(message: &str) -> Vec<Other> {
    // What stands between them is mostly short: "pick my order up".
    const APART: usize = 3;
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    let mut out: Vec<Other> = Vec::new();
    for (i, small) in lower.iter().enumerate() {
        if !matches!(small.as_str(), "up" | "off") {
            continue;
        }
        let verb = lower[..i]
            .iter()
            .rev()
            .take(APART)
            .find(|w| VERBS.contains(&w.as_str()));
        out.extend(verb.map(|verb| Other {
            lang: Some("english"),
            words: vec![verb.clone(), small.clone()],
            phrases: vec![vec![verb.clone(), small.clone()]],
            strength: 1.0,
        }));
    }
    out
}

fn is_phrasal(phrase: &[String]) -> bool {
    matches!(phrase, [verb, small] if VERBS.contains(&verb.as_str()) && matches!(small.as_str(), "up" | "off"))
}

/// Words that one other word stands for say one thing; they become one concept, as
/// important as the most important of them.
fn joined(concepts: Vec<Concept>, others: &[Other]) -> Vec<Concept> {
    let together = |a: &Concept, b: &Concept| {
        others.iter().any(|o| {
            let stands_for = |c: &Concept| c.words.iter().any(|w| o.phrases.iter().flatten().any(|p| p == w));
            stands_for(a) && stands_for(b)
        })
    };
    let mut out: Vec<Concept> = Vec::new();
    for concept in concepts {
        match out.iter_mut().find(|o| together(o, &concept)) {
            Some(other) => {
                other.importance = other.importance.max(concept.importance);
                other.known |= concept.known;
                other.words.extend(concept.words);
                other.forms.extend(concept.forms);
            }
            None => out.push(concept),
        }
    }
    out
}

/// How much a word that the site never uses says about the question: nothing if it is a
/// slip of a word that everybody uses all the time, little if it is such a word.
fn rarity(word: &str) -> f64 {
    if word.chars().all(|c| c.is_ascii_digit()) {
        return 0.1;
    }
    let rank = tokens::rank(word);
    // A slip of a word that everybody uses all the time: "teh", "waht".
    let common = if rank.is_some() { 500 } else { 3_000 };
    let slip = rank.is_none_or(|r| r > 20_000)
        && spelling::guesses(word)
            .iter()
            .any(|g| g.slip == 0 && tokens::rank(&g.word).is_some_and(|r| r < common));
    match rank {
        _ if slip => 0.05,
        Some(0..5_000) => 0.3,
        Some(5_000..10_000) => 0.4,
        Some(10_000..20_000) => 0.6,
        Some(20_000..40_000) => 0.8,
        _ => 1.0,
    }
}
