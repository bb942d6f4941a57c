//! From lines to blocks: headings by their size, paragraphs joined from their lines, list
//! items, tables. Where a paragraph goes on over the page's end it stays one.

use std::collections::{HashMap, HashSet};

use super::page::{Line, is_right_to_left};
use super::signs::{PLAIN_HEADING, is_numbered_heading, is_plain_heading, join, label, without_leaders};
use super::table::{self, Table};

/// Letters this much larger than the text's are a heading's.
const HEADING: f64 = 1.12;
/// A heading has at most so many characters.
const HEADING_CHARS: usize = 200;

/// A block and the page that it begins on.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// From 0.
    pub page: usize,
    /// What it is.
    pub kind: Kind,
    /// For text that goes on over pages: where in it each further page begins.
    pub turns: Vec<(usize, usize)>,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A heading: its level and text.
    Heading(u8, String),
    /// A paragraph.
    Paragraph(String),
    /// A list's item: its label (`-` or `1.`) and text.
    Item(String, String),
    /// A table.
    Table(Table),
}

/// A paragraph while its lines come in.
struct Open {
    page: usize,
    size: f64,
    /// Left and right end so far, and the left end of the last line.
    x: (f64, f64),
    last: Line,
    text: String,
    label: Option<String>,
    turns: Vec<(usize, usize)>,
    lines: usize,
}

/// Finds them.
pub fn blocks(pages: Vec<Vec<Line>>) -> Vec<Block> {
    let body = body_size(&pages);
    let words = words(&pages);
    let mut maker = Maker {
        body,
        spacing: spacing(&pages, body),
        words,
        out: Vec::new(),
        open: None,
        sizes: Vec::new(),
    };
    for (number, lines) in pages.into_iter().enumerate() {
        let mut i = 0;
        while i < lines.len() {
            if let Some((table, used)) = table::at(&lines[i..]) {
                maker.close();
                maker.push(number, Kind::Table(table));
                i += used;
            } else {
                maker.line(number, &lines[i]);
                i += 1;
            }
        }
    }
    maker.close();
    maker.find_plain_headings();
    maker.with_levels()
}

struct Maker {
    body: f64,
    spacing: f64,
    words: HashSet<String>,
    out: Vec<Block>,
    open: Option<Open>,
    /// The size of each heading in `out`.
    sizes: Vec<(usize, f64)>,
}

impl Maker {
    fn push(&mut self, page: usize, kind: Kind) {
        self.out.push(Block {
            page,
            kind,
            turns: Vec::new(),
        });
    }

    fn line(&mut self, page: usize, line: &Line) {
        let text = without_leaders(&line.text());
        if text.is_empty() {
            return;
        }
        let label = label(&text);
        if let Some(open) = &mut self.open
            && continues(open, line, &text, label.is_some(), page, self.body, self.spacing)
        {
            let turned = open.turns.last().map_or(open.page, |t| t.1) != page;
            join(&mut open.text, &text, &self.words);
            if turned {
                let at = open.text.len().saturating_sub(text.len());
                let at = (0..=at)
                    .rev()
                    .find(|i| open.text.is_char_boundary(*i))
                    .unwrap_or(0);
                open.turns.push((at, page));
            }
            let x = line.x();
            open.x = (open.x.0.min(x.0), open.x.1.max(x.1));
            open.last = line.clone();
            open.lines += 1;
            return;
        }
        self.close();
        let (label, text) = match label {
            Some((label, rest)) => (Some(label), text[rest..].to_owned()),
            None => (None, text),
        };
        self.open = Some(Open {
            page,
            size: line.size,
            x: line.x(),
            last: line.clone(),
            text,
            label,
            turns: Vec::new(),
            lines: 1,
        });
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let text = open.text.trim().to_owned();
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let chars = text.chars().count();
        let large = open.size > self.body * HEADING && open.last.turned == 0;
        let heading = large && chars <= HEADING_CHARS && letters >= 2 && !text.ends_with([',', ';']);
        let numbered = open.label.is_none() && open.lines == 1 && is_numbered_heading(&text);
        let kind = match open.label {
            Some(label) if heading => Kind::Heading(0, format!("{label} {text}")),
            Some(label) => {
                if !text.contains(char::is_alphanumeric) {
                    return;
                }
                Kind::Item(label, text)
            }
            None if heading || numbered => Kind::Heading(0, text),
            None if text.is_empty() => return,
            None => Kind::Paragraph(text),
        };
        if matches!(kind, Kind::Heading(..)) {
            self.sizes.push((self.out.len(), open.size));
        }
        self.out.push(Block {
            page: open.page,
            kind,
            turns: open.turns,
        });
    }

