//! Phone numbers: international ones, national ones in the groups that people write, and
//! any row of seven digits and more beside a word like "call". Orders, parcels, items,
//! sums and days look much the same; a word that names them decides against.

use super::label::{self, Label};
use super::number::{self, Group, before, between, is_word, two};
use super::{Kind, Taken, checksum};

/// How many groups one number has at most.
const GROUPS: usize = 8;
/// How few digits a number has that a word names, and how many E.164 allows.
const FEWEST: usize = 7;
const MOST: usize = 15;

pub(super) fn find(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let mut found = Vec::new();
    let mut first = 0;
    while let Some(group) = groups.get(first) {
        let known = taken.overlaps(group.start, group.end);
        match longest(bytes, groups, first, taken).filter(|_| !known) {
            Some((start, end)) => {
                found.push((start, end));
                first = groups.partition_point(|g| g.start < end);
            }
            None => first += 1,
        }
    }
    taken.add(Kind::Phone, found);
}

/// The longest number that begins with the group `first`.
fn longest(bytes: &[u8], groups: &[Group], first: usize, taken: &Taken) -> Option<(usize, usize)> {
    let chain = chain(bytes, groups, first, taken);
    if !begins(bytes, groups, first) || chain.iter().map(|g| g.len()).sum::<usize>() < FEWEST {
        return None;
    }
    let start = start(bytes, chain[0]);
    let mut said = None;
    (1..=chain.len()).rev().find_map(|n| {
        let own = &chain[..n];
        let digits = own.iter().map(|g| g.len()).sum();
        if !(FEWEST..=MOST + 2).contains(&digits) || !ends(bytes, &chain[n - 1..]) {
            return None;
        }
        let end = own[n - 1].end;
        let said = *said.get_or_insert_with(|| what(bytes, start, end, digits));
        let window = Window {
            bytes,
            own,
            digits,
            next: chain.get(n),
            said,
        };
        window.is_phone().then(|| (start, extension(bytes, end)))
    })
}

/// What the words around say, those before it first.
fn what(bytes: &[u8], start: usize, end: usize, digits: usize) -> Option<Label> {
    if label::is_code(bytes, start) {
        return Some(Label::Thing);
    }
    label::left(bytes, start, digits).or_else(|| label::right(bytes, end))
}

/// Groups that could belong together, up to a calendar's day, a time, or another find.
fn chain<'a>(bytes: &[u8], groups: &'a [Group], first: usize, taken: &Taken) -> &'a [Group] {
    let most = groups.len().min(first + GROUPS);
    let mut end = first;
    while end < most {
        let group = groups[end];
        let joined = end == first || joins(between(bytes, groups[end - 1], group));
        let day = (end.saturating_sub(2)..=end)
            .any(|i| groups.get(i..i + 3).is_some_and(|d| number::is_date(bytes, d)));
        let time =
            bytes.get(group.end) == Some(&b':') && bytes.get(group.end + 1).is_some_and(u8::is_ascii_digit);
        if !joined || day || time || taken.overlaps(group.start, group.end) {
            break;
        }
        end += 1;
    }
    &groups[first..end]
}

/// Whether this may stand within a phone number.
fn joins(gap: &[u8]) -> bool {
    gap.len() <= 3 && gap.iter().all(|b| b" -./()".contains(b)) && gap != b". " && gap != b"..."
}

/// Whether nothing before the group belongs to it: no letter, no number tied by a mark.
fn begins(bytes: &[u8], groups: &[Group], first: usize) -> bool {
    let start = groups[first].start;
    if is_word(before(bytes, start)) {
        // "Tel030…" is written in haste; "A0301234567" is a code.
        return label::left(bytes, start, 0) == Some(Label::Phone);
    }
    let Some(previous) = first.checked_sub(1).map(|i| groups[i]) else {
        return true;
    };
    !matches!(
        between(bytes, previous, groups[first]),
        b"-" | b"." | b"/" | b"," | b":" | b"_" | b"="
    )
}

/// Where it begins with its plus and parenthesis.
fn start(bytes: &[u8], group: Group) -> usize {
    let mut start = group.start;
    for mark in [b"(", b"+", b"("] {
        if before(bytes, start) == Some(&mark[0]) && (mark == b"+" || closes(bytes, group)) {
            start -= 1;
        }
    }
    start
}

