//! How well a source's sentence fits a part of what is checked: which of its words it has,
//! and whether it speaks of the same figures.

use super::figures::Figure;
use super::parts::parts;
use super::tongue::Tongue;
use super::units::Unit;
use super::words::{Term, fold, same};

/// A word that no cited source has at all counts so many times.
const STRANGE: f64 = 1.4;
/// What a source's sentence covers more than it says in return.
const COVER: f64 = 0.75;

/// Whether a unit says a figure.
pub fn has(unit: &Unit, figure: &Figure) -> bool {
    unit.figures.iter().any(|f| figure.is_said_by(f, |_| false))
}

/// How well a unit fits a part.
#[derive(Debug)]
pub struct Fit<'a> {
    pub unit: &'a Unit,
    /// The share of the part's words that it has.
    pub cover: f64,
    /// That, and the share of its words that the part has.
    pub score: f64,
    /// The part's words that it doesn't have.
    pub open: Vec<&'a Term>,
}
/// Whether a unit or what stands above it has a word.
pub fn within(term: &Term, unit: &Unit, tongue: Tongue) -> bool {
    has_word(term, unit, tongue) || unit.above.iter().any(|k| same(&term.key, k, tongue))
}

/// Whether a unit has a word itself.
pub fn has_word(term: &Term, unit: &Unit, tongue: Tongue) -> bool {
    // Only a part of a compound isn't the same letter by letter.
    let may = tongue == Tongue::German || unit.keys & term.bit() != 0;
    may && unit.terms.iter().any(|t| same(&term.key, &t.key, tongue))
}

pub fn fit<'a>(
    words: &'a [Term],
    own: &[&Figure],
    unit: &'a Unit,
    tongue: Tongue,
    known: &impl Fn(&Term) -> bool,
) -> Fit<'a> {
    let scope = scope(unit, own);
    let covers = |t: &Term| {
        (has_word(t, unit, tongue)
            && unit
                .terms
                .iter()
                .any(|u| scope.iter().any(|r| r.contains(&u.at.start)) && same(&t.key, &u.key, tongue)))
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
    if unit.row.is_some() || !several || own.is_empty() {
        return vec![whole];
    }
    let parts = parts(&unit.text, &unit.figures);
    if parts.len() < 2 {
        return vec![whole];
    }
    let base = unit.text.as_ptr() as usize;
    let opening = parts[0].as_ptr() as usize - base + parts[0].len();
    let first = unit.figures.first().map_or(0, |f| f.at.start);
    let mut out: Vec<_> = std::iter::once(0..first).collect();
    for part in parts {
        let start = part.as_ptr() as usize - base;
        let range = start..start + part.len();
        let means =
            |u: &&Figure| range.contains(&u.at.start) && own.iter().any(|f| f.is_said_by(u, |_| false));
        // `up to 2 kg a parcel costs €5, up to 10 kg €9`
        let bare = !unit
            .terms
            .iter()
            .any(|t| t.weight >= 1.0 && range.contains(&t.at.start));
        let plain = !unit.figures.iter().any(|u| range.contains(&u.at.start));
        if plain || unit.figures.iter().any(|u| means(&u)) {
            if bare && !plain {
                out.push(0..opening);
            }
            out.push(range);
        }
    }
    out
}

/// Whether a word of the part stands, in another sentence, with another figure of the sort:
/// then the part puts two things together that the source keeps apart.
pub fn contrasts(fit: &Fit<'_>, own: &[&Figure], all: &[&Unit], tongue: Tongue) -> bool {
    fit.open.iter().filter(|t| t.weight >= 1.0).any(|t| {
        all.iter().any(|u| {
            has_word(t, u, tongue)
                && own.iter().any(|f| {
                    u.figures.iter().any(|x| f.is_like(x)) && (!has(u, f) || std::ptr::eq(*u, fit.unit))
                })
        })
    })
}

/// The share of the words that the best unit has, together with one more that agrees: what
/// is merged from two sentences.
pub fn joint_cover(words: &[Term], own: &[&Figure], best: &Fit<'_>, fits: &[Fit<'_>], tongue: Tongue) -> f64 {
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

/// The share of the words that several units have together; words that say little count only beside
/// others.
pub fn cover_of_all(words: &[Term], fits: &[&Fit<'_>]) -> f64 {
    let heavy = words.iter().any(|t| t.weight >= 1.0);
    let asked: Vec<&Term> = words.iter().filter(|t| heavy && t.weight >= 1.0).collect();
    let open = |t: &&&Term| fits.iter().all(|f| f.open.iter().any(|o| o.at == t.at));
    let missing = asked.iter().filter(open).count();
    1.0 - missing as f64 / asked.len().max(1) as f64
}

/// The share of the words that the best unit has with up to two more, each of which adds
/// some and says yes where the best says yes; and their texts.
pub fn merged(words: &[Term], best: &Fit<'_>, rest: &[Fit<'_>]) -> (f64, String) {
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

/// Whether a part is what a unit says letter by letter, with words put in that no cited
/// source has and whose meaning no word here is known to share: nothing of the unit stands where they do, so they aren't its words put
/// another way.
pub fn adds(part: &str, words: &[Term], unit: &Unit, known: &impl Fn(&Term) -> bool) -> bool {
    let mut next = 0;
    let mut matched = 0;
    // A word that was put in, and whether a word of the unit was left out in its place.
    let mut put_in = false;
    let mut pending = false;
    let heavy = |terms: &[Term]| terms.iter().any(|u| u.weight >= 1.0);
    for term in words {
        if term.weight >= 1.0 && !known(term) && !term.key.starts_with('#') {
            pending = true;
            continue;
        }
        let spelt = fold(&part[term.at.clone()]);
        let Some(at) = unit.terms[next..]
            .iter()
            .position(|u| fold(&unit.text[u.at.clone()]) == spelt)
        else {
            return false;
        };
        put_in |= pending && !heavy(&unit.terms[next..next + at]);
        pending = false;
        next += at + 1;
        matched += usize::from(term.weight >= 1.0);
    }
    put_in |= pending && !heavy(&unit.terms[next..]);
    put_in && matched >= 2
}
