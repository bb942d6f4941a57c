//! Whether a source says what a sentence says. Each part of the sentence must be one of
//! the source's sentences in other words: with its figures, its yes or no, and most of its
//! words. Where words alone can't tell, meaning has to.

use std::sync::Arc;

use super::agreement::{agree, asked_only, unconditional};
use super::claims::{self, Around, Claims};
use super::enumeration::keeps_apart;
use super::figures::{Figure, figures};
use super::fit::{Fit, adds, contrasts, cover_of_all, fit, has, joint_cover, merged, within};
use super::parts::parts;
use super::tables::Table;
use super::tongue::{Tongue, tongue};
use super::units::{Unit, bare};
use super::words::{Term, terms};
use super::{Fault, comparators, conditions, promises, qualifiers, tools::Said};

/// The share of a part's words that makes it supported, and below which it isn't.
const ENOUGH: f64 = 0.8;
pub const TOO_LITTLE: f64 = 0.5;
/// Sentences this close to the best one are as good.
const CLOSE: f64 = 0.03;

/// Whether words of one tongue are compared with another's.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What the cited sources say.
    pub units: &'a [&'a Unit],
    /// What they are written in.
    pub tongue: Tongue,
    /// Figures and words that need no source: tools' results, the visitor's own.
    pub said: &'a Said,
}

/// What a part of a sentence comes to.
#[derive(Debug, PartialEq)]
enum Part {
    Pass,
    /// It and the source's sentence that it may be.
    Doubt(String, String),
}

/// Checks a sentence without its Markdown; gives the pairs that words can't decide.
pub fn check(text: &str, sources: Sources<'_>) -> Result<Vec<(String, String)>, Fault> {
    let all = figures(text);
    let bare = bare(text);
    let anywhere = |f: &Figure| sources.units.iter().any(|u| has(u, f)) || sources.said.has(f);
    if !all.iter().all(anywhere) {
        return Err(Fault::Mismatch);
    }
    if sources
        .units
        .iter()
        .any(|u| u.bare == bare || quotes(&u.text, text))
    {
        return Ok(Vec::new());
    }
    // `Yes, we do.` states what was asked, whatever is cited.
    let states = |t: &Term| t.weight >= 1.0;
    if all.is_empty() && !terms(text, tongue(text), &all).iter().any(states) {
        return Err(Fault::Unsupported);
    }
    if promises::of_its_own(&text.to_lowercase().replace('’', "'")) {
        return Err(Fault::Unsupported);
    }
    if let Some(line) = text
        .trim()
        .starts_with('|')
        .then(|| is_line(text, sources))
        .flatten()
    {
        return if line {
            Ok(Vec::new())
        } else {
            Err(Fault::Mismatch)
        };
    }
    let parts = parts(text, &all);
    let claims = claims(&parts, text, &all, sources);
    let mut doubts = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        match check_part(part, Some(n), text, &all, &claims, sources) {
            Ok(Part::Pass) => {}
            Ok(Part::Doubt(part, source)) => doubts.push((part, source)),
            // A part that lacks the words it shares with the others.
            Err(Fault::Unsupported) if parts.len() > 1 => {
                return match check_part(text, None, text, &all, &claims, sources)? {
                    Part::Pass => Ok(Vec::new()),
                    Part::Doubt(part, source) => Ok(vec![(part, source)]),
                };
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(doubts)
}

/// Whether a unit has a whole sentence of its own that is this one.
fn quotes(unit: &str, text: &str) -> bool {
    let text = text.trim_end_matches(['.', '!', '?', ' ']);
    if unit.len() < text.len() {
        return false;
    }
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '!']);
    text.split_whitespace().count() > 3
        && unit.match_indices(text).any(|(at, _)| {
            let before = unit[..at].trim_end();
            (before.is_empty() || before.ends_with(['.', '!', '?'])) && ends(&unit[at + text.len()..])
        })
}

