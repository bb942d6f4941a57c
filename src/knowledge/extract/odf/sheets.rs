//! A spreadsheet: each sheet under its name.

use super::styles::Styles;
use super::table;
use super::text::Body;
use crate::knowledge::extract::escape::escape;
use crate::knowledge::extract::writer::Writer;
use crate::knowledge::extract::xlsx::{self, Cell, Row, Sheet};
use crate::knowledge::extract::xml::Node;
use crate::knowledge::unfit::Unfit;

/// Writes all sheets; what was left out is told.
///
/// # Errors
/// When they say more than is taken in.
pub fn write(sheets: &Node, styles: &Styles, out: &mut Writer) -> Result<Vec<String>, Unfit> {
    let mut left_out = xlsx::LeftOut::default();
    for table in sheets.all("table") {
        let name = table.attr("name").unwrap_or_default();
        if styles.is_hidden(table.attr("style-name")) {
            left_out.sheets.push(name.to_owned());
            continue;
        }
        let (rows, hidden) = table::rows(table, &mut Body::new(styles, out))?;
        left_out.hidden_cells |= hidden;
        if rows.is_empty() {
            continue;
        }
        out.heading(2, &escape(name));
        xlsx::write_sheet(sheet(rows), out)?;
    }
    Ok(left_out.warnings())
}

/// The same as an Excel sheet, which is laid out in one way for both.
fn sheet(rows: Vec<table::Row>) -> Sheet {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut sheet = Sheet::default();
    for row in rows {
        let top = number(row.number);
        let mut cells = Vec::with_capacity(row.cells.len());
        for (column, cell) in row.cells {
            let left = number(column + 1);
            if cell.across > 1 || cell.down > 1 {
                let (down, across) = (number(cell.down) - 1, number(cell.across) - 1);
                sheet
                    .merged
                    .push([top, left, top.saturating_add(down), left.saturating_add(across)]);
            }
            let (text, is_number) = (cell.text, cell.is_number);
            cells.push((left, Cell { text, is_number }));
        }
        sheet.rows.push(Row { number: top, cells });
    }
    sheet
}