/// Whether a parenthesis closes right after the group.
fn closes(bytes: &[u8], group: Group) -> bool {
    bytes.get(group.end) == Some(&b')')
}

/// Whether a number may end with the first of these groups.
fn ends(bytes: &[u8], rest: &[Group]) -> bool {
    let end = rest[0].end;
    let tied = rest
        .get(1)
        .is_some_and(|next| matches!(between(bytes, rest[0], *next), b"-" | b"." | b"/"));
    let more = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let goes_on = matches!(
        bytes.get(end),
        Some(b',' | b':' | b'_' | b'.' | b'-' | b'/' | b'%')
    ) && more;
    let word = is_word(bytes.get(end)) && extension(bytes, end) == end;
    !tied && !goes_on && !word
}

/// The end of the extension that follows: "x123", "ext. 12", "Durchwahl 3".
fn extension(bytes: &[u8], end: usize) -> usize {
    const WORDS: [&[u8]; 6] = [b"extension", b"ext.", b"ext", b"durchwahl", b"x", b"#"];
    let spaces = |at: usize| {
        bytes[at..]
            .iter()
            .take(2)
            .take_while(|b| **b == b' ' || **b == b',')
            .count()
    };
    let at = end + spaces(end);
    let is = |w: &&&[u8]| {
        bytes
            .get(at..at + w.len())
            .is_some_and(|b| b.eq_ignore_ascii_case(w))
    };
    let Some(word) = WORDS.iter().find(is) else {
        return end;
    };
    let from = at + word.len();
    let from = from + spaces(from);
    let count = bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if (1..=6).contains(&count) && !is_word(bytes.get(from + count)) {
        from + count
    } else {
        end
    }
}

/// Groups that may be a number.
struct Window<'a> {
    bytes: &'a [u8],
    own: &'a [Group],
    digits: usize,
    next: Option<&'a Group>,
    said: Option<Label>,
}

