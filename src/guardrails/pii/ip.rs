//! Addresses of the Internet Protocol: version 4, and version 6 in all its forms. The
//! standard library decides what is one; here it is decided where one could stand.

use std::net::Ipv6Addr;

use super::label::{self, Label};
use super::number::{Group, before, between, is_word};
use super::{Kind, Taken, checksum};

/// Longest address of version 6 as text.
const LONGEST: usize = 45;

pub(super) fn find(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let mut found = six(bytes);
    found.extend(groups.windows(4).filter_map(|four| version_four(bytes, four)));
    taken.add(Kind::Ip, found);
}

fn version_four(bytes: &[u8], four: &[Group]) -> Option<(usize, usize)> {
    let (start, end) = (four.first()?.start, four.last()?.end);
    if !four.windows(2).all(|w| between(bytes, w[0], w[1]) == b".") {
        return None;
    }
    // Zeros in front are common in logs, so the standard library's reader is too strict.
    if !four
        .iter()
        .all(|g| g.len() <= 3 && checksum::number(g.of(bytes)) <= 255)
    {
        return None;
    }
    // A longer row of numbers is none: 1.3.6.1.4.1; nor is a version: v1.2.3.4, 1.2.3.4-rc1.
    let row_before = before(bytes, start) == Some(&b'.') && start >= 2 && bytes[start - 2].is_ascii_digit();
    let row_after = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let release = matches!(bytes.get(end), Some(b'-' | b'+'))
        && bytes.get(end + 1).is_some_and(|b| b.is_ascii_lowercase());
    if row_before || row_after || release || is_word(bytes.get(end)) {
        return None;
    }
    let is_version = matches!(label::left(bytes, start, 0), Some(Label::Version));
    (!is_version).then_some((start, end))
}

/// Addresses of version 6: the longest rows of their characters around each colon.
fn six(bytes: &[u8]) -> Vec<(usize, usize)> {
    let part = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(|b| *b == b':') {
        let colon = at + skip;
        let mut start = bytes[at..colon]
            .iter()
            .rposition(|b| !part(b))
            .map_or(at, |i| at + i + 1);
        let length = bytes[colon..].iter().position(|b| !part(b));
        let mut end = length.map_or(bytes.len(), |n| colon + n);
        at = end;
        // The text's own marks: "IP: 2001:db8::1." But "::" may begin an address and end it.
        while start < end
            && (bytes[start] == b'.' || bytes[start] == b':' && bytes.get(start + 1) != Some(&b':'))
        {
            start += 1;
        }
        while end > start
            && (bytes[end - 1] == b'.' || bytes[end - 1] == b':' && !bytes[start..end].ends_with(b"::"))
        {
            end -= 1;
        }
        if !is_word(before(bytes, start)) && !is_word(bytes.get(end)) && is_six(&bytes[start..end]) {
            found.push((start, zone(bytes, end)));
        }
    }
    found
}

/// Whether this is an address; one of letters alone must have three parts, since `dead::beef`
/// may as well be a name in a program.
fn is_six(run: &[u8]) -> bool {
    if !(3..=LONGEST).contains(&run.len()) {
        return false;
    }
    let parts = run.split(|b| *b == b':').filter(|p| !p.is_empty()).count();
    let sure = parts >= 3 || run.iter().any(u8::is_ascii_digit);
    sure && str::from_utf8(run).is_ok_and(|s| s.parse::<Ipv6Addr>().is_ok())
}

/// The end of the zone that follows an address: `%eth0`.
fn zone(bytes: &[u8], end: usize) -> usize {
    if bytes.get(end) != Some(&b'%') {
        return end;
    }
    let length = bytes[end + 1..]
        .iter()
        .take(16)
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    if length == 0 { end } else { end + 1 + length }
}
