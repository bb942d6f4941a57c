//! Numbers as a workbook shows them: each cell's style names a format code, and this
//! reads the codes. What depends on the reader's country is written in a form that
//! nobody takes for another: dates as 2026-11-27.

use std::collections::HashMap;

use chrono::{Datelike, Days, NaiveDate, Timelike};

use crate::knowledge::extract::xml::Node;

/// Digits after the point at most.
const MOST_DECIMALS: usize = 15;
/// The last day that Excel knows, 9999-12-31.
const LAST_DAY: f64 = 2_958_466.0;

/// The formats of a workbook's styles.
#[derive(Debug, Default)]
pub struct Formats {
    /// By style.
    codes: Vec<Vec<Section>>,
    from_1904: bool,
}

/// A format for positive, negative or zero numbers.
#[derive(Debug, Clone, Default, PartialEq)]
struct Section {
    tokens: Vec<Token>,
    percent: bool,
    is_date: bool,
    half_days: bool,
    /// Beyond what this reads; numbers are shown plainly.
    odd: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(String),
    Number(Digits),
    /// `y`, `m`, `d`, `h`, `s`, or `n` for minutes, and how often.
    Date(char, usize),
    /// Hours, minutes or seconds that don't begin anew.
    Elapsed(char),
    HalfDay,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Digits {
    whole: usize,
    least_decimals: usize,
    most_decimals: usize,
    thousands: bool,
    scale: i32,
    exponent: bool,
}

impl Formats {
    /// Reads the styles' part.
    pub fn read(styles: Option<&Node>, from_1904: bool) -> Self {
        let own: HashMap<&str, &str> = styles
            .and_then(|s| s.child("numFmts"))
            .map(|f| {
                f.all("numFmt")
                    .filter_map(|n| Some((n.attr("numFmtId")?, n.attr("formatCode")?)))
                    .collect()
            })
            .unwrap_or_default();
        let code = |style: &Node| {
            let id = style.attr("numFmtId").unwrap_or("0");
            let code = own.get(id).copied().or_else(|| built_in(id.parse().ok()?));
            code.map(sections).unwrap_or_default()
        };
        let codes = styles
            .and_then(|s| s.child("cellXfs"))
            .map(|x| x.all("xf").map(code).collect())
            .unwrap_or_default();
        Self { codes, from_1904 }
    }

    /// A number as it is shown.
    pub fn show(&self, style: usize, value: f64) -> String {
        let sections = self.codes.get(style).map_or(&[][..], Vec::as_slice);
        let (section, value) = match sections {
            [] => return plain(value),
            [one] => (one, value),
            [_, negative, ..] if value < 0.0 => (negative, -value),
            [_, _, zero, ..] if value == 0.0 => (zero, value),
            [first, ..] => (first, value),
        };
        if section.odd || section.tokens.is_empty() {
            return plain(value);
        }
        if section.is_date {
            return self.date(section, value).unwrap_or_else(|| plain(value));
        }
        number(section, value)
    }

    fn date(&self, section: &Section, value: f64) -> Option<String> {
        if !(0.0..LAST_DAY).contains(&value) {
            return None;
        }
        let has_seconds = section
            .tokens
            .iter()
            .any(|t| matches!(t, Token::Date('s', _) | Token::Elapsed('s')));
        let step = if has_seconds { 1.0 } else { 60.0 };
        let seconds = ((value * 86_400.0 / step).round() * step) as u64;
        let (days, second) = (seconds / 86_400, (seconds % 86_400) as u32);
        let epoch = if self.from_1904 {
            NaiveDate::from_ymd_opt(1904, 1, 1)?
        } else if days < 60 {
            // Excel believes in 29 February 1900.
            NaiveDate::from_ymd_opt(1899, 12, 31)?
        } else {
            NaiveDate::from_ymd_opt(1899, 12, 30)?
        };
        let time = epoch
            .checked_add_days(Days::new(days))?
            .and_time(chrono::NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?);
        let mut out = String::new();
        for token in &section.tokens {
            match token {
                Token::Literal(text) => out.push_str(text),
                Token::HalfDay => out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
                Token::Elapsed(unit) => {
                    let unit = match unit {
                        'h' => 3600,
                        'm' => 60,
                        _ => 1,
                    };
                    out.push_str(&(seconds / unit).to_string());
                }
                Token::Date(unit, length) => {
                    let hour = match (section.half_days, time.hour() % 12) {
                        (true, 0) => 12,
                        (true, hour) => hour,
                        (false, _) => time.hour(),
                    };
                    let shown = match (unit, length) {
                        ('y', 1 | 2) => time.format("%y").to_string(),
                        ('y', _) => time.year().to_string(),
                        ('m', 3) => time.format("%b").to_string(),
                        ('m', 5) => time.format("%b").to_string().chars().take(1).collect(),
                        ('m', 4..) => time.format("%B").to_string(),
                        ('d', 3) => time.format("%a").to_string(),
                        ('d', 4..) => time.format("%A").to_string(),
                        (unit, length) => {
                            let value = match unit {
                                'm' => time.month(),
                                'd' => time.day(),
                                'h' => hour,
                                'n' => time.minute(),
                                _ => time.second(),
                            };
                            if *length > 1 {
                                format!("{value:02}")
                            } else {
                                value.to_string()
                            }
                        }
                    };
                    out.push_str(&shown);
                }
                Token::Number(_) => {}
            }
        }
        Some(out.trim().to_owned())
    }
}

/// The codes that have numbers only; those that mean the reader's country's dates are ISO's.
fn built_in(id: u32) -> Option<&'static str> {
    Some(match id {
        1 => "0",
        2 => "0.00",
        3 => "#,##0",
        4 => "#,##0.00",
        9 => "0%",
        10 => "0.00%",
        11 => "0.00E+00",
        15 => "d-mmm-yy",
        16 => "d-mmm",
        17 => "mmm-yy",
        18 => "h:mm AM/PM",
        19 => "h:mm:ss AM/PM",
        20 => "h:mm",
        21 => "h:mm:ss",
        22 => "yyyy-mm-dd hh:mm",
        37 | 38 => "#,##0;(#,##0)",
        39 | 40 => "#,##0.00;(#,##0.00)",
        45 => "mm:ss",
        46 => "[h]:mm:ss",
        47 => "mm:ss",
        48 => "##0.0E+0",
        14 | 27..=36 | 50..=58 => "yyyy-mm-dd",
        _ => return None,
    })
}

