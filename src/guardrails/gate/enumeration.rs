//! What a source's sentence says of several things one after the other, each with a figure of its
//! own: `€8 to Austria, €14 to Switzerland`.

use std::ops::Range;

use super::figures::Figure;
use super::parts::parts;
use super::tongue::Tongue;
use super::units::Unit;
use super::words::{Term, same};

/// Whether a part that says one of a unit's figures also says what the figure is said of: a word of the
/// piece that holds it and of no other, or the visitor has said it.
pub fn keeps_apart(
    words: &[Term],
    own: &[&Figure],
    unit: &Unit,
    asked: &dyn Fn(&Term) -> bool,
    tongue: Tongue,
) -> bool {
    if unit.row.is_some() || own.is_empty() {
        return true;
    }
    let few = |f: &&Figure| {
        let all = unit.figures.iter().filter(|u| u.is_like(f)).count();
        all > own.iter().filter(|o| o.is_like(f)).count()
    };
    if !own.iter().any(few) {
        return true;
    }
    let pieces = pieces(unit);
    if pieces.len() < 2 {
        return true;
    }
    let of = |k: usize| {
        let range = pieces[k].clone();
        unit.figures.iter().filter(move |u| range.contains(&u.at.start))
    };
    let holds = |k: usize, f: &Figure| of(k).any(|u| f.is_said_by(u, |_| false));
    let said = |k: usize| {
        let subject = subject(unit, &pieces, k, tongue);
        let by_words = |s: &Term| words.iter().any(|w| same(&w.key, &s.key, tongue));
        subject.is_empty() || subject.iter().any(|s| by_words(s) || asked(s))
    };
    let here: Vec<&&Figure> = own
        .iter()
        .filter(|f| (0..pieces.len()).any(|k| holds(k, f)))
        .collect();
    let mut together = (0..pieces.len())
        .filter(|k| here.iter().all(|f| holds(*k, f)))
        .peekable();
    if together.peek().is_some() {
        return together.any(said);
    }
    // Figures of several pieces: not some of one with some of another.
    let paired = (0..pieces.len()).any(|k| of(k).count() > 1);
    !paired
        && here
            .iter()
            .all(|f| (0..pieces.len()).any(|k| holds(k, f) && said(k)))
}

fn pieces(unit: &Unit) -> Vec<Range<usize>> {
    let base = unit.text.as_ptr() as usize;
    parts(&unit.text, &unit.figures)
        .into_iter()
        .map(|p| {
            let start = p.as_ptr() as usize - base;
            start..start + p.len()
        })
        .collect()
}

fn figure_in<'a>(unit: &'a Unit, piece: &Range<usize>) -> Option<&'a Figure> {
    unit.figures.iter().find(|f| piece.contains(&f.at.start))
}

/// The words that a piece alone has. The first one's may be all's: only what stands behind its figure
/// counts, if the others have theirs there too.
fn subject<'a>(unit: &'a Unit, pieces: &[Range<usize>], piece: usize, tongue: Tongue) -> Vec<&'a Term> {
    let of = |k: usize| {
        let range = pieces[k].clone();
        unit.terms
            .iter()
            .filter(move |t| t.weight >= 1.0 && range.contains(&t.at.start))
    };
    let alone = |k: usize| -> Vec<&Term> {
        of(k)
            .filter(|t| !(0..pieces.len()).any(|o| o != k && of(o).any(|u| same(&t.key, &u.key, tongue))))
            .collect()
    };
    let behind = |k: usize| -> Vec<&'a Term> {
        let from = figure_in(unit, &pieces[k]).map_or(usize::MAX, |f| f.at.end);
        of(k).filter(|t| t.at.start >= from).collect()
    };
    if piece > 0 {
        let own = alone(piece);
        return unit
            .terms
            .iter()
            .filter(|t| own.iter().any(|o| o.at == t.at))
            .collect();
    }
    let others = (1..pieces.len()).filter(|k| figure_in(unit, &pieces[*k]).is_some());
    if others.clone().count() > 0 && others.clone().all(|k| !behind(k).is_empty()) {
        behind(0)
    } else {
        Vec::new()
    }
}
