//! The sentence gate: each sentence of a draft is checked on its own before it is
//! released. A cited one must stand on passages that this turn found: their words, and
//! every number. An uncited one must state no figures.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::document::{Found, Passage};

/// The share of a cited sentence's words that its passages must contain.
const SUPPORT: f64 = 0.8;

/// Longest sentence that is let through, in characters.
const LONGEST: usize = 4_000;

/// Why a sentence isn't released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It states figures and cites nothing.
    #[error("it states figures without a source")]
    Uncited,
    /// It cites a chunk that this turn didn't find.
    #[error("it cites what this turn didn't find")]
    BadCitation,
    /// Its words aren't its source's.
    #[error("its source doesn't say so")]
    Unsupported,
    /// A number isn't its source's.
    #[error("its source has no such number")]
    Mismatch,
    /// It is empty or endless.
    #[error("it is no sentence")]
    Form,
    #[error("negation")]
    Negation,
    #[error("link")]
    Link,
}

/// Checks one sentence and the chunks that it cites. `said` is what may be repeated without
/// a source: the visitor's own message and the site's name.
///
/// # Errors
/// What is wrong with it.
pub fn old_check(sentence: &str, cites: &[i64], found: &[&Found], said: &str) -> Result<(), Fault> {
    if sentence.trim().is_empty() || sentence.chars().count() > LONGEST {
        return Err(Fault::Form);
    }
    let words = words(sentence);
    if cites.is_empty() {
        let said: HashSet<String> = self::words(said).into_iter().collect();
        let invented = words.iter().any(|w| is_figure(w) && !said.contains(w));
        return if invented { Err(Fault::Uncited) } else { Ok(()) };
    }
    let mut source = HashSet::new();
    for id in cites {
        let passage = found
            .iter()
            .flat_map(|f| &f.passages)
            .find(|p| p.chunk_id == *id)
            .ok_or(Fault::BadCitation)?;
        source.extend(source_words(passage));
    }
    if words.iter().any(|w| is_figure(w) && !source.contains(w)) {
        return Err(Fault::Mismatch);
    }
    let known = words.iter().filter(|w| source.contains(*w)).count();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sentence has far fewer than 2^52 words"
    )]
    let share = known as f64 / words.len().max(1) as f64;
    if share < SUPPORT {
        Err(Fault::Unsupported)
    } else {
        Ok(())
    }
}

fn source_words(p: &Passage) -> impl Iterator<Item = String> {
    let mut all = words(&p.text);
    all.extend(words(&p.title));
    all.extend(p.heading_path.iter().flat_map(|h| words(h)));
    all.into_iter()
}

/// Words in lower case; a number keeps its inner point, comma or colon.
fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

fn is_figure(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
}

#[cfg(any())]
mod tests {
    use super::*;
    use crate::domain::document::Parts;
    use crate::domain::ids::DocumentId;

    fn found() -> Found {
        let passage = Passage {
            chunk_id: 7,
            document_id: DocumentId::new(),
            title: "Returns".into(),
            url: None,
            heading_path: vec!["What it costs".into()],
            anchor: None,
            lang: "english".into(),
            page: None,
            text: "You can return goods within **30 days**. A return label costs €4.90.".into(),
            snippet: String::new(),
            score: 1.0,
            terms: vec![],
            parts: Parts::default(),
            source: "file".into(),
        };
        Found {
            passages: vec![passage],
            terms: vec![],
            ..Found::default()
        }
    }

    #[test]
    fn what_the_source_says_passes() {
        let f = found();
        assert_eq!(check("A return label costs €4.90.", &[7], &[&f], ""), Ok(()));
        assert_eq!(
            check("You can return goods within 30 days.", &[7], &[&f], ""),
            Ok(())
        );
        let own = old_check(
            "I don't know how order 1002 stands.",
            &[],
            &[&f],
            "where is my order #1002?",
        );
        assert_eq!(own, Ok(()));
        assert_eq!(
            check("I couldn't find anything about that.", &[], &[&f], ""),
            Ok(())
        );
    }

    #[test]
    fn what_it_does_not_say_is_held_back() {
        let f = found();
        assert_eq!(
            check("A return label costs €5.90.", &[7], &[&f], ""),
            Err(Fault::Mismatch)
        );
        assert_eq!(
            check("A return label costs €4.90.", &[8], &[&f], ""),
            Err(Fault::BadCitation)
        );
        assert_eq!(
            check("A return label costs €4.90.", &[7], &[], ""),
            Err(Fault::BadCitation)
        );
        assert_eq!(check("You have 30 days.", &[], &[&f], ""), Err(Fault::Uncited));
        assert_eq!(
            check("Ask the pope about label colours.", &[7], &[&f], ""),
            Err(Fault::Unsupported)
        );
        assert_eq!(check("  ", &[7], &[&f], ""), Err(Fault::Form));
        assert_eq!(old_check(&"a".repeat(4_001), &[], &[&f], ""), Err(Fault::Form));
    }
}

pub struct Source<'a> { pub id: i64, pub title: &'a str, pub headings: &'a [String], pub text: &'a str }
pub struct Evidence<'a> { pub sources: &'a [Source<'a>], pub tools: &'a [&'a serde_json::Value], pub said: &'a str }
pub enum Verdict { Pass, Fail(Fault), Doubt { pairs: Vec<(String, String)> } }

pub fn settle(_: f64) -> Result<(), Fault> { Ok(()) }
pub fn check(sentence: &str, cites: &[i64], e: &Evidence) -> Verdict {
    let f = Found { passages: e.sources.iter().map(|s| Passage { chunk_id: s.id, title: s.title.into(), heading_path: s.headings.to_vec(), text: s.text.into(),
        document_id: crate::domain::ids::DocumentId::new(), url: None, anchor: None, lang: String::new(), page: None, snippet: String::new(), score: 0.0, terms: vec![], parts: Default::default(), source: String::new() }).collect(), ..Found::default() };
    match old_check(sentence, cites, &[&f], e.said) { Ok(()) => Verdict::Pass, Err(f) => Verdict::Fail(f) }
}
