//! HTML tables and definition lists. A table with a header stays a Markdown table; one
//! of two columns without a header, as pages use for contact data, becomes a list.

use htmd::element_handler::Handlers;
use htmd::{Element, HtmlToMarkdownBuilder};

// The handlers of inner elements leave these marks for the outer one to read. They are
// of a private use area, and are removed from the page before.
const HEADER_CELL: char = '\u{e000}';
const CELL: char = '\u{e001}';
const ROW: char = '\u{e002}';
const HEAD_END: char = '\u{e003}';
const CAPTION: char = '\u{e004}';
const CAPTION_END: char = '\u{e005}';
const TERM: char = '\u{e006}';
const MEANING: char = '\u{e007}';
const SPAN_END: char = '\u{e008}';

/// Columns and rows that one cell can cover; what a page claims beyond is nonsense.
const MOST_SPAN: usize = 50;

/// Whether a character is one of the marks.
pub fn is_mark(c: char) -> bool {
    (HEADER_CELL..=SPAN_END).contains(&c)
}

/// Adds the handlers.
pub fn add_handlers(builder: HtmlToMarkdownBuilder) -> HtmlToMarkdownBuilder {
    let inner = |handlers: &dyn Handlers, e: &Element| handlers.walk_children(e.node).content;
    builder
        .add_handler(vec!["th"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{HEADER_CELL}{}{}", spans(&e), inner(h, &e)).into())
        })
        .add_handler(vec!["td"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{CELL}{}{}", spans(&e), inner(h, &e)).into())
        })
        .add_handler(vec!["tr"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{ROW}{}", inner(h, &e)).into())
        })
        .add_handler(vec!["thead"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{}{HEAD_END}", inner(h, &e)).into())
        })
        .add_handler(vec!["tbody", "tfoot"], move |h: &dyn Handlers, e: Element| {
            Some(inner(h, &e).into())
        })
        .add_handler(vec!["caption"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{CAPTION}{}{CAPTION_END}", inner(h, &e)).into())
        })
        .add_handler(vec!["table"], move |h: &dyn Handlers, e: Element| {
            Some(table(&inner(h, &e)).into())
        })
        .add_handler(vec!["dt"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{TERM}{}", inner(h, &e)).into())
        })
        .add_handler(vec!["dd"], move |h: &dyn Handlers, e: Element| {
            Some(format!("{MEANING}{}", inner(h, &e)).into())
        })
        .add_handler(vec!["dl"], move |h: &dyn Handlers, e: Element| {
            Some(definitions(&inner(h, &e)).into())
        })
}

/// How many columns and rows a cell covers, for [`read_spans`].
fn spans(cell: &Element) -> String {
    let span = |name: &str| {
        let value = cell.attrs.iter().find(|a| &*a.name.local == name);
        let value = value.and_then(|a| a.value.trim().parse::<usize>().ok());
        value.unwrap_or(1).clamp(1, MOST_SPAN)
    };
    match (span("colspan"), span("rowspan")) {
        (1, 1) => String::new(),
        (columns, rows) => format!("{columns} {rows}{SPAN_END}"),
    }
}

/// Columns, rows and what the cell says.
fn read_spans(cell: &str) -> (usize, usize, &str) {
    let Some((spans, text)) = cell.split_once(SPAN_END) else {
        return (1, 1, cell);
    };
    let mut spans = spans.split(' ').map(|s| s.parse().unwrap_or(1));
    (spans.next().unwrap_or(1), spans.next().unwrap_or(1), text)
}

/// A row's cells, each in every column that it covers, beside those that cover it from
/// above: a row thus says all of itself. `below` has for each column how many more rows
/// are covered, and by what.
fn covered<'a>(mut cells: impl Iterator<Item = &'a str>, below: &mut Vec<(usize, String)>) -> Vec<String> {
    let mut row: Vec<String> = Vec::new();
    loop {
        if let Some((left, text)) = below.get_mut(row.len())
            && *left > 0
        {
            *left -= 1;
            row.push(text.clone());
            continue;
        }
        let Some(cell) = cells.next() else {
            if below.iter().skip(row.len()).any(|(left, _)| *left > 0) {
                row.push(String::new());
                continue;
            }
            return row;
        };
        let (columns, rows, text) = read_spans(cell);
        let text = flat(text);
        for _ in 0..columns {
            if below.len() <= row.len() {
                below.resize(row.len() + 1, (0, String::new()));
            }
            below[row.len()] = (rows - 1, text.clone());
            row.push(text.clone());
        }
    }
}

struct Row {
    header: bool,
    cells: Vec<String>,
    first_is_header: bool,
}

