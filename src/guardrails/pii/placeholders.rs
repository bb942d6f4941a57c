//! Names that stand for personal data over a whole thread: `[EMAIL_1]`, `[PHONE_2]`. What
//! is masked and revealed is the same text again, byte for byte; only cards are lost, on
//! purpose, as `[CARD]`.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::{Kind, Span, find};

/// Stands for a text that itself looks like a placeholder.
const LITERAL: &str = "TEXT";
/// Stands for the name of the customer whose conversation it is.
const NAME: &str = "NAME";
/// Stands for a one-time code.
const CODE: &str = "CODE";
const LABELS: [&str; 8] = ["EMAIL", "PHONE", "IBAN", "IP", "ID", NAME, CODE, LITERAL];
/// Placeholders with more digits than this are nobody's.
const DIGITS: usize = 6;
/// How often a text is searched for cards that only show when others are gone.
const ROUNDS: usize = 32;

/// The placeholders of one thread and what they stand for.
///
/// The same value has the same placeholder. An e-mail address in another case has the same
/// number with a mark of its spelling, `[EMAIL_1_2]`, so that it reads back as it was.
#[derive(Default, Clone)]
pub struct Placeholders {
    values: HashMap<String, String>,
    names: HashMap<(&'static str, String), String>,
    /// Number and count of spellings by folded value.
    numbers: HashMap<(&'static str, String), (u32, u32)>,
    /// The highest number of each label.
    last: HashMap<&'static str, u32>,
    fresh: Vec<(String, String)>,
}

impl fmt::Debug for Placeholders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Placeholders");
        out.field("entries", &self.values.len())
            .field("new", &self.fresh.len());
        out.finish_non_exhaustive()
    }
}

impl Placeholders {
    /// From stored pairs of placeholder and value; what is no placeholder is left out.
    #[must_use]
    pub fn from_entries(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut all = Self::default();
        for (name, value) in entries {
            let Some(read) = Name::read(&name).filter(|n| n.length == name.len()) else {
                continue;
            };
            let last = all.last.entry(read.label).or_default();
            *last = read.number.max(*last);
            let spellings = all
                .numbers
                .entry((read.label, folded(read.label, &value)))
                .or_insert((read.number, 0));
            spellings.1 = spellings.1.max(read.spelling);
            all.names.insert((read.label, value.clone()), name.clone());
            all.values.insert(name, value);
        }
        all
    }

    /// `text` with placeholders for its personal data.
    pub fn mask(&mut self, text: &str) -> String {
        // Without its cards a text can read differently, so that they go first.
        let mut text = text.to_owned();
        let mut spans = find(&text);
        for _ in 0..ROUNDS {
            if !spans.iter().any(|s| s.kind == Kind::Card) {
                break;
            }
            text = without_cards(&text, &spans);
            spans = find(&text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for span in spans {
            self.protect(&text[at..span.start], &mut out);
            match span.kind {
                Kind::Card => out.push_str("[CARD]"),
                kind => out.push_str(&self.name(kind.label(), &text[span.start..span.end])),
            }
            at = span.end;
        }
        self.protect(&text[at..], &mut out);
        out
    }

    /// The same, with placeholders for the one-time codes that stand at `codes`, in order. What is
    /// part of something longer, of a card's number above all, is no code.
    pub fn mask_with_codes(&mut self, text: &str, codes: &[Range<usize>]) -> String {
        let spans = find(text);
        let free = |c: &&Range<usize>| !spans.iter().any(|s| s.start < c.end && c.start < s.end);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for code in codes.iter().filter(free) {
            out.push_str(&self.mask(&text[at..code.start]));
            out.push_str(&self.name(CODE, &text[code.clone()]));
            at = code.end;
        }
        out.push_str(&self.mask(&text[at..]));
        out
    }

    /// `text` with the values for its placeholders; an unknown one stays. Forgives small
    /// letters and Markdown's escapes within the brackets, and brackets that are missing.
    #[must_use]
    pub fn reveal(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        each(text, |part| match part {
            Part::Text(t) => out.push_str(t),
            Part::Name(name, as_written) => {
                let value = self.values.get(&name.to_string());
                out.push_str(value.map_or(as_written, String::as_str));
            }
        });
        out
    }

    /// `text` without placeholders: their names are no words of anybody's.
    #[must_use]
    pub fn without(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        each(text, |part| {
            if let Part::Text(t) = part {
                out.push_str(t);
            }
        });
        out
    }

    /// Whether `text` has a placeholder that stands for nothing here: somebody would read its name.
    #[must_use]
    pub fn lacks_one_of(&self, text: &str) -> bool {
        let mut lacks = false;
        each(text, |part| {
            if let Part::Name(name, _) = part {
                lacks |= !self.values.contains_key(&name.to_string());
            }
        });
        lacks
    }

    /// The pairs of placeholder and value that were added since this was last asked.
    pub fn take_new(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.fresh)
    }

    /// Remembers the name of the customer whose conversation it is.
    pub fn remember_customer(&mut self, name: &str) {
        if !name.is_empty() && self.customer().is_none() {
            self.name(NAME, name);
        }
    }

    /// What stands for the customer's name, where it is known.
    #[must_use]
    pub fn customer(&self) -> Option<String> {
        let first = format!("[{NAME}_1]");
        self.values.contains_key(&first).then_some(first)
    }

    /// Whether it holds no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Copies what is no personal data, with names for what looks like one.
    fn protect(&mut self, text: &str, out: &mut String) {
        each(text, |part| match part {
            Part::Text(t) => out.push_str(t),
            Part::Name(_, as_written) => out.push_str(&self.name(LITERAL, as_written)),
        });
    }

    /// The placeholder of a value.
    fn name(&mut self, label: &'static str, value: &str) -> String {
        if let Some(name) = self.names.get(&(label, value.to_owned())) {
            return name.clone();
        }
        let last = self.last.entry(label).or_default();
        let same = self
            .numbers
            .entry((label, folded(label, value)))
            .or_insert_with(|| {
                *last += 1;
                (*last, 0)
            });
        same.1 += 1;
        let name = Name {
            label,
            number: same.0,
            spelling: same.1,
            length: 0,
        };
        let name = name.to_string();
        self.names.insert((label, value.to_owned()), name.clone());
        self.values.insert(name.clone(), value.to_owned());
        self.fresh.push((name.clone(), value.to_owned()));
        name
    }
}

/// The values that share a number: addresses that differ by case alone.
fn folded(label: &str, value: &str) -> String {
    if label == Kind::Email.label() {
        value.to_lowercase()
    } else {
        value.to_owned()
    }
}

fn without_cards(text: &str, spans: &[Span]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for card in spans.iter().filter(|s| s.kind == Kind::Card) {
        out.push_str(&text[at..card.start]);
        out.push_str("[CARD]");
        at = card.end;
    }
    out.push_str(&text[at..]);
    out
}

/// A placeholder as it is read from a text.
struct Name {
    label: &'static str,
    number: u32,
    /// 1 for the first spelling, which isn't written.
    spelling: u32,
    /// How many bytes it takes up in the text.
    length: usize,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spelling {
            1 => write!(f, "[{}_{}]", self.label, self.number),
            n => write!(f, "[{}_{}_{n}]", self.label, self.number),
        }
    }
}

