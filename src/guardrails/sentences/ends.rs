//! Where a sentence of a paragraph ends: at a stop that the following text confirms, or
//! with its line. What a stop alone can't tell (abbreviations, ordinals, initials), the
//! word before it and the word after it do.

use super::abbreviations::{ARTICLES, DIGITS, MONTHS, NEVER, PERHAPS, STARTERS, TITLES};
use super::{is_newline, lines, marks};

/// Where a piece ends, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The first byte that isn't part of it.
    pub at: usize,
}

/// What a look at the buffer gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The first sentence's end.
    End(End),
    /// None is certain yet; up to this byte there is none.
    Wait(usize),
}

enum Stop {
    End(usize),
    None(usize),
    Wait,
}

/// A line that breaks off with no stop goes on in the next one when it is that long, in
/// characters: it was wrapped.
const WRAPPED: usize = 50;
/// A bracket or backtick that isn't closed within so many bytes opens nothing.
const SPAN: usize = 300;

/// Looks for the first end from byte `from` on.
pub fn find(buf: &str, from: usize, last: bool) -> Next {
    let mut at = from;
    while let Some(c) = buf[at..].chars().next() {
        let stop = if is_newline(c) {
            newline(buf, at, last)
        } else if is_stop(c) {
            after_stop(buf, at, last)
        } else {
            Stop::None(at + c.len_utf8())
        };
        match stop {
            Stop::End(end) => return Next::End(End { at: end }),
            Stop::None(next) => at = next,
            Stop::Wait => return Next::Wait(at),
        }
    }
    Next::Wait(at)
}

/// Stops of scripts that put no blank after them.
fn is_wide(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '．' | '︒')
}

fn is_stop(c: char) -> bool {
    is_wide(c) || is_own(c) || matches!(c, '.' | '!' | '?' | '…' | '؟' | '‼' | '⁉' | '⁈' | '⁇')
}

/// Stops that are nothing else, whatever follows.
fn is_own(c: char) -> bool {
    matches!(c, '।' | '॥' | '۔' | '؟' | '։' | '።' | '፧' | '။' | '។' | '៕')
}

fn is_closer(c: char) -> bool {
    matches!(
        c,
        ')' | ']'
            | '}'
            | '"'
            | '\''
            | '”'
            | '’'
            | '“'
            | '»'
            | '›'
            | '«'
            | '」'
            | '』'
            | '）'
            | '〉'
            | '》'
            | '*'
            | '_'
            | '~'
            | '`'
    )
}

/// Emoji and what joins them.
fn is_emoji(c: char) -> bool {
    matches!(u32::from(c), 0x1F000..=0x1FAFF | 0x2600..=0x27BF | 0x2B50 | 0x2B55 | 0xFE0F | 0x200D | 0x20E3)
}

fn is_opener(c: char) -> bool {
    matches!(
        c,
        '(' | '['
            | '"'
            | '\''
            | '“'
            | '„'
            | '‘'
            | '‚'
            | '«'
            | '»'
            | '‹'
            | '「'
            | '『'
            | '（'
            | '*'
            | '_'
            | '`'
            | '¿'
            | '¡'
    )
}

/// A line's end: the sentence's too, unless the line was only wrapped.
fn newline(buf: &str, at: usize, last: bool) -> Stop {
    let line = buf[..at].rsplit(is_newline).next().unwrap_or_default();
    let hard = line.ends_with("  ") || line.ends_with('\\');
    let (bare, _) = marks::strip(line);
    let bare = bare.trim_end_matches(is_closer);
    let stopped =
        bare.ends_with(is_stop) && !(bare.ends_with('.') && before(bare, bare.len() - 1) == Before::Never);
    if hard || stopped || bare.ends_with([':', '：', ';']) {
        return Stop::End(at);
    }
    let next = buf[at..].trim_start_matches([' ', '\t', '\n', '\u{2028}', '\u{2029}']);
    let between = &buf[at..buf.len() - next.len()];
    if between.chars().filter(|c| is_newline(*c)).count() > 1 {
        return Stop::End(at);
    }
    let Some(first) = next.chars().next() else {
        return if last { Stop::End(at) } else { Stop::Wait };
    };
    match lines::read(next, last) {
        None => Stop::Wait,
        Some(lines::Line::Prose) => {
            let goes_on = first.is_lowercase()
                || line.trim().chars().count() >= WRAPPED
                || matches!(first, ',' | ')' | '&' | '/' | '[' | '【');
            if goes_on {
                Stop::None(buf.len() - next.len())
            } else {
                Stop::End(at)
            }
        }
        Some(_) => Stop::End(at),
    }
}