impl Window<'_> {
    fn is_phone(&self) -> bool {
        if self.international() || self.double_zero() {
            return true;
        }
        if self.digits > MOST
            || matches!(
                self.said,
                Some(Label::Thing | Label::Gtin | Label::Iban | Label::Version | Label::ShopCard)
            )
        {
            return false;
        }
        if self.is_money() {
            return false;
        }
        if self.said == Some(Label::Phone) {
            return self.alone() || self.digits >= 9;
        }
        self.digits >= 9
            && if self.own.len() == 1 {
                self.bare()
            } else {
                self.parenthesis() || self.trunk() || self.shape()
            }
    }

    fn sizes(&self) -> Vec<usize> {
        self.own.iter().map(|g| g.len()).collect()
    }

    fn text(&self, i: usize) -> &[u8] {
        self.own[i].of(self.bytes)
    }

    /// A plus and a country.
    fn international(&self) -> bool {
        let start = self.own[0].start;
        let plus = before(self.bytes, start) == Some(&b'+')
            && !is_word(start.checked_sub(2).and_then(|i| self.bytes.get(i)));
        plus && (8..=MOST + 1).contains(&self.digits) && country(&number::digits(self.bytes, self.own))
    }

    /// Two zeros in place of the plus.
    fn double_zero(&self) -> bool {
        let first = self.text(0);
        first.starts_with(b"00")
            && (12..=MOST + 2).contains(&self.digits)
            && self.said != Some(Label::Thing)
            && country(&number::digits(self.bytes, self.own)[2..])
    }

    /// One row: a national number with its zero, ten digits and more.
    fn bare(&self) -> bool {
        let text = self.text(0);
        text[0] == b'0'
            && text[1] != b'0'
            && (10..=12).contains(&self.digits)
            && !(self.digits == 12 && checksum::gtin(text))
            && !matches!(before(self.bytes, self.own[0].start), Some(b'=' | b'_'))
    }

    /// An area in parentheses.
    fn parenthesis(&self) -> bool {
        let closed = (0..2).any(|i| self.own.get(i).is_some_and(|g| closes(self.bytes, *g)));
        let opened = (0..2).any(|i| {
            self.own
                .get(i)
                .is_some_and(|g| before(self.bytes, g.start) == Some(&b'('))
        });
        closed && (opened || self.sizes() == [3, 3, 4]) && self.digits <= 13
    }

    /// A national number in groups, with the zero before its area.
    fn trunk(&self) -> bool {
        let first = self.text(0);
        let decimal = self.own.len() == 2 && between(self.bytes, self.own[0], self.own[1]) == b".";
        (2..=6).contains(&first.len())
            && first[0] == b'0'
            && first[1] != b'0'
            && self.digits <= 12
            && !decimal
            && self.own[1..]
                .iter()
                .all(|g| g.len() >= 2 || g.len() == 1 && self.own.len() == 2)
            && self.alone()
    }

    /// The groups of countries without such a zero.
    fn shape(&self) -> bool {
        const SHAPES: &[&[usize]] = &[
            &[3, 3, 4],
            &[1, 3, 3, 4],
            &[3, 3, 3],
            &[2, 3, 2, 2],
            &[3, 2, 2, 2],
            &[2, 3, 3, 4],
            &[2, 4, 4],
            &[3, 4, 4],
            &[3, 3, 2, 2],
            &[2, 2, 2, 2, 2],
            &[2, 4, 3, 3],
        ];
        let sizes = self.sizes();
        let gap = |w: &[Group]| between(self.bytes, w[0], w[1]).to_vec();
        let gaps: Vec<_> = self.own.windows(2).map(gap).collect();
        let same = gaps.windows(2).all(|w| w[0] == w[1]) && gaps[0].len() == 1;
        let round = self.own.iter().all(|g| g.of(self.bytes).ends_with(b"0"));
        let known = SHAPES.contains(&sizes.as_slice());
        let north_american = !sizes.ends_with(&[3, 3, 4]) || self.text(self.own.len() - 3)[0] >= b'2';
        // Two digits five times are sizes and years, unless they begin as areas do.
        let pairs = sizes.len() < 5 || self.text(0)[0] == b'0';
        known && same && !round && north_american && pairs && self.alone() && !self.behind_country()
    }

    /// Whether two capitals stand before it, as before tax numbers and on parcels.
    fn behind_country(&self) -> bool {
        let head = &self.bytes[..self.own[0].start];
        let [.., a, b, b' '] = head else { return false };
        a.is_ascii_uppercase() && b.is_ascii_uppercase() && !is_word(before(head, head.len() - 3))
    }

    /// Whether no small number stands before it or after it, as in a list or a table.
    fn alone(&self) -> bool {
        let start = self.own[0].start;
        let head = &self.bytes[..start];
        let listed = head.last() == Some(&b' ') && {
            let digits = head
                .trim_ascii_end()
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_digit())
                .count();
            (1..=4).contains(&digits)
        };
        let goes_on = self
            .next
            .is_some_and(|n| n.len() <= 4 && between(self.bytes, self.own[self.own.len() - 1], *n) == b" ");
        !listed && !goes_on
    }

    /// Whether a currency stands before it or after it.
    fn is_money(&self) -> bool {
        const NAMES: [&[u8]; 8] = [
            b"eur", b"usd", b"gbp", b"chf", b"euro", b"dollar", b"pieces", b"kg",
        ];
        let start = self.own[0].start;
        let end = self.own[self.own.len() - 1].end;
        let sign = |b: Option<&u8>| matches!(b, Some(b'$' | &super::fold::OTHER | b'%'));
        let left = self.bytes[..start].trim_ascii_end().last();
        let right = self.bytes[end..].trim_ascii_start();
        let named = NAMES
            .iter()
            .any(|n| right.get(..n.len()).is_some_and(|r| r.eq_ignore_ascii_case(n)));
        sign(left) && left != Some(&super::fold::OTHER)
            || sign(right.first()) && right.first() != Some(&super::fold::OTHER)
            || named
    }
}

/// Whether digits after a plus can be a country and a number of it.
fn country(digits: &[u8]) -> bool {
    match digits.first() {
        Some(b'1') => digits.len() == 11 && digits[1] >= b'2',
        Some(b'2'..=b'9') => digits.len() >= 8 && two(digits) > 19,
        _ => false,
    }
}
