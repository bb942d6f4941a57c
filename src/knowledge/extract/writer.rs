//! Writes Markdown block by block, for the formats that are read as trees.

use super::MOST_TEXT;
use super::escape::escape_start;
use crate::knowledge::unfit::Unfit;

/// Deeper than this, items stand no further to the right.
const DEEPEST_ITEM: usize = 5;

/// Markdown under construction.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    in_list: bool,
}

impl Writer {
    /// Markdown that is a block of its own.
    pub fn block(&mut self, markdown: &str) {
        if markdown.trim().is_empty() {
            return;
        }
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
        self.out.push_str(markdown);
        self.in_list = false;
    }

    /// A paragraph; its text is escaped already but for its beginning.
    pub fn paragraph(&mut self, text: &str) {
        self.block(&escape_start(text.trim()));
    }

    /// A heading.
    pub fn heading(&mut self, level: usize, text: &str) {
        let text = one_line(text);
        if !text.is_empty() {
            self.block(&format!("{} {text}", "#".repeat(level.clamp(1, 6))));
        }
    }

    /// An item of a list, with its number if the list has them.
    pub fn item(&mut self, level: usize, number: Option<u64>, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            return;
        }
        let level = if self.in_list { level.min(DEEPEST_ITEM) } else { 0 };
        if !self.out.is_empty() {
            self.out.push_str(if self.in_list { "\n" } else { "\n\n" });
        }
        self.out.push_str(&"    ".repeat(level));
        match number {
            Some(number) => self.out.push_str(&format!("{number}. ")),
            None => self.out.push_str("- "),
        }
        self.out.push_str(&text);
        self.in_list = true;
    }

    /// A table whose first row is the header. What is no table becomes paragraphs.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let rows: Vec<&Vec<String>> = rows
            .iter()
            .filter(|r| r.iter().any(|c| !c.trim().is_empty()))
            .collect();
        let width = rows.iter().map(|r| r.len()).max().unwrap_or(0);
        if width < 2 || rows.len() < 2 {
            let one_row = rows.len() == 1;
            for row in rows {
                let mut row = row.clone();
                if one_row {
                    row.dedup();
                }
                for cell in row {
                    self.paragraph(&one_line(&cell));
                }
            }
            return;
        }
        self.block(&grid(&rows, width));
    }

    /// Whether more is written than is taken in; what writes in loops asks now and then.
    ///
    /// # Errors
    /// When it is.
    pub fn check(&self) -> Result<(), Unfit> {
        if self.out.len() > MOST_TEXT {
            return Err(Unfit::too_much_text());
        }
        Ok(())
    }

    /// How much is written, in bytes.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// All of it.
    ///
    /// # Errors
    /// When it is more than is taken in.
    pub fn finish(self) -> Result<String, Unfit> {
        self.check()?;
        Ok(self.out)
    }
}

/// A Markdown table; its first row is the header.
pub fn grid<R: AsRef<[String]>>(rows: &[R], width: usize) -> String {
    let line = |row: &R| {
        let row = row.as_ref();
        let cells = (0..width).map(|i| {
            row.get(i)
                .map_or_else(String::new, |c| one_line(c).replace('|', "\\|"))
        });
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.insert(1.min(lines.len()), format!("|{}", " --- |".repeat(width)));
    lines.join("\n")
}

/// White space, and breaks that the author set, as single blanks.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim().strip_suffix('\\').unwrap_or(line.trim());
        for word in line.split_whitespace() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    out
}

/// A link that leads to a web page, or its text alone.
pub fn link(shown: &str, target: &str) -> String {
    let web = target.starts_with("http://") || target.starts_with("https://");
    let fits = !target.contains(['(', ')', ' ', '<', '>', '\n']) && !shown.contains('\n');
    let says_more = !shown.trim().is_empty() && shown.trim().replace('\\', "") != target;
    if web && fits && says_more {
        format!("[{}]({target})", shown.trim())
    } else {
        shown.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_written_as_they_are_read_back() {
        let mut writer = Writer::default();
        writer.heading(2, "Care\\\nof wood");
        writer.item(1, None, "first");
        writer.item(1, Some(3), "inner");
        writer.paragraph("# no heading");
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        writer.table(&[row(["a|b", "c"]), row(["", " "]), row(["1\n2", ""])]);
        writer.table(&[row(["alone", "alone"])]);
        assert_eq!(
            writer.finish().unwrap(),
            "## Care of wood\n\n- first\n    3. inner\n\n\\# no heading\n\n| a\\|b | c |\n| --- | --- |\n\
             | 1 2 |  |\n\nalone"
        );
    }

    #[test]
    fn only_addresses_of_pages_become_links() {
        assert_eq!(link("us", "https://a.example/x"), "[us](https://a.example/x)");
        assert_eq!(link("us", "javascript:x"), "us");
        assert_eq!(
            link("https://a.example", "https://a.example"),
            "https://a.example"
        );
    }
}
