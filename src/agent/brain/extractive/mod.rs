//! The brain without a model: it plans by rules, and answers with the best sentences of
//! what was found, exactly as they stand there. It is deterministic and asks nobody.

pub mod chatter;
pub mod compose;
pub mod contact;
pub mod intent;
pub mod kinds;
mod person;
mod person_wishes;
mod person_words;
pub mod phrases;
pub mod question;
pub mod rank;
pub mod sentences;
pub mod service;
pub mod ticket;

use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;

use crate::agent::brain::extractive::intent::{Intent, intent};
use crate::agent::brain::extractive::phrases::{Phrase, say};
use crate::agent::brain::extractive::rank::Candidate;
use crate::agent::brain::{Brain, Plan, Sentence, ToolCall, TurnView};
use crate::agent::consent;
use crate::agent::machine::action::HandoffReason;
use crate::agent::machine::input::LinkFailure;
use crate::agent::meter::Meter;
use crate::agent::phrases::Tongue;
use crate::agent::policy;
use crate::domain::document::Found;
use crate::hands::Tool;
use crate::hands::kb_search::KbSearch;
use crate::knowledge::words::words;

/// The brain's name, and that of its link: the last one of every chain.
pub const NAME: &str = "extractive";
/// The tool that it plans.
const SEARCH: &str = KbSearch::NAME;
/// How many passages it asks for, the most that the tool gives.
const PASSAGES: usize = 5;
/// The most sentences of an answer that the operator has given.
const PINNED: usize = 12;
/// The longest sentence of such an answer, in bytes.
const LONGEST: usize = 1_500;
/// How well a sentence must fit that is said beside another answer.
const SURELY: f64 = 0.65;

/// The brain without a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extractive;

impl Brain for Extractive {
    fn name(&self) -> &str {
        NAME
    }

    fn plan<'a>(&'a self, view: &'a TurnView, _: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        Box::pin(async move { Ok(plan(view)) })
    }

    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        _: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        Box::pin(async move {
            for sentence in draft(view) {
                out.send(sentence).await.map_err(|_| LinkFailure::Cut)?;
            }
            Ok(())
        })
    }
}

fn plan(view: &TurnView) -> Plan {
    if is_unclear(view) {
        return Plan::Draft;
    }
    if intent(&view.message) != Intent::Person
        && let Some(plan) = ticket::plan(view).or_else(|| service::plan(view))
    {
        return plan;
    }
    let done = view.outcomes.iter().filter(|o| o.tool == SEARCH).count();
    let queries = match intent(&view.message) {
        Intent::Person => return Plan::Handoff(HandoffReason::VisitorAsked),
        // What the pages say about it, and who knows how it stands.
        Intent::Order(number) => vec![view.message.replace(&number, " "), contact::QUERY.to_owned()],
        // A yes or no to nothing is no question.
        Intent::Answer if consent::read(&view.message).is_some() => Vec::new(),
        Intent::Answer => vec![asked(view)],
        Intent::Nothing | Intent::Greeting | Intent::Thanks | Intent::Goodbye | Intent::Machine => Vec::new(),
    };
    // A search that failed isn't repeated.
    match queries.into_iter().nth(done) {
        Some(query) => Plan::Calls(vec![ToolCall {
            tool: SEARCH.to_owned(),
            args: json!({ "query": query, "top_k": PASSAGES }),
        }]),
        None if policy::is_asked_for(&view.message) && finds_nothing(view) => {
            Plan::Handoff(HandoffReason::Policy)
        }
        None => Plan::Draft,
    }
}

/// Whether the pages were searched for an answer, and have none.
fn finds_nothing(view: &TurnView) -> bool {
    let mut searches = view.outcomes.iter().filter(|o| o.tool == SEARCH);
    let found = searches
        .next()
        .filter(|o| o.result.is_ok())
        .and_then(|o| o.found.as_ref());
    intent(&view.message) == Intent::Answer
        && found.is_some_and(|found| {
            pinned(found).is_none()
                && answer(&view.message, before(view), view, found, compose::ENOUGH).is_empty()
        })
}

/// Whether all that came to a proposal is a hedged yes or no, and no other wish.
fn is_unclear(view: &TurnView) -> bool {
    view.unclear
        && !matches!(intent(&view.message), Intent::Person | Intent::Order(_))
        && !service::goes_on(view)
        && ticket::plan(view).is_none()
}

/// The question with what it refers to: "and to Norway?" goes on from the question before.
fn asked(view: &TurnView) -> String {
    match before(view) {
        Some(before) => format!("{}\n{before}", view.message),
        None => view.message.clone(),
    }
}

/// The visitor's message before, where this one only goes on from it.
fn before(view: &TurnView) -> Option<&str> {
    let lower: Vec<String> = words(&view.message).into_iter().map(|w| w.lower).collect();
    let said: Vec<&str> = lower.iter().map(String::as_str).collect();
    let goes_on = matches!(
        said[..],
        ["and" | "und" | "also" | "or" | "oder", ..]
            | ["what" | "how", "about", ..]
            | ["was", "ist", "mit", ..]
            | ["for" | "to" | "für" | "nach", _]
    );
    if !goes_on || said.len() > 10 {
        return None;
    }
    let last = view.since().iter().rev().find(|e| e.by_visitor)?;
    (intent(&last.text) == Intent::Answer).then_some(last.text.as_str())
}