/// The tables of the sources, each once.
fn tables(sources: Sources<'_>) -> Vec<Arc<Table>> {
    let mut out: Vec<Arc<Table>> = Vec::new();
    for (table, _) in sources.units.iter().filter_map(|u| u.row.as_ref()) {
        if !out.iter().any(|t| Arc::ptr_eq(t, table)) {
            out.push(Arc::clone(table));
        }
    }
    out
}

/// Whether a line of a table is one of a source's; none if no source's table speaks of it.
fn is_line(text: &str, sources: Sources<'_>) -> Option<bool> {
    let all = tables(sources);
    let mut found = all.iter().filter_map(|t| t.has_line(text)).peekable();
    found.peek()?;
    Some(found.any(|f| f))
}

/// What the parts of a sentence say of the sources' tables.
fn claims(parts: &[&str], whole: &str, all: &[Figure], sources: Sources<'_>) -> Vec<Claims> {
    let tables = tables(sources);
    if tables.is_empty() {
        return Vec::new();
    }
    let tongue = tongue(whole);
    let wanted: Vec<Vec<Figure>> = parts.iter().map(|p| figures_of(p, whole, all)).collect();
    let said: Vec<claims::Said<'_>> = parts
        .iter()
        .zip(&wanted)
        .map(|(part, figures)| claims::Said::read(part, figures, tongue))
        .collect();
    let heard = figures(&sources.said.message);
    let asked = claims::Said::read(&sources.said.message, &heard, tongue);
    let prose = |t: &Term| {
        sources
            .units
            .iter()
            .any(|u| u.row.is_none() && within(t, u, tongue))
    };
    let around = Around {
        tongue,
        asked: &asked,
        elsewhere: &prose,
    };
    tables.iter().map(|t| Claims::read(t, &said, &around)).collect()
}

/// The figures of a part; those of the sentence where it is the whole of it.
fn figures_of(part: &str, whole: &str, all: &[Figure]) -> Vec<Figure> {
    if part == whole {
        all.to_vec()
    } else {
        figures(part)
    }
}

