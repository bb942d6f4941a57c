//! A document's headings, where they stand and which `id` they get in HTML. A chunk's
//! heading path and anchor come from here.

use std::ops::Range;

use comrak::nodes::NodeValue;
use comrak::{Anchorizer, Arena};

use crate::knowledge::blocks;

/// A heading that opens a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Its text, without markup.
    pub text: String,
    /// Its `id` when the same Markdown is rendered with comrak's `header_ids`.
    pub anchor: String,
    /// Its lines in the Markdown, in bytes, line breaks included.
    pub lines: Range<usize>,
    /// Whether it is written with a line of `=` or `-` under it.
    pub underlined: bool,
}

/// The headings of a Markdown text, in order. One inside a quote or a list opens no
/// section, but takes its anchor.
#[must_use]
pub fn outline(markdown: &str) -> Vec<Heading> {
    let starts = line_starts(markdown);
    let line_at = |n: usize| starts.get(n - 1).copied().unwrap_or(markdown.len());
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, markdown, &blocks::options());
    let mut anchors = Anchorizer::new();
    let mut headings = Vec::new();
    for node in root.descendants() {
        let data = node.data();
        let NodeValue::Heading(heading) = &data.value else {
            continue;
        };
        let text = blocks::text(node);
        let anchor = anchors.anchorize(&text);
        let top = node
            .parent()
            .is_some_and(|p| matches!(p.data().value, NodeValue::Document));
        if top {
            headings.push(Heading {
                level: heading.level,
                text,
                anchor,
                lines: line_at(data.sourcepos.start.line)..line_at(data.sourcepos.end.line + 1),
                underlined: heading.setext,
            });
        }
    }
    headings
}

/// Where each line of a text begins, in bytes.
#[must_use]
pub fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(i, _)| i + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_found_where_they_stand() {
        let markdown = "Intro\n\n## Costs\n\ntext\n\n```\n# not a heading\n```\n\n> # quoted\n\nOld\nstyle\n---\n\n### Costs ###\n";
        let found: Vec<_> = outline(markdown)
            .into_iter()
            .map(|h| (h.level, h.text, h.anchor, markdown[h.lines].to_owned()))
            .collect();
        let want = [
            (2, "Costs", "costs", "## Costs\n"),
            (2, "Old style", "old-style", "Old\nstyle\n---\n"),
            (3, "Costs", "costs-1", "### Costs ###\n"),
        ]
        .map(|(level, text, anchor, lines)| (level, text.to_owned(), anchor.to_owned(), lines.to_owned()));
        assert_eq!(found, want);
    }

    #[test]
    fn anchors_are_those_of_the_rendered_page() {
        let markdown = "# What's up?\n\n> ## What's up?\n\n## What's up?\n\n## Größe & Maß\n";
        let mut options = blocks::options();
        options.extension.header_id_prefix = Some(String::new());
        let html = comrak::markdown_to_html(markdown, &options);
        for heading in outline(markdown) {
            assert!(
                html.contains(&format!("id=\"{}\"", heading.anchor)),
                "{} is not in {html}",
                heading.anchor
            );
        }
    }
}
