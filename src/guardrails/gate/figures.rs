//! What a text states in figures: amounts with their units, dates, times, weekdays, codes;
//! as numerals or as words, in English or German notation, brought to one form.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::calendar::{self, date, days};
use super::measures::{self, currency, half_day, ordinal, times, unit};
use super::number_words;
use super::numerals::{self, Token, tokens};
use super::ranges::{hand_back_units, join_ranges};
use super::sides::{side, side_after};

/// What an amount is measured in; amounts of one kind are in its smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// None is given.
    Bare,
    /// A currency by its ISO code.
    Money(&'static str),
    Percent,
    /// Seconds to weeks, in seconds.
    Time,
    /// Working days.
    WorkDays,
    /// Months and years, in months.
    Months,
    /// In millimetres.
    Length,
    /// In grams.
    Mass,
    /// Pounds of weight.
    Pounds,
    Watts,
    Volts,
    /// In millilitres.
    Volume,
    Degrees,
    /// How often.
    Times,
    /// A time of day, in minutes.
    Clock,
}

/// Which side of an amount is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Exact,
    /// At most, before.
    Upper,
    /// At least, after.
    Lower,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// From `lo` to `hi`, in millionths of the unit; both are the same but in a range.
    Amount { lo: i64, hi: i64, unit: Unit },
    /// What is given of it.
    Date {
        year: Option<i64>,
        month: Option<i64>,
        day: Option<i64>,
    },
    /// Days of the week, a bit for each from Monday on.
    Days(u8),
    /// A second, a third.
    Ordinal(i64),
    /// Letters with digits, or digits that are no amount.
    Code(String),
}

/// A figure in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub kind: Kind,
    /// Which side of it.
    pub side: Side,
    /// Its place, in bytes.
    pub at: Range<usize>,
}

impl Figure {
    /// Whether a source's figure says this one too. `loose` sources give amounts without
    /// units: a table with units in its head, or a tool's result.
    pub fn is_said_by(&self, source: &Figure, loose: impl Fn(Unit) -> bool) -> bool {
        use Kind::{Amount, Code, Date, Days, Ordinal};
        let opposite = |a: Side, b: Side| a != b && a != Side::Exact && b != Side::Exact;
        match (&self.kind, &source.kind) {
            (
                Amount { lo, hi, unit },
                Amount {
                    lo: l,
                    hi: h,
                    unit: u,
                },
            ) => {
                let units = unit == u
                    || *unit == Unit::Bare && !matches!(u, Unit::Clock | Unit::Times)
                    || *u == Unit::Bare && loose(*unit);
                let same = if lo == hi && l != h {
                    // One end of a range, and which one is said.
                    (self.side == Side::Upper && lo == h) || (self.side == Side::Lower && lo == l)
                } else {
                    (lo, hi) == (l, h) && !opposite(self.side, source.side)
                };
                units && same
            }
            (
                Date { year, month, day },
                Date {
                    year: y,
                    month: m,
                    day: d,
                },
            ) => {
                let fits = |a: &Option<i64>, b: &Option<i64>| a.is_none() || a == b;
                fits(year, y) && fits(month, m) && fits(day, d)
            }
            // A year alone.
            (
                Amount {
                    lo, unit: Unit::Bare, ..
                },
                Date { year: Some(y), .. },
            ) => *lo == y * ONE,
            (Days(a), Days(b)) => a & !b == 0,
            (Ordinal(a), Ordinal(b)) => a == b,
            (Code(a), Code(b)) => a == b,
            (Code(a), Amount { lo, hi, .. }) => {
                lo == hi && a.parse::<i64>().is_ok_and(|a| a.checked_mul(ONE) == Some(*lo))
            }
            _ => false,
        }
    }

