//! A source cut into what says one thing: a sentence, a list item with the line that
//! introduces it, a table row with its head. Each is read once: figures, words, negation.

use super::figures::{Figure, figures};
use super::negation::{Clause, clauses, limits};
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
    /// Whether it states something; a question or a heading doesn't.
    pub states: bool,
    /// A table row, whose units may stand in the head.
    pub row: bool,
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
    let mut head: Option<String> = None;
    let read = |md: &str, above: &[(usize, Vec<String>)], states: bool, row: bool| {
        let text = plain(md);
        let figures = figures(&text);
        let terms = terms(&text, tongue, &figures);
        Unit {
            bare: bare(&text),
            keys: terms.iter().fold(0, |bits, t| bits | t.bit()),
            limits: limits(&text),
            terms,
            clauses: clauses(&text),
            above: above.iter().flat_map(|(_, k)| k.clone()).collect(),
            figures,
            states,
            row,
            text,
        }
    };
    for piece in pieces {
        let md = piece.md.as_str();
        let level = md.bytes().take_while(|b| *b == b'#').count();
        if level > 0 && md[level..].starts_with(' ') {
            above.retain(|(l, _)| *l < level);
            above.push((level, keys(&md[level..])));
            out.push(read(md, &above, false, false));
            (lead, head) = (None, None);
            continue;
        }
        if md.starts_with('|') {
            if !md.contains(char::is_alphanumeric) {
                continue;
            }
            let row = match &head {
                Some(head) => format!("{head} {md}"),
                None => md.to_owned(),
            };
            head.get_or_insert_with(|| md.to_owned());
            out.push(read(&row, &above, true, true));
            continue;
        }
        head = None;
        let item = is_item(md);
        if item && let Some(lead) = &lead {
            // A full sentence needs no introduction, but may be read with it.
            let whole = md.trim_end().ends_with(['.', '!']);
            if !whole || starts_small(md) {
                out.push(read(
                    &format!("{lead} {}", plain(md)),
                    &above,
                    !lead.ends_with('?'),
                    false,
                ));
                continue;
            }
        }
        if !item {
            lead = md.ends_with(':').then(|| md.to_owned());
        }
        out.push(read(md, &above, !md.ends_with('?'), false));
    }
    out
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