/// What follows a stop.
struct Tail<'a> {
    /// The byte after the stops, quotes, marks and emoji that belong to the sentence.
    end: usize,
    /// From the next sentence's first character on.
    next: &'a str,
    /// White space stands between.
    blank: bool,
    /// A new line is in it.
    newline: bool,
    /// A citation mark is among what belongs to it.
    marked: bool,
    /// A closing quote or bracket is.
    closed: bool,
    /// A mark may be about to begin.
    open: bool,
}

fn tail(buf: &str, from: usize) -> Tail<'_> {
    let mut t = Tail {
        end: from,
        next: "",
        blank: false,
        newline: false,
        marked: false,
        closed: false,
        open: false,
    };
    loop {
        let rest = &buf[t.end..];
        let bare = rest.trim_start_matches(|c: char| c.is_whitespace() && !is_newline(c));
        let blank = bare.len() < rest.len();
        let at = buf.len() - bare.len();
        let Some(c) = bare.chars().next() else {
            (t.next, t.blank) = ("", blank);
            return t;
        };
        let len = match marks::read(bare) {
            marks::Mark::Is(len, _) => {
                // `[1](` is a link; what may follow must be known.
                t.open = bare.len() == len;
                t.marked = true;
                len
            }
            marks::Mark::Open => {
                t.open = true;
                return t;
            }
            marks::Mark::Not if !blank && !t.marked && (is_closer(c) || is_stop(c)) => {
                t.closed |= is_closer(c);
                c.len_utf8()
            }
            marks::Mark::Not if !blank && t.marked && (matches!(c, '.' | ')' | '*' | '_') || is_wide(c)) => {
                c.len_utf8()
            }
            // `« Vraiment ? » dit-il`
            marks::Mark::Not if c == '»' && buf[..from].rfind('«') > buf[..from].rfind('»') => {
                t.closed = true;
                c.len_utf8()
            }
            marks::Mark::Not if is_emoji(c) => c.len_utf8(),
            marks::Mark::Not => {
                let next = rest.trim_start();
                t.newline = rest[..rest.len() - next.len()].contains(is_newline);
                (t.next, t.blank) = (next, blank || t.newline);
                return t;
            }
        };
        t.end = at + len;
    }
}

fn after_stop(buf: &str, at: usize, last: bool) -> Stop {
    let stop = buf[at..].chars().next().unwrap_or('.');
    let t = tail(buf, at + stop.len_utf8());
    let resume = Stop::None(t.end);
    if t.newline {
        let wrapped = stop == '.' && before(buf, at) == Before::Never;
        return if wrapped {
            resume
        } else {
            with_marks_below(buf, t.end, last)
        };
    }
    if t.next.is_empty() {
        // The text's end is a sentence's end; the splitter cuts there.
        return if last { resume } else { Stop::Wait };
    }
    if t.open && !last {
        return Stop::Wait;
    }
    if inside(&buf[..at]) {
        return resume;
    }
    // `Yes.` is said of what follows it.
    if !t.marked && matches!(stop, '.' | '!') && is_answer(&buf[..at]) {
        return resume;
    }
    let next = t.next.chars().next().unwrap_or(' ');
    if is_wide(stop) {
        // A quotation goes on with the particle that quotes it.
        let quoted = t.closed
            && !t.blank
            && matches!(next, 'と' | 'っ' | 'の' | 'を' | 'は' | 'が' | 'に' | 'で' | '、');
        return if quoted { resume } else { Stop::End(t.end) };
    }
    if is_own(stop) {
        return Stop::End(t.end);
    }
    if !t.blank {
        // `4.90`, `shop.example`, `?x=1`; but `30 days.[1]You`.
        return if t.marked && next.is_uppercase() {
            Stop::End(t.end)
        } else {
            resume
        };
    }
    let word = t.next.trim_start_matches(is_opener);
    let Some(first) = word.chars().next() else {
        return if last { resume } else { Stop::Wait };
    };
    if t.marked {
        return Stop::End(t.end);
    }
    if first.is_lowercase() || matches!(first, ',' | ';' | ')') {
        return resume;
    }
    if stop != '.' || buf[at + 1..].starts_with('.') {
        return Stop::End(t.end);
    }
    match before(buf, at) {
        Before::Never => resume,
        Before::Digits if first.is_ascii_digit() => resume,
        Before::Month => {
            let Some(next) = whole_word(word, last) else {
                return Stop::Wait;
            };
            if is_month(next) { resume } else { Stop::End(t.end) }
        }
        Before::Perhaps => {
            let Some(next) = whole_word(word, last) else {
                return Stop::Wait;
            };
            if begins(next) { Stop::End(t.end) } else { resume }
        }
        Before::Digits | Before::Word => Stop::End(t.end),
    }
}

