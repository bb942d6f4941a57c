//! A sheet's cells, read in passing: only those that say something are kept, wherever on
//! the sheet they stand.

use quick_xml::events::{BytesStart, Event};

use super::formats::Formats;
use super::strings::Strings;
use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::extract::package::Stream;
use crate::knowledge::extract::xml::{attribute, reference};
use crate::knowledge::unfit::Unfit;

/// Columns of a sheet; Excel has no more.
const COLUMNS: u32 = 16_384;
/// What a cell costs in a table beside its text, in bytes.
const CELL: usize = 3;
/// Merged areas at most.
const MOST_MERGED: usize = 100_000;
/// Hidden ranges of columns at most.
const MOST_HIDDEN: usize = 1_000;

/// What a sheet shows.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Rows with something in them, from the top.
    pub rows: Vec<Row>,
    /// Areas that are one cell: first row and column, last row and column.
    pub merged: Vec<[u32; 4]>,
    /// Whether something is hidden.
    pub hidden: bool,
    /// Whether there are formulas of which the file doesn't say what they come to.
    pub unknown_results: bool,
}

/// A row.
#[derive(Debug)]
pub struct Row {
    /// Its number, from 1.
    pub number: u32,
    /// Its cells that aren't empty, by column from 1, from the left.
    pub cells: Vec<(u32, Cell)>,
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// As it is shown.
    pub text: String,
    /// Whether it is a number or a date.
    pub is_number: bool,
}

/// The cell that is being read.
#[derive(Default)]
struct Open {
    column: u32,
    kind: String,
    style: usize,
    value: String,
    inline: String,
    has_formula: bool,
}

/// Where in the XML the reader is.
#[derive(PartialEq)]
enum Place {
    Elsewhere,
    Value,
    Inline,
}

