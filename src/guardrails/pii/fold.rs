//! Folds a text to plain bytes, one for each character that counts: digits and dashes of
//! all scripts become ASCII's, invisible characters vanish, HTML's and addresses' escapes
//! are read. Finders look at these bytes; what they find is translated back.

use std::borrow::Cow;

/// A letter or digit that ASCII doesn't have.
pub(super) const LETTER: u8 = 0x80;
/// Any other character that ASCII doesn't have.
pub(super) const OTHER: u8 = 0x81;

/// A text's folded form.
pub(super) struct Folded<'a> {
    bytes: Cow<'a, [u8]>,
    /// First byte and byte after the last, in the text, of each folded byte; empty when
    /// nothing needed folding.
    places: Vec<(u32, u32)>,
}

impl<'a> Folded<'a> {
    /// Folds `text`. Of a text longer than 4 GB only the beginning is looked at.
    pub(super) fn of(text: &'a str) -> Self {
        let plain = |b: &u8| b.is_ascii() && !matches!(b, b'&' | b'%' | b'\\' | 0x7f);
        if text.as_bytes().iter().all(plain) {
            return Self {
                bytes: Cow::Borrowed(text.as_bytes()),
                places: Vec::new(),
            };
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut places = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(first) = text.as_bytes().get(at) {
            let (byte, length) = if first.is_ascii() {
                ascii(&text[at..], *first)
            } else {
                let c = text[at..].chars().next().unwrap_or(' ');
                (plain_of(c), c.len_utf8())
            };
            let Ok(start) = u32::try_from(at) else { break };
            let end = u32::try_from(at + length).unwrap_or(u32::MAX);
            if let Some(byte) = byte {
                bytes.push(byte);
                places.push((start, end));
            }
            at += length;
        }
        Self {
            bytes: Cow::Owned(bytes),
            places,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where, in the text, the folded byte at `at` begins.
    pub(super) fn start(&self, at: usize) -> usize {
        self.places.get(at).map_or(at, |p| p.0 as usize)
    }

    /// Where, in the text, that ends which ends before the folded byte at `at`.
    pub(super) fn end(&self, at: usize) -> usize {
        let last = at.checked_sub(1).and_then(|i| self.places.get(i));
        last.map_or(at, |p| p.1 as usize)
    }
}

/// What an ASCII character at the beginning of `rest` stands for, and its length.
fn ascii(rest: &str, first: u8) -> (Option<u8>, usize) {
    let escape = match first {
        b'&' => entity(rest),
        b'%' => percent(rest),
        // Markdown's escape is read as what it escapes.
        b'\\' => (rest.as_bytes().get(1))
            .filter(|b| b.is_ascii_punctuation() && **b != b'\\')
            .map(|b| (Some(*b), 2)),
        0x7f => Some((None, 1)),
        _ => None,
    };
    escape.unwrap_or((Some(first), 1))
}

/// The bytes that an address's `%20` and the like stand for, where they join numbers or
/// make an e-mail address.
fn percent(rest: &str) -> Option<(Option<u8>, usize)> {
    const CODES: [(&str, u8); 6] = [
        ("%20", b' '),
        ("%40", b'@'),
        ("%2B", b'+'),
        ("%2D", b'-'),
        ("%2E", b'.'),
        ("%C2%A0", b' '),
    ];
    let code = CODES.iter().find(|(code, _)| begins(rest, code))?;
    Some((Some(code.1), code.0.len()))
}

fn begins(rest: &str, start: &str) -> bool {
    let bytes = rest.as_bytes().get(..start.len());
    bytes.is_some_and(|b| b.eq_ignore_ascii_case(start.as_bytes()))
}

/// A character reference of HTML, escaped once or twice.
fn entity(rest: &str) -> Option<(Option<u8>, usize)> {
    const LONGEST: usize = 20;
    let twice = if begins(rest, "&amp;") { 5 } else { 1 };
    let body = rest.get(twice..)?;
    let end = body.bytes().take(LONGEST).position(|b| b == b';')?;
    let name = &body[..end];
    let length = twice + end + 1;
    let c = if let Some(code) = name.strip_prefix('#') {
        let code = match code.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => code.parse(),
        };
        char::from_u32(code.ok()?)?
    } else {
        match name {
            "nbsp" | "ensp" | "emsp" | "emsp13" | "emsp14" | "thinsp" | "numsp" | "puncsp" | "hairsp"
            | "Tab" | "NewLine" | "MediumSpace" | "ThinSpace" | "NonBreakingSpace" => ' ',
            "ndash" | "mdash" | "minus" | "hyphen" | "dash" | "horbar" => '-',
            "shy" | "zwnj" | "zwj" | "lrm" | "rlm" | "NoBreak" | "ZeroWidthSpace" => {
                return Some((None, length));
            }
            "period" => '.',
            "middot" => '\u{b7}',
            "commat" => '@',
            "plus" => '+',
            "lowbar" => '_',
            "lpar" => '(',
            "rpar" => ')',
            "colon" => ':',
            "sol" => '/',
            _ => return None,
        }
    };
    Some((plain_of(c), length))
}

/// The first of each run of ten digits that isn't ASCII's.
const ZEROS: [u32; 20] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0x2080, 0xff10,
];

/// One byte for a character; none where it is invisible.
fn plain_of(c: char) -> Option<u8> {
    if c.is_ascii() {
        return u8::try_from(c).ok();
    }
    let code = c as u32;
    let byte = match code {
        // Soft hyphen, joiners, marks of direction, variation selectors, keycap, tags.
        0xad
        | 0x34f
        | 0x61c
        | 0x180e
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0x20e3
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xe0000..=0xe01ef => return None,
        0x85 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000 | 0x2800 => b' ',
        0x2010..=0x2015 | 0x2043 | 0x2212 | 0x2e3a | 0x2e3b | 0x30fc | 0xfe58 | 0xfe63 | 0xff70 => b'-',
        0xb7 | 0x2022 | 0x2024 | 0x2027 | 0x2219 | 0x22c5 | 0x3002 | 0x30fb | 0xff61 | 0xff65 => b'.',
        0x2044 | 0x2215 | 0x29f8 => b'/',
        0xfe6b => b'@',
        0xe0..=0xe5 => b'a',
        0xe8..=0xeb => b'e',
        0xec..=0xef => b'i',
        0xf6 | 0xf2..=0xf5 | 0xf8 => b'o',
        0xf9..=0xfc => b'u',
        0xdf => b's',
        0xc4 => b'A',
        0xd6 => b'O',
        0xdc => b'U',
        0xb2 => b'2',
        0xb3 => b'3',
        0xb9 => b'1',
        0x2070 => b'0',
        0x2460..=0x2468 => b'1' + low(code - 0x2460),
        0x24ea => b'0',
        0x2074..=0x2079 => b'4' + low(code - 0x2074),
        0x2776..=0x277e => b'1' + low(code - 0x2776),
        0x1d7ce..=0x1d7ff => b'0' + low((code - 0x1d7ce) % 10),
        // Full-width forms stand in ASCII's order; its digits among them.
        0xff01..=0xff5e => 0x21 + low(code - 0xff01),
        _ => {
            let zero = ZEROS.iter().find(|z| (**z..**z + 10).contains(&code));
            match zero {
                Some(zero) => b'0' + low(code - zero),
                None if c.is_alphanumeric() => LETTER,
                None => OTHER,
            }
        }
    };
    Some(byte)
}

/// The low byte of a difference that the ranges above keep below 94.
fn low(difference: u32) -> u8 {
    difference.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::Folded;

    fn folded(text: &str) -> String {
        let bytes = Folded::of(text).bytes().to_vec();
        bytes
            .iter()
            .map(|b| if b.is_ascii() { char::from(*b) } else { '?' })
            .collect()
    }

    #[test]
    fn digits_dashes_and_spaces_of_all_kinds_are_ascii() {
        assert_eq!(folded("４１１１ 1111"), "4111 1111");
        assert_eq!(folded("٤١١١"), "4111");
        assert_eq!(folded("𝟒𝟏\u{a0}1–1—1−1‑1"), "41 1-1-1-1-1");
        assert_eq!(folded("4️⃣1️⃣"), "41");
        assert_eq!(folded("für ＠ ß 漢"), "fur @ s ?");
    }

    #[test]
    fn escapes_are_read_and_what_is_no_escape_stays() {
        assert_eq!(folded("4&nbsp;1&#160;1&#x2011;1&shy;2&#52;"), "4 1 1-124");
        assert_eq!(folded("4&amp;nbsp;1"), "4 1");
        assert_eq!(folded("a%40b%2Ec 100% 5%"), "a@b.c 100% 5%");
        assert_eq!(folded(r"a\_b\@c \d"), r"a_b@c \d");
        assert_eq!(folded("R&D &amp; &unknown; &"), "R&D &amp; &unknown; &");
    }

    #[test]
    fn places_lead_back_to_the_text() {
        let text = "ü\u{200b}4\u{200b}１&nbsp;x";
        let folded = Folded::of(text);
        assert_eq!(folded.bytes(), b"u41 x");
        assert_eq!(&text[folded.start(1)..folded.end(3)], "4\u{200b}１");
        assert_eq!(&text[folded.start(3)..folded.end(4)], "&nbsp;");
    }
}
