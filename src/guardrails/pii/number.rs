//! The groups of digits in a folded text and what stands between them.

/// Digits without a break: the first one's place and the place after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    /// How many digits it has.
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    /// Its digits.
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }
}

/// All groups of digits, in order.
pub(super) fn groups(bytes: &[u8]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + skip;
        let length = bytes[start..].iter().position(|b| !b.is_ascii_digit());
        let end = length.map_or(bytes.len(), |n| start + n);
        groups.push(Group { start, end });
        at = end;
    }
    groups
}

/// What stands between a group and the next.
pub(super) fn between(bytes: &[u8], left: Group, right: Group) -> &[u8] {
    &bytes[left.end..right.start]
}

/// The digits of several groups in one row.
pub(super) fn digits(bytes: &[u8], groups: &[Group]) -> Vec<u8> {
    groups.iter().flat_map(|g| g.of(bytes)).copied().collect()
}

/// Whether a letter or digit of any script stands here.
pub(super) fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == super::fold::LETTER)
}

/// The byte before `at`.
pub(super) fn before(bytes: &[u8], at: usize) -> Option<&u8> {
    bytes.get(at.checked_sub(1)?)
}

/// Two digits as a number.
pub(super) fn two(digits: &[u8]) -> u32 {
    digits
        .iter()
        .take(2)
        .fold(0, |n, d| n * 10 + u32::from(d.wrapping_sub(b'0')))
}

/// Whether three groups with the same mark between them are a day of a calendar.
pub(super) fn is_date(bytes: &[u8], three: &[Group]) -> bool {
    let [a, b, c] = three else { return false };
    let marks = (between(bytes, *a, *b), between(bytes, *b, *c));
    if marks.0 != marks.1 || !matches!(marks.0, b"." | b"-" | b"/" | b". ") {
        return false;
    }
    let year = |g: &Group| g.len() == 4 && matches!(two(g.of(bytes)), 18..=21);
    let part = |g: &Group, most: u32| g.len() <= 2 && (1..=most).contains(&two(g.of(bytes)));
    let days = |d: &Group, m: &Group| part(d, 31) && part(m, 12) || part(d, 12) && part(m, 31);
    year(a) && days(c, b) || days(a, b) && year(c)
}
