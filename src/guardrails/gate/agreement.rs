//! Whether a source says yes where a sentence says yes, with the same exceptions and under
//! the same conditions.

use std::sync::LazyLock;

use super::Fault;
use super::figures::{Figure, figures};
use super::fit::{Fit, has_word};
use super::negation::{Clause, clauses, says_limits};
use super::support::TOO_LITTLE;
use super::tongue::Tongue;
use super::units::Unit;
use super::words::{Term, same, terms};

/// Yes and no, only, except and all must be the source's.
pub fn agree(
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
        .map(|f| f.unit.limits)
        .collect();
    let source = |k: usize| near.iter().any(|l| l[k]);
    if (only && !source(0)) || (except && !source(1)) {
        return Err(Fault::Negation);
    }
    if all && !close.iter().any(|f| f.unit.limits[2]) {
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
pub fn asked_only(
    part: &str,
    words: &[Term],
    best: &Fit<'_>,
    all: &[&Unit],
    tongue: Tongue,
) -> Result<(), Fault> {
    let denies = clauses(part).iter().any(|c| c.denies);
    let own = |u: &Unit, t: &Term| has_word(t, u, tongue);
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
pub fn unconditional(
    part: &str,
    words: &[Term],
    own: &[&Figure],
    fits: &[Fit<'_>],
    tongue: Tongue,
) -> Result<(), Fault> {
    static FREE: LazyLock<String> = LazyLock::new(|| terms("free", Tongue::English, &[]).swap_remove(0).key);
    let free = FREE.as_str();
    if !words.iter().any(|t| t.key == free) || !own.is_empty() {
        return Ok(());
    }
    let mut conditions = fits.iter().filter(|f| f.cover >= TOO_LITTLE).filter_map(|f| {
        // What stands in other cells is no condition.
        if let Some((table, row)) = &f.unit.row {
            let of_it = |(r, _): &(usize, _)| row.is_none_or(|row| row == *r);
            let rows = table.rows.iter().enumerate().filter(of_it);
            let mut cells = rows
                .flat_map(|(_, r)| r)
                .filter(|c| c.items.iter().any(|t| t.key == free));
            let first = cells.next()?;
            return Some(!first.figures.is_empty() && cells.all(|c| !c.figures.is_empty()));
        }
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