impl Name {
    /// The placeholder that `rest` begins with: `[EMAIL_1]`, `\[EMAIL\_1\]`, or, in
    /// capitals, `EMAIL_1`.
    fn read(rest: &str) -> Option<Self> {
        let bytes = rest.as_bytes();
        let escaped = bytes.starts_with(br"\[");
        let open = if escaped {
            2
        } else {
            usize::from(bytes.first() == Some(&b'['))
        };
        let body = bytes.get(open..)?;
        let same = |l: &&&str| {
            let head = body.get(..l.len());
            head.is_some_and(|h| {
                if open > 0 {
                    h.eq_ignore_ascii_case(l.as_bytes())
                } else {
                    h == l.as_bytes()
                }
            })
        };
        let label = LABELS.iter().find(same)?;
        let mut at = open + label.len();
        let number = count(bytes, &mut at)?;
        // A spelling of its own is written from the second one on.
        let mut after = at;
        let mut spelling = 1;
        if let Some(n) = count(bytes, &mut after) {
            if n < 2 {
                return None;
            }
            spelling = n;
            at = after;
        }
        let close: &[u8] = match (escaped, open) {
            (true, _) => br"\]",
            (false, 1) => b"]",
            _ => b"",
        };
        let tail = bytes.get(at..)?;
        let ends = open > 0 || !tail.first().is_some_and(is_name);
        (tail.starts_with(close) && ends).then_some(Self {
            label,
            number,
            spelling,
            length: at + close.len(),
        })
    }
}

/// Reads `_12` or `\_12`, without zeros in front, and moves `at` behind it.
fn count(bytes: &[u8], at: &mut usize) -> Option<u32> {
    let rest = bytes.get(*at..)?;
    let mark = [&br"\_"[..], b"_"]
        .into_iter()
        .find(|m| rest.starts_with(m))?
        .len();
    let digits = rest[mark..].iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=DIGITS).contains(&digits) || rest[mark] == b'0' {
        return None;
    }
    let number = rest[mark..mark + digits]
        .iter()
        .fold(0, |n, d| n * 10 + u32::from(d - b'0'));
    *at += mark + digits;
    Some(number)
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii()
}

enum Part<'a> {
    Text(&'a str),
    /// A placeholder, and how the text writes it.
    Name(Name, &'a str),
}

/// Cuts a text into placeholders and what stands between them.
fn each<'a>(text: &'a str, mut part: impl FnMut(Part<'a>)) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        let possible = match bytes[at] {
            b'[' | b'\\' => true,
            b'E' | b'P' | b'I' | b'T' | b'N' | b'C' => at == 0 || !is_name(&bytes[at - 1]),
            _ => false,
        };
        let name = if possible { Name::read(&text[at..]) } else { None };
        if let Some(name) = name {
            let end = at + name.length;
            part(Part::Text(&text[copied..at]));
            part(Part::Name(name, &text[at..end]));
            (copied, at) = (end, end);
        } else {
            at += 1;
        }
    }
    part(Part::Text(&text[copied..]));
}

#[cfg(test)]
mod tests;
