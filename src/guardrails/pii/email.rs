//! E-mail addresses: with letters of any script, quoted, at an address in brackets, and
//! those that hide their marks: "name [at] example [dot] com".

use super::fold::LETTER;
use super::number::is_word;
use super::{Kind, Taken};

/// Longest part before the mark that is quoted or hidden, and longest address in brackets.
const LONGEST: usize = 64;

pub(super) fn find(bytes: &[u8], taken: &mut Taken) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(|b| *b == b'@') {
        let mark = at + skip;
        at = mark + 1;
        if let Some(start) = local(bytes, mark)
            && let Some(end) = domain(bytes, at)
            && !is_picture(&bytes[at..end])
        {
            found.push((start, end));
        }
    }
    hidden(bytes, &mut found);
    taken.add(Kind::Email, found);
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == LETTER || b"._%+-'~!#$*^{}".contains(&byte)
}

/// Where the part before the mark begins.
fn local(bytes: &[u8], mark: usize) -> Option<usize> {
    let head = &bytes[..mark];
    if head.last() == Some(&b'"') {
        let floor = mark.saturating_sub(LONGEST);
        let inner = &bytes[floor..mark - 1];
        let open = inner.iter().rposition(|b| matches!(b, b'"' | b'\n'))?;
        return (inner[open] == b'"' && open + 1 < inner.len()).then_some(floor + open);
    }
    let start = head.iter().rposition(|b| !is_local(*b)).map_or(0, |i| i + 1);
    let open = |b: &u8| is_word(Some(b)) || matches!(b, b'_' | b'+' | b'!' | b'#' | b'$');
    let first = head[start..].iter().position(open)?;
    Some(start + first)
}

/// Where the domain that begins at `at` ends.
fn domain(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'[') {
        let inner = bytes[at + 1..].iter().take(LONGEST).position(|b| *b == b']')?;
        let inside = &bytes[at + 1..at + 1 + inner];
        let address = inside
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b":.".contains(b));
        return (address && inside.contains(&if inside.contains(&b':') { b':' } else { b'.' }))
            .then_some(at + inner + 2);
    }
    let mut end = None;
    let mut start = at;
    loop {
        let length = bytes[start..]
            .iter()
            .position(|b| !is_word(Some(b)) && *b != b'-');
        let stop = length.map_or(bytes.len(), |n| start + n);
        let label = &bytes[start..stop];
        if label.is_empty() || label[0] == b'-' {
            return end;
        }
        if start > at
            && let Some(length) = top(label)
        {
            end = Some(start + length);
        }
        if bytes.get(stop) != Some(&b'.') {
            return end;
        }
        start = stop + 1;
    }
}

/// How much of a label can be a top-level domain: at least two letters.
fn top(label: &[u8]) -> Option<usize> {
    if label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--") {
        return Some(label.len());
    }
    let letters = |b: &u8| b.is_ascii_alphabetic() || *b == LETTER;
    let length = label.iter().position(|b| !letters(b)).unwrap_or(label.len());
    let ends = label.get(length).is_none_or(|b| *b == b'-');
    (length >= 2 && ends).then_some(length)
}

/// A picture's name for dense screens: "logo@2x.png".
fn is_picture(domain: &[u8]) -> bool {
    let scale = domain.split(|b| *b == b'.').next().unwrap_or_default();
    matches!(scale, [digits @ .., b'x'] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// The top-level domains that are believed without a mark.
const TOPS: &[&[u8]] = &[
    b"com", b"net", b"org", b"de", b"at", b"ch", b"uk", b"eu", b"fr", b"it", b"es", b"nl", b"io", b"edu",
    b"gov", b"info", b"biz", b"co", b"us", b"ca", b"me",
];

/// Addresses whose marks are written as words. "at" without brackets counts only before a
/// "dot" and a well-known end.
fn hidden(bytes: &[u8], found: &mut Vec<(usize, usize)>) {
    let mut at = 0;
    while let Some(skip) = bytes[at..].windows(2).position(|w| w.eq_ignore_ascii_case(b"at")) {
        let word = at + skip;
        at = word + 2;
        let Some((left, right, bracketed)) = spelled(bytes, word, at) else {
            continue;
        };
        let start = bytes[..left]
            .iter()
            .rposition(|b| !is_local(*b))
            .map_or(0, |i| i + 1);
        if left - start > LONGEST {
            continue;
        }
        let Some(first) = bytes[start..left].iter().position(|b| is_word(Some(b))) else {
            continue;
        };
        if let Some(end) = hidden_domain(bytes, right, bracketed) {
            found.push((start + first, end));
        }
    }
}

/// The ends of what stands around the word between `start` and `end`, and whether it
/// stands in brackets; none where it is part of another word.
fn spelled(bytes: &[u8], start: usize, end: usize) -> Option<(usize, usize, bool)> {
    let spaces = |b: &u8| *b == b' ';
    let left = bytes[..start].iter().rev().take_while(|b| spaces(b)).count();
    let right = bytes[end..].iter().take_while(|b| spaces(b)).count();
    let (inner, outer) = (start.checked_sub(left + 1)?, end + right);
    let pair = (bytes[inner], *bytes.get(outer)?);
    if matches!(pair, (b'[', b']') | (b'(', b')') | (b'{', b'}') | (b'<', b'>')) {
        let left = bytes[..inner].iter().rev().take_while(|b| spaces(b)).count();
        let right = bytes[outer + 1..].iter().take_while(|b| spaces(b)).count();
        return (left < 3 && right < 3).then_some((inner - left, outer + 1 + right, true));
    }
    (left == 1 && right == 1).then_some((inner + 1, outer, false))
}

/// Where the domain of a hidden address ends; in it a dot may be a word too.
fn hidden_domain(bytes: &[u8], at: usize, bracketed: bool) -> Option<usize> {
    let label = |from: usize| {
        let part = |b: &u8| is_word(Some(b)) || *b == b'-';
        from + bytes
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take(LONGEST)
            .take_while(|b| part(b))
            .count()
    };
    let mut start = at;
    let mut dotted = false;
    for _ in 0..5 {
        let end = label(start);
        if end == start {
            return None;
        }
        let next = if bytes.get(end) == Some(&b'.') && is_word(bytes.get(end + 1)) {
            Some((end + 1, false))
        } else {
            dot(bytes, end).map(|n| (n, true))
        };
        let Some((next, spelled)) = next else {
            let known = TOPS.iter().any(|t| bytes[start..end].eq_ignore_ascii_case(t));
            return (start > at && known && (bracketed || dotted)).then_some(end);
        };
        dotted |= spelled;
        start = next;
    }
    None
}

/// Where it goes on after a dot that is written as a word.
fn dot(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let spaces = rest
        .iter()
        .take_while(|b| matches!(b, b' ' | b'[' | b'(' | b'{' | b'<'))
        .take(4)
        .count();
    let word = rest.get(spaces..)?;
    let length = [&b"dot"[..], b"punkt"]
        .iter()
        .find(|w| word.get(..w.len()).is_some_and(|s| s.eq_ignore_ascii_case(w)))?
        .len();
    let tail = &word[length..];
    let after = tail
        .iter()
        .take_while(|b| matches!(b, b' ' | b']' | b')' | b'}' | b'>'))
        .take(4)
        .count();
    (spaces > 0 && after > 0).then_some(at + spaces + length + after)
}
