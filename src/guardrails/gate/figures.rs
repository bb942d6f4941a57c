//! What a text states in figures: amounts with their units, dates, times, weekdays, codes;
//! as numerals or as words, in English or German notation, brought to one form.

use std::ops::Range;

use super::numerals::{self, Token, tokens};

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

const DAY: i64 = 86_400;

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
        match read(&tokens, i) {
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
        let mut figure = amount(figure, value, Unit::Money(money), side(t, i - 1), after);
        figure.at.start = t[i - 1].at.start;
        return Some((figure, after));
    }
    let (unit, factor, next) = unit(t, after);
    // `one` and `ein` mostly are no numbers.
    if t[i].vague && (unit == Unit::Bare || matches!(unit, Unit::Times)) {
        return None;
    }
    let value = value.checked_mul(factor)?;
    let mut side = side(t, i);
    let follows = |words: &[&str]| {
        words
            .iter()
            .enumerate()
            .all(|(k, w)| t.get(next + k).is_some_and(|t| t.lower == *w))
    };
    if follows(&["or", "more"])
        || follows(&["and", "more"])
        || follows(&["oder", "mehr"])
        || follows(&["and", "above"])
        || follows(&["or", "above"])
    {
        side = Side::Lower;
    } else if follows(&["or", "less"]) || follows(&["oder", "weniger"]) {
        side = Side::Upper;
    }
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

/// What `am`, `pm` and `Uhr` add to an hour, in minutes, and where it ends.
fn half_day(t: &[Token], i: usize) -> (fn(i64) -> i64, usize) {
    match t.get(i).map(|t| t.lower.as_str()) {
        Some("pm" | "p.m") => (|h| if h < 12 { 720 } else { 0 }, i + 1),
        Some("am" | "a.m")
            if t.get(i + 1)
                .is_none_or(|t| t.code.is_none() && t.number.is_none()) =>
        {
            (|h| if h == 12 { -720 } else { 0 }, i + 1)
        }
        Some("uhr" | "o'clock" | "hrs") => (|_| 0, i + 1),
        _ => (|_| 0, i),
    }
}

fn currency(word: &str) -> Option<&'static str> {
    Some(match word {
        "€" | "eur" | "euro" | "euros" => "EUR",
        "$" | "usd" | "dollar" | "dollars" => "USD",
        "£" | "gbp" => "GBP",
        "¥" | "jpy" | "yen" => "JPY",
        "chf" | "franken" | "francs" | "fr" | "sfr" => "CHF",
        "nok" => "NOK",
        "sek" => "SEK",
        "dkk" => "DKK",
        "pln" | "zł" | "złoty" => "PLN",
        "czk" | "kč" => "CZK",
        "inr" | "₹" => "INR",
        _ => return None,
    })
}