fn table(marked: &str) -> String {
    let (caption, marked) = match (marked.split_once(CAPTION), marked.split_once(CAPTION_END)) {
        (Some((before, _)), Some((head, after))) => {
            let caption = head.split(CAPTION).nth(1).unwrap_or_default();
            (flat(caption), format!("{before}{after}"))
        }
        _ => (String::new(), marked.to_owned()),
    };
    let in_head = marked.find(HEAD_END).unwrap_or(0);
    let mut below = Vec::new();
    let rows: Vec<Row> = marked
        .match_indices(ROW)
        .map(|(i, _)| {
            let row = &marked[i + ROW.len_utf8()..];
            let row = &row[..row.find([ROW, HEAD_END]).unwrap_or(row.len())];
            let kinds: Vec<char> = row.chars().filter(|c| matches!(*c, CELL | HEADER_CELL)).collect();
            let cells = covered(row.split([CELL, HEADER_CELL]).skip(1), &mut below);
            Row {
                header: i < in_head || (kinds.len() > 1 && kinds.iter().all(|k| *k == HEADER_CELL)),
                first_is_header: kinds.first() == Some(&HEADER_CELL),
                cells,
            }
        })
        .filter(|row| row.cells.iter().any(|c| !c.is_empty()))
        .collect();
    let width = rows.iter().map(|r| r.cells.len()).max().unwrap_or(0);
    let has_header = rows.len() > 1 && rows.first().is_some_and(|r| r.header);
    let any_row_headers = rows.iter().any(|r| r.first_is_header);
    let body = if width < 2 || rows.len() < 2 && !any_row_headers {
        let cells = rows.iter().flat_map(|r| &r.cells).filter(|c| !c.is_empty());
        cells.map(String::as_str).collect::<Vec<_>>().join("\n\n")
    } else if has_header || (width > 2 && !any_row_headers) {
        grid(&rows, width)
    } else {
        rows.iter()
            .map(|r| pair(&r.cells[0], &r.cells[1..]))
            .collect::<Vec<_>>()
            .join("\n")
    };
    // A list is introduced, a table has a title.
    let colon = if body.starts_with("- ") && caption.ends_with(char::is_alphanumeric) {
        ":"
    } else {
        ""
    };
    format!("\n\n{caption}{colon}\n\n{body}\n\n")
}

/// A Markdown table; its first row is the header.
fn grid(rows: &[Row], width: usize) -> String {
    let line = |cells: &[String]| {
        let cells = (0..width).map(|i| cells.get(i).map_or(String::new(), |c| c.replace('|', "\\|")));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut lines: Vec<String> = rows.iter().map(|r| line(&r.cells)).collect();
    lines.insert(1, format!("|{}", " --- |".repeat(width)));
    lines.join("\n")
}

/// `- Phone: +43 …`
fn pair(name: &str, values: &[String]) -> String {
    let values: Vec<&str> = values
        .iter()
        .map(String::as_str)
        .filter(|v| !v.is_empty())
        .collect();
    let values = values.join("; ");
    let colon = if name.is_empty() || values.is_empty() || name.ends_with([':', '?', '!', '.']) {
        ""
    } else {
        ":"
    };
    format!("- {name}{colon} {values}").trim_end().to_owned()
}

/// A definition list as a list: each term with its meanings.
fn definitions(marked: &str) -> String {
    let mut lines = Vec::new();
    for entry in marked.split(TERM).skip(1) {
        let mut parts = entry.split(MEANING).map(flat);
        let term = parts.next().unwrap_or_default();
        let meanings: Vec<String> = parts.collect();
        lines.push(pair(&term, &meanings));
    }
    format!("\n\n{}\n\n", lines.join("\n"))
}

/// A cell on one line.
fn flat(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::knowledge::extract::html::to_markdown;

    #[test]
    fn tables_and_definitions_keep_what_belongs_together() {
        for (html, want) in [
            (
                "<table><tr><th>Country<th>Cost<tr><td>Austria<td>4.90 | net<tr><td>EU</table>",
                "| Country | Cost |\n| --- | --- |\n| Austria | 4.90 \\| net |\n| EU |  |\n",
            ),
            (
                "<table><caption>Sizes</caption><thead><tr><td>Lamp<td>cm</thead><tbody><tr><th scope=row>S<td>22</table>",
                "Sizes\n\n| Lamp | cm |\n| --- | --- |\n| S | 22 |\n",
            ),
            (
                "<table><tr><th>Phone:<td>12<br>34<tr><th>Hours<td>9–17<tr><th><td></table>",
                "- Phone: 12 34\n- Hours: 9–17\n",
            ),
            (
                "<table><caption>Reach us<tr><th>Phone<td>12</table>",
                "Reach us:\n\n- Phone: 12\n",
            ),
            (
                "<table><tr><td>Phone<td>12<tr><td>Fax<td>13</table>",
                "- Phone: 12\n- Fax: 13\n",
            ),
            (
                "<table><tr><td>a<td>b<td>c<tr><td>1<td>2<td>3</table>",
                "| a | b | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n",
            ),
            ("<table><tr><td><p>Only</p><p>layout</p></table>", "Only layout\n"),
            (
                "<dl><dt>Width<dd>120 cm<dt>Why?<dd>So.<dd>And so.</dl>",
                "- Width: 120 cm\n- Why? So.; And so.\n",
            ),
            (
                "<table><tr><th>Size<th colspan=2>Price<tr><td rowspan=2>S<td>1<td>2<tr><td>3<td>4</table>",
                "| Size | Price | Price |\n| --- | --- | --- |\n| S | 1 | 2 |\n| S | 3 | 4 |\n",
            ),
            ("<p>before<table></table>after", "before\n\nafter\n"),
        ] {
            assert_eq!(to_markdown(html).as_deref(), Some(want), "{html}");
        }
    }
}
