//! Whether a source says what a sentence says. Each part of the sentence must be one of
//! the source's sentences in other words: with its figures, its yes or no, and most of its
//! words. Where words alone can't tell, meaning has to.

use super::figures::{Figure, Kind, Unit as Measure, figures};
use super::negation::{Clause, clauses, limits, says_limits};
use super::units::Unit;
use super::words::{Term, Tongue, same, terms, tongue};
use super::{Fault, tools::Said};

/// The share of a part's words that makes it supported, and below which it isn't.
const ENOUGH: f64 = 0.8;
const TOO_LITTLE: f64 = 0.5;
/// A word that no cited source has at all counts so many times.
const STRANGE: f64 = 1.4;
/// What a source's sentence covers more than it says in return.
const COVER: f64 = 0.75;
/// Sentences this close to the best one are as good.
const CLOSE: f64 = 0.03;

/// Whether words of one tongue are compared with another's.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What the cited sources say.
    pub units: &'a [Unit],
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
    let anywhere = |f: &Figure| sources.units.iter().any(|u| has(u, f)) || sources.said.has(f);
    if !all.iter().all(anywhere) {
        return Err(Fault::Mismatch);
    }
    if sources
        .units
        .iter()
        .any(|u| alike(&u.text, text) || quotes(&u.text, text))
    {
        return Ok(Vec::new());
    }
    let parts = parts(text, &all);
    let mut doubts = Vec::new();
    for part in &parts {
        match check_part(part, text, sources) {
            Ok(Part::Pass) => {}
            Ok(Part::Doubt(part, source)) => doubts.push((part, source)),
            // A part that lacks the words it shares with the others.
            Err(Fault::Unsupported) if parts.len() > 1 => {
                return match check_part(text, text, sources)? {
                    Part::Pass => Ok(Vec::new()),
                    Part::Doubt(part, source) => Ok(vec![(part, source)]),
                };
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(doubts)
}

/// The same words in the same order.
fn alike(a: &str, b: &str) -> bool {
    let bare = |t: &str| {
        t.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, '€' | '$' | '£' | '%' | '.' | ',' | ' '))
            .collect::<String>()
            .to_lowercase()
    };
    let trim = |t: String| {
        t.split_whitespace()
            .map(|w| w.trim_end_matches(['.', ',']))
            .collect::<Vec<_>>()
            .join(" ")
    };
    trim(bare(a)) == trim(bare(b))
}

/// Whether a unit has a whole sentence of its own that is this one.
fn quotes(unit: &str, text: &str) -> bool {
    let text = text.trim_end_matches(['.', '!', '?', ' ']);
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '!']);
    text.split_whitespace().count() > 3
        && unit.match_indices(text).any(|(at, _)| {
            let before = unit[..at].trim_end();
            (before.is_empty() || before.ends_with(['.', '!', '?'])) && ends(&unit[at + text.len()..])
        })
}

/// Cuts a sentence where another thing begins to be said: at a semicolon, at `but`, and
/// between two figures at a comma or `and`.
fn parts<'a>(text: &'a str, all: &[Figure]) -> Vec<&'a str> {
    const STRONG: &[&str] = &[
        "; ",
        ", but ",
        ", while ",
        ", aber ",
        ", während ",
        ", and ",
        ", und ",
        ", otherwise ",
    ];
    const WEAK: &[&str] = &[", ", " and ", " und ", " or ", " oder ", " but "];
    let lower = text.to_ascii_lowercase();
    let inside = |i: usize| all.iter().any(|f| f.at.start < i && i < f.at.end);
    let mut cuts = vec![0];
    let mut places: Vec<(usize, usize, bool)> = Vec::new();
    for (joints, strong) in [(STRONG, true), (WEAK, false)] {
        for joint in joints {
            places.extend(lower.match_indices(joint).map(|(i, j)| (i, i + j.len(), strong)));
        }
    }
    places.sort_unstable_by_key(|(at, end, strong)| (*at, !*strong, std::cmp::Reverse(*end)));
    let mut from = 0;
    for (at, end, strong) in places {
        if at < from || inside(at) || inside(end) {
            continue;
        }
        let before = all.iter().any(|f| f.at.start >= from && f.at.end <= at);
        let next = all.iter().find(|f| f.at.start >= end);
        let near = next.is_some_and(|f| {
            let until = &lower[end..f.at.start];
            until.split_whitespace().count() <= 4 && !WEAK.iter().any(|j| until.contains(j))
        });
        // A list that shares one unit or one verb stays together.
        let shared = next.is_some_and(|f| text[end..f.at.start].trim().is_empty() && strong_unit(f));
        if strong || (before && near && !(shared && joined_list(all, at, end))) {
            cuts.push(end);
            from = end;
        }
    }
    cuts.push(text.len());
    cuts.windows(2)
        .map(|w| text[w[0]..w[1]].trim())
        .filter(|p| p.chars().any(char::is_alphanumeric))
        .collect()
}

