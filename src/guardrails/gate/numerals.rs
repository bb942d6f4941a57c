//! Words, signs and numbers of a text, and numbers that are written as words.

use std::ops::Range;

use super::figures::ONE;
use super::number_words::{scale, word};
use super::words::fold;

/// Year, month, day.
type Day = (Option<i64>, i64, i64);

/// A word, a number or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// In lower case.
    pub lower: String,
    /// Whether it begins with a capital.
    pub capital: bool,
    /// Whether a dash follows or goes before it.
    pub dashed: bool,
    /// Its value in millionths, as a numeral.
    pub number: Option<i64>,
    /// `one`, `a`, `ein`: a number only before a unit.
    pub vague: bool,
    /// `2nd`
    pub ordinal: Option<i64>,
    /// `14:00`, in minutes.
    pub clock: Option<i64>,
    /// `3.5.2027`, `2027-05-03`: year, month, day.
    pub date: Option<Day>,
    /// `E27`, `2.10.3`
    pub code: Option<String>,
    /// Its place, in bytes.
    pub at: Range<usize>,
}

/// The tokens of a text; Markdown's emphasis and white space are none.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() || matches!(c, '*' | '_' | '`' | '\u{ad}') {
            at += c.len_utf8();
            continue;
        }
        let start = at;
        if c.is_ascii_digit() {
            let (mut token, len) = numeral(rest);
            at += len;
            token.at = start..at;
            out.push(token);
            continue;
        }
        if c.is_alphanumeric() {
            let mut len = rest
                .char_indices()
                .find(|(i, c)| {
                    let joins =
                        matches!(c, '\'' | '’') && rest[i + c.len_utf8()..].starts_with(char::is_alphabetic);
                    !(c.is_alphanumeric() || joins || matches!(c, '\u{ad}' | '\u{300}'..='\u{36f}'))
                })
                .map_or(rest.len(), |(i, _)| i);
            // `p.m.`
            if matches!(
                rest.get(..3).map(str::to_lowercase).as_deref(),
                Some("p.m" | "a.m")
            ) {
                len = 3;
            }
            at += len;
            let word = &text[start..at];
            let mut token = plain(word, start..at);
            if word.contains(|c: char| c.is_ascii_digit()) {
                token.code = Some(token.lower.clone());
            }
            out.push(token);
            continue;
        }
        let len = if rest.starts_with("°C") { 3 } else { c.len_utf8() };
        at += len;
        let sign = plain(&text[start..at], start..at);
        if matches!(c, '–' | '-' | '—')
            && let Some(before) = out.last_mut().filter(|t| t.at.end == start)
        {
            before.dashed = true;
        }
        out.push(sign);
    }
    for i in 1..out.len() {
        out[i].dashed |=
            matches!(out[i - 1].lower.as_str(), "–" | "-" | "—") && out[i].at.start == out[i - 1].at.end;
    }
    out
}

fn plain(word: &str, at: Range<usize>) -> Token {
    let lower = fold(word);
    Token {
        capital: word.starts_with(char::is_uppercase),
        dashed: false,
        number: None,
        vague: matches!(
            lower.as_str(),
            "one" | "ein" | "eine" | "einem" | "einer" | "eines" | "einen"
        ),
        ordinal: None,
        clock: None,
        date: None,
        code: None,
        at,
        lower,
    }
}

/// What begins with a digit.
fn numeral(rest: &str) -> (Token, usize) {
    if let Some((date, len)) = date(rest) {
        let mut token = plain(&rest[..len], 0..len);
        token.date = Some(date);
        return (token, len);
    }
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let first = digits(rest);
    // `14:00`
    if first <= 2 && rest[first..].starts_with(':') && digits(&rest[first + 1..]) == 2 {
        let (h, m): (i64, i64) = (
            rest[..first].parse().unwrap_or(0),
            rest[first + 1..first + 3].parse().unwrap_or(0),
        );
        let mut token = plain(&rest[..first + 3], 0..first + 3);
        token.clock = Some(h * 60 + m);
        return (token, first + 3);
    }
    // Groups of digits and what separates them.
    let mut groups = vec![&rest[..first]];
    let mut separators = Vec::new();
    let mut len = first;
    while let Some(c) = rest[len..]
        .chars()
        .next()
        .filter(|c| matches!(c, '.' | ',' | '\'' | '’' | '\u{a0}' | '\u{202f}'))
    {
        let n = digits(&rest[len + c.len_utf8()..]);
        let thousands = n == 3;
        if n == 0 || (!matches!(c, '.' | ',') && !thousands) {
            break;
        }
        let from = len + c.len_utf8();
        groups.push(&rest[from..from + n]);
        separators.push(c);
        len = from + n;
    }
    let letters = rest[len..]
        .chars()
        .take_while(|c| c.is_alphabetic())
        .map(char::len_utf8)
        .sum::<usize>();
    let suffix = rest[len..len + letters].to_lowercase();
    let mut token = plain(&rest[..len], 0..len);
    if matches!(suffix.as_str(), "st" | "nd" | "rd" | "th") && separators.is_empty() {
        token.ordinal = rest[..len].parse().ok();
        return (token, len + letters);
    }
    let unit = matches!(
        suffix.as_str(),
        "" | "x"
            | "mm"
            | "cm"
            | "m"
            | "km"
            | "g"
            | "kg"
            | "w"
            | "kw"
            | "v"
            | "l"
            | "ml"
            | "h"
            | "min"
            | "am"
            | "pm"
            | "eur"
            | "usd"
            | "lb"
            | "lbs"
    );
    match decimal(&groups, &separators) {
        Some(value) if unit => token.number = Some(value),
        _ => {
            len += letters;
            // The rest of a code: `5G9`.
            len += rest[len..]
                .chars()
                .take_while(|c| c.is_alphanumeric())
                .map(char::len_utf8)
                .sum::<usize>();
            token = plain(&rest[..len], 0..len);
            token.code = Some(token.lower.clone());
        }
    }
    (token, len)
}

