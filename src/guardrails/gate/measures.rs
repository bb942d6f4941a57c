//! What follows or goes before a number and makes it an amount of something: currencies,
//! units, times of day, how often, which one, at most or at least.

use super::figures::Unit;
use super::numerals::Token;

const DAY: i64 = 86_400;

/// What `am`, `pm` and `Uhr` add to an hour, in minutes, and where it ends.
pub fn half_day(t: &[Token], i: usize) -> (fn(i64) -> i64, usize) {
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

pub fn currency(word: &str) -> Option<&'static str> {
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
pub fn unit(t: &[Token], at: usize) -> (Unit, i64, usize) {
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
pub fn times(t: &[Token], i: usize) -> Option<(i64, usize)> {
    let n = match t[i].lower.as_str() {
        "twice" | "zweimal" | "zwei\u{ad}mal" => 2,
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
pub fn ordinal(t: &[Token], i: usize) -> Option<(i64, usize)> {
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
/// The words that say how often, or which one.
pub fn words() -> impl Iterator<Item = &'static str> {
    const WORDS: &[&str] = &[
        "twice",
        "zweimal",
        "zwei\u{ad}mal",
        "thrice",
        "dreimal",
        "viermal",
        "fünfmal",
        "once",
        "einmal",
        "first",
        "fir",
        "erste",
        "second",
        "zweite",
        "third",
        "dritte",
        "fourth",
        "vierte",
        "fifth",
        "fünfte",
        "tenth",
        "zehnte",
    ];
    WORDS.iter().copied()
}