fn strong_unit(f: &Figure) -> bool {
    matches!(f.kind, Kind::Amount { .. } | Kind::Days(_))
}

/// `22, 31 and 45 cm` is one list.
fn joined_list(all: &[Figure], at: usize, end: usize) -> bool {
    all.windows(2)
        .any(|w| w[0].at.end == at && w[1].at.start == end && w[0].is_like(&w[1]))
}

fn has(unit: &Unit, figure: &Figure) -> bool {
    let loose = |measure: Measure| {
        unit.row
            && matches!(
                measure,
                Measure::Money(_) | Measure::Length | Measure::Mass | Measure::Percent
            )
            && names(unit, measure)
    };
    unit.figures.iter().any(|f| figure.is_said_by(f, loose))
}

/// Whether a row's head names a unit.
fn names(unit: &Unit, measure: Measure) -> bool {
    let lower = unit.text.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    match measure {
        Measure::Money("EUR") => any(&["€", "eur"]),
        Measure::Money(code) => lower.contains(&code.to_lowercase()),
        Measure::Length => any(&["(cm", "(mm", "(m)", "in cm", "in mm"]),
        Measure::Mass => any(&["(kg", "(g)", "in kg"]),
        Measure::Percent => lower.contains('%'),
        _ => false,
    }
}

/// How well a unit fits a part.
struct Fit<'a> {
    unit: &'a Unit,
    /// The share of the part's words that it has.
    cover: f64,
    /// That, and the share of its words that the part has.
    score: f64,
    /// The part's words that it doesn't have.
    open: Vec<&'a Term>,
}

