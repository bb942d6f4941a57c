//! Where tables stand in normalised Markdown: a row of names, a line of dashes, rows.

use std::ops::Range;

/// A table; places are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// The row of names and the line under it.
    pub head: Range<usize>,
    /// Behind its last row.
    pub end: usize,
}

impl Table {
    /// Whether what begins here is among it, and lacks its head or a part of that.
    pub fn is_cut_at(&self, at: usize) -> bool {
        self.head.start < at && at < self.end
    }

    /// Where its rows stand.
    #[cfg(test)]
    pub fn rows(&self) -> Range<usize> {
        self.head.end..self.end
    }
}

/// The tables of a text, in order. What stands in a block of code is none.
pub(super) fn tables(text: &str) -> Vec<Table> {
    let mut found: Vec<Table> = Vec::new();
    let (mut at, mut code, mut open) = (0, false, false);
    let mut before: Option<Range<usize>> = None;
    for line in text.split_inclusive('\n') {
        let here = at..at + line.len();
        at = here.end;
        let bare = line.trim();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            code = !code;
        }
        if code || !bare.starts_with('|') {
            (open, before) = (false, None);
            continue;
        }
        match (&before, open) {
            (_, true) => {
                if let Some(table) = found.last_mut() {
                    table.end = here.end;
                }
            }
            (Some(names), false) if is_under_a_head(bare) => {
                found.push(Table {
                    head: names.start..here.end,
                    end: here.end,
                });
                open = true;
            }
            _ => before = Some(here),
        }
    }
    found
}

/// `|---|:---:|`
fn is_under_a_head(line: &str) -> bool {
    line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_with_their_heads_and_rows() {
        let text = "Before.\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\n```\n| x |\n|---|\n| y |\n```\n\n| no | head |\n| 5 | 6 |\n";
        let found = tables(text);
        assert_eq!(found.len(), 1);
        assert_eq!(&text[found[0].head.clone()], "| a | b |\n|---|:-:|\n");
        assert_eq!(&text[found[0].rows()], "| 1 | 2 |\n| 3 | 4 |\n");
        let two = "| a |\n|---|\n| 1 |\n\n| b |\n|---|\n";
        let heads: Vec<String> = tables(two)
            .iter()
            .map(|t| two[t.head.clone()].to_owned())
            .collect();
        assert_eq!(heads, ["| a |\n|---|\n", "| b |\n|---|\n"]);
        assert!(tables(two)[1].rows().is_empty());
    }
}