/// A code's sections.
fn sections(code: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut section = Section::default();
    let mut chars = code.chars().peekable();
    let literal = |section: &mut Section, text: &str| match section.tokens.last_mut() {
        Some(Token::Literal(last)) => last.push_str(text),
        _ => section.tokens.push(Token::Literal(text.to_owned())),
    };
    while let Some(c) = chars.next() {
        match c {
            ';' => sections.push(std::mem::take(&mut section)),
            '"' => {
                let text: String = chars.by_ref().take_while(|c| *c != '"').collect();
                literal(&mut section, &text);
            }
            '\\' => {
                if let Some(c) = chars.next() {
                    literal(&mut section, c.encode_utf8(&mut [0; 4]));
                }
            }
            // As wide as the next character, or filled with it.
            '_' => {
                chars.next();
                literal(&mut section, " ");
            }
            '*' => {
                if chars.next() == Some(' ') {
                    literal(&mut section, " ");
                }
            }
            '[' => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let lower = inside.to_ascii_lowercase();
                let unit = lower.chars().next().unwrap_or(' ');
                if let Some(money) = inside.strip_prefix('$') {
                    literal(&mut section, money.split('-').next().unwrap_or_default());
                } else if matches!(unit, 'h' | 'm' | 's') && lower.chars().all(|c| c == unit) {
                    section.is_date = true;
                    section.tokens.push(Token::Elapsed(unit));
                }
            }
            '0' | '#' | '?' => {
                let mut run = String::from(c);
                while let Some(next) = chars.next_if(|n| matches!(n, '0' | '#' | '?' | '.' | ',')) {
                    run.push(next);
                }
                let mut digits = digits(&run);
                if chars.peek().is_some_and(|n| matches!(n, 'E' | 'e')) {
                    chars.next();
                    while chars
                        .next_if(|n| matches!(n, '+' | '-' | '0' | '#' | '?'))
                        .is_some()
                    {}
                    digits.exponent = true;
                }
                section.odd |= section.tokens.iter().any(|t| matches!(t, Token::Number(_)));
                section.tokens.push(Token::Number(digits));
            }
            '%' => {
                section.percent = true;
                literal(&mut section, "%");
            }
            'A' | 'a' if is_half_day(&mut chars) => {
                section.half_days = true;
                section.is_date = true;
                section.tokens.push(Token::HalfDay);
            }
            'G' | 'g' => section.odd = true,
            '@' => section.odd = true,
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                let unit = c.to_ascii_lowercase();
                let mut length = 1;
                while chars.next_if(|n| n.to_ascii_lowercase() == unit).is_some() {
                    length += 1;
                }
                section.is_date = true;
                section.tokens.push(Token::Date(unit, length));
            }
            // Parts of seconds.
            '.' if section.is_date && chars.peek() == Some(&'0') => {
                while chars.next_if(|n| *n == '0').is_some() {}
            }
            c => literal(&mut section, c.encode_utf8(&mut [0; 4])),
        }
    }
    sections.push(section);
    sections.iter_mut().for_each(minutes);
    sections
}

/// Whether `M/PM` or `/P` follows, and takes it.
fn is_half_day(chars: &mut std::iter::Peekable<std::str::Chars>) -> bool {
    let rest: String = chars.clone().take(4).collect::<String>().to_ascii_uppercase();
    let length = if rest == "M/PM" {
        4
    } else if rest.starts_with("/P") {
        2
    } else {
        return false;
    };
    chars.by_ref().take(length).for_each(drop);
    true
}

