//! A stream of Markdown becomes sentences while it is written: each comes out as soon as
//! its end is certain, with the citation marks that follow it. It works character by
//! character, so that how a provider chops its text makes no difference.

mod abbreviations;
mod ends;
mod lines;
mod marks;
#[cfg(test)]
mod tests;

use ends::{End, Next};
use lines::Line;

/// The longest piece, in characters; a longer run without an end is cut.
pub const LONGEST: usize = 2_000;

/// Deepest indentation of a list item that is kept, in characters.
const INDENT: usize = 24;

/// A sentence, or what stands on a line or in a block of its own: a list item, a table
/// row, a heading, a fenced block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// White space before it: nothing, a blank, one new line or two; an indented list item
    /// keeps its indentation after the new line.
    pub gap: String,
    /// It as Markdown, without citation marks and surrounding white space.
    pub md: String,
    /// The numbers of its citation marks, in order, each once.
    pub marks: Vec<u32>,
}

/// White space between two pieces.
#[derive(Debug, Default, Clone, Copy)]
struct Gap {
    newlines: usize,
    blanks: usize,
}

impl Gap {
    fn take(&mut self, c: char) {
        if is_newline(c) {
            self.newlines = (self.newlines + 1).min(2);
            self.blanks = 0;
        } else {
            self.blanks = (self.blanks + 1).min(INDENT);
        }
    }

    fn text(self, indented: bool) -> String {
        match self.newlines {
            0 if self.blanks > 0 => " ".to_owned(),
            n if indented => "\n".repeat(n) + &" ".repeat(self.blanks),
            n => "\n".repeat(n),
        }
    }
}

/// Splits one text.
#[derive(Debug, Default)]
pub struct Splitter {
    /// What isn't out yet; it begins with no white space.
    buf: String,
    /// Its length in characters.
    chars: usize,
    gap: Gap,
    /// Whether a piece is out.
    begun: bool,
    /// What `buf` is; none while that can't be told.
    line: Option<Line>,
    /// Bytes of `buf` in which no end is.
    scanned: usize,
}

impl Splitter {
    /// Takes the next part of the text and gives what it completes.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut out = Vec::new();
        for c in text.chars() {
            // A model's NUL would be refused by the database; other controls print as nothing.
            if !c.is_control() || is_newline(c) || c == '\t' {
                self.take(c, &mut out);
            }
        }
        out
    }

    /// The text is over: gives what is left.
    pub fn end(&mut self) -> Vec<Piece> {
        let mut out = Vec::new();
        self.settle(true, &mut out);
        let rest = std::mem::take(self);
        if !rest.buf.is_empty() {
            rest.emit(rest.buf.trim_end(), &mut out);
        }
        out
    }

    fn take(&mut self, c: char, out: &mut Vec<Piece>) {
        if self.buf.is_empty() && c.is_whitespace() {
            self.gap.take(c);
            return;
        }
        self.buf.push(c);
        self.chars += 1;
        self.settle(false, out);
        if self.chars >= LONGEST {
            self.cut(self.cut_at(), out);
        }
    }

    /// Gives every piece of the buffer whose end is certain.
    fn settle(&mut self, last: bool, out: &mut Vec<Piece>) {
        while !self.buf.is_empty() {
            let starts_line = !self.begun || self.gap.newlines > 0;
            if self.line.is_none() {
                self.line = match starts_line {
                    true => lines::read(&self.buf, last),
                    false => Some(Line::Prose),
                };
            }
            let end =
                match self.line {
                    None => return,
                    Some(Line::Prose | Line::Quote) => match ends::find(&self.buf, self.scanned, last) {
                        Next::End(end) => Some(end),
                        Next::Wait(scanned) => {
                            self.scanned = scanned;
                            None
                        }
                    },
                    Some(Line::Whole) => self.buf.find(is_newline).map(|at| End { at }),
                    Some(Line::Fence(fence)) => fence
                        .end(&self.buf, self.scanned)
                        .map(|at| End { at })
                        .or_else(|| {
                            self.scanned = self.buf.rfind('\n').unwrap_or(0);
                            None
                        }),
                };
            let Some(End { at }) = end else { return };
            self.cut(at, out);
            self.line = None;
        }
    }

    /// Emits the buffer's first `at` bytes; the rest begins anew.
    fn cut(&mut self, at: usize, out: &mut Vec<Piece>) {
        let rest = self.buf.split_off(at);
        let trailing = self.buf.len() - self.buf.trim_end().len();
        let kept = rest.trim_start();
        if self.emit(self.buf.trim_end(), out) {
            self.begun = true;
            self.gap = Gap::default();
        }
        let between = self.buf[self.buf.len() - trailing..].chars();
        for c in between.chain(rest[..rest.len() - kept.len()].chars()) {
            self.gap.take(c);
        }
        self.chars = kept.chars().count();
        self.buf = kept.to_owned();
        self.scanned = 0;
        // A line or a paragraph that was cut goes on as prose, code as code.
        self.line = match self.line {
            Some(Line::Fence(fence)) => Some(Line::Fence(fence.cut())),
            _ => None,
        };
    }

    /// Whether there was anything but marks.
    fn emit(&self, raw: &str, out: &mut Vec<Piece>) -> bool {
        let code = matches!(self.line, Some(Line::Fence(_)));
        let (md, marks) = if code {
            (raw.to_owned(), Vec::new())
        } else {
            marks::strip(raw)
        };
        if md.is_empty() {
            return false;
        }
        let gap = if self.begun {
            self.gap.text(self.line.is_some_and(Line::keeps_indent))
        } else {
            String::new()
        };
        out.push(Piece { gap, md, marks });
        true
    }

    /// Where a run that is too long is cut: at its last white space, or before the last
    /// character; never in a citation mark.
    fn cut_at(&self) -> usize {
        use unicode_segmentation::UnicodeSegmentation;
        let half = self.buf.len() / 2;
        let newline = self.buf.rfind(is_newline).filter(|at| *at > half);
        let blank = self.buf.rfind(char::is_whitespace).filter(|at| *at > half);
        let whole = self
            .buf
            .grapheme_indices(true)
            .next_back()
            .map(|(at, _)| at)
            .filter(|at| *at > half);
        let code = matches!(self.line, Some(Line::Fence(_)));
        let at = if code { newline.or(blank) } else { blank }
            .or(whole)
            .unwrap_or(self.buf.len());
        match marks::around(&self.buf, at) {
            Some(start) if start > 0 && !code => start,
            _ => at,
        }
    }
}

fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\u{2028}' | '\u{2029}')
}