    /// A short line in capitals that stands alone before a longer text is a heading, too,
    /// whatever its size: bold print can't be seen.
    fn find_plain_headings(&mut self) {
        let sizes: Vec<usize> = self.sizes.iter().map(|(at, _)| *at).collect();
        for at in 0..self.out.len().saturating_sub(1) {
            let Kind::Paragraph(next) = &self.out[at + 1].kind else {
                continue;
            };
            let long = next.chars().count() > 2 * PLAIN_HEADING;
            if let Kind::Paragraph(text) = &self.out[at].kind
                && long
                && is_plain_heading(text)
                && !sizes.contains(&at)
            {
                self.out[at].kind = Kind::Heading(0, text.clone());
                self.sizes.push((at, self.body));
            }
        }
    }

    /// Levels by size: the largest is the first; where there are many sizes, by how much
    /// larger than the text they are.
    fn with_levels(mut self) -> Vec<Block> {
        let rounded = |size: f64| (size * 2.0).round() as i64;
        let mut ranks: Vec<i64> = self.sizes.iter().map(|(_, s)| rounded(*s)).collect();
        ranks.sort_unstable_by(|a, b| b.cmp(a));
        ranks.dedup();
        for (at, size) in &self.sizes {
            let rank = if ranks.len() <= 4 {
                ranks.iter().position(|r| *r == rounded(*size)).unwrap_or(0)
            } else {
                let larger = size / self.body.max(0.1);
                [1.9, 1.55, 1.3, 1.15]
                    .iter()
                    .filter(|step| larger < **step)
                    .count()
            };
            if let Some(Kind::Heading(level, _)) = self.out.get_mut(*at).map(|b| &mut b.kind) {
                *level = u8::try_from(rank + 1).unwrap_or(6);
            }
        }
        self.out
    }
}

/// Whether a line goes on with an open paragraph.
fn continues(
    open: &Open,
    line: &Line,
    text: &str,
    labelled: bool,
    page: usize,
    body: f64,
    spacing: f64,
) -> bool {
    let last = &open.last;
    if labelled || line.turned != last.turned {
        return false;
    }
    let heading = open.size > body * HEADING;
    let same_size = (line.size - open.size).abs() < 0.08 * open.size.max(line.size);
    if !same_size && (heading || line.size > body * HEADING || line.size < open.size * 0.8) {
        return false;
    }
    let last_text = last.text();
    let ends = last_text
        .trim_end_matches(['"', '”', ')', '»'])
        .ends_with(['.', '!', '?', ':', '。']);
    let begins_small = text
        .chars()
        .next()
        .is_some_and(|c| c.is_lowercase() || is_right_to_left(text));
    let last_page = open.turns.last().map_or(open.page, |t| t.1);
    let step = line.y - last.y;
    if page != last_page || step < -0.5 * line.size {
        // On to the next column or page: only in the middle of a sentence.
        return !heading && !ends && (begins_small || last_text.ends_with('-'));
    }
    let (x, last_x) = (line.x(), last.x());
    if step.abs() < 0.5 * line.size {
        // Beside it, in another cell or column.
        return false;
    }
    let usual = if heading {
        line.size * 1.45
    } else {
        spacing.max(line.size * 1.2)
    };
    if step > usual * 1.3 {
        return false;
    }
    if heading {
        return true;
    }
    let indent = x.0 - last_x.0;
    let em = line.size;
    if open.label.is_some() {
        // An item's further lines are not left of its text.
        return x.0 >= open.x.0 - 0.5 * em && (indent >= -0.5 * em || !ends);
    }
    // The first line of a new paragraph is indented, or follows a short last one.
    let right_to_left = is_right_to_left(text);
    if !right_to_left && indent > 0.8 * em && open.lines > 1 && ends {
        return false;
    }
    let width = (open.x.1 - open.x.0).max(x.1 - x.0);
    let short = !right_to_left && last_x.1 < open.x.0.min(x.0) + width * 0.8;
    !(short && (ends || !begins_small))
}