/// An `m` after hours or before seconds is minutes.
fn minutes(section: &mut Section) {
    let units: Vec<(usize, char)> = section
        .tokens
        .iter()
        .enumerate()
        .filter_map(|(i, t)| match t {
            Token::Date(unit, _) | Token::Elapsed(unit) => Some((i, *unit)),
            _ => None,
        })
        .collect();
    for (n, (i, unit)) in units.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| units[n].1);
        let after = units.get(n + 1).map(|u| u.1);
        if *unit == 'm'
            && (before == Some('h') || after == Some('s'))
            && let Token::Date(unit, _) = &mut section.tokens[*i]
        {
            *unit = 'n';
        }
    }
}

fn digits(run: &str) -> Digits {
    let scaled = run.trim_end_matches(',');
    let (whole, decimals) = scaled.split_once('.').unwrap_or((scaled, ""));
    Digits {
        whole: whole.matches('0').count(),
        least_decimals: decimals.matches('0').count().min(MOST_DECIMALS),
        most_decimals: decimals.chars().filter(|c| *c != ',').count().min(MOST_DECIMALS),
        thousands: whole.contains(','),
        scale: i32::try_from(run.len() - scaled.len()).unwrap_or(0),
        exponent: false,
    }
}

fn number(section: &Section, value: f64) -> String {
    let mut out = String::new();
    // What the code says before and after the number, and where the sign stands.
    for token in &section.tokens {
        match token {
            Token::Literal(text) => out.push_str(text),
            Token::Number(digits) => {
                let value = if section.percent { value * 100.0 } else { value };
                let value = value / 1000_f64.powi(digits.scale);
                if value < 0.0 {
                    out.insert(0, '-');
                }
                out.push_str(&digits.show(value.abs()));
            }
            _ => {}
        }
    }
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    // Nothing but zeros after rounding has no sign.
    match out.strip_prefix('-') {
        Some(rest) if !rest.contains(|c: char| ('1'..='9').contains(&c)) => rest.to_owned(),
        _ => out,
    }
}

impl Digits {
    fn show(&self, value: f64) -> String {
        if self.exponent {
            return format!("{value:.*E}", self.most_decimals);
        }
        let text = format!("{value:.*}", self.most_decimals);
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        let mut decimals = decimals.to_owned();
        while decimals.len() > self.least_decimals && decimals.ends_with('0') {
            decimals.pop();
        }
        let whole = if self.whole == 0 && whole == "0" {
            ""
        } else {
            whole
        };
        let whole = format!("{whole:0>width$}", width = self.whole);
        let mut out = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if self.thousands && i > 0 && (whole.len() - i).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        if !decimals.is_empty() {
            out.push('.');
            out.push_str(&decimals);
        }
        if out.is_empty() { "0".to_owned() } else { out }
    }
}

/// A number without a format: what a computer's last digits add is left out.
pub fn plain(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e15).contains(&size) {
        return format!("{value:E}");
    }
    let text = format!("{value:.10}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn show(code: &str, value: f64) -> String {
        let formats = Formats {
            codes: vec![sections(code)],
            from_1904: false,
        };
        formats.show(0, value)
    }

    #[rstest]
    #[case("0.00", 4.9, "4.90")]
    #[case("#,##0.00 [$€-407]", 1234.5, "1,234.50 €")]
    #[case("\"€\" #,##0.00", 0.5, "€ 0.50")]
    #[case("_($* #,##0.00_);_($* (#,##0.00);_($* \"-\"??_)", -4.0, "$ (4.00)")]
    #[case("0%", 0.2, "20%")]
    #[case("0.0#", 2.0, "2.0")]
    #[case("00000", 1010.0, "01010")]
    #[case("#,##0,", 12_345_678.0, "12,346")]
    #[case("0.00E+00", 12345.0, "1.23E4")]
    #[case("# ?/?", 0.5, "0.5")]
    #[case("[Red]-0.00", 1.0, "-1.00")]
    #[case("0.00", -0.001, "0.00")]
    #[case("General", 0.1 + 0.2, "0.3")]
    #[case("yyyy-mm-dd", 45292.0, "2024-01-01")]
    #[case("dd.mm.yyyy hh:mm", 45292.75, "01.01.2024 18:00")]
    #[case("d mmmm yy", 59.0, "28 February 00")]
    #[case("h:mm AM/PM", 0.5, "12:00 PM")]
    #[case("[h]:mm:ss", 1.5, "36:00:00")]
    #[case("yyyy-mm-dd", -3.0, "-3")]
    #[case("0 \"Stück\"", 3.0, "3 Stück")]
    fn numbers_are_shown_as_excel_shows_them(#[case] code: &str, #[case] value: f64, #[case] shown: &str) {
        assert_eq!(show(code, value), shown, "{code}");
    }

    #[test]
    fn plain_numbers_have_no_noise() {
        assert_eq!(plain(-0.0), "0");
        assert_eq!(plain(-10.0), "-10");
        assert_eq!(plain(2003.0), "2003");
        assert_eq!(plain(1e300), "1E300");
        assert_eq!(plain(4.35 * 100.0), "435");
    }
}