/// What is said of the conversation itself, which no page says.
fn fixed(phrase: Phrase<'_>, view: &TurnView) -> Vec<Sentence> {
    vec![Sentence {
        fixed: true,
        gap: None,
        md: say(phrase, Tongue::of(&view.locale), &view.site_name),
        cites: Vec::new(),
    }]
}

fn draft(view: &TurnView) -> Vec<Sentence> {
    if is_unclear(view) && view.outcomes.is_empty() {
        return fixed(Phrase::OnlyYes, view);
    }
    if let Some(sentences) = ticket::draft(view).or_else(|| service::draft(view)) {
        return sentences;
    }
    let tongue = Tongue::of(&view.locale);
    let own = |phrase: Phrase<'_>| Sentence {
        fixed: false,
        gap: None,
        md: say(phrase, tongue, &view.site_name),
        cites: Vec::new(),
    };
    let wants = intent(&view.message);
    let phrase = match wants {
        Intent::Nothing => Some(Phrase::WhatThen),
        Intent::Greeting => Some(Phrase::Greeting),
        Intent::Thanks => Some(Phrase::Welcome),
        Intent::Goodbye => Some(Phrase::Goodbye),
        Intent::Machine => Some(Phrase::Machine),
        Intent::Answer if consent::read(&view.message).is_some() => {
            return fixed(Phrase::NothingAsked, view);
        }
        Intent::Person | Intent::Order(_) | Intent::Answer => None,
    };
    if let Some(phrase) = phrase {
        return vec![own(phrase)];
    }
    // One entry a search, in the order of `plan`; none where it failed.
    let searches: Vec<Option<&Found>> = view
        .outcomes
        .iter()
        .filter(|o| o.tool == SEARCH)
        .map(|o| o.found.as_ref().filter(|_| o.result.is_ok()))
        .collect();
    let found = searches.first().copied().flatten();
    match wants {
        Intent::Order(number) => {
            let mut pages = found.map(|f| about_order(view, &number, f)).unwrap_or_default();
            pages.extend(
                searches
                    .get(1)
                    .copied()
                    .flatten()
                    .map(contact::details)
                    .unwrap_or_default(),
            );
            let mut out = vec![own(Phrase::NoOrders(&number))];
            if !pages.is_empty() {
                out.push(own(Phrase::PagesSay));
            }
            out.extend(pages);
            out
        }
        _ => match found {
            None => vec![own(Phrase::NoSearch)],
            Some(found) if pinned(found).is_some() => pinned(found).unwrap_or_default(),
            Some(found) => match answer(&view.message, before(view), view, found, compose::ENOUGH) {
                pages if pages.is_empty() => match service::offer(view) {
                    Some(offer) => vec![offer],
                    None => vec![own(Phrase::NothingFound), own(Phrase::OtherWords)],
                },
                pages => pages.into_iter().chain(service::offer(view)).collect(),
            },
        },
    }
}

/// The operator's own answer to this very question, if there is one: as it stands.
fn pinned(found: &Found) -> Option<Vec<Sentence>> {
    let pin = found.passages.first().filter(|p| p.parts.pinned)?;
    let mut said: Vec<String> = sentences::speech(&pin.text)
        .sentences
        .into_iter()
        .map(|s| s.text)
        .collect();
    if said.is_empty() {
        // Nothing but a heading or code, which is an answer if the operator says so.
        let bare = |line: &str| line.trim_matches(['#', '`', '~', ' ', '\t']).to_owned();
        said.extend(
            pin.text
                .lines()
                .map(bare)
                .filter(|l| l.contains(char::is_alphanumeric)),
        );
    }
    let sentences: Vec<Sentence> = said
        .iter()
        .flat_map(|text| short(text))
        .take(PINNED)
        .map(|text| Sentence {
            fixed: false,
            gap: None,
            md: ended(text),
            cites: vec![pin.chunk_id],
        })
        .collect();
    (!sentences.is_empty()).then_some(sentences)
}

/// A sentence in parts that the gate still judges, cut between words.
fn short(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = parts
            .last()
            .is_some_and(|p| p.is_empty() || p.len() + 1 + word.len() <= LONGEST);
        if !fits {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            if !part.is_empty() {
                part.push(' ');
            }
            part.push_str(word);
        }
    }
    parts
}

/// The sentences that answer a message; none when nothing fits well enough.
fn answer(message: &str, before: Option<&str>, view: &TurnView, found: &Found, enough: f64) -> Vec<Sentence> {
    let question = question::read(message, before, &view.site_name, found);
    let ranked = rank::candidates(&question, found);
    cited(compose::compose(&question, found, &ranked, enough), found)
}

/// What the pages say to a question about an order, when they clearly do.
fn about_order(view: &TurnView, number: &str, found: &Found) -> Vec<Sentence> {
    let mut pages = answer(&view.message.replace(number, " "), None, view, found, SURELY);
    pages.truncate(2);
    pages
}

/// Sentences as the draft gives them, each with the chunk that it stands in.
fn cited(sentences: Vec<Candidate>, found: &Found) -> Vec<Sentence> {
    sentences
        .into_iter()
        .map(|c| Sentence {
            fixed: false,
            gap: None,
            cites: vec![found.passages[c.passage].chunk_id],
            md: ended(c.text),
        })
        .collect()
}

/// An item of a list or a row of a table gets the full stop that a sentence has.
fn ended(text: String) -> String {
    let open = text.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '%' | '"' | '”'));
    if open { text + "." } else { text }
}
