//! A page as pieces of text at places, and the lines that they make.

use unicode_normalization::UnicodeNormalization;

/// Between words there is at least this much, as a share of the letters' size.
const WORD_GAP: f64 = 0.16;
/// Between cells or columns there is at least this much.
const CELL_GAP: f64 = 1.6;

/// A page.
#[derive(Debug, Default, Clone)]
pub struct Page {
    /// In points.
    pub width: f64,
    /// In points.
    pub height: f64,
    /// In the order in which the file has them.
    pub pieces: Vec<Piece>,
}

/// A character or a word at its place. Turned text is turned upright with its page.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Left and right end.
    pub x: (f64, f64),
    /// The base line, downwards from the top.
    pub y: f64,
    /// The letters' size in points.
    pub size: f64,
    /// Quarter turns.
    pub turned: u8,
    /// What it says.
    pub text: String,
}

impl Piece {
    /// At a place, along a direction.
    pub fn new(at: (f64, f64), along: (f64, f64), advance: f64, size: f64, text: String) -> Self {
        let (turned, x, y) = if along.0.abs() >= along.1.abs() {
            if along.0 >= 0.0 {
                (0, at.0, at.1)
            } else {
                (2, -at.0, -at.1)
            }
        } else if along.1 < 0.0 {
            (1, -at.1, at.0)
        } else {
            (3, at.1, -at.0)
        };
        Self {
            x: (x, x + advance),
            y,
            size,
            turned,
            text,
        }
    }
}

/// What stands together on a line: a line of a paragraph, or a cell.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Left and right end.
    pub x: (f64, f64),
    /// What it says.
    pub text: String,
}

/// A line.
#[derive(Debug, Clone)]
pub struct Line {
    /// The base line.
    pub y: f64,
    /// The size of most of its letters.
    pub size: f64,
    /// Quarter turns.
    pub turned: u8,
    /// From left to right.
    pub segments: Vec<Segment>,
}

impl Line {
    /// Left and right end.
    pub fn x(&self) -> (f64, f64) {
        let left = self.segments.iter().map(|s| s.x.0).fold(f64::MAX, f64::min);
        let right = self.segments.iter().map(|s| s.x.1).fold(f64::MIN, f64::max);
        (left, right)
    }

    /// All that it says.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.segments.iter().map(|s| s.text.as_str()).collect();
        texts.join(" ")
    }
}

/// Puts pieces together to lines, in the file's order.
pub fn lines(page: &Page) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut run: Vec<&Piece> = Vec::new();
    for piece in &page.pieces {
        if piece.size <= 0.1 {
            continue;
        }
        if let Some(last) = run.last() {
            let size = last.size.max(piece.size);
            let same_line = piece.turned == last.turned && (piece.y - last.y).abs() < 0.45 * size;
            // Bold is sometimes made by printing twice.
            let again = same_line
                && piece.text == last.text
                && (piece.x.0 - last.x.0).abs() < 0.12 * size
                && (piece.y - last.y).abs() < 0.12 * size
                && piece.x.1 > piece.x.0;
            if again {
                continue;
            }
            let gap = piece.x.0 - last.x.1;
            let backwards =
                gap < -0.6 * size && !is_right_to_left(&piece.text) && !is_right_to_left(&last.text);
            if !same_line || gap.abs() > CELL_GAP * size || backwards {
                add(&mut lines, &run);
                run.clear();
            }
        }
        run.push(piece);
    }
    add(&mut lines, &run);
    for line in &mut lines {
        line.segments.sort_by(|a, b| a.x.0.total_cmp(&b.x.0));
        let right_to_left = line.segments.iter().filter(|s| is_right_to_left(&s.text)).count();
        if right_to_left * 2 > line.segments.len() {
            line.segments.reverse();
        }
    }
    lines
}

/// Adds a run to the line that it continues, or as a new one.
fn add(lines: &mut Vec<Line>, run: &[&Piece]) {
    let Some(first) = run.first() else { return };
    let Some(segment) = segment(run) else { return };
    let size = common_size(run);
    if let Some(last) = lines.last_mut() {
        let same = last.turned == first.turned && (last.y - first.y).abs() < 0.3 * size.min(last.size);
        let apart = last
            .segments
            .iter()
            .all(|s| segment.x.0 >= s.x.1 - 0.3 * size || segment.x.1 <= s.x.0 + 0.3 * size);
        if same && apart {
            // What a change of fonts cut in two belongs together.
            if let Some(left) = last.segments.last_mut() {
                let gap = segment.x.0 - left.x.1;
                if gap.abs() < WORD_GAP * size {
                    left.text.push_str(&segment.text);
                    left.x.1 = segment.x.1;
                    return;
                }
                if (0.0..CELL_GAP * size).contains(&gap) {
                    left.text.push(' ');
                    left.text.push_str(&segment.text);
                    left.x.1 = segment.x.1;
                    return;
                }
            }
            last.segments.push(segment);
            return;
        }
    }
    lines.push(Line {
        y: first.y,
        size,
        turned: first.turned,
        segments: vec![segment],
    });
}