/// The unit after a number, what a number of it is in the kind's smallest, and where it ends.
fn unit(t: &[Token], at: usize) -> (Unit, i64, usize) {
    let word = |i: usize| t.get(i).map_or("", |t| t.lower.as_str());
    // `30-day`
    let i = if word(at) == "-" { at + 1 } else { at };
    if let Some(code) = currency(word(i)) {
        return (Unit::Money(code), 1, i + 1);
    }
    if matches!(word(i), "working" | "business" | "work") && matches!(word(i + 1), "day" | "days") {
        return (Unit::WorkDays, 1, i + 2);
    }
    if matches!(
        word(i),
        "calendar" | "full" | "more" | "whole" | "volle" | "vollen" | "weitere" | "ganze"
    ) {
        let (unit, factor, next) = unit(t, i + 1);
        if matches!(unit, Unit::Time | Unit::Months | Unit::WorkDays) {
            return (unit, factor, next);
        }
    }
    let (unit, factor) =
        match word(i) {
            "%" | "percent" | "prozent" | "procent" | "pct" => (Unit::Percent, 1),
            "second" | "seconds" | "sec" | "sek" | "sekunde" | "sekunden" => (Unit::Time, 1),
            "minute" | "minutes" | "min" | "mins" | "minuten" | "minuti" | "minutos" => (Unit::Time, 60),
            "hour" | "hours" | "h" | "hr" | "hrs" | "stunde" | "stunden" | "heures" | "horas" | "ore"
            | "uur" => (Unit::Time, 3_600),
            "day" | "days" | "tag" | "tage" | "tagen" | "tages" | "jours" | "días" | "giorni" | "dagen"
            | "dni" | "jour" | "día" | "giorno" => (Unit::Time, DAY),
            "week" | "weeks" | "woche" | "wochen" | "semaines" | "semanas" | "settimane" | "weken" => {
                (Unit::Time, 7 * DAY)
            }
            "month" | "months" | "monat" | "monate" | "monaten" | "monats" | "mois" | "meses" | "mesi"
            | "maanden" => (Unit::Months, 1),
            "year" | "years" | "jahr" | "jahre" | "jahren" | "jahres" | "ans" | "années" | "años"
            | "anni" | "jaar" | "lat" => (Unit::Months, 12),
            "werktag" | "werktage" | "werktagen" | "arbeitstag" | "arbeitstage" | "arbeitstagen"
            | "werktags" | "werkdagen" => (Unit::WorkDays, 1),
            "mm" | "millimetre" | "millimetres" | "millimeter" | "millimeters" => (Unit::Length, 1),
            "cm" | "centimetre" | "centimetres" | "zentimeter" | "zentimetern" | "centimeter"
            | "centimeters" => (Unit::Length, 10),
            "m" | "metre" | "metres" | "meter" | "meters" | "metern" => (Unit::Length, 1_000),
            "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => (Unit::Length, 1_000_000),
            "g" | "gram" | "grams" | "gramm" => (Unit::Mass, 1),
            "kg" | "kilo" | "kilos" | "kilogram" | "kilograms" | "kilogramm" => (Unit::Mass, 1_000),
            "lb" | "lbs" | "pound" | "pounds" | "pfund" => (Unit::Pounds, 1),
            "w" | "watt" | "watts" => (Unit::Watts, 1),
            "kw" => (Unit::Watts, 1_000),
            "v" | "volt" | "volts" => (Unit::Volts, 1),
            "ml" => (Unit::Volume, 1),
            "l" | "litre" | "litres" | "liter" | "liters" => (Unit::Volume, 1_000),
            "°" | "°c" | "degrees" | "grad" => (Unit::Degrees, 1),
            "times" | "mal" | "x" if t.get(i + 1).is_none_or(|t| t.number.is_none()) => (Unit::Times, 1),
            _ => return (Unit::Bare, 1, at),
        };
    (unit, factor, i + 1)
}

/// `once`, `twice`, `zweimal`: where they count.
fn times(t: &[Token], i: usize) -> Option<(i64, usize)> {
    let n = match t[i].lower.as_str() {
        "twice" | "zweimal" | "zwei­mal" => 2,
        "thrice" | "dreimal" => 3,
        "viermal" => 4,
        "fünfmal" => 5,
        "once" | "einmal" => {
            let near = |k: usize| t.get(i + k).map_or("", |t| t.lower.as_str());
            let before = i.checked_sub(1).map_or("", |b| t[b].lower.as_str());
            let per = matches!(
                near(1),
                "a" | "an" | "per" | "im" | "pro" | "in" | "every" | "each"
            ) && unit(t, i + 2).0 != Unit::Bare
                || matches!(
                    near(1),
                    "pro" | "jährlich" | "täglich" | "monatlich" | "daily" | "yearly" | "only" | "per"
                );
            let ends = matches!(near(1), "" | "." | "," | "and" | "or" | "und" | "!" | ";");
            let counted = t[i].lower == "once" && ends && !matches!(before, "at" | "all" | "more")
                || before == "only"
                || before == "nur";
            if per || counted { 1 } else { return None }
        }
        _ => return None,
    };
    Some((n, i + 1))
}

