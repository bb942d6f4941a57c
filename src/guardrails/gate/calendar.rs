//! Dates, months and days of the week, in English and German notation.

use super::figures::{Kind, ONE};
use super::numerals::Token;

const MONTHS: [&[&str]; 12] = [
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

const DAYS: [&[&str]; 7] = [
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

const WEEKEND: &[&str] = &["weekend", "weekends", "wochenende", "wochenenden"];

/// The words that a date or a day may begin with.
pub fn words() -> impl Iterator<Item = &'static str> {
    let lists = MONTHS.into_iter().chain(DAYS).chain(SHORT).chain([WEEKEND]);
    lists.flat_map(|l| l.iter().copied())
}

fn month(word: &str) -> Option<i64> {
    (1..)
        .zip(MONTHS)
        .find(|(_, names)| names.contains(&word))
        .map(|(n, _)| n)
}

pub fn date(t: &[Token], i: usize) -> Option<(Kind, usize)> {
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
    let find = |names: [&[&str]; 7]| {
        (0..)
            .zip(names)
            .find(|(_, n)| n.contains(&t.lower.as_str()))
            .map(|(n, _)| n)
    };
    find(DAYS).or_else(|| {
        find(SHORT)
            .filter(|_| t.capital && t.lower != "do" && t.lower != "so" && t.lower != "sun" || t.dashed)
    })
}

pub fn days(t: &[Token], i: usize) -> Option<(Kind, usize)> {
    if WEEKEND.contains(&t[i].lower.as_str()) {
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
