//! Exceptions and conditions: a rule for all isn't one where its source makes an exception, and what
//! an exception names isn't under the rule.

use super::Fault;
use super::fit::Fit;
use super::negation::{denies, says_limits};
use super::tongue::Tongue;
use super::units::Unit;
use super::words::{Term, fold, same};

/// Words that take something out of a rule.
const EXCEPT: &[&str] = &[
    "except",
    "excepting",
    "excluding",
    "unless",
    "besides",
    "außer",
    "ausgenommen",
    "ausschließlich",
];
/// Words that put a rule under a condition.
const IF: &[&str] = &[
    "if",
    "provided",
    "only",
    "as long as",
    "wenn",
    "falls",
    "sofern",
    "solange",
    "vorausgesetzt",
    "nur",
    "es sei denn",
    "when",
    "once",
    "until",
    "bis",
    "unless",
    "subject to",
    "depending",
];
/// How a sentence takes something out of the one before.
const AFTER: &[&str] = &[
    "excluded",
    "exception",
    "exceptions",
    "except",
    "exempt",
    "ausgenommen",
    "ausgeschlossen",
    "ausnahme",
    "ausnahmen",
];
/// Verbs with which what an exception names is at its end.
const VERBS: &[&str] = &[
    "is", "are", "has", "have", "can", "may", "will", "must", "cost", "costs", "gets", "get", "comes",
    "come", "ist", "sind", "hat", "haben", "kann", "können", "darf", "dürfen", "wird", "werden", "gilt",
    "gelten", "kostet", "kosten", "muss", "müssen",
];

/// A text's words, with blanks around each.
fn spaced(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .filter(|w| !w.is_empty())
        .map(fold)
        .collect();
    format!(" {} ", words.join(" "))
}

fn has(spaced: &str, list: &[&str]) -> bool {
    list.iter().any(|w| spaced.contains(&format!(" {w} ")))
}

/// Checks a part against the units that say it best; `all` are those of its sources, in order.
pub fn keeps(
    part: &str,
    words: &[Term],
    close: &[&Fit<'_>],
    all: &[&Unit],
    tongue: Tongue,
) -> Result<(), Fault> {
    let said = spaced(part);
    let excepts = has(&said, EXCEPT) || has(&said, AFTER);
    if excepts || denies(part) {
        return Ok(());
    }
    let universal = says_limits(part)[2];
    let conditional = has(&said, IF);
    let breaks = |fit: &&Fit<'_>| {
        let unit = fit.unit;
        let source = spaced(&unit.text);
        let taken_out = exception(unit)
            .iter()
            .any(|t| words.iter().any(|w| same(&w.key, &t.key, tongue)));
        let bound = has(&source, EXCEPT) || has(&source, IF) && !conditional;
        taken_out || universal && (bound || next_excepts(unit, all))
    };
    if !close.is_empty() && close.iter().all(breaks) {
        Err(Fault::Negation)
    } else {
        Ok(())
    }
}

/// Whether the sentence after a unit takes something out.
fn next_excepts(unit: &Unit, all: &[&Unit]) -> bool {
    let at = all.iter().position(|u| std::ptr::eq(*u, unit));
    let next = at
        .and_then(|at| all.get(at + 1))
        .filter(|n| n.states && n.row.is_none());
    next.is_some_and(|n| {
        let said = spaced(&n.text);
        has(&said, AFTER) || has(&said, &["apply", "applies", "gilt"]) && denies(&n.text)
    })
}

/// The words that a unit's exception names and nothing else in it.
fn exception(unit: &Unit) -> Vec<&Term> {
    let words: Vec<(usize, String)> = unit
        .text
        .split_inclusive(|c: char| !c.is_alphanumeric())
        .scan(0, |at, w| {
            let start = *at;
            *at += w.len();
            Some((start, w))
        })
        .map(|(at, w)| (at, fold(w)))
        .collect();
    let bare = |w: &str| w.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let takes = [
        "except",
        "excepting",
        "excluding",
        "besides",
        "außer",
        "ausgenommen",
    ];
    let Some(from) = words.iter().position(|(_, w)| takes.contains(&bare(w).as_str())) else {
        return Vec::new();
    };
    let ends = |(_, w): &&(usize, String)| {
        VERBS.contains(&bare(w).as_str()) || w.ends_with([',', ';', ':', '.', ')', '–'])
    };
    let start = words[from].0;
    // The mark that ends it may stand at its last word.
    let end = words[from + 1..]
        .iter()
        .find(ends)
        .map_or(unit.text.len(), |(at, w)| {
            if VERBS.contains(&bare(w).as_str()) {
                *at
            } else {
                at + w.len()
            }
        });
    let within = |t: &&Term| start < t.at.start && t.at.start < end;
    let elsewhere = |t: &Term| unit.terms.iter().any(|u| !within(&u) && u.key == t.key);
    unit.terms
        .iter()
        .filter(within)
        .filter(|t| t.weight >= 1.0 && !elsewhere(t))
        .collect()
}
