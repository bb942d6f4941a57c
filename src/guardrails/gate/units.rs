//! A source cut into what says one thing: a sentence, a list item with the line that
//! introduces it, a table row with its head. Each is read once: figures, words, negation.

use std::sync::Arc;

use super::comparators::Context;
use super::conditions::Conditions;
use super::figures::{Figure, figures};
use super::negation::{Clause, clauses, limits};
use super::qualifiers::Qualifiers;
use super::tables::Table;
use super::tongue::Tongue;
use super::words::{Term, terms};
use crate::guardrails::sentences::Splitter;

/// What says one thing.
#[derive(Debug)]
pub struct Unit {
    /// As a reader sees it.
    pub text: String,
    /// Its words in order, for what is said letter by letter.
    pub bare: String,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// What stands around each of them; those in a table's cells have nothing.
    pub contexts: Vec<Context>,
    /// Its words.
    pub terms: Vec<Term>,
    /// The bits of their keys.
    pub keys: u64,
    /// Words of the headings above it and the title.
    pub above: Vec<String>,
    /// Its clauses, and whether each says no.
    pub clauses: Vec<Clause>,
    /// Whether it takes something out, lets nothing else in, or speaks of all.
    pub limits: [bool; 3],
    /// What it takes out, and under which condition it is.
    pub conditions: Conditions,
    /// What its grant is under.
    pub qualifiers: Qualifiers,
    /// Whether it states something; a question or a heading doesn't.
    pub states: bool,
    /// The table that it is a line of, and its row there.
    pub row: Option<(Arc<Table>, Option<usize>)>,
}

/// Cuts a source.
pub fn units(title: &str, headings: &[String], text: &str, tongue: Tongue) -> Vec<Unit> {
    let keys = |t: &str| {
        terms(t, tongue, &figures(t))
            .into_iter()
            .map(|t| t.key)
            .collect::<Vec<_>>()
    };
    let mut above: Vec<(usize, Vec<String>)> = vec![(0, keys(title))];
    above.extend(headings.iter().map(|h| (0, keys(h))));
    let mut splitter = Splitter::default();
    let mut pieces = splitter.push(text);
    pieces.extend(splitter.end());
    let mut out = Vec::new();
    let mut lead: Option<String> = None;
    let mut table = Lines::default();
    let read = |md: &str, above: &[(usize, Vec<String>)], states: bool| {
        let text = plain(md);
        let figures = figures(&text);
        let terms = terms(&text, tongue, &figures);
        Unit {
            bare: bare(&text),
            keys: terms.iter().fold(0, |bits, t| bits | t.bit()),
            limits: limits(&text),
            contexts: figures.iter().map(|f| Context::read(&text, f, tongue)).collect(),
            conditions: Conditions::read(&text, &terms),
            qualifiers: Qualifiers::read(&text, &terms, &figures),
            terms,
            clauses: clauses(&text),
            above: above.iter().flat_map(|(_, k)| k.clone()).collect(),
            figures,
            states,
            row: None,
            text,
        }
    };
    for piece in pieces {
        let md = piece.md.as_str();
        if md.starts_with('|') {
            table.take(md);
            continue;
        }
        out.extend(std::mem::take(&mut table).units(tongue, |row| read(row, &above, true)));
        let level = md.bytes().take_while(|b| *b == b'#').count();
        if level > 0 && md[level..].starts_with(' ') {
            above.retain(|(l, _)| *l < level);
            above.push((level, keys(&md[level..])));
            out.push(read(md, &above, false));
            lead = None;
            continue;
        }
        let item = is_item(md);
        if item && let Some(lead) = &lead {
            // A full sentence needs no introduction, but may be read with it.
            let whole = md.trim_end().ends_with(['.', '!']);
            if !whole || starts_small(md) {
                out.push(read(
                    &format!("{lead} {}", plain(md)),
                    &above,
                    !lead.ends_with('?'),
                ));
                continue;
            }
        }
        if !item {
            lead = md.ends_with(':').then(|| md.to_owned());
        }
        out.push(read(md, &above, !md.ends_with('?')));
    }
    out.extend(table.units(tongue, |row| read(row, &above, true)));
    out
}

/// The lines of a table, one after the other.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    /// Whether a rule stands below the first.
    headed: bool,
}

impl Lines {
    fn take(&mut self, line: &str) {
        if line.contains(char::is_alphanumeric) || !line.contains('-') {
            self.lines.push(line.to_owned());
        } else if self.lines.len() == 1 {
            self.headed = true;
        }
    }

    /// A unit for each, read with the head before it.
    fn units(self, tongue: Tongue, read: impl Fn(&str) -> Unit) -> Vec<Unit> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        let table = Arc::new(Table::read(&self.lines, self.headed, tongue));
        let line = |(n, line): (usize, &String)| {
            let mut unit = match (n, self.headed) {
                (1.., true) => read(&format!("{} {line}", self.lines[0])),
                _ => read(line),
            };
            // In the units of the head.
            let own = table.cells_of(n, self.headed);
            let end = unit.text.len();
            unit.figures
                .extend(own.iter().flat_map(|c| &c.figures).map(|f| Figure {
                    at: end..end,
                    ..f.clone()
                }));
            unit.contexts.resize_with(unit.figures.len(), Context::default);
            unit.row = Some((Arc::clone(&table), table.row_of(n, self.headed)));
            unit
        };
        self.lines.iter().enumerate().map(line).collect()
    }
}

fn is_item(md: &str) -> bool {
    md.starts_with(['-', '*', '+', '•'])
        || md
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .starts_with(['.', ')'])
}

fn starts_small(md: &str) -> bool {
    md.chars()
        .find(|c| c.is_alphabetic())
        .is_some_and(char::is_lowercase)
}

/// Text without Markdown's signs; the numbers of a list are none of its figures.
pub fn plain(md: &str) -> String {
    let mut out = String::with_capacity(md.len());
    for line in md.lines() {
        let line = line.trim_start_matches(['>', '#', ' ']);
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let line = match line[digits..].strip_prefix(['.', ')']) {
            Some(rest) if digits > 0 && rest.starts_with(' ') => rest,
            _ => line,
        };
        let line = line
            .strip_prefix("- ")
            .or_else(|| line.strip_prefix("* "))
            .or_else(|| line.strip_prefix("+ "))
            .unwrap_or(line);
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(line.trim());
    }
    without_targets(&out).replace("**", "").replace('`', "")
}

/// Links show their text.
fn without_targets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let Some(end) = rest[at..].find(')') else { break };
        match rest[..at].rfind('[') {
            Some(open) => {
                out.push_str(&rest[..open]);
                out.push_str(&rest[open + 1..at]);
            }
            None => out.push_str(&rest[..at]),
        }
        rest = &rest[at + end + 1..];
    }
    out + rest
}

/// A text's letters, digits and signs of money in order; two are alike when these are.
pub fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let start = out.len();
        if start > 0 {
            out.push(' ');
        }
        let from = out.len();
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, '€' | '$' | '£' | '%' | '.' | ',');
        out.extend(word.chars().filter(kept).flat_map(char::to_lowercase));
        let end = out[from..].trim_end_matches(['.', ',']).len() + from;
        out.truncate(if end == from { start } else { end });
    }
    out
}
