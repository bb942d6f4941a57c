//! What a line of Markdown is: prose that has sentences, or something that ends with the
//! line; and where a fenced block of code ends.

/// What a piece is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A paragraph.
    Prose,
    /// A paragraph in a block quote.
    Quote,
    /// A list item, a table row, a heading or a rule: it ends with its line.
    Whole,
    /// A fenced block of code.
    Fence(Fence),
}

impl Line {
    /// Whether its indentation means something.
    pub fn keeps_indent(self) -> bool {
        !matches!(self, Self::Prose)
    }
}

/// The fence that opened a block of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    mark: char,
    count: usize,
    /// Its first line is out already.
    cut: bool,
}

impl Fence {
    /// The same, of which a part is out.
    pub fn cut(self) -> Self {
        Self { cut: true, ..self }
    }

    /// Where the block ends: with the line of the fence that closes it. Looks from the line
    /// that begins at or before `from` on.
    pub fn end(self, buf: &str, from: usize) -> Option<usize> {
        let start = buf[..from].rfind('\n').map_or(0, |at| at + 1);
        let mut at = start;
        for line in buf[start..].split_inclusive('\n') {
            let bare = line.trim();
            let closes = (at > 0 || self.cut)
                && line.ends_with('\n')
                && bare.chars().count() >= self.count
                && bare.chars().all(|c| c == self.mark);
            at += line.len();
            if closes {
                return Some(at - 1);
            }
        }
        None
    }
}

/// What the line is that the text begins with; none while more of it must be known.
pub fn read(text: &str, last: bool) -> Option<Line> {
    let run = |mark: char| text.chars().take_while(|c| *c == mark).count();
    let open = |undecided: bool| {
        if undecided && !last {
            None
        } else {
            Some(Line::Prose)
        }
    };
    let first = text.chars().next()?;
    match first {
        '>' => Some(Line::Quote),
        '|' => Some(Line::Whole),
        '#' => {
            let n = run('#');
            match text[n..].chars().next() {
                Some(c) if c.is_whitespace() && n <= 6 => Some(Line::Whole),
                next => open(next.is_none() && n <= 6),
            }
        }
        '`' | '~' => {
            let n = run(first);
            match text[n..].chars().next() {
                Some(_) if n >= 3 => Some(Line::Fence(Fence {
                    mark: first,
                    count: n,
                    cut: false,
                })),
                next => open(next.is_none()),
            }
        }
        '-' | '*' | '+' | '_' | '•' | '–' | '‣' | '◦' | '·' => bullet(text, first, last),
        '0'..='9' => {
            let n = text.bytes().take_while(u8::is_ascii_digit).count();
            let mut after = text[n..].chars();
            match (after.next(), after.next()) {
                (None, _) => open(n <= 9),
                (Some('.' | ')'), None) => open(n <= 9),
                (Some('.' | ')'), Some(c)) if c.is_whitespace() && n <= 9 => Some(Line::Whole),
                _ => Some(Line::Prose),
            }
        }
        _ => Some(Line::Prose),
    }
}

/// A bullet with a blank after it is an item; three and more are a rule.
fn bullet(text: &str, first: char, last: bool) -> Option<Line> {
    let mut chars = text.chars();
    chars.next();
    match chars.next() {
        Some(c) if c.is_whitespace() && first != '_' => Some(Line::Whole),
        None if !last => None,
        Some(c) if c == first => {
            let line = text.split('\n').next().unwrap_or_default();
            let rule = line.trim_end().chars().all(|c| c == first);
            match (rule, text.contains('\n') || last) {
                (false, _) => Some(Line::Prose),
                (true, true) => Some(Line::Whole),
                (true, false) => None,
            }
        }
        _ => Some(Line::Prose),
    }
}
