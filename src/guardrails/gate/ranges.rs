//! Figures that belong together: the two ends of a range, and amounts in a row that share
//! the last one's unit.

use super::figures::{Figure, Kind, ONE, Side, Unit};
use super::numerals::{self, tokens};

/// `2–3`, `4 to 6`, `between 9:00 and 17:00` become one figure.
pub fn join_ranges(text: &str, all: &mut Vec<Figure>) {
    let mut i = 0;
    while i + 1 < all.len() {
        let (a, b) = (&all[i], &all[i + 1]);
        let (Kind::Amount { lo, hi: l, unit: ua }, Kind::Amount { lo: h, hi, unit: ub }) = (&a.kind, &b.kind)
        else {
            i += 1;
            continue;
        };
        let between = text[a.at.end..b.at.start]
            .trim_matches(['*', '_', ' ', '\u{a0}', '€', '$', '£'])
            .to_lowercase();
        let ahead = text[..a.at.start].to_lowercase();
        let ahead = ahead.trim_end_matches([' ', '€', '$', '£', '*']);
        let joined = match between.as_str() {
            "–" | "-" | "—" | "to" | "bis" | "up to" | "bis zu" => true,
            "and" | "und" => ahead.ends_with("between") || ahead.ends_with("zwischen"),
            _ => false,
        };
        let unit = match (ua, ub) {
            (Unit::Bare, u) | (u, Unit::Bare) => Some(*u),
            (a, b) if a == b => Some(*a),
            _ => None,
        };
        if let (true, Some(unit), true) = (joined, unit, lo == l && h == hi) {
            let lo = if *ua == Unit::Bare {
                rescale(text, &all[i + 1], *lo, unit)
            } else {
                *lo
            };
            let hi = *hi;
            let at = a.at.start..b.at.end;
            all[i] = Figure {
                kind: Kind::Amount { lo, hi, unit },
                side: Side::Exact,
                at,
            };
            all.remove(i + 1);
        }
        i += 1;
    }
}

/// A bare amount in the unit of the one after it.
fn rescale(text: &str, next: &Figure, value: i64, unit: Unit) -> i64 {
    let Kind::Amount { lo, hi, .. } = next.kind else {
        return value;
    };
    let number = tokens(&text[next.at.clone()]);
    let upper = numerals::value(&number, 0).map_or(ONE, |(v, _)| v).max(1);
    let scaled = if lo == hi { lo } else { hi };
    match unit {
        Unit::Clock => value * 60,
        _ if scaled % upper == 0 => value * (scaled / upper),
        _ => value,
    }
}

/// `120 × 60 × 74 cm`, `22, 31 and 45 cm`: the last one's unit is that of all.
pub fn hand_back_units(text: &str, all: &mut [Figure]) {
    for i in (0..all.len().saturating_sub(1)).rev() {
        let between = text[all[i].at.end..all[i + 1].at.start].trim().to_lowercase();
        let joins = matches!(
            between.as_str(),
            "×" | "x" | "by" | "," | "and" | "or" | "und" | "oder" | "/" | "mal" | "*"
        );
        let Kind::Amount { unit, .. } = all[i + 1].kind else {
            continue;
        };
        if unit == Unit::Bare || !joins {
            continue;
        }
        if let Kind::Amount {
            lo,
            hi,
            unit: Unit::Bare,
        } = all[i].kind.clone()
        {
            let scale = |v| rescale(text, &all[i + 1], v, unit);
            all[i].kind = Kind::Amount {
                lo: scale(lo),
                hi: scale(hi),
                unit,
            };
        }
    }
}
