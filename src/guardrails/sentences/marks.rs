//! Citation marks: `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `【1】`, several in a row, or in
//! parentheses. A link, a task's box and code are none.

use std::ops::Range;

/// The most sources that a range of numbers stands for.
const RANGE: u32 = 20;
/// The longest mark, in bytes.
const LONGEST: usize = 64;

/// What stands at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark {
    /// A mark of so many bytes, and its numbers.
    Is(usize, Vec<u32>),
    /// It may become one.
    Open,
    /// None.
    Not,
}

/// Reads a mark at the beginning of a text.
pub fn read(text: &str) -> Mark {
    let close = match text.chars().next() {
        Some('[') => ']',
        Some('【') => '】',
        _ => return Mark::Not,
    };
    let open = close.len_utf8();
    let head: usize = text
        .char_indices()
        .map(|(i, _)| i)
        .take_while(|i| *i <= LONGEST)
        .last()
        .unwrap_or(0);
    let Some(end) = text[open..].find(close).map(|at| at + open) else {
        let cut = text.len() > LONGEST;
        let body = &text[open..head.max(open)];
        return match !cut && may_be(body, close) {
            true => Mark::Open,
            false => Mark::Not,
        };
    };
    let body = &text[open..end];
    let after = &text[end + close.len_utf8()..];
    match numbers(body, close) {
        // `[1](…)` is a link.
        Some(found) if !after.starts_with('(') => Mark::Is(end + close.len_utf8(), found),
        _ => Mark::Not,
    }
}

/// Whether the beginning of a mark's inside can still become one.
fn may_be(body: &str, close: char) -> bool {
    body.chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ' ' | ',' | ';' | '^' | '-' | '–'))
        || (close == '】' && body.starts_with(|c: char| c.is_ascii_digit()))
}

fn numbers(body: &str, close: char) -> Option<Vec<u32>> {
    // `【4:0†source】` names a place after the number.
    let body = match close {
        '】' => body.split(['†', ':']).next().unwrap_or(body),
        _ => body,
    };
    let mut out = Vec::new();
    for part in body.split([',', ';']) {
        let part = part.trim().trim_start_matches('^');
        match part.split_once(['-', '–']) {
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to.trim().trim_start_matches('^'))?);
                if from > to || to - from > RANGE {
                    return None;
                }
                out.extend(from..=to);
            }
            None => out.push(number(part)?),
        }
    }
    Some(out)
}

/// A number of at most three digits: four are a year.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let fits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// The beginning of the mark that byte `at` lies in, or that is still open there.
pub fn around(text: &str, at: usize) -> Option<usize> {
    let from = text[..at].rfind(['[', '【'])?;
    match read(&text[from..]) {
        Mark::Is(len, _) if from + len > at => Some(from),
        Mark::Open => Some(from),
        _ => None,
    }
}

/// The text without its marks, and their numbers in order, each once.
pub fn strip(raw: &str) -> (String, Vec<u32>) {
    let mut out = String::with_capacity(raw.len());
    let mut found: Vec<u32> = Vec::new();
    let (code, _) = code(raw);
    let mut at = 0;
    while let Some(c) = raw[at..].chars().next() {
        let in_code = code.iter().any(|r| r.contains(&at));
        match if in_code { None } else { group(&raw[at..]) } {
            Some((len, numbers)) => {
                for n in numbers {
                    if !found.contains(&n) {
                        found.push(n);
                    }
                }
                at += len;
                let kept = out.trim_end_matches([' ', '\t']).len();
                // The blank before it goes with it, unless a word follows right after.
                if !raw[at..].starts_with(char::is_alphanumeric) {
                    out.truncate(kept);
                }
                if out.is_empty() {
                    at += raw[at..].len() - raw[at..].trim_start().len();
                }
            }
            None => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    (out.trim().to_owned(), found)
}

/// Marks in a row: `[1][2]`, `[1], [2]`, `([1])`.
fn group(text: &str) -> Option<(usize, Vec<u32>)> {
    let inner = text.strip_prefix('(').map_or(text, str::trim_start);
    let parenthesis = text.starts_with('(');
    let mut at = text.len() - inner.len();
    let Mark::Is(len, mut found) = read(inner) else {
        return None;
    };
    at += len;
    loop {
        let rest = &text[at..];
        let next = rest.trim_start_matches([' ', ',', ';', '&']);
        match read(next) {
            Mark::Is(len, more) => {
                found.extend(more);
                at += rest.len() - next.len() + len;
            }
            _ => break,
        }
    }
    if parenthesis {
        text[at..].starts_with(')').then_some((at + 1, found))
    } else {
        Some((at, found))
    }
}

/// Where code stands between equally long runs of backticks, and where some begins that
/// isn't closed.
fn code(text: &str) -> (Vec<Range<usize>>, Option<usize>) {
    let mut closed = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    while let Some(from) = text[at..].find('`').map(|i| i + at) {
        let run = text[from..].bytes().take_while(|b| *b == b'`').count();
        open = match open {
            Some((start, n)) if n == run => {
                closed.push(start..from + run);
                None
            }
            None => Some((from, run)),
            kept => kept,
        };
        at = from + run;
    }
    (closed, open.map(|(start, _)| start))
}

/// Where code begins that isn't closed before the text's end.
pub fn open_code(text: &str) -> Option<usize> {
    code(text).1
}
