//! The words of a sentence that say something, brought to one form: stems, and words that
//! mean the same in a shop in English and German.

use std::ops::Range;

use super::figures::Figure;
use super::lexicon::{LEXICON, Lexicon, PARTED};
use super::tongue::Tongue;

/// A word that says something.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its stem, or the group of words that mean the same.
    pub key: String,
    /// How much it says: 1 for most.
    pub weight: f64,
    /// A name: it begins with a capital inside an English sentence, or is one capital.
    pub name: bool,
    /// Its place, in bytes.
    pub at: Range<usize>,
}

impl Term {
    /// One of 64 bits that its key has: where two differ, the keys do.
    pub fn bit(&self) -> u64 {
        let hash = self.key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        1 << (hash >> 58)
    }
}

/// What a word that says little weighs.
const LIGHT: f64 = 0.3;

struct Bit {
    lower: String,
    capital: bool,
    group: Option<usize>,
    at: Range<usize>,
}

/// The words of a text that say something and aren't part of its figures.
pub fn terms(text: &str, tongue: Tongue, figures: &[Figure]) -> Vec<Term> {
    let lexicon = &*LEXICON;
    let mut bits = bits(text, figures);
    merge_phrases(&mut bits, lexicon);
    let mut out = Vec::new();
    let mut begins = true;
    for bit in bits {
        let first = std::mem::take(&mut begins);
        if bit.lower == "." {
            begins = true;
            continue;
        }
        // `Birch S`
        let letter =
            bit.capital && bit.lower.chars().count() == 1 && !(first && bit.lower == "a") && bit.lower != "i";
        let entry = lexicon.entry(&bit.lower);
        if !letter && bit.group.is_none() && entry.stop {
            continue;
        }
        if bit.lower.chars().count() == 1 && !letter && bit.lower.is_ascii() {
            continue;
        }
        let group = bit.group.or(entry.group);
        let light = entry.light;
        let key = match (group, tongue) {
            (Some(group), _) => format!("#{group}"),
            (None, Tongue::German) => lexicon.german.stem(&bit.lower).into_owned(),
            (None, _) => lexicon.english.stem(&bit.lower).into_owned(),
        };
        out.push(Term {
            key,
            weight: if light { LIGHT } else { 1.0 },
            name: letter || (tongue != Tongue::German && bit.capital && !first && group.is_none() && !light),
            at: bit.at,
        });
    }
    out
}

fn bits(text: &str, figures: &[Figure]) -> Vec<Bit> {
    let mut out: Vec<Bit> = Vec::new();
    let mut start = None;
    let joins = |i: usize, c: char| {
        matches!(c, '\'' | '’')
            && text[..i].ends_with(char::is_alphabetic)
            && text[i + c.len_utf8()..].starts_with(char::is_alphabetic)
    };
    for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_alphanumeric() || joins(i, c) || matches!(c, '\u{ad}' | '\u{300}'..='\u{36f}') {
            start.get_or_insert(i);
            continue;
        }
        if let Some(from) = start.take() {
            let at: Range<usize> = from..i;
            if !figures.iter().any(|f| f.at.start < at.end && at.start < f.at.end) {
                let word = &text[at.clone()];
                let mut lower = fold(word);
                if lower.ends_with("'s") {
                    lower.truncate(lower.len() - 2);
                }
                out.push(Bit {
                    lower,
                    capital: word.starts_with(char::is_uppercase),
                    group: None,
                    at,
                });
            }
        }
        // What follows begins anew.
        if matches!(c, '.' | '!' | '?' | ':' | '|' | '„' | '“' | '"') || (c == '\n') {
            out.push(Bit {
                lower: ".".to_owned(),
                capital: false,
                group: None,
                at: i..i,
            });
        }
    }
    out
}

fn merge_phrases(bits: &mut Vec<Bit>, lexicon: &Lexicon) {
    let mut i = 0;
    while i < bits.len() {
        let first = bits[i].lower.as_str();
        let found = lexicon
            .phrases(first)
            .filter(|(words, _)| {
                words.iter().enumerate().all(|(k, w)| {
                    bits.get(i + k)
                        .is_some_and(|b| b.lower == *w || b.lower.strip_suffix('s') == Some(w))
                })
            })
            .max_by_key(|(words, group)| (words.len(), std::cmp::Reverse(*group)));
        if let Some((words, group)) = found {
            let end = bits[i + words.len() - 1].at.end;
            bits[i].group = Some(*group);
            bits[i].at.end = end;
            bits.drain(i + 1..i + words.len());
        }
        for (verbs, particles, meaning) in PARTED {
            if verbs.contains(&bits[i].lower.as_str()) && bits[i].group.is_none() {
                let near =
                    (i + 1..bits.len().min(i + 6)).find(|k| particles.contains(&bits[*k].lower.as_str()));
                if let Some(k) = near {
                    bits[i].group = lexicon.entry(meaning).group;
                    bits.remove(k);
                }
            }
        }
        i += 1;
    }
}

/// A word in lower case, with plain apostrophes and without soft hyphens.
pub fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let lower = word.to_lowercase();
    if lower.contains(['’', '\u{ad}']) {
        lower.replace('’', "'").replace('\u{ad}', "")
    } else {
        lower
    }
}

/// Whether a word of a sentence is said by a word of its source: the same stem or group, or
/// in German a part of a compound.
pub fn same(sentence: &str, source: &str, tongue: Tongue) -> bool {
    if sentence == source {
        return true;
    }
    let long = |w: &str| w.chars().count() >= 5 && !w.starts_with('#');
    // `ungeöffnet` is no `geöffnet`.
    let within = |part: &str, whole: &str| whole.contains(part) && whole.strip_prefix("un") != Some(part);
    tongue == Tongue::German
        && long(sentence)
        && long(source)
        && (within(source, sentence) || within(sentence, source))
}