fn check_part(part: &str, whole: &str, sources: Sources<'_>) -> Result<Part, Fault> {
    let tongue_here = tongue(whole);
    let wanted = figures(part);
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
        .filter(|t| !sources.said.word(&t.key))
        .collect();
    let stating: Vec<&Unit> = sources.units.iter().filter(|u| u.states).collect();
    let known = |t: &Term| sources.units.iter().any(|u| within(&t.key, u, tongue_here));
    if words.iter().any(|t| t.name && !known(t)) && tongue_here == sources.tongue {
        return Err(Fault::Unsupported);
    }
    let own: Vec<&Figure> = wanted.iter().filter(|f| !sources.said.has(f)).collect();
    let mut fits: Vec<Fit<'_>> = stating
        .iter()
        .filter(|u| own.iter().all(|f| has(u, f)))
        .map(|u| fit(&words, &own, u, tongue_here, &known))
        .collect();
    if fits.is_empty() {
        // Its figures stand in several sentences; the part holds them together.
        fits = stating
            .iter()
            .filter(|u| own.iter().any(|f| has(u, f)))
            .map(|u| fit(&words, &own, u, tongue_here, &known))
            .collect();
        let spread = own.iter().all(|f| stating.iter().any(|u| has(u, f)));
        if fits.is_empty() || !spread {
            return Err(if own.is_empty() {
                Fault::Unsupported
            } else {
                Fault::Mismatch
            });
        }
    }
    fits.sort_by(|a, b| b.score.total_cmp(&a.score));
    let Some(best) = fits
        .iter()
        .take(4)
        .find(|f| !contrasts(f, &own, &stating, tongue_here))
    else {
        return Err(Fault::Mismatch);
    };
    let best_score = best.score;
    let close: Vec<&Fit<'_>> = fits.iter().filter(|f| f.score >= best_score - CLOSE).collect();
    let cover = joint_cover(&words, &own, best, &fits, tongue_here);
    // What is merged from several sentences, and may only look so.
    let rest: Vec<Fit<'_>> = stating
        .iter()
        .map(|u| fit(&words, &[], u, tongue_here, &known))
        .collect();
    let (merged, with) = merged(&words, best, &rest);
    agree(part, &words, &close, &fits, tongue_here)?;
    asked_only(part, &words, best, &stating, tongue_here)?;
    unconditional(part, &words, &own, &fits, tongue_here)?;
    if words.is_empty() || cover >= ENOUGH {
        return Ok(Part::Pass);
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

fn within(key: &str, unit: &Unit, tongue: Tongue) -> bool {
    unit.terms.iter().any(|t| same(key, &t.key, tongue)) || unit.above.iter().any(|k| same(key, k, tongue))
}

fn fit<'a>(
    words: &'a [Term],
    own: &[&Figure],
    unit: &'a Unit,
    tongue: Tongue,
    known: &impl Fn(&Term) -> bool,
) -> Fit<'a>
where
{
    let scope = scope(unit, own);
    let covers = |t: &Term| {
        unit.terms
            .iter()
            .any(|u| scope.iter().any(|r| r.contains(&u.at.start)) && same(&t.key, &u.key, tongue))
            || unit.above.iter().any(|k| same(&t.key, k, tongue))
    };
    let (mut total, mut sum) = (0.0, 0.0);
    let mut open = Vec::new();
    for t in words {
        if covers(t) {
            total += t.weight;
            sum += t.weight;
        } else {
            total += if known(t) { t.weight } else { t.weight * STRANGE };
            open.push(t);
        }
    }
    let back: f64 = unit
        .terms
        .iter()
        .filter(|u| words.iter().any(|t| same(&t.key, &u.key, tongue)))
        .map(|u| u.weight)
        .sum();
    let all: f64 = unit.terms.iter().map(|u| u.weight).sum();
    let cover = if total > 0.0 { sum / total } else { 1.0 };
    Fit {
        unit,
        cover,
        score: COVER * cover + (1.0 - COVER) * back / all.max(0.1),
        open,
    }
}

/// Which part of a unit says its figures: with several of a kind, what stands before the
/// first and the part around the one that is meant.
fn scope(unit: &Unit, own: &[&Figure]) -> Vec<std::ops::Range<usize>> {
    let whole = 0..unit.text.len();
    let several = own.iter().any(|f| {
        unit.figures.iter().filter(|u| u.is_like(f)).count() > own.iter().filter(|o| o.is_like(f)).count()
    });
    if unit.row || !several || own.is_empty() {
        return vec![whole];
    }
    let parts = parts(&unit.text, &unit.figures);
    if parts.len() < 2 {
        return vec![whole];
    }
    let base = unit.text.as_ptr() as usize;
    let first = unit.figures.first().map_or(0, |f| f.at.start);
    let mut out = vec![0..first];
    for part in parts {
        let start = part.as_ptr() as usize - base;
        let range = start..start + part.len();
        let means =
            |u: &&Figure| range.contains(&u.at.start) && own.iter().any(|f| f.is_said_by(u, |_| false));
        let plain = !unit.figures.iter().any(|u| range.contains(&u.at.start));
        if plain || unit.figures.iter().any(|u| means(&u)) {
            out.push(range);
        }
    }
    out
}

/// Whether a word of the part stands, in another sentence, with another figure of the sort:
/// then the part puts two things together that the source keeps apart.
fn contrasts(fit: &Fit<'_>, own: &[&Figure], all: &[&Unit], tongue: Tongue) -> bool {
    fit.open.iter().filter(|t| t.weight >= 1.0).any(|t| {
        all.iter().any(|u| {
            u.terms.iter().any(|x| same(&t.key, &x.key, tongue))
                && own.iter().any(|f| {
                    u.figures.iter().any(|x| f.is_like(x)) && (!has(u, f) || std::ptr::eq(*u, fit.unit))
                })
        })
    })
}

/// The share of the words that the best unit has, together with one more that agrees: what
/// is merged from two sentences.
fn joint_cover(words: &[Term], own: &[&Figure], best: &Fit<'_>, fits: &[Fit<'_>], tongue: Tongue) -> f64 {
    let closed = |t: &Term, f: &Fit<'_>| !f.open.iter().any(|o| std::ptr::eq(*o, t));
    let total: f64 = words.iter().map(|t| t.weight).sum();
    let second = fits
        .iter()
        .filter(|f| {
            !std::ptr::eq(f.unit, best.unit) && own.iter().all(|o| has(f.unit, o) || has(best.unit, o))
        })
        .filter(|f| f.unit.clauses.iter().any(|c| c.denies) == best.unit.clauses.iter().any(|c| c.denies))
        .filter(|f| f.cover >= 0.5 && overlap(f.unit, best.unit, tongue))
        .map(|f| {
            words
                .iter()
                .filter(|t| closed(t, best) || closed(t, f))
                .map(|t| t.weight)
                .sum::<f64>()
                / total.max(0.1)
        })
        .fold(0.0, f64::max);
    best.cover.max(second)
}

