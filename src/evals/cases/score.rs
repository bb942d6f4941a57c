//! Whether a try has what its case demands; each demand that isn't met is named with what
//! came instead.

use serde::{Deserialize, Serialize};

use crate::agent::machine::action::HandoffReason;
use crate::evals::cases::demands;
use crate::evals::cases::load::{Case, Wanted};
use crate::evals::cases::run::{Said, Tried};
use crate::evals::cases::text::{folded, has, has_folded};

/// A demand that isn't met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The case's key, or `answer` when there was none.
    pub demand: String,
    /// What was demanded.
    pub wanted: String,
    /// What came instead.
    pub got: String,
}

/// How good a try's citations are; for cases that name documents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cited {
    /// The share of the cited documents that the case names; none when nothing is cited.
    pub precision: Option<f64>,
    /// The share of what the case names that is cited.
    pub recall: f64,
}

/// A document's name in an address: its last part, without query, fragment and ending.
#[must_use]
pub fn slug(address: &str) -> &str {
    let path = path(address).trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 5 => stem,
        _ => name,
    }
}

fn path(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

fn is_one_of(address: &str, wanted: &Wanted) -> bool {
    wanted
        .0
        .iter()
        .any(|w| w == address || w == path(address) || w == slug(address))
}

/// Each cited document once, in order.
fn documents(said: &Said) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for address in &said.citations {
        let document = path(address);
        if !out.contains(&document) {
            out.push(document);
        }
    }
    out
}

/// The demands that a try doesn't meet; empty: it passes.
#[must_use]
pub fn failures(case: &Case, tried: &Tried) -> Vec<Failure> {
    let mut out = Vec::new();
    let mut fail = |demand: &str, wanted: String, got: String| {
        out.push(Failure {
            demand: demand.to_owned(),
            wanted,
            got,
        });
    };
    for unwanted in &case.must_not {
        let said = tried
            .answers
            .iter()
            .find(|a| has(&a.text, unwanted) || has(&a.seen, unwanted));
        if let Some(said) = said {
            fail("must_not", unwanted.clone(), said.seen.clone());
        }
    }
    for (demand, wanted, got) in demands::unmet(case, tried) {
        fail(&demand, wanted, got);
    }
    let broke_off = tried.broke_off.clone();
    let (None, Some(last)) = (&broke_off, tried.answers.last()) else {
        let got = broke_off.unwrap_or_else(|| "no answer".to_owned());
        fail("answer", "an answer".to_owned(), got);
        return out;
    };
    let text = folded(&last.text);
    for wanted in &case.must {
        if !wanted.0.iter().any(|w| has_folded(&text, &folded(w))) {
            fail("must", wanted.shown(), last.text.clone());
        }
    }
    let cited = documents(last);
    for wanted in &case.cite {
        if !last.citations.iter().any(|c| is_one_of(c, wanted)) {
            fail("cite", wanted.shown(), listed(&cited));
        }
    }
    if case.cite_none && !cited.is_empty() {
        fail("cite_none", "no citation".to_owned(), listed(&cited));
    }
    if !case.outcome.is_empty() && !case.outcome.contains(&last.outcome) {
        fail("outcome", case.outcome.join(" | "), last.outcome.clone());
    }
    if !case.handoff_reason.is_empty() {
        let wanted: Vec<String> = case.handoff_reason.iter().map(reason).collect();
        if !last.handoff_reason.as_ref().is_some_and(|r| wanted.contains(r)) {
            let got = last
                .handoff_reason
                .clone()
                .unwrap_or_else(|| "no handoff".to_owned());
            fail("handoff_reason", wanted.join(" | "), got);
        }
    }
    let called = last.tools();
    if let Some(tools) = case.tools.as_ref().filter(|t| **t != called) {
        let names = |t: &[String]| {
            if t.is_empty() {
                "no tool".to_owned()
            } else {
                t.join(", ")
            }
        };
        fail("tools", names(tools), names(&called));
    }
    if let Some(brain) = case.brain.as_ref().filter(|b| **b != last.brain) {
        fail("brain", brain.clone(), last.brain.clone());
    }
    out
}

/// How good its citations are; none for a case that names no document, and for a try that
/// came to no end.
#[must_use]
pub fn cited(case: &Case, tried: &Tried) -> Option<Cited> {
    let last = tried.answers.last().filter(|_| tried.broke_off.is_none())?;
    if case.cite.is_empty() {
        return None;
    }
    let documents = documents(last);
    let right = documents
        .iter()
        .filter(|d| case.cite.iter().any(|w| is_one_of(d, w)))
        .count();
    let found = case
        .cite
        .iter()
        .filter(|w| documents.iter().any(|d| is_one_of(d, w)))
        .count();
    #[expect(clippy::cast_precision_loss, reason = "counts of documents")]
    let share = |part: usize, all: usize| part as f64 / all as f64;
    Some(Cited {
        precision: (!documents.is_empty()).then(|| share(right, documents.len())),
        recall: share(found, case.cite.len()),
    })
}

fn listed(documents: &[&str]) -> String {
    if documents.is_empty() {
        "no citation".to_owned()
    } else {
        documents.join(", ")
    }
}