/// The end of a sentence that ends with its line, or with the marks that stand on the next
/// line alone.
fn with_marks_below(buf: &str, end: usize, last: bool) -> Stop {
    let next = buf[end..].trim_start();
    let mut at = buf.len() - next.len();
    let below = at;
    let blank = |c: char| matches!(c, ' ' | '\t' | ',');
    let wait = |end| if last { Stop::End(end) } else { Stop::Wait };
    if next.is_empty() {
        return wait(end);
    }
    loop {
        match marks::read(&buf[at..]) {
            marks::Mark::Is(len, _) => at += len,
            marks::Mark::Open => return wait(end),
            marks::Mark::Not => break,
        }
        at += buf[at..].len() - buf[at..].trim_start_matches(blank).len();
    }
    if at == below {
        Stop::End(end)
    } else if buf[at..].is_empty() {
        wait(at)
    } else if buf[at..].starts_with(is_newline) {
        Stop::End(at)
    } else {
        Stop::End(end)
    }
}

/// Whether a text is an answer of one word.
fn is_answer(text: &str) -> bool {
    ["yes", "no", "ja", "nein"]
        .iter()
        .any(|a| text.eq_ignore_ascii_case(a))
}

/// The first word, once something stands after it.
fn whole_word(text: &str, last: bool) -> Option<&str> {
    let len = text.find(|c: char| !c.is_alphabetic() && c != '’' && c != '\'');
    match len {
        Some(len) => Some(&text[..len]),
        None => last.then_some(text),
    }
}

/// Whether a link's text or code is open here: a stop in it ends nothing.
fn inside(before: &str) -> bool {
    let near = |at: usize| before.len() - at <= SPAN;
    let code = marks::open_code(before).is_some_and(near);
    let link = before
        .rfind('[')
        .is_some_and(|at| near(at) && !before[at..].contains(']'));
    let target = before.rfind("](").is_some_and(|at| {
        near(at) && !before[at..].contains(')') && !before[at..].contains(char::is_whitespace)
    });
    code || link || target
}

/// What the text before a full stop is.
#[derive(Debug, PartialEq, Eq)]
enum Before {
    /// An abbreviation that another word always follows, or an ordinal.
    Never,
    /// An abbreviation, an initial: the next word tells.
    Perhaps,
    /// An abbreviation before numbers only, or a short number as in `3. 5. 2026`.
    Digits,
    /// A short number: an ordinal where a month follows.
    Month,
    /// An ordinary word.
    Word,
}

fn before(buf: &str, at: usize) -> Before {
    let text = &buf[..at];
    let start = text
        .rfind(|c: char| c.is_whitespace() || is_opener(c) || matches!(c, '–' | '—' | ','))
        .map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let word = &text[start..];
    let lower = word.to_lowercase();
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) {
        return number(word, text[..start].trim_end());
    }
    let titled = word.starts_with(char::is_uppercase) && TITLES.contains(&lower.as_str());
    if titled || NEVER.contains(&lower.as_str()) {
        return Before::Never;
    }
    // `J. Smith`, `z. B.`, `U.S.`
    let letters = word
        .split('.')
        .all(|p| p.chars().count() == 1 && p.chars().all(char::is_alphabetic));
    // `40 W.` is a unit.
    if letters && text[..start].trim_end().ends_with(|c: char| c.is_ascii_digit()) && !word.contains('.') {
        return Before::Word;
    }
    if letters || PERHAPS.contains(&lower.as_str()) {
        return Before::Perhaps;
    }
    if DIGITS.contains(&lower.as_str()) {
        Before::Digits
    } else {
        Before::Word
    }
}

/// A number before a full stop: `am 3. Mai` is an ordinal, `costs 25. Next` isn't.
fn number(digits: &str, ahead: &str) -> Before {
    if digits.len() > 2 {
        return Before::Word;
    }
    let word = ahead
        .rsplit(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or_default()
        .to_lowercase();
    if ahead.ends_with(char::is_alphabetic) && ARTICLES.contains(&word.as_str()) {
        return Before::Perhaps;
    }
    // The day's stop in `3. 5. 2026`, or the month's.
    let dated = ahead.ends_with('.')
        && ahead
            .trim_end_matches('.')
            .ends_with(|c: char| c.is_ascii_digit());
    if dated { Before::Digits } else { Before::Month }
}

fn is_month(word: &str) -> bool {
    MONTHS.contains(&word.to_lowercase().as_str())
}

/// Whether a word is one that sentences begin with.
fn begins(word: &str) -> bool {
    STARTERS.contains(&word.to_lowercase().as_str())
}
