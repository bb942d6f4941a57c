//! From cells to what a reader sees on a sheet: tables with their captions and notes,
//! and loose lines.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::sheet::{Cell, Row, Sheet};
use crate::knowledge::extract::escape::escape;
use crate::knowledge::extract::writer::Writer;
use crate::knowledge::unfit::Unfit;

/// Cells that a merged one is repeated in at most, and all of a sheet's together.
const MOST_REPEATED: u64 = 2_000;
const ALL_REPEATED: u64 = 100_000;

/// Writes a sheet.
///
/// # Errors
/// When there is more text than is taken in.
pub fn write(mut sheet: Sheet, out: &mut Writer) -> Result<(), Unfit> {
    repeat_merged(&mut sheet);
    for block in blocks(sheet.rows) {
        write_block(&block, out)?;
        out.check()?;
    }
    Ok(())
}

/// A merged cell says its text in each place that it covers, so that each row says all of
/// itself; one that fills its rows alone is a title, and says it once.
fn repeat_merged(sheet: &mut Sheet) {
    let places: HashMap<u32, usize> = sheet
        .rows
        .iter()
        .enumerate()
        .map(|(i, r)| (r.number, i))
        .collect();
    let mut left = ALL_REPEATED;
    for [top, first, bottom, last] in std::mem::take(&mut sheet.merged) {
        let Some(row) = places.get(&top).map(|i| &sheet.rows[*i]) else {
            continue;
        };
        let Some((_, cell)) = row.cells.iter().find(|(c, _)| *c == first) else {
            continue;
        };
        let cells = u64::from(bottom - top + 1) * u64::from(last - first + 1);
        let alone = row.cells.iter().all(|(c, _)| (first..=last).contains(c));
        if alone || cells > MOST_REPEATED || cells > left {
            continue;
        }
        left -= cells;
        let cell = cell.clone();
        for number in top..=bottom {
            let Some(row) = places.get(&number).map(|i| &mut sheet.rows[*i]) else {
                continue;
            };
            for column in first..=last {
                if let Err(at) = row.cells.binary_search_by_key(&column, |(c, _)| *c) {
                    row.cells.insert(at, (column, cell.clone()));
                }
            }
        }
    }
}

/// Rows that belong together: an empty row ends a table, unless what follows has the same
/// columns and goes on with numbers rather than with a header.
fn blocks(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut blocks: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        if let Some(block) = blocks.last_mut()
            && let Some(last) = block.last()
        {
            let gap = row.number - last.number;
            let span = |r: &Row| Some((r.cells.first()?.0, r.cells.last()?.0));
            let goes_on = gap == 2
                && row.cells.len() > 1
                && block.len() > 1
                && span(last) == span(&row)
                && row.cells.iter().any(|(_, c)| c.is_number);
            if gap <= 1 || goes_on {
                block.push(row);
                continue;
            }
        }
        blocks.push(vec![row]);
    }
    blocks
}

fn write_block(rows: &[Row], out: &mut Writer) -> Result<(), Unfit> {
    // Lines before and after the table that are one cell wide are its caption and notes.
    let is_line = |r: &Row| r.cells.len() == 1;
    let Some(start) = rows.iter().position(|r| !is_line(r)) else {
        let column = rows.first().and_then(|r| r.cells.first()).map(|(c, _)| *c);
        let list = rows.len() > 1 && rows.iter().all(|r| r.cells.first().map(|(c, _)| *c) == column);
        for (_, cell) in rows.iter().flat_map(|r| &r.cells) {
            if list {
                out.item(0, None, &escape(&cell.text));
            } else {
                out.paragraph(&escape(&cell.text));
            }
            out.check()?;
        }
        return Ok(());
    };
    let end = rows
        .iter()
        .rposition(|r| !is_line(r))
        .map_or(rows.len(), |i| i + 1);
    let table = &rows[start..end];
    let line = |r: &Row, out: &mut Writer| {
        for (_, cell) in &r.cells {
            out.paragraph(&escape(&cell.text));
        }
    };
    rows[..start].iter().for_each(|r| line(r, out));
    for columns in groups(table) {
        let index: BTreeMap<u32, usize> = columns.iter().enumerate().map(|(i, c)| (*c, i)).collect();
        // Many rows of one cell and one row of many columns would be mostly bars.
        let bars = table.len() as u64 * columns.len() as u64 * 3;
        if bars > crate::knowledge::extract::MOST_TEXT as u64 {
            return Err(Unfit::too_much_text());
        }
        let mut grid = Vec::with_capacity(table.len());
        for row in table {
            let mut cells = vec![String::new(); columns.len()];
            for (column, Cell { text, .. }) in &row.cells {
                if let Some(i) = index.get(column) {
                    cells[*i] = escape(text);
                }
            }
            grid.push(cells);
        }
        out.table(&grid);
    }
    rows[end..].iter().for_each(|r| line(r, out));
    Ok(())
}

/// The columns of each table, when several stand side by side; columns that are empty
/// within one are dropped.
fn groups(rows: &[Row]) -> Vec<Vec<u32>> {
    let used: BTreeSet<u32> = rows
        .iter()
        .flat_map(|r| r.cells.iter().map(|(c, _)| *c))
        .collect();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for column in used {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|c| c + 1 == column) => group.push(column),
            _ => groups.push(vec![column]),
        }
    }
    // A label and its value with a gap between belong together.
    let are_tables = groups.iter().all(|g| g.len() > 1) && rows.len() > 1;
    if are_tables {
        groups
    } else {
        vec![groups.into_iter().flatten().collect()]
    }
}
