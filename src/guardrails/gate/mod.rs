//! The sentence gate: each sentence of a draft is checked on its own before it is
//! released. A cited one must say what its sources say, figures, yes or no, and words; an
//! uncited one must be of a kind that needs no source.

mod agreement;
mod asked_back;
mod calendar;
mod claims;
mod comparators;
mod conditions;
mod enumeration;
mod figures;
mod fit;
mod form;
mod lexicon;
mod links;
mod measures;
mod negation;
mod number_words;
mod numerals;
mod openings;
mod parts;
mod plain_words;
mod promise_tongues;
mod promise_words;
mod promise_words_dutch;
mod promise_words_german;
mod promise_words_romance;
mod promises;
mod qualifier_words;
mod qualifiers;
mod ranges;
mod reading;
mod sides;
#[cfg(test)]
mod spoken_tests;
mod states;
mod support;
mod tables;
#[cfg(test)]
mod tests;
mod tongue;
mod tools;
mod uncited;
mod units;
mod words;

use serde_json::Value;

pub use reading::Reading;
use units::Unit;

/// Longest sentence that is let through, in characters.
const LONGEST: usize = 4_000;
/// The most characters of what has no letters.
const ORNAMENT: usize = 12;

/// The cosine from which a sentence means what its source says, where words left it open.
/// Measured on `evals/support.jsonl` without what is held out, with all-MiniLM-L6-v2.
pub const MEANS_THE_SAME: f64 = 0.8;

/// A chunk that this turn found.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The chunk.
    pub id: i64,
    /// Its document's title.
    pub title: &'a str,
    /// The headings above it, outermost first.
    pub headings: &'a [String],
    /// It as Markdown.
    pub text: &'a str,
}

/// What a sentence may rest on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// All chunks of this turn.
    pub sources: &'a [Source<'a>],
    /// Results of this turn's other tools.
    pub tools: &'a [&'a Value],
    /// What may be repeated without a source: the visitor's own message, and on the last line the
    /// site's name.
    pub said: &'a str,
}

/// What the gate says of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be released.
    Pass,
    /// It is held back.
    Fail(Fault),
    /// Only meaning can tell: every pair, a part of the sentence and the source's sentence
    /// that may say it, must pass [`settle`].
    Doubt {
        /// They differ in words, not in figures nor in yes and no.
        pairs: Vec<(String, String)>,
    },
}

/// Why a sentence isn't released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It states something and cites nothing.
    #[error("it states something without a source")]
    Uncited,
    /// It cites a chunk that this turn didn't find.
    #[error("it cites what this turn didn't find")]
    BadCitation,
    /// Its words aren't its source's.
    #[error("its source doesn't say so")]
    Unsupported,
    /// A number, a date or a unit isn't its source's.
    #[error("its source has no such figure")]
    Mismatch,
    /// It says yes where its source says no, or leaves out or adds an exception.
    #[error("its source says the opposite")]
    Negation,
    /// It carries a link, an address or a number that nobody gave.
    #[error("it carries a link that no source has")]
    Link,
    /// It is empty or endless, or holds a picture or HTML.
    #[error("it has a form that isn't let through")]
    Form,
}

/// Checks one sentence as [`Reading::check`] does, for evidence that is used once.
#[must_use]
pub fn check(sentence: &str, cites: &[i64], evidence: &Evidence<'_>) -> Verdict {
    Reading::of(evidence).check(sentence, cites)
}

/// Settles a doubt by the cosine of a pair's vectors.
///
/// # Errors
/// [`Fault::Unsupported`] when they don't mean the same, or it is no number.
pub fn settle(cosine: f64) -> Result<(), Fault> {
    if cosine >= MEANS_THE_SAME {
        Ok(())
    } else {
        Err(Fault::Unsupported)
    }
}

fn judge(sentence: &str, cites: &[i64], evidence: &Reading) -> Result<Vec<(String, String)>, Fault> {
    if sentence.trim().is_empty() || sentence.chars().count() > LONGEST {
        return Err(Fault::Form);
    }
    let cited = evidence.cited(cites)?;
    let links = links::links(sentence);
    let free = links::all_in(&links, evidence.given());
    if !links.is_empty() {
        let sources = if cites.is_empty() {
            evidence.all()
        } else {
            cited.clone()
        };
        let mut given = evidence.given().to_vec();
        given.extend(sources.iter().flat_map(|s| s.links.iter().cloned()));
        if !links::all_in(&links, &given) {
            return Err(Fault::Link);
        }
    }
    if form::is_forbidden(sentence) {
        return Err(Fault::Form);
    }
    // A rule, a row of dashes, an emoji.
    if !sentence.contains(char::is_alphanumeric) {
        let short = sentence.chars().count() <= ORNAMENT;
        return if short { Ok(Vec::new()) } else { Err(Fault::Form) };
    }
    let text = links::blanked(sentence, &links);
    if cites.is_empty() {
        if !free {
            return Err(Fault::Uncited);
        }
        let uncited = uncited::check(&text, evidence.said());
        return uncited
            .or_else(|fault| if evidence.asks(&text) { Ok(()) } else { Err(fault) })
            .map(|()| Vec::new());
    }
    let units: Vec<&Unit> = cited.iter().flat_map(|s| &s.units).collect();
    let sources = support::Sources {
        units: &units,
        tongue: reading::tongue(&cited),
        said: evidence.said(),
    };
    let text = plain_words::without_names(&text);
    support::check(&without_hedge(&units::plain(&text)), sources)
}

/// A sentence without words that only say how sure it is, or where it stands.
fn without_hedge(text: &str) -> String {
    const HEDGES: &[&str] = &[
        "yes,",
        "no,",
        "ja,",
        "nein,",
        "yes.",
        "no.",
        "ja.",
        "nein.",
        "yes!",
        "no!",
        "ja!",
        "nein!",
        "as far as i can see,",
        "as far as i know,",
        "i'm afraid",
        "i am afraid",
        "unfortunately,",
        "sorry,",
        "sorry, but",
        "don't worry:",
        "don't worry,",
        "no problem:",
        "good news:",
        "please note that",
        "note that",
        "it seems that",
        "leider",
        "soweit ich sehe,",
        "bitte beachten sie, dass",
        "keine sorge:",
        "also,",
        "in short,",
    ];
    let mut rest = text.trim();
    loop {
        let lower = rest.to_lowercase().replace('’', "'");
        // Only where both are as long, so that the cut falls in the right place.
        let hedge = HEDGES
            .iter()
            .find(|h| lower.len() == rest.len() && lower.starts_with(**h));
        let named = lower.starts_with("according to ") || lower.starts_with("laut ");
        let comma = rest.find(", ").filter(|at| named && *at < 60);
        rest = match (hedge, comma) {
            (Some(hedge), _) if rest.is_char_boundary(hedge.len()) => rest[hedge.len()..].trim_start(),
            (None, Some(at)) => rest[at + 2..].trim_start(),
            _ => return rest.to_owned(),
        };
    }
}
