//! How to reach the people of a site, out of what was found.

use crate::agent::brain::Sentence;
use crate::agent::brain::extractive::cited;
use crate::agent::brain::extractive::kinds::{Kind, answers, clock_time};
use crate::agent::brain::extractive::rank::Candidate;
use crate::agent::brain::extractive::sentences::{Form, speech};
use crate::domain::document::Found;

/// What is searched for, in both languages of the rules.
pub const QUERY: &str = "contact customer service phone number e-mail address opening hours \
    Kontakt Kundenservice Telefonnummer E-Mail-Adresse Öffnungszeiten";

/// A phone number, an e-mail address and when somebody is there, each in one sentence, out
/// of the document that the search put first among those that have any of it. Prose goes
/// before tables and lists.
#[must_use]
pub fn details(found: &Found) -> Vec<Sentence> {
    let has_any = |text: &str| answers(Kind::Phone, text) || answers(Kind::Email, text);
    let Some(first) = found.passages.iter().find(|p| has_any(&p.text)) else {
        return Vec::new();
    };
    let mut sentences: Vec<Candidate> = Vec::new();
    for (i, passage) in found
        .passages
        .iter()
        .enumerate()
        .filter(|(_, p)| p.document_id == first.document_id)
    {
        sentences.extend(
            speech(&passage.text)
                .sentences
                .into_iter()
                .enumerate()
                .map(|(place, s)| Candidate {
                    passage: i,
                    place,
                    section: s.section,
                    block: s.block,
                    form: s.form,
                    text: s.text,
                    score: 0.0,
                    covers: Vec::new(),
                    says: Vec::new(),
                    held: Vec::new(),
                    about: 0.0,
                    asked: 0.0,
                }),
        );
    }
    let hours = |text: &str| clock_time(&text.to_lowercase());
    let wanted: [&dyn Fn(&str) -> bool; 3] = [
        &|text| answers(Kind::Phone, text),
        &|text| answers(Kind::Email, text),
        &hours,
    ];
    let mut chosen: Vec<Candidate> = Vec::new();
    for is_wanted in wanted {
        if chosen.iter().any(|c| is_wanted(&c.text)) {
            continue;
        }
        let fitting = sentences
            .iter()
            .filter(|s| is_wanted(&s.text) && !s.text.ends_with('?'));
        // A short one says just that.
        let best = fitting.min_by_key(|s| (s.form != Form::Prose, s.text.chars().count()));
        chosen.extend(best.cloned());
    }
    cited(chosen, found)
}