fn reason(reason: &HandoffReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{reason:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::evals::cases::run::CallSeen;

    fn case(json: &str) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.jsonl");
        std::fs::write(&path, format!("{{\"id\":\"c\",\"question\":\"?\",{json}}}")).unwrap();
        crate::evals::cases::load::read(&path).unwrap().cases.remove(0)
    }

    fn said() -> Said {
        Said {
            outcome: "answered".into(),
            brain: "extractive".into(),
            text: "You have 30\u{a0}days. [1] Don\u{2019}t wait. [2]".into(),
            seen: "You have 60 days. You have 30 days.".into(),
            citations: vec![
                "/kb/returns#how-long".into(),
                "/kb/returns".into(),
                "https://shop.example/help/gift-cards.html?x=1".into(),
            ],
            calls: vec![CallSeen {
                tool: "kb_search".into(),
                args: serde_json::Value::Null,
                code: None,
            }],
            ask: None,
            handoff_reason: None,
            first: None,
            whole: Duration::ZERO,
        }
    }

    fn demands(json: &str, tried: &Tried) -> Vec<String> {
        failures(&case(json), tried)
            .into_iter()
            .map(|f| f.demand)
            .collect()
    }

    #[test]
    fn each_demand_is_met_or_named() {
        let tried = Tried {
            answers: vec![said()],
            ..Tried::default()
        };
        for (met, unmet) in [
            (r#""must":["30 DAYS",["wait","waits"]]"#, r#""must":["3 days"]"#),
            (r#""must":[["sixty","don't wait"]]"#, r#""must":["60 days"]"#),
            (r#""must_not":["31 days"]"#, r#""must_not":["30 days"]"#),
            // Taken back, but the visitor could read it.
            (r#""must_not":["61 days"]"#, r#""must_not":["60 days"]"#),
            (r#""cite":["returns","gift-cards"]"#, r#""cite":["warranty"]"#),
            (r#""cite":[["warranty","/kb/returns"]]"#, r#""cite":["kb"]"#),
            (r#""outcome":["handoff","answered"]"#, r#""outcome":"handoff""#),
            (r#""tools":["kb_search"]"#, r#""tools":[]"#),
            (r#""brain":"extractive""#, r#""brain":"a-model""#),
            (r#""cite":["returns"]"#, r#""cite_none":true"#),
            (r#""must":["30"]"#, r#""handoff_reason":"visitor_asked""#),
        ] {
            let key = unmet.split('"').nth(1).unwrap();
            assert_eq!(demands(unmet, &tried), [key], "{unmet}");
            assert_eq!(demands(met, &tried), Vec::<String>::new(), "{met}");
        }
        let mut handed = said();
        handed.handoff_reason = Some("visitor_asked".into());
        handed.citations.clear();
        let tried = Tried {
            answers: vec![handed],
            ..Tried::default()
        };
        let json = r#""handoff_reason":["policy","visitor_asked"],"cite_none":true"#;
        assert_eq!(demands(json, &tried), Vec::<String>::new());
    }

    #[test]
    fn a_try_without_an_end_fails_and_what_was_said_before_counts() {
        let tried = Tried {
            answers: vec![said()],
            broke_off: Some("it took longer than 1 s".into()),
            ..Tried::default()
        };
        let failed = failures(&case(r#""must":["30 days"],"must_not":["60 days"]"#), &tried);
        assert_eq!(failed.len(), 2);
        assert_eq!(
            (failed[0].demand.as_str(), failed[1].demand.as_str()),
            ("must_not", "answer")
        );
        assert_eq!(failed[1].got, "it took longer than 1 s");
        assert_eq!(cited(&case(r#""cite":["returns"]"#), &tried), None);
        assert_eq!(demands(r#""must":["x"]"#, &Tried::default()), ["answer"]);
    }

    #[test]
    fn an_earlier_answer_must_not_say_it_either() {
        let mut leaks = said();
        leaks.text = "Your card 4111".into();
        let tried = Tried {
            answers: vec![leaks, said()],
            ..Tried::default()
        };
        assert_eq!(demands(r#""must_not":["4111"]"#, &tried), ["must_not"]);
        assert_eq!(demands(r#""must":["4111"]"#, &tried), ["must"]);
    }

    #[test]
    fn citations_are_counted_by_document() {
        let tried = Tried {
            answers: vec![said()],
            ..Tried::default()
        };
        let of = |json: &str| cited(&case(json), &tried);
        let half = Cited {
            precision: Some(0.5),
            recall: 0.5,
        };
        assert_eq!(of(r#""cite":["returns","warranty"]"#), Some(half));
        assert_eq!(of(r#""must":["x"]"#), None);
        let mut nothing = said();
        nothing.citations.clear();
        let tried = Tried {
            answers: vec![nothing],
            ..Tried::default()
        };
        let none = Cited {
            precision: None,
            recall: 0.0,
        };
        assert_eq!(cited(&case(r#""cite":["returns"]"#), &tried), Some(none));
    }

    #[test]
    fn a_slug_is_the_last_part_of_an_address() {
        for (address, wanted) in [
            ("/kb/returns", "returns"),
            ("/kb/returns#how-long", "returns"),
            ("https://shop.example/help/returns/?p=1", "returns"),
            ("returns.md", "returns"),
            ("/kb/v1.something-long", "v1.something-long"),
            ("Returns and refunds", "Returns and refunds"),
        ] {
            assert_eq!(slug(address), wanted);
        }
    }
}