/// Three digits after a separator are thousands, `1.000` as `1,000`; fewer are decimals.
fn decimal(groups: &[&str], separators: &[char]) -> Option<i64> {
    let last = groups.len() - 1;
    let zero = groups[0] == "0" || groups[0].len() > 3;
    let fraction = last > 0 && (groups[last].len() != 3 || (last == 1 && zero));
    let whole = if fraction { &groups[..last] } else { groups };
    if whole[1..].iter().any(|g| g.len() != 3) || (whole.len() > 1 && whole[0].len() > 3) {
        return None;
    }
    let inner = &separators[..whole.len() - 1];
    let mixed = inner.iter().any(|s| *s != inner[0])
        || (fraction && whole.len() > 1 && separators[last - 1] == inner[0]);
    if mixed {
        return None;
    }
    let value: i64 = whole.concat().parse().ok()?;
    let mut micro = value.checked_mul(ONE)?;
    if fraction {
        let digits = groups[last].trim_end_matches('0');
        if digits.len() > 6 {
            return None;
        }
        micro += format!("{digits:0<6}").parse::<i64>().ok()?;
    }
    Some(micro)
}

/// `3.5.2027`, `3. 5. 2027`, `2027-05-03`, and `25/12/2027` where the day is over 12.
fn date(rest: &str) -> Option<(Day, usize)> {
    let mut parts = Vec::new();
    let mut at = 0;
    let mut sign = None;
    for k in 0..3 {
        let n = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
        if n == 0 || n > 4 {
            return None;
        }
        parts.push((rest[at..at + n].parse::<i64>().ok()?, n));
        at += n;
        if k < 2 {
            let c = rest[at..]
                .chars()
                .next()
                .filter(|c| matches!(c, '.' | '-' | '/'))?;
            if *sign.get_or_insert(c) != c {
                return None;
            }
            at += 1;
            if c == '.' && rest[at..].starts_with(' ') {
                at += 1;
            }
        }
    }
    if rest[at..].starts_with(|c: char| c.is_alphanumeric() && c != 'T') {
        return None;
    }
    let [(a, la), (b, lb), (c, lc)] = parts[..] else {
        return None;
    };
    let (y, m, d) = match sign? {
        '-' if la == 4 && lb == 2 && lc == 2 => (a, b, c),
        '.' if lc == 4 => (c, b, a),
        '/' if lc == 4 && a > 12 => (c, b, a),
        '/' if lc == 4 && b > 12 => (c, a, b),
        _ => return None,
    };
    // The time after a `T` belongs to it.
    if rest[at..].starts_with('T') {
        at += rest[at..]
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'+'))
            .count();
    }
    ((1..=12).contains(&m) && (1..=31).contains(&d)).then_some(((Some(y), m, d), at))
}

/// The value of the number that begins at a token, in millionths, and where it ends.
pub fn value(t: &[Token], i: usize) -> Option<(i64, usize)> {
    if let Some(n) = t[i].number {
        let dash = t
            .get(i + 1)
            .is_some_and(|s| matches!(s.lower.as_str(), "," | "."))
            && t.get(i + 2)
                .is_some_and(|s| matches!(s.lower.as_str(), "-" | "–"));
        let next = if dash && t[i + 1].at.start == t[i].at.end {
            i + 3
        } else {
            i + 1
        };
        return Some((n, next));
    }
    let mut n = word(&t[i].lower)?;
    let mut next = i + 1;
    // `thirty-one`
    if (20..100).contains(&n) && n % 10 == 0 {
        let one = next + usize::from(t.get(next).is_some_and(|t| t.lower == "-"));
        if let Some(ones) = t
            .get(one)
            .and_then(|t| word(&t.lower))
            .filter(|n| (1..10).contains(n))
        {
            n += ones;
            next = one + 1;
        }
    }
    // `two hundred`, `a dozen`
    while let Some(factor) = t.get(next).and_then(|t| scale(&t.lower)) {
        n = n.checked_mul(factor)?;
        next += 1;
    }
    Some((n.checked_mul(ONE)?, next))
}