/// `the 2nd`, `a second one`, `der dritte`: not `a second` of time, nor `first` by itself.
fn ordinal(t: &[Token], i: usize) -> Option<(i64, usize)> {
    if let Some(n) = t[i].ordinal {
        return Some((n, i + 1));
    }
    let n = match t[i].lower.trim_end_matches(['r', 's', 'n', 'm']) {
        "first" | "fir" | "erste" => 1,
        "second" | "zweite" => 2,
        "third" | "dritte" => 3,
        "fourth" | "vierte" => 4,
        "fifth" | "fünfte" => 5,
        "tenth" | "zehnte" => 10,
        _ => return None,
    };
    let before = i.checked_sub(1).map_or("", |b| t[b].lower.as_str());
    let article = matches!(
        before,
        "the"
            | "your"
            | "my"
            | "our"
            | "a"
            | "its"
            | "every"
            | "each"
            | "der"
            | "die"
            | "das"
            | "den"
            | "dem"
            | "ihre"
            | "ihr"
            | "jede"
            | "jeder"
            | "jeden"
            | "eine"
            | "ein"
            | "einen"
    );
    article.then_some((n, i + 1))
}

fn month(word: &str) -> Option<i64> {
    const NAMES: [&[&str]; 12] = [
        &["january", "jan", "januar", "jänner"],
        &["february", "feb", "februar", "feber"],
        &["march", "mar", "märz"],
        &["april", "apr"],
        &["may", "mai"],
        &["june", "jun", "juni"],
        &["july", "jul", "juli"],
        &["august", "aug"],
        &["september", "sep", "sept"],
        &["october", "oct", "oktober", "okt"],
        &["november", "nov"],
        &["december", "dec", "dezember", "dez"],
    ];
    (1..)
        .zip(NAMES)
        .find(|(_, names)| names.contains(&word))
        .map(|(n, _)| n)
}

fn date(t: &[Token], i: usize) -> Option<(Kind, usize)> {
    if let Some((y, m, d)) = t[i].date {
        return Some((
            Kind::Date {
                year: y,
                month: Some(m),
                day: Some(d),
            },
            i + 1,
        ));
    }
    let whole = |i: usize| {
        t.get(i)
            .and_then(|t| t.number)
            .filter(|n| n % ONE == 0)
            .map(|n| n / ONE)
    };
    let year = |i: usize| whole(i).filter(|n| (1900..2100).contains(n));
    let day = |i: usize| {
        whole(i)
            .or_else(|| t.get(i).and_then(|t| t.ordinal))
            .filter(|n| (1..=31).contains(n))
    };
    let is = |i: usize, s: &str| t.get(i).is_some_and(|t| t.lower == s);
    let named = |i: usize| t.get(i).and_then(|t| month(&t.lower));
    // `3. Mai 2027`, `3 May`, `3rd of May`
    if let Some(d) = day(i) {
        let mut m = i + 1;
        m += usize::from(is(m, "."));
        m += usize::from(is(m, "of"));
        let named = named(m)?;
        // `the 3 may` needs more to be a date than the verb.
        if t[m].lower == "may" && !t[m].capital {
            return None;
        }
        let mut y = m + 1;
        y += usize::from(is(y, ",") && year(y + 1).is_some());
        let found = year(y);
        let next = if found.is_some() { y + 1 } else { m + 1 };
        return Some((
            Kind::Date {
                year: found,
                month: Some(named),
                day: Some(d),
            },
            next,
        ));
    }
    let m = named(i)?;
    // `May 3, 2027`, `May 2027`, `in October`
    if let Some(y) = year(i + 1) {
        return Some((
            Kind::Date {
                year: Some(y),
                month: Some(m),
                day: None,
            },
            i + 2,
        ));
    }
    if let Some(d) = day(i + 1).filter(|_| t[i].capital) {
        let y = i + 2 + usize::from(is(i + 2, ","));
        let found = year(y);
        let next = if found.is_some() { y + 1 } else { i + 2 };
        return Some((
            Kind::Date {
                year: found,
                month: Some(m),
                day: Some(d),
            },
            next,
        ));
    }
    let plain = t[i].lower.chars().count() > 3 && !matches!(t[i].lower.as_str(), "march") && t[i].capital;
    plain.then_some((
        Kind::Date {
            year: None,
            month: Some(m),
            day: None,
        },
        i + 1,
    ))
}