    /// Whether two figures are of a sort, so that one could be mistaken for the other.
    pub fn is_like(&self, other: &Figure) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Amount { unit: a, .. }, Kind::Amount { unit: b, .. }) => a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    /// A number that names something, such as an order: four digits and more, no unit.
    pub fn is_name(&self) -> bool {
        match &self.kind {
            Kind::Code(_) => true,
            Kind::Amount { lo, hi, unit } => lo == hi && *unit == Unit::Bare && *lo >= 1_000 * ONE,
            _ => false,
        }
    }
}

/// What 1 is as an amount.
pub const ONE: i64 = 1_000_000;

/// The figures of a text, in order.
pub fn figures(text: &str) -> Vec<Figure> {
    let tokens = tokens(text);
    let mut out: Vec<Figure> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match may_begin(&tokens[i]).then(|| read(&tokens, i)).flatten() {
            Some((figure, next)) => {
                out.push(figure);
                i = next;
            }
            None => i += 1,
        }
    }
    join_ranges(text, &mut out);
    hand_back_units(text, &mut out);
    out
}

/// Whether a token can be a figure's first: a numeral, or a word that stands for one.
fn may_begin(token: &Token) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let all = calendar::words()
            .chain(measures::words())
            .chain(number_words::words());
        all.map(ending).collect()
    });
    fn ending(word: &str) -> &str {
        word.trim_end_matches(['r', 's', 'n', 'm'])
    }
    token.number.is_some()
        || token.ordinal.is_some()
        || token.clock.is_some()
        || token.date.is_some()
        || token.code.is_some()
        || WORDS.contains(ending(&token.lower))
        || token.lower.contains("und")
        || token.lower.ends_with("hundert")
}

fn read(t: &[Token], i: usize) -> Option<(Figure, usize)> {
    let figure = |kind, side, last: usize| Figure {
        kind,
        side,
        at: t[i].at.start..t[last].at.end,
    };
    if let Some((kind, next)) = date(t, i).or_else(|| days(t, i)) {
        return Some((figure(kind, Side::Exact, next - 1), next));
    }
    if let Some(code) = &t[i].code {
        return Some((figure(Kind::Code(code.clone()), Side::Exact, i), i + 1));
    }
    if let Some(minutes) = t[i].clock {
        let (shift, next) = half_day(t, i + 1);
        let value = minutes + shift(minutes / 60);
        return Some((amount(figure, value * ONE, Unit::Clock, side(t, i), next), next));
    }
    if let Some((n, next)) = ordinal(t, i) {
        return Some((figure(Kind::Ordinal(n), Side::Exact, next - 1), next));
    }
    if let Some((n, next)) = times(t, i) {
        return Some((amount(figure, n * ONE, Unit::Times, side(t, i), next), next));
    }
    let (value, after) = numerals::value(t, i)?;
    // `2 pm`, `14 Uhr`, `14.00 Uhr`
    let (shift, next) = half_day(t, after);
    if next > after {
        let hours = value / ONE;
        let minutes = (value % ONE) * 100 / ONE;
        let value = hours * 60 + minutes + shift(hours);
        return Some((amount(figure, value * ONE, Unit::Clock, side(t, i), next), next));
    }
    if let Some(money) = i.checked_sub(1).and_then(|b| currency(&t[b].lower)) {
        let side = side_after(t, after).unwrap_or_else(|| side(t, i - 1));
        let mut figure = amount(figure, value, Unit::Money(money), side, after);
        figure.at.start = t[i - 1].at.start;
        return Some((figure, after));
    }
    let (unit, factor, next) = unit(t, after);
    // `one` and `ein` mostly are no numbers.
    if t[i].vague && (unit == Unit::Bare || matches!(unit, Unit::Times)) {
        return None;
    }
    let value = value.checked_mul(factor)?;
    let side = side_after(t, next).unwrap_or_else(|| side(t, i));
    Some((amount(figure, value, unit, side, next), next))
}

fn amount(
    figure: impl Fn(Kind, Side, usize) -> Figure,
    value: i64,
    unit: Unit,
    side: Side,
    next: usize,
) -> Figure {
    let kind = Kind::Amount {
        lo: value,
        hi: value,
        unit,
    };
    figure(kind, side, next - 1)
}