/// The size of most letters, so that a raised number doesn't count.
fn common_size(run: &[&Piece]) -> f64 {
    let mut sizes: Vec<f64> = run.iter().map(|p| p.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes[sizes.len() / 2]
}

fn segment(run: &[&Piece]) -> Option<Segment> {
    let letters: String = run.iter().map(|p| p.text.as_str()).collect();
    let right_to_left = is_right_to_left(&letters);
    let mut run = run.to_vec();
    if right_to_left {
        // As it is printed, whatever order the file has.
        run.sort_by(|a, b| a.x.0.total_cmp(&b.x.0));
    }
    let mut pieces: Vec<String> = Vec::with_capacity(run.len());
    let mut end: Option<f64> = None;
    for piece in &run {
        let text: String = piece.text.chars().map(normal).collect();
        if let Some(end) = end
            && piece.x.0 - end > WORD_GAP * piece.size
            && pieces.last().is_some_and(|p| !p.ends_with(' '))
            && !text.starts_with(' ')
        {
            pieces.push(" ".to_owned());
        }
        end = Some(piece.x.1);
        pieces.push(text);
    }
    let text = if right_to_left {
        logical(&pieces)
    } else {
        pieces.concat()
    };
    let text = clean(&text);
    if text.is_empty() {
        return None;
    }
    let left = run.iter().map(|p| p.x.0).fold(f64::MAX, f64::min);
    let right = run.iter().map(|p| p.x.1).fold(f64::MIN, f64::max);
    Some(Segment {
        x: (left, right),
        text,
    })
}

/// Odd blanks to blanks.
fn normal(c: char) -> char {
    match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\t' | '\n' | '\r' => ' ',
        _ => c,
    }
}

/// Ligatures and presentation forms to letters, control characters away, single blanks.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{fb00}'..='\u{fb06}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => {
                out.extend(std::iter::once(c).nfkc());
            }
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            c if c.is_control() => {}
            // What fonts keep for themselves nobody can read; first in a line it is a list's mark.
            '\u{e000}'..='\u{f8ff}' => out.push_str(if out.trim().is_empty() { "• " } else { "" }),
            c => out.push(normal(c)),
        }
    }
    let out: String = out.nfc().collect();
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether most of its letters run from right to left.
pub fn is_right_to_left(text: &str) -> bool {
    let (mut right, mut left) = (0, 0);
    for c in text.chars() {
        if is_right(c) {
            right += 1;
        } else if c.is_alphabetic() {
            left += 1;
        }
    }
    right > left
}

fn is_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// From the order in print to the order of reading: all is turned round but what runs
/// from left to right within, which is numbers and foreign words.
fn logical(pieces: &[String]) -> String {
    let mut out: Vec<&str> = pieces.iter().map(String::as_str).rev().collect();
    let runs_left = |p: &str| {
        p.chars()
            .any(|c| (c.is_alphanumeric() && !is_right(c)) || c.is_ascii_digit())
    };
    let joins = |p: &str| matches!(p, "." | "," | ":" | "/" | "-" | "%" | "@" | "_" | "+");
    let mut i = 0;
    while i < out.len() {
        if !runs_left(out[i]) {
            i += 1;
            continue;
        }
        let mut end = i + 1;
        let mut last = i + 1;
        while end < out.len() && (runs_left(out[end]) || joins(out[end]) || out[end] == " ") {
            end += 1;
            if runs_left(out[end - 1]) {
                last = end;
            }
        }
        out[i..last].reverse();
        i = last;
    }
    out.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(x: f64, y: f64, text: &str) -> Vec<Piece> {
        let at = |i: usize| x + i as f64 * 5.0;
        text.chars()
            .enumerate()
            .map(|(i, c)| Piece::new((at(i), y), (10.0, 0.0), 5.0, 10.0, c.to_string()))
            .collect()
    }

    fn page(pieces: Vec<Vec<Piece>>) -> Page {
        Page {
            width: 600.0,
            height: 800.0,
            pieces: pieces.concat(),
        }
    }

    #[test]
    fn letters_become_words_lines_and_cells() {
        let page = page(vec![
            word(0.0, 10.0, "of"),
            word(13.0, 10.0, "\u{fb01}ne"),
            word(0.0, 22.0, "Austria"),
            word(100.0, 22.0, "4.90"),
        ]);
        let lines = lines(&page);
        let texts: Vec<Vec<&str>> = lines
            .iter()
            .map(|l| l.segments.iter().map(|s| s.text.as_str()).collect())
            .collect();
        assert_eq!(texts, [vec!["of fine"], vec!["Austria", "4.90"]]);
    }

    #[test]
    fn right_to_left_text_is_in_the_order_of_reading() {
        // In print: the letters from right to left, the number within from left to right.
        let printed: Vec<Piece> = ["ב", "א", " ", "2", "0", " ", "ד", "ג"]
            .iter()
            .enumerate()
            .map(|(i, t)| Piece::new((i as f64 * 5.0, 0.0), (10.0, 0.0), 5.0, 10.0, (*t).to_owned()))
            .collect();
        let lines = lines(&page(vec![printed]));
        assert_eq!(lines[0].text(), "גד 20 אב");
    }

    #[test]
    fn turned_text_is_read_along_its_own_line() {
        let up: Vec<Piece> = "turned"
            .chars()
            .enumerate()
            .map(|(i, c)| {
                Piece::new(
                    (50.0, 300.0 - i as f64 * 5.0),
                    (0.0, -10.0),
                    5.0,
                    10.0,
                    c.to_string(),
                )
            })
            .collect();
        assert_eq!(lines(&page(vec![up]))[0].text(), "turned");
    }
}
