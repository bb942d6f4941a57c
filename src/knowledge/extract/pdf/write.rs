//! Blocks as normalised Markdown, and where each page starts in it.

use super::blocks::{Block, Kind};
use crate::knowledge::extract::escape::{escape, escape_start};

/// Writes them. The second part has an entry for each of `pages`.
pub fn write(blocks: &[Block], pages: usize) -> (String, Vec<usize>) {
    let mut out = String::new();
    let mut starts: Vec<Option<usize>> = vec![None; pages];
    let mut note = |page: usize, at: usize| {
        if let Some(start) = starts.get_mut(page)
            && start.is_none()
        {
            *start = Some(at);
        }
    };
    let mut in_list = false;
    for block in blocks {
        let item = matches!(block.kind, Kind::Item(..));
        if !out.is_empty() {
            out.push_str(if in_list && item { "\n" } else { "\n\n" });
        }
        in_list = item;
        note(block.page, out.len());
        let raw = match &block.kind {
            Kind::Heading(level, text) => {
                out.push_str(&"#".repeat(usize::from(*level)));
                out.push(' ');
                out.push_str(&escape(text));
                text
            }
            Kind::Paragraph(text) => {
                out.push_str(&escape_start(&escape(text)));
                text
            }
            Kind::Item(label, text) => {
                out.push_str(label);
                out.push(' ');
                out.push_str(&escape(text));
                text
            }
            Kind::Table(table) => {
                for (i, row) in table.rows.iter().enumerate() {
                    let cells: Vec<String> = row.iter().map(|c| escape(c).replace('|', "\\|")).collect();
                    if i > 0 {
                        out.push('\n');
                    }
                    out.push_str(&format!("| {} |", cells.join(" | ")));
                    if i == 0 {
                        out.push_str(&format!("\n|{}", " --- |".repeat(row.len())));
                    }
                }
                continue;
            }
        };
        for (at, page) in &block.turns {
            // The rest of the text is as long escaped as it is at the end of what is written.
            let rest = escape(raw.get(*at..).unwrap_or_default()).len();
            note(*page, out.len().saturating_sub(rest));
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    // A page without text begins where the next one does.
    let mut next = out.len();
    let mut pages: Vec<usize> = starts
        .into_iter()
        .rev()
        .map(|start| {
            next = start.unwrap_or(next).min(next);
            next
        })
        .collect();
    pages.reverse();
    (out, pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_knows_where_it_starts() {
        let block = |page, kind| Block {
            page,
            kind,
            turns: Vec::new(),
        };
        let mut over = block(0, Kind::Paragraph("one [two three".into()));
        over.turns.push((5, 1));
        let blocks = [
            block(0, Kind::Heading(1, "Returns".into())),
            over,
            block(3, Kind::Item("-".into(), "four".into())),
            block(3, Kind::Item("-".into(), "five".into())),
        ];
        let (text, pages) = write(&blocks, 5);
        assert_eq!(text, "# Returns\n\none \\[two three\n\n- four\n- five\n");
        let from = |page: usize| &text[pages[page]..];
        assert!(
            from(1).starts_with("two three") || from(1).starts_with("[two"),
            "{}",
            from(1)
        );
        assert!(from(2).starts_with("- four"), "a page without text");
        assert!(from(3).starts_with("- four"));
        assert_eq!(pages[4], text.len());
    }
}
