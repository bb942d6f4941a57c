//! Exceptions and conditions: a rule for all isn't one where its source makes an exception, and what
//! an exception names isn't under the rule.

use super::Fault;
use super::fit::{Fit, has_word};
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

/// What a unit takes out of its rule, or puts it under; read once.
#[derive(Debug, Default)]
pub struct Conditions {
    /// It takes something out.
    excepts: bool,
    /// It is under a condition.
    bound: bool,
    /// It takes something out of the sentence before.
    after: bool,
    /// Keys of what it takes out, and of nothing else in it.
    taken: Vec<String>,
}

impl Conditions {
    /// Reads a text and its words.
    pub fn read(text: &str, terms: &[Term]) -> Self {
        let said = spaced(text);
        let excepts = has(&said, EXCEPT);
        Self {
            bound: has(&said, IF),
            after: has(&said, AFTER) || has(&said, &["apply", "applies", "gilt"]) && denies(text),
            taken: if excepts {
                exception(text, terms)
            } else {
                Vec::new()
            },
            excepts,
        }
    }
}

/// Checks a part against the units that say it best; `all` are those of its sources, in order.
pub fn keeps(
    part: &str,
    words: &[Term],
    close: &[&Fit<'_>],
    all: &[&Unit],
    tongue: Tongue,
) -> Result<(), Fault> {
    let universal = says_limits(part)[2];
    if !universal && close.iter().any(|f| f.unit.conditions.taken.is_empty()) {
        return Ok(());
    }
    let said = spaced(part);
    let excepts = has(&said, EXCEPT) || has(&said, AFTER);
    if excepts || denies(part) {
        return Ok(());
    }
    if universal && !universal_where_said(words, all, tongue) {
        return Err(Fault::Unsupported);
    }
    let conditional = has(&said, IF);
    let breaks = |fit: &&Fit<'_>| {
        let own = &fit.unit.conditions;
        let taken = own
            .taken
            .iter()
            .any(|k| words.iter().any(|w| same(&w.key, k, tongue)));
        let bound = own.excepts || own.bound && !conditional;
        taken || universal && (bound || next_excepts(fit.unit, all))
    };
    if !close.is_empty() && close.iter().all(breaks) {
        Err(Fault::Negation)
    } else {
        Ok(())
    }
}

/// Whether of the units that have most of the words themselves, not from a heading, one speaks of all.
fn universal_where_said(words: &[Term], all: &[&Unit], tongue: Tongue) -> bool {
    let stating = || all.iter().filter(|u| u.states);
    let share = |u: &Unit| -> f64 {
        let said = words.iter().filter(|t| has_word(t, u, tongue));
        said.map(|t| t.weight).sum()
    };
    let most = stating().map(|u| share(u)).fold(0.0, f64::max);
    most == 0.0 || stating().any(|u| share(u) >= most && u.limits[2])
}

/// Whether the sentence after a unit takes something out.
fn next_excepts(unit: &Unit, all: &[&Unit]) -> bool {
    let at = all.iter().position(|u| std::ptr::eq(*u, unit));
    let next = at.and_then(|at| all.get(at + 1));
    next.is_some_and(|n| n.states && n.row.is_none() && n.conditions.after)
}

/// The keys of the words that an exception names and nothing else in its sentence.
fn exception(text: &str, terms: &[Term]) -> Vec<String> {
    let words: Vec<(usize, String)> = text
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
    let end = words[from + 1..].iter().find(ends).map_or(text.len(), |(at, w)| {
        if VERBS.contains(&bare(w).as_str()) {
            *at
        } else {
            at + w.len()
        }
    });
    let within = |t: &&Term| start < t.at.start && t.at.start < end;
    let elsewhere = |t: &Term| terms.iter().any(|u| !within(&u) && u.key == t.key);
    terms
        .iter()
        .filter(within)
        .filter(|t| t.weight >= 1.0 && !elsewhere(t))
        .map(|t| t.key.clone())
        .collect()
}