/// The share of the words that the best unit has with up to two more, each of which adds
/// some and says yes where the best says yes; and their texts.
fn merged(words: &[Term], best: &Fit<'_>, rest: &[Fit<'_>]) -> (f64, String) {
    let total: f64 = words.iter().map(|t| t.weight).sum();
    let mut open: Vec<&Term> = best.open.clone();
    let mut text = best.unit.text.clone();
    let denies = |u: &Unit| u.clauses.iter().any(|c| c.denies);
    for _ in 0..2 {
        let left = |f: &Fit<'_>| -> f64 {
            open.iter()
                .filter(|t| f.open.iter().any(|o| o.at == t.at))
                .map(|t| t.weight)
                .sum()
        };
        let next = rest
            .iter()
            .filter(|f| denies(f.unit) == denies(best.unit))
            .min_by(|a, b| left(a).total_cmp(&left(b)));
        let Some(next) = next.filter(|f| left(f) < open.iter().map(|t| t.weight).sum()) else {
            break;
        };
        open.retain(|t| next.open.iter().any(|o| o.at == t.at));
        text.push(' ');
        text.push_str(&next.unit.text);
    }
    let missing: f64 = open.iter().map(|t| t.weight).sum();
    (1.0 - missing / total.max(0.1), text)
}

fn overlap(a: &Unit, b: &Unit, tongue: Tongue) -> bool {
    a.terms
        .iter()
        .any(|t| t.weight >= 1.0 && b.terms.iter().any(|u| same(&t.key, &u.key, tongue)))
}