/// The size of most letters.
fn body_size(pages: &[Vec<Line>]) -> f64 {
    let mut letters: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flatten() {
        let chars: usize = line.segments.iter().map(|s| s.text.len()).sum();
        *letters.entry((line.size * 4.0).round() as i64).or_default() += chars;
    }
    letters
        .into_iter()
        .max_by_key(|(size, n)| (*n, *size))
        .map_or(10.0, |(size, _)| size as f64 / 4.0)
}

/// The usual distance between two lines of the text.
fn spacing(pages: &[Vec<Line>], body: f64) -> f64 {
    let mut steps: HashMap<i64, usize> = HashMap::new();
    for lines in pages {
        for pair in lines.windows(2) {
            let step = pair[1].y - pair[0].y;
            if (pair[0].size - body).abs() < 0.1 * body && step > 0.8 * body && step < 2.5 * body {
                *steps.entry((step * 2.0).round() as i64).or_default() += 1;
            }
        }
    }
    steps
        .into_iter()
        .max_by_key(|(step, n)| (*n, -*step))
        .map_or(body * 1.3, |(step, _)| step as f64 / 2.0)
}

/// The document's own words, to tell a broken word from one with a hyphen.
fn words(pages: &[Vec<Line>]) -> HashSet<String> {
    let mut words = HashSet::new();
    for line in pages.iter().flatten() {
        for word in line.text().split(|c: char| !c.is_alphanumeric() && c != '-') {
            if word.len() > 3 && words.len() < 200_000 {
                words.insert(word.to_lowercase());
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::page::Segment;
    use super::*;

    fn line(x: f64, y: f64, size: f64, text: &str) -> Line {
        let width = text.chars().count() as f64 * size * 0.5;
        Line {
            y,
            size,
            turned: 0,
            segments: vec![Segment {
                x: (x, x + width),
                text: text.to_owned(),
            }],
        }
    }

    fn kinds(pages: Vec<Vec<Line>>) -> Vec<Kind> {
        blocks(pages).into_iter().map(|b| b.kind).collect()
    }

    #[test]
    fn lines_become_paragraphs_headings_and_items() {
        let got = kinds(vec![vec![
            line(50.0, 50.0, 18.0, "Returns"),
            line(
                50.0,
                80.0,
                10.0,
                "You can send back what you bought within thirty days of deliv-",
            ),
            line(
                50.0,
                92.0,
                10.0,
                "ery, unused and in its box. We pay for the well-known",
            ),
            line(50.0, 104.0, 10.0, "label."),
            line(50.0, 128.0, 10.0, "• unused"),
            line(50.0, 140.0, 10.0, "• in the original box"),
            line(50.0, 152.0, 10.0, "2. second"),
            line(50.0, 180.0, 10.0, "2.1 Costs"),
        ]]);
        assert_eq!(
            got,
            [
                Kind::Heading(1, "Returns".into()),
                Kind::Paragraph("You can send back what you bought within thirty days of delivery, unused and in its box. We pay for the well-known label.".into()),
                Kind::Item("-".into(), "unused".into()),
                Kind::Item("-".into(), "in the original box".into()),
                Kind::Item("2.".into(), "second".into()),
                Kind::Heading(2, "2.1 Costs".into()),
            ]
        );
    }

    #[test]
    fn a_paragraph_goes_on_over_the_pages_end() {
        let got = blocks(vec![
            vec![line(
                50.0,
                700.0,
                10.0,
                "We send parcels to Austria, to Germany and to the",
            )],
            vec![line(50.0, 50.0, 10.0, "rest of the European Union.")],
        ]);
        assert_eq!(got.len(), 1);
        let (at, page) = got[0].turns[0];
        let Kind::Paragraph(text) = &got[0].kind else {
            panic!("{got:?}")
        };
        assert_eq!((page, &text[at..]), (1, "rest of the European Union."));
    }
}
