//! Tables as text: a header and rows, with whatever stands between their cells.

use ::csv::ReaderBuilder;

use super::Extracted;
use super::escape::escape;
use super::writer::Writer;
use crate::knowledge::sniff::Kind;
use crate::knowledge::unfit::Unfit;

/// What may stand between cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How much of a file is looked at to find out which one does.
const LOOKED_AT: usize = 64 << 10;
/// How many rows of it.
const ROWS: usize = 100;
/// Columns at most.
const COLUMNS: usize = 16_384;

/// Reads a table.
///
/// # Errors
/// When it holds more than is taken in.
pub fn extract(text: &str) -> Result<Extracted, Unfit> {
    // Excel's own line that names the delimiter.
    let (told, text) = match text.split_once('\n') {
        Some((first, rest)) if first.len() < 8 && first.to_ascii_lowercase().starts_with("sep=") => {
            (first.as_bytes().get(4).copied(), rest)
        }
        _ => (None, text),
    };
    let delimiter = told.unwrap_or_else(|| delimiter(text).0);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut size = 0;
    for record in reader(text, delimiter).records() {
        let record = record.map_err(|_| Unfit::Corrupt)?;
        let mut row: Vec<String> = record.iter().take(COLUMNS).map(|c| escape(c.trim())).collect();
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
        size += row.iter().map(|c| c.len() + 3).sum::<usize>();
        if size > super::MOST_TEXT {
            return Err(Unfit::too_much_text());
        }
        if !row.is_empty() {
            rows.push(row);
        }
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = Writer::default();
    if width == 1 {
        for row in rows.iter().flatten() {
            out.item(0, None, row);
            out.check()?;
        }
    } else {
        if rows.len().saturating_mul(width) * 3 > super::MOST_TEXT {
            return Err(Unfit::too_much_text());
        }
        out.table(&rows);
    }
    Ok(Extracted {
        kind: Kind::Csv,
        markdown: out.finish()?,
        ..Extracted::default()
    })
}

/// Whether a text is a table by itself: each of its rows has the same three cells or more,
/// and they don't read as a sentence's parts.
pub fn is_table(text: &str) -> bool {
    let (delimiter, columns, rows) = delimiter(text);
    let blank_after = format!("{} ", delimiter as char);
    let lines = text.lines().take(ROWS);
    columns >= 3 && rows >= 4 && lines.filter(|l| l.contains(&blank_after)).count() * 4 < rows
}

fn reader(text: &str, delimiter: u8) -> ::csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// The one by which most rows have the same number of cells, that number, and how many
/// rows have it; none have it where rows differ too much.
fn delimiter(text: &str) -> (u8, usize, usize) {
    let head = &text[..text.floor_char_boundary(LOOKED_AT)];
    let mut best = (b',', 0, 0);
    let mut best_score = 0.0;
    for delimiter in DELIMITERS {
        let counts: Vec<usize> = reader(head, delimiter)
            .records()
            .take(ROWS)
            .filter_map(Result::ok)
            .map(|r| r.len())
            .collect();
        let Some(first) = counts.first().copied().filter(|c| *c > 1) else {
            continue;
        };
        let same = counts.iter().filter(|c| **c == first).count();
        let score = same as f64 / counts.len() as f64 * (first as f64).ln_1p();
        if score > best_score {
            best_score = score;
            let rows = if same == counts.len() { same } else { 0 };
            best = (delimiter, first, rows);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_between_cells_a_table_is_read() {
        let want = "| Land | Preis |\n| --- | --- |\n| AT, Wien | 4,90 \\| net |\n| DE |  |";
        for text in [
            "Land;Preis\n\"AT, Wien\";4,90 | net\nDE;\n",
            "Land\tPreis\r\nAT, Wien\t4,90 | net\r\n\r\nDE\t\r\n",
            "sep=;\nLand;Preis\nAT, Wien;4,90 | net\nDE\n",
            "Land,Preis\n\"AT, Wien\",\"4,90\n| net\"\nDE,\n",
        ] {
            assert_eq!(extract(text).unwrap().markdown, want, "{text}");
        }
        assert_eq!(extract("Lamp\nTable\n").unwrap().markdown, "- Lamp\n- Table");
    }

    #[test]
    fn a_text_with_commas_is_no_table() {
        assert!(is_table("a,b,c\n1,2,3\n4,5,6\n7,8,9\n"));
        assert!(!is_table(
            "One, two, three.\nFour, five, six.\nA, b, c.\nD, e, f.\n"
        ));
        assert!(!is_table("a,b,c\n1,2\n4,5,6\n7,8,9\n"));
        assert!(!is_table("a,b\n1,2\n4,5\n7,8\n"));
    }
}