/// Yes and no, only, except and all must be the source's.
fn agree(
    part: &str,
    words: &[Term],
    close: &[&Fit<'_>],
    fits: &[Fit<'_>],
    tongue: Tongue,
) -> Result<(), Fault> {
    let here = clauses(part);
    let mut from = 0;
    for clause in &here {
        let range = from..clause.end;
        from = clause.end;
        let mine: Vec<&Term> = words.iter().filter(|t| range.contains(&t.at.start)).collect();
        if !mine.iter().any(|t| t.weight >= 1.0) {
            // Few words, yet a no: it counts for the whole part.
            if clause.denies
                && here.len() == 1
                && !close.iter().any(|f| f.unit.clauses.iter().any(|c| c.denies))
            {
                return Err(Fault::Negation);
            }
            continue;
        }
        let says = |f: &&Fit<'_>| nearest(&mine, f.unit, tongue).is_none_or(|c| c.denies == clause.denies);
        if !close.iter().any(says) {
            return Err(Fault::Negation);
        }
    }
    let [only, except, all] = says_limits(part);
    let near: Vec<[bool; 3]> = fits
        .iter()
        .filter(|f| f.cover >= TOO_LITTLE / 2.0)
        .map(|f| limits(&f.unit.text))
        .collect();
    let source = |k: usize| near.iter().any(|l| l[k]);
    if (only && !source(0)) || (except && !source(1)) {
        return Err(Fault::Negation);
    }
    if all && !close.iter().any(|f| limits(&f.unit.text)[2]) {
        return Err(Fault::Unsupported);
    }
    Ok(())
}

/// The clause of a unit that has most of the words.
fn nearest<'a>(words: &[&Term], unit: &'a Unit, tongue: Tongue) -> Option<&'a Clause> {
    let mut from = 0;
    let mut best: Option<(f64, &Clause)> = None;
    for clause in &unit.clauses {
        let range = from..clause.end;
        from = clause.end;
        let hit: f64 = words
            .iter()
            .filter(|w| {
                unit.terms
                    .iter()
                    .any(|t| range.contains(&t.at.start) && same(&w.key, &t.key, tongue))
            })
            .map(|w| w.weight)
            .sum();
        if hit > best.map_or(0.0, |(h, _)| h) {
            best = Some((hit, clause));
        }
    }
    best.map(|(_, c)| c)
}

/// A word that only a heading lends to the best unit, and that another unit has beside the
/// opposite: "Can I hang it in a bathroom?" says nothing, "Don't hang it in a bathroom" does.
fn asked_only(
    part: &str,
    words: &[Term],
    best: &Fit<'_>,
    all: &[&Unit],
    tongue: Tongue,
) -> Result<(), Fault> {
    let denies = clauses(part).iter().any(|c| c.denies);
    let own = |u: &Unit, t: &Term| u.terms.iter().any(|x| same(&t.key, &x.key, tongue));
    let lent: Vec<&Term> = words
        .iter()
        .filter(|t| t.weight >= 1.0 && !own(best.unit, t))
        .collect();
    for term in lent {
        let says: Vec<bool> = all
            .iter()
            .filter(|u| own(u, term))
            .filter_map(|u| nearest(&[term], u, tongue))
            .map(|c| c.denies)
            .collect();
        if !says.is_empty() && says.iter().all(|d| *d != denies) {
            return Err(Fault::Negation);
        }
    }
    Ok(())
}

/// What is free under a condition isn't free without it.
fn unconditional(
    part: &str,
    words: &[Term],
    own: &[&Figure],
    fits: &[Fit<'_>],
    tongue: Tongue,
) -> Result<(), Fault> {
    let free = terms("free", Tongue::English, &[]);
    let Some(free) = free.first().map(|t| t.key.as_str()) else {
        return Ok(());
    };
    if !words.iter().any(|t| t.key == free) || !own.is_empty() {
        return Ok(());
    }
    let mut conditions = fits.iter().filter(|f| f.cover >= TOO_LITTLE).filter_map(|f| {
        let at = f.unit.terms.iter().find(|t| t.key == free)?.at.end;
        let after: Vec<&Term> = f
            .unit
            .terms
            .iter()
            .filter(|t| t.at.start >= at && t.weight >= 1.0)
            .collect();
        let bound = f.unit.figures.iter().any(|g| g.at.start >= at) && figures(part).is_empty();
        let unmet = !after.is_empty()
            && !after
                .iter()
                .any(|t| words.iter().any(|w| same(&w.key, &t.key, tongue)));
        Some(bound || unmet)
    });
    let first = conditions.next();
    if first == Some(true) && conditions.all(|c| c) {
        Err(Fault::Unsupported)
    } else {
        Ok(())
    }
}
