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
mod tests {
    use proptest::prelude::*;

    use super::super::tests::pieces;
    use super::Placeholders;
    use crate::guardrails::pii::{Kind, find};

    const CARD: &str = "4111 1111 1111 1111";

    #[test]
    fn the_same_value_has_the_same_name_over_a_thread() {
        let mut all = Placeholders::default();
        assert_eq!(all.mask("a@b.de and c@d.de"), "[EMAIL_1] and [EMAIL_2]");
        assert_eq!(
            all.mask("call 030 1234567 or a@b.de"),
            "call [PHONE_1] or [EMAIL_1]"
        );
        assert_eq!(all.mask("tel 0301234567"), "tel [PHONE_2]");
        let entries = all.take_new();
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[0], ("[EMAIL_1]".to_owned(), "a@b.de".to_owned()));
        assert!(all.take_new().is_empty());
        let mut later = Placeholders::from_entries(entries);
        assert_eq!(later.mask("x@y.de, c@d.de"), "[EMAIL_3], [EMAIL_2]");
        assert_eq!(later.take_new().len(), 1);
        assert_eq!(later.reveal("[PHONE_1] [EMAIL_3]"), "030 1234567 x@y.de");
    }

    #[test]
    fn an_address_in_another_case_shares_its_number_and_reads_back_as_it_was() {
        let mut all = Placeholders::default();
        let masked = all.mask("Anna@B.de anna@b.de ANNA@b.de anna@b.de");
        assert_eq!(masked, "[EMAIL_1] [EMAIL_1_2] [EMAIL_1_3] [EMAIL_1_2]");
        let mut later = Placeholders::from_entries(all.take_new());
        assert_eq!(later.reveal(&masked), "Anna@B.de anna@b.de ANNA@b.de anna@b.de");
        assert_eq!(later.mask("anna@B.DE"), "[EMAIL_1_4]");
    }

    #[test]
    fn cards_are_not_kept() {
        let mut all = Placeholders::default();
        assert_eq!(all.mask(&format!("my card {CARD}!")), "my card [CARD]!");
        assert!(all.is_empty());
        assert!(all.take_new().is_empty());
        assert_eq!(all.reveal("my card [CARD]!"), "my card [CARD]!");
    }

    #[test]
    fn what_a_brain_writes_slightly_differently_is_forgiven() {
        let mut all = Placeholders::default();
        all.mask("a@b.de");
        for written in [
            "[EMAIL_1]",
            "[email_1]",
            r"\[EMAIL\_1\]",
            r"[EMAIL\_1]",
            "EMAIL_1",
            r"EMAIL\_1",
        ] {
            assert_eq!(
                all.reveal(&format!("to {written}, now")),
                "to a@b.de, now",
                "{written}"
            );
        }
        for other in [
            "[EMAIL_2]",
            "[EMAIL_01]",
            "email_1",
            "MY_EMAIL_1",
            "EMAIL_10",
            "[PHONE_1]",
            "[1]",
            "[EMAIL_1_2]",
        ] {
            assert_eq!(all.reveal(other), other);
        }
    }

    #[test]
    fn a_visitors_own_placeholder_reads_nobodys_value() {
        let mut all = Placeholders::default();
        all.mask("a@b.de");
        for typed in [
            "[EMAIL_1]",
            "[email_1]",
            r"\[EMAIL\_1\]",
            "EMAIL_1",
            "[TEXT_1]",
            "[EMAIL_7]",
        ] {
            let masked = all.mask(typed);
            assert!(masked.starts_with("[TEXT_"), "{masked}");
            assert_eq!(all.reveal(&masked), typed);
        }
        assert_eq!(all.mask("see [1], [CARD] and [2]"), "see [1], [CARD] and [2]");
    }

    #[test]
    fn a_code_is_no_part_of_a_longer_number() {
        let mut all = Placeholders::default();
        for (text, part, masked) in [
            ("my card is 3782 822463 10005", "822463", "my card is [CARD]"),
            ("411111 1111111111", "411111", "[CARD]"),
            ("call 0664 123456 please", "123456", "call [PHONE_1] please"),
            ("it's 042137, thanks", "042137", "it's [CODE_1], thanks"),
        ] {
            let at = text.find(part).unwrap();
            assert_eq!(all.mask_with_codes(text, &[at..at + part.len()]), masked);
        }
        let kept: Vec<String> = all.take_new().into_iter().map(|(_, value)| value).collect();
        assert_eq!(kept, ["0664 123456", "042137"]);
    }

    #[test]
    fn names_and_codes_are_forgiven_as_all_else() {
        let mut all = Placeholders::default();
        all.remember_customer("Anna Huber");
        all.mask_with_codes("042137", &[0..6]);
        assert_eq!(
            all.reveal("Hello NAME_1, CODE_1 it is"),
            "Hello Anna Huber, 042137 it is"
        );
        assert_eq!(all.reveal("USERNAME_1 and ZIPCODE_1"), "USERNAME_1 and ZIPCODE_1");
    }

    #[test]
    fn a_placeholder_that_stands_for_nothing_is_seen() {
        let mut all = Placeholders::default();
        all.mask("a@b.de");
        assert!(!all.lacks_one_of("Is [EMAIL_1] right, [1]?"));
        assert!(all.lacks_one_of("Is it [EMAIL_1] or [EMAIL_2]?"));
    }

    #[test]
    fn debugging_shows_no_value() {
        let mut all = Placeholders::default();
        all.mask("a@b.de");
        let shown = format!("{all:?}");
        assert!(
            !shown.contains("a@b.de") && shown.contains("entries: 1"),
            "{shown}"
        );
    }

    #[test]
    fn stored_entries_that_are_no_placeholders_are_left_out() {
        let odd = ["EMAIL", "[EMAIL_1", "[EMAIL_1] ", "[CARD]", "[CARD_1]"];
        let all = Placeholders::from_entries(odd.map(|n| (n.to_owned(), "a@b.de".to_owned())));
        assert!(all.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_masked_reads_back_and_masks_to_the_same(earlier in pieces(), text in pieces()) {
            let mut all = Placeholders::default();
            all.mask(&earlier);
            let masked = all.mask(&text);
            let revealed = all.reveal(&masked);
            if !find(&text).iter().any(|s| s.kind == Kind::Card) {
                prop_assert_eq!(&revealed, &text);
            }
            prop_assert_eq!(all.mask(&revealed), masked.clone());
            let stored = Placeholders::from_entries(all.take_new());
            prop_assert_eq!(stored.reveal(&masked), revealed);
        }

        #[test]
        fn no_value_is_left_in_what_is_masked(text in pieces()) {
            let masked = Placeholders::default().mask(&text);
            let cards = |text: &str| -> Vec<String> {
                let spans = find(text).into_iter().filter(|s| s.kind == Kind::Card);
                spans.map(|s| text[s.start..s.end].to_owned()).collect()
            };
            // Beside placeholders other digits can read as a card; those that were one are gone.
            let before = cards(&text);
            prop_assert!(!cards(&masked).iter().any(|c| before.contains(c)), "{masked}");
        }
    }
}