/// Reads a sheet's part. `before` is how much text other sheets gave.
///
/// # Errors
/// When it is damaged or holds too much.
pub fn read(
    mut source: Stream<'_>,
    strings: &Strings,
    formats: &Formats,
    before: usize,
) -> Result<Sheet, Unfit> {
    let mut sheet = Sheet::default();
    let mut hidden_columns: Vec<(u32, u32)> = Vec::new();
    let (mut number, mut row_hidden, mut column) = (0_u32, false, 0_u32);
    let mut open: Option<Open> = None;
    let mut place = Place::Elsewhere;
    let mut size = before;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = source.read_event_into(&mut buffer).map_err(|_| Unfit::Corrupt)?;
        let empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(e) | Event::Empty(e) => match e.local_name().as_ref() {
                "row" => {
                    number = attribute(&e, "r")
                        .and_then(|r| r.parse().ok())
                        .filter(|r| *r > number)
                        .unwrap_or(number.saturating_add(1));
                    row_hidden = is_on(&e, "hidden");
                    column = 0;
                }
                "c" => {
                    column = attribute(&e, "r")
                        .and_then(|r| place_of(&r))
                        .map(|(_, column)| column)
                        .filter(|c| *c > column)
                        .unwrap_or(column.saturating_add(1));
                    open = Some(Open {
                        column,
                        kind: attribute(&e, "t").unwrap_or_default(),
                        style: attribute(&e, "s").and_then(|s| s.parse().ok()).unwrap_or(0),
                        ..Open::default()
                    })
                    .filter(|_| !empty);
                }
                "v" if !empty => place = Place::Value,
                "t" if !empty && open.is_some() => place = Place::Inline,
                "f" => {
                    if let Some(cell) = &mut open {
                        cell.has_formula = true;
                    }
                }
                "col" if is_on(&e, "hidden") && hidden_columns.len() < MOST_HIDDEN => {
                    let edge = |name| attribute(&e, name).and_then(|v| v.parse().ok());
                    if let (Some(first), Some(last)) = (edge("min"), edge("max")) {
                        hidden_columns.push((first, last));
                    }
                }
                "mergeCell" if sheet.merged.len() < MOST_MERGED => {
                    sheet
                        .merged
                        .extend(attribute(&e, "ref").and_then(|r| area_of(&r)));
                }
                _ => {}
            },
            Event::Text(t) => open_text(&mut open, &place, &t),
            Event::CData(t) => open_text(&mut open, &place, &t),
            Event::GeneralRef(r) => open_text(&mut open, &place, &reference(&r)),
            Event::End(e) => match e.local_name().as_ref() {
                "v" | "t" => place = Place::Elsewhere,
                "c" => {
                    let Some(cell) = open.take() else { continue };
                    sheet.unknown_results |=
                        cell.has_formula && cell.value.is_empty() && cell.inline.is_empty();
                    let at = cell.column;
                    let Some(cell) = shown(cell, strings, formats) else {
                        continue;
                    };
                    if row_hidden || hidden_columns.iter().any(|(a, b)| (*a..=*b).contains(&at)) {
                        sheet.hidden = true;
                        continue;
                    }
                    size += cell.text.len() + CELL;
                    if size > MOST_TEXT {
                        return Err(Unfit::too_much_text());
                    }
                    if at <= COLUMNS {
                        match sheet.rows.last_mut() {
                            Some(row) if row.number == number => row.cells.push((at, cell)),
                            _ => sheet.rows.push(Row {
                                number,
                                cells: vec![(at, cell)],
                            }),
                        }
                    }
                }
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(sheet)
}

fn open_text(open: &mut Option<Open>, place: &Place, text: &str) {
    if let Some(cell) = open {
        match place {
            Place::Value => cell.value.push_str(text),
            Place::Inline => cell.inline.push_str(text),
            Place::Elsewhere => {}
        }
    }
}

/// A cell as it is shown; None for one that shows nothing.
fn shown(cell: Open, strings: &Strings, formats: &Formats) -> Option<Cell> {
    let value = cell.value.trim();
    let number = || value.parse::<f64>().ok().filter(|n| n.is_finite());
    let (text, is_number) = match cell.kind.as_str() {
        "s" => (strings.get(value.parse().ok()?)?.to_owned(), false),
        "inlineStr" => (cell.inline, false),
        "b" => (if value == "1" { "TRUE" } else { "FALSE" }.to_owned(), false),
        // #N/A and its like say nothing to a reader.
        "e" => return None,
        "d" => (value.trim_end_matches("T00:00:00").to_owned(), true),
        "str" => (cell.value, false),
        _ => match number() {
            Some(n) => (formats.show(cell.style, n), true),
            None => (cell.value, false),
        },
    };
    (!text.trim().is_empty()).then_some(Cell { text, is_number })
}

fn is_on(e: &BytesStart, name: &str) -> bool {
    attribute(e, name).is_some_and(|v| matches!(v.as_str(), "1" | "true"))
}

/// `B7` as row and column.
fn place_of(name: &str) -> Option<(u32, u32)> {
    let name = name.trim().trim_start_matches('$');
    let digits = name.find(|c: char| !c.is_ascii_alphabetic())?;
    let (letters, row) = name.split_at(digits);
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    let column = letters
        .bytes()
        .fold(0, |n, b| n * 26 + u32::from(b.to_ascii_uppercase() - b'A') + 1);
    Some((row.trim_start_matches('$').parse().ok()?, column))
}

/// `B7:C9` as its corners.
fn area_of(name: &str) -> Option<[u32; 4]> {
    let (from, to) = name.split_once(':')?;
    let ((top, left), (bottom, right)) = (place_of(from)?, place_of(to)?);
    (top <= bottom && left <= right && right <= COLUMNS).then_some([top, left, bottom, right])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_to_the_last_cell() {
        assert_eq!(place_of("XFD1048576"), Some((1_048_576, 16_384)));
        assert_eq!(place_of("$B$7"), Some((7, 2)));
        assert_eq!(place_of("ABCD1"), None);
        assert_eq!(area_of("B7:C9"), Some([7, 2, 9, 3]));
        assert_eq!(area_of("C9:B7"), None);
    }
}