fn weekday(t: &Token) -> Option<u8> {
    const NAMES: [&[&str]; 7] = [
        &["monday", "mondays", "montag", "montags"],
        &["tuesday", "tuesdays", "dienstag", "dienstags"],
        &["wednesday", "wednesdays", "mittwoch", "mittwochs"],
        &["thursday", "thursdays", "donnerstag", "donnerstags"],
        &["friday", "fridays", "freitag", "freitags"],
        &["saturday", "saturdays", "samstag", "samstags", "sonnabend"],
        &["sunday", "sundays", "sonntag", "sonntags"],
    ];
    const SHORT: [&[&str]; 7] = [
        &["mon", "mo"],
        &["tue", "tues", "di"],
        &["wed", "mi"],
        &["thu", "thur", "thurs", "do"],
        &["fri", "fr"],
        &["sat", "sa"],
        &["sun", "so"],
    ];
    let find = |names: [&[&str]; 7]| {
        (0..)
            .zip(names)
            .find(|(_, n)| n.contains(&t.lower.as_str()))
            .map(|(n, _)| n)
    };
    find(NAMES).or_else(|| {
        find(SHORT)
            .filter(|_| t.capital && t.lower != "do" && t.lower != "so" && t.lower != "sun" || t.dashed)
    })
}

fn days(t: &[Token], i: usize) -> Option<(Kind, usize)> {
    if matches!(
        t[i].lower.as_str(),
        "weekend" | "weekends" | "wochenende" | "wochenenden"
    ) {
        return Some((Kind::Days(0b110_0000), i + 1));
    }
    let from = weekday(&t[i])?;
    let mut j = i + 1;
    j += usize::from(t.get(j).is_some_and(|t| t.lower == "."));
    let ranged = t.get(j).is_some_and(|t| {
        matches!(
            t.lower.as_str(),
            "-" | "–" | "—" | "to" | "bis" | "until" | "through"
        )
    });
    let to = t.get(j + 1).filter(|_| ranged).and_then(weekday);
    Some(match to {
        Some(to) if to >= from => (Kind::Days((from..=to).fold(0, |m, d| m | 1 << d)), j + 2),
        _ => (Kind::Days(1 << from), i + 1),
    })
}

/// The side that the words before an amount give it.
fn side(t: &[Token], i: usize) -> Side {
    let word = |k: usize| i.checked_sub(k).map_or("", |b| t[b].lower.as_str());
    let i = match word(1) {
        "€" | "$" | "£" | "eur" | "usd" | "chf" | "about" | "zu" | "to" => 2,
        _ => 1,
    };
    let (last, before) = (word(i), word(i + 1));
    match last {
        "up" if word(1) == "to" => Side::Upper,
        "under" | "below" | "within" | "until" | "maximum" | "max" | "bis" | "unter" | "höchstens"
        | "innerhalb" | "maximal" | "before" | "by" | "vor" | "spätestens" => Side::Upper,
        "over" | "above" | "from" | "exceeding" | "minimum" | "ab" | "über" | "mindestens" | "after"
        | "nach" | "past" | "since" | "seit" => Side::Lower,
        "than"
            if matches!(before, "less" | "fewer" | "earlier")
                || (before == "more" && matches!(word(i + 2), "no" | "not")) =>
        {
            Side::Upper
        }
        "than" if matches!(before, "more" | "later" | "longer") => Side::Lower,
        "als" if before == "weniger" => Side::Upper,
        "als" if before == "mehr" => Side::Lower,
        "most" if before == "at" => Side::Upper,
        "least" if before == "at" => Side::Lower,
        "von" if before == "innerhalb" => Side::Upper,
        _ => Side::Exact,
    }
}

/// `2–3`, `4 to 6`, `between 9:00 and 17:00` become one figure.
fn join_ranges(text: &str, all: &mut Vec<Figure>) {
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
fn hand_back_units(text: &str, all: &mut [Figure]) {
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