/// Checks a part, the one of this number or all of them.
fn check_part(
    part: &str,
    number: Option<usize>,
    whole: &str,
    all: &[Figure],
    claims: &[Claims],
    sources: Sources<'_>,
) -> Result<Part, Fault> {
    let tongue_here = tongue(whole);
    let wanted = figures_of(part, whole, all);
    let words: Vec<Term> = terms(part, tongue_here, &wanted)
        .into_iter()
        .map(|mut t| {
            // The sentence's first word is no name; nor is a part's.
            t.name &= !(t.at.start == 0
                && part.as_ptr() != whole.as_ptr()
                && t.at.len() > 1
                && !part.starts_with(char::is_uppercase));
            t
        })
        .filter(|t| {
            let known = |t: &Term| sources.units.iter().any(|u| within(t, u, tongue_here));
            !sources.said.word(t, known)
        })
        .collect();
    let stating: Vec<&Unit> = sources.units.iter().copied().filter(|u| u.states).collect();
    // Of tables, the rows that it speaks of, where it says what they do.
    let bears = |u: &&&Unit| {
        u.row.as_ref().is_none_or(|(table, row)| {
            claims
                .iter()
                .filter(|c| c.are_of(table))
                .all(|c| c.allow(number, *row))
        })
    };
    let usable: Vec<&Unit> = stating.iter().filter(bears).copied().collect();
    let found: Vec<usize> = words
        .iter()
        .filter(|t| sources.units.iter().any(|u| within(t, u, tongue_here)))
        .map(|t| t.at.start)
        .collect();
    let known = |t: &Term| found.contains(&t.at.start);
    if words.iter().any(|t| t.name && !known(t)) && tongue_here == sources.tongue {
        return Err(Fault::Unsupported);
    }
    let own: Vec<&Figure> = wanted.iter().filter(|f| !sources.said.has(f)).collect();
    let mut fits: Vec<Fit<'_>> = usable
        .iter()
        .filter(|u| own.iter().all(|f| has(u, f)))
        .map(|u| fit(&words, &own, u, tongue_here, &known))
        .collect();
    if fits.is_empty() {
        // Its figures stand in several sentences; the part holds them together.
        fits = usable
            .iter()
            .filter(|u| own.iter().any(|f| has(u, f)))
            .map(|u| fit(&words, &own, u, tongue_here, &known))
            .collect();
        let spread = own.iter().all(|f| usable.iter().any(|u| has(u, f)));
        if fits.is_empty() || !spread {
            return Err(if own.is_empty() {
                Fault::Unsupported
            } else {
                Fault::Mismatch
            });
        }
    }
    let figured: Vec<comparators::Claim<'_>> = own
        .iter()
        .map(|figure| comparators::Claim {
            figure,
            context: comparators::Context::read(part, figure, tongue_here),
            whole,
            tongue: tongue_here,
            native: tongue_here == sources.tongue,
        })
        .collect();
    let asked = |t: &Term| sources.said.asks_about(t, tongue_here);
    fits.retain(|f| {
        figured.iter().all(|c| comparators::agree(c, f.unit))
            && keeps_apart(&words, &own, f.unit, &asked, tongue_here)
    });
    if fits.is_empty() {
        return Err(Fault::Mismatch);
    }
    fits.sort_by(|a, b| b.score.total_cmp(&a.score));
    // Which figure is which row's, and which word, is settled for these.
    let tabled = |u: &Unit| {
        let of_it = |table| claims.iter().any(|c| c.are_of(table) && c.confirm(number));
        u.row.as_ref().is_some_and(|(table, _)| of_it(table))
    };
    let Some(best) = fits
        .iter()
        .take(4)
        .find(|f| tabled(f.unit) || !contrasts(f, &own, &stating, tongue_here))
    else {
        return Err(Fault::Mismatch);
    };
    // What a table says otherwise no other sentence makes true by half.
    let contradicted = claims.iter().any(|c| !c.holds(number));
    let best_score = best.score;
    let close: Vec<&Fit<'_>> = fits.iter().filter(|f| f.score >= best_score - CLOSE).collect();
    let cover = if tabled(best.unit) {
        let rows: Vec<&Fit<'_>> = fits.iter().filter(|f| tabled(f.unit)).collect();
        cover_of_all(&words, &rows)
    } else {
        joint_cover(&words, &own, best, &fits, tongue_here)
    };
    // What is merged from several sentences, and may only look so.
    let rest: Vec<Fit<'_>> = usable
        .iter()
        .map(|u| fit(&words, &[], u, tongue_here, &known))
        .collect();
    let (merged, with) = merged(&words, best, &rest);
    agree(part, &words, &close, &fits, tongue_here)?;
    asked_only(part, &words, best, &stating, tongue_here)?;
    unconditional(part, &words, &own, &fits, tongue_here)?;
    conditions::keeps(part, &words, &close, sources.units, tongue_here)?;
    qualifiers::keeps(part, &fits, &close, sources.said, tongue_here)?;
    if tongue_here == sources.tongue && adds(part, &words, best.unit, &known) {
        return Err(Fault::Unsupported);
    }
    if words.is_empty() || cover >= ENOUGH {
        return Ok(Part::Pass);
    }
    if contradicted {
        return Err(Fault::Mismatch);
    }
    let least = if tongue_here == sources.tongue {
        TOO_LITTLE
    } else {
        TOO_LITTLE / 2.0
    };
    if cover >= least {
        return Ok(Part::Doubt(part.to_owned(), best.unit.text.clone()));
    }
    if merged >= ENOUGH && (part.len() > 2 * "a sentence".len() || !own.is_empty()) {
        return Ok(Part::Doubt(part.to_owned(), with));
    }
    Err(Fault::Unsupported)
}
