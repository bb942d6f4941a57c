//! Markdown as a reader sees it: headings, paragraphs, list items and table rows, each
//! as plain text without markup. Indexing, snippets and sentences all start from these.

use comrak::nodes::{AstNode, ListType, NodeValue};
use comrak::{Arena, Options};

/// Deeper than this the reader doesn't care where a paragraph stands.
const DEPTH: usize = 64;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading {
        /// 1 to 6.
        level: u8,
        /// Its text.
        text: String,
    },
    /// A paragraph; a line break that the author set is `\n`.
    Paragraph(String),
    /// An item of a list.
    Item {
        /// Its text.
        text: String,
        /// Whether the list is numbered.
        numbered: bool,
    },
    /// A row of a table under its header.
    Row {
        /// The cells of the table's header.
        headers: Vec<String>,
        /// The row's cells.
        cells: Vec<String>,
    },
    /// Something to be kept as it is.
    Code(String),
}

/// How Markdown is read everywhere in this room.
#[must_use]
pub fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options
}

/// The pieces of a Markdown text, in order.
#[must_use]
pub fn blocks(markdown: &str) -> Vec<Block> {
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, markdown, &options());
    let mut out = Vec::new();
    let mut headers: Vec<String> = Vec::new();
    for node in root.descendants() {
        match &node.data().value {
            NodeValue::Heading(heading) => out.push(Block::Heading {
                level: heading.level,
                text: text(node),
            }),
            NodeValue::Paragraph => {
                let text = text(node);
                out.push(match begins_item(node) {
                    Some(numbered) => Block::Item { text, numbered },
                    None => Block::Paragraph(text),
                });
            }
            NodeValue::TableRow(true) => headers = cells(node),
            NodeValue::TableRow(false) => out.push(Block::Row {
                headers: headers.clone(),
                cells: cells(node),
            }),
            NodeValue::CodeBlock(code) => out.push(Block::Code(code.literal.trim_end().to_owned())),
            _ => {}
        }
    }
    out.retain(|block| match block {
        Block::Heading { text, .. }
        | Block::Paragraph(text)
        | Block::Item { text, .. }
        | Block::Code(text) => !text.is_empty(),
        Block::Row { cells, .. } => cells.iter().any(|c| !c.is_empty()),
    });
    out
}

/// Whether the list is numbered whose item a paragraph begins, if it does.
fn begins_item<'a>(paragraph: &'a AstNode<'a>) -> Option<bool> {
    if paragraph.previous_sibling().is_some() {
        return None;
    }
    paragraph
        .ancestors()
        .skip(1)
        .take(DEPTH)
        .find_map(|a| match &a.data().value {
            NodeValue::Item(list) => Some(list.list_type == ListType::Ordered),
            NodeValue::TaskItem(_) => Some(false),
            _ => None,
        })
}

fn cells<'a>(row: &'a AstNode<'a>) -> Vec<String> {
    row.children().map(text).collect()
}

/// The text of what stands inside a block, without markup.
pub(super) fn text<'a>(block: &'a AstNode<'a>) -> String {
    let mut out = String::new();
    for node in block.descendants() {
        match &node.data().value {
            NodeValue::Text(text) => out.push_str(text),
            NodeValue::Code(code) => out.push_str(&code.literal),
            NodeValue::SoftBreak => out.push(' '),
            NodeValue::LineBreak => out.push('\n'),
            NodeValue::HtmlInline(tag) if tag.to_ascii_lowercase().starts_with("<br") => out.push('\n'),
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// The whole as plain text, a block a line: what is searched.
#[must_use]
pub fn plain(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    // A table's header counts once, before its first row.
    let mut table: Vec<String> = Vec::new();
    for block in blocks(markdown) {
        match block {
            Block::Heading { text, .. }
            | Block::Paragraph(text)
            | Block::Item { text, .. }
            | Block::Code(text) => {
                table.clear();
                out.push_str(&text);
            }
            Block::Row { headers, cells } => {
                if headers != table {
                    out.push_str(&headers.join(" "));
                    out.push('\n');
                    table = headers;
                }
                out.push_str(&cells.join(" "));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
## What does *delivery* cost?

It **depends** on the [country](/countries), see `LO-D2` &amp; more.\\
Call us.

- Austria
- Rest of the
  world

  More of it.
1. Pay

| Country | Cost |
|---|---|
| Austria | €4.90 |
| Norway | 19\\.90 \\| customs |

<div>raw</div>
";

    #[test]
    fn each_piece_is_read_without_its_markup() {
        let row = |cells: [&str; 2]| Block::Row {
            headers: vec!["Country".into(), "Cost".into()],
            cells: cells.map(Into::into).to_vec(),
        };
        let item = |text: &str, numbered| Block::Item {
            text: text.into(),
            numbered,
        };
        assert_eq!(
            blocks(PAGE),
            [
                Block::Heading {
                    level: 2,
                    text: "What does delivery cost?".into()
                },
                Block::Paragraph("It depends on the country, see LO-D2 & more.\nCall us.".into()),
                item("Austria", false),
                item("Rest of the world", false),
                Block::Paragraph("More of it.".into()),
                item("Pay", true),
                row(["Austria", "€4.90"]),
                row(["Norway", "19.90 | customs"]),
            ]
        );
    }

    #[test]
    fn a_tables_header_is_searched_once() {
        let plain = plain(PAGE);
        assert_eq!(plain.matches("Country").count(), 1, "{plain}");
        assert!(plain.contains("\nAustria €4.90\n"), "{plain}");
    }

    #[test]
    fn deep_nesting_is_no_harm() {
        let deep = format!("{}text", "> ".repeat(5000));
        assert_eq!(blocks(&deep).len(), 1);
    }
}
