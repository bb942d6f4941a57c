//! Pins: the operator's own answers, searched first (AGT-18). A pin is a document whose
//! title is the question and whose text is the answer; it goes before everything else where
//! the visitor asks the same.

pub mod kept;

use std::collections::BTreeSet;

use crate::db::filtered;
use crate::db::models::{Model, SiteModels};
use crate::db::nearest;
use crate::db::packed::{self, Ranking};
use crate::db::passages;
use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::{Filter, Term};
use crate::domain::document::PIN;
use crate::knowledge::words::{Stemmer, words};

/// How near a pin's question must be to the visitor's, as a cosine: two ways to ask the
/// same are mostly above it, two questions about the same thing mostly below.
pub(in crate::knowledge) const SAME_MEANING: f64 = 0.80;
/// The share of telling words that both questions must have of each other.
pub(in crate::knowledge) const SAME_WORDS: f64 = 0.75;
/// How many pins are looked at.
pub(in crate::knowledge) const LOOKED_AT: usize = 3;

/// The filter that leaves the pins of those that a filter leaves; none when it leaves none.
pub(in crate::knowledge) fn among(filter: &Filter) -> Option<Filter> {
    let may = filter.sources.is_empty() || filter.sources.iter().any(|s| s == PIN);
    may.then(|| Filter {
        sources: vec![PIN.to_owned()],
        ..filter.clone()
    })
}

/// The chunk of the pin that answers this very question, if there is one.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_question(
    tx: &mut SiteTx,
    known: &SiteModels,
    text: &str,
    filter: &Filter,
    (terms, ranking): (&[Term], &mut Ranking),
    by: Option<(&Model, &[f32])>,
) -> DbResult<Option<i64>> {
    let Some(filter) = among(filter) else {
        return Ok(None);
    };
    let narrowed = filtered::narrow(tx, filter).await?;
    if let Some((model, vector)) = by {
        let (near, _) = nearest::nearest(tx, known, model, vector, &narrowed, 1).await?;
        if let Some(first) = near.first().filter(|n| n.cosine >= SAME_MEANING) {
            return Ok(Some(first.chunk_id));
        }
    }
    let ranked = packed::passing(tx, ranking, &narrowed, LOOKED_AT).await?;
    let ranked: Vec<i64> = ranked.iter().map(|r| r.chunk_id).collect();
    let rows = passages::read(tx, &ranked, terms).await?;
    let same = rows
        .iter()
        .find(|row| alike(text, &row.title, &row.lang, terms) >= SAME_WORDS);
    Ok(same.map(|row| row.chunk_id))
}

/// How much two questions share, by their words' weight: the smaller of the two shares.
pub(in crate::knowledge) fn alike(question: &str, pin: &str, lang: &str, terms: &[Term]) -> f64 {
    let stemmer = Stemmer::of(lang);
    let stems = |text: &str| -> BTreeSet<String> {
        words(text).into_iter().map(|w| stemmer.stem(&w.lower)).collect()
    };
    let (asked, pinned) = (stems(question), stems(pin));
    // A word without statistics is a stop word in the question, or not in it at all.
    let weight = |word: &String| {
        terms
            .iter()
            .find(|t| t.lang == lang && t.term == *word)
            .map(|t| t.idf)
    };
    let sum = |of: &mut dyn Iterator<Item = &String>| of.filter_map(weight).sum::<f64>();
    let shared = sum(&mut asked.intersection(&pinned));
    let all = sum(&mut asked.iter()).max(f64::MIN_POSITIVE);
    let telling = |w: &&String| weight(w).is_some() || w.chars().count() > 3;
    #[expect(clippy::cast_precision_loss, reason = "counts of a question's words")]
    let covered = pinned
        .iter()
        .filter(telling)
        .filter(|w| asked.contains(*w))
        .count() as f64
        / pinned.iter().filter(telling).count().max(1) as f64;
    (shared / all).min(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(term: &str, idf: f64) -> Term {
        Term {
            lang: "english".to_owned(),
            term: term.to_owned(),
            from: 0,
            weight: 1.0,
            df: 1,
            idf,
            average_length: 10.0,
        }
    }

    #[test]
    fn the_same_question_is_alike_and_another_about_the_same_thing_is_not() {
        let terms = [
            term("gift", 2.0),
            term("card", 1.5),
            term("expir", 3.0),
            term("buy", 2.5),
        ];
        let pin = "Do gift cards expire?";
        assert!(alike("When do gift cards expire", pin, "english", &terms) >= SAME_WORDS);
        assert!(alike("Where can I buy gift cards?", pin, "english", &terms) < SAME_WORDS);
        assert!(alike("card", pin, "english", &terms) < SAME_WORDS);
        assert!(alike("", pin, "english", &terms) < SAME_WORDS);
    }
}
