//! Tables: cells that repeat, that cover others, and that hold tables themselves.

use super::text::Body;
use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::extract::xml::Node;
use crate::knowledge::unfit::Unfit;

/// Columns at most, as the programs have them.
pub const COLUMNS: usize = 16_384;
/// How often a row that says something is repeated at most.
const MOST_REPEATED: usize = 1000;
/// Cells that a merged one covers at most, in one direction.
const MOST_SPAN: usize = 1000;

/// A cell's text, and in how many columns and rows it stands.
#[derive(Debug, Clone)]
pub struct Cell {
    /// As it is shown.
    pub text: String,
    /// Columns.
    pub across: usize,
    /// Rows.
    pub down: usize,
    /// Whether it is a number or a date.
    pub is_number: bool,
}

/// A row's cells by their columns from 0, those that say something.
#[derive(Debug, Default)]
pub struct Row {
    /// From the top, from 1.
    pub number: usize,
    /// From the left.
    pub cells: Vec<(usize, Cell)>,
}

/// The rows of a table that say something; and whether hidden ones were left out.
///
/// # Errors
/// When they say more than is taken in.
pub fn rows<'a>(table: &'a Node, body: &mut Body<'a, '_>) -> Result<(Vec<Row>, bool), Unfit> {
    let mut nodes = Vec::new();
    let mut hidden = false;
    rows_of(table, &mut nodes, &mut hidden);
    let hidden_columns = hidden_columns(table);
    let mut rows = Vec::new();
    let (mut number, mut size) = (0_usize, body.out().len());
    for node in nodes {
        let times = repeated(node, "number-rows-repeated");
        if is_unseen(node) {
            hidden |= node.children.iter().any(|c| !c.children.is_empty());
            number = number.saturating_add(times);
            continue;
        }
        let mut cells = Vec::new();
        let mut column = 0;
        for cell in &node.children {
            if !matches!(cell.name.as_str(), "table-cell" | "covered-table-cell") {
                continue;
            }
            let times = repeated(cell, "number-columns-repeated");
            let text = if cell.children.is_empty() || cell.name == "covered-table-cell" {
                String::new()
            } else {
                body.flat(cell)
            };
            if !text.is_empty() {
                for column in (column..COLUMNS).take(times) {
                    if hidden_columns.contains(&column) {
                        hidden = true;
                        continue;
                    }
                    size += text.len() + 3;
                    if size > MOST_TEXT {
                        return Err(Unfit::too_much_text());
                    }
                    let span = |name| repeated(cell, name).min(MOST_SPAN);
                    cells.push((
                        column,
                        Cell {
                            text: text.clone(),
                            across: span("number-columns-spanned"),
                            down: span("number-rows-spanned"),
                            is_number: cell
                                .attr("value-type")
                                .is_some_and(|t| !matches!(t, "string" | "boolean")),
                        },
                    ));
                }
            }
            column = column.saturating_add(times).min(COLUMNS);
        }
        if !cells.is_empty() {
            for i in 0..times.min(MOST_REPEATED) {
                size += cells.iter().map(|(_, c)| c.text.len() + 3).sum::<usize>();
                if size > MOST_TEXT {
                    return Err(Unfit::too_much_text());
                }
                rows.push(Row {
                    number: number + i + 1,
                    cells: cells.clone(),
                });
            }
        }
        number = number.saturating_add(times);
    }
    Ok((rows, hidden))
}

/// Writes a table of a text or a slide.
///
/// # Errors
/// When it says more than is taken in.
pub fn write<'a>(table: &'a Node, body: &mut Body<'a, '_>) -> Result<(), Unfit> {
    if body.styles().is_hidden(table.attr("style-name")) {
        return Ok(());
    }
    let (rows, _) = rows(table, body)?;
    let width = rows
        .iter()
        .flat_map(|r| &r.cells)
        .map(|(c, cell)| c + cell.across);
    let width = width.max().unwrap_or(0).min(COLUMNS);
    if rows.len() * width * 3 > MOST_TEXT {
        return Err(Unfit::too_much_text());
    }
    let mut grid: Vec<Vec<String>> = vec![vec![String::new(); width]; rows.len()];
    let mut size = 0;
    for (i, row) in rows.iter().enumerate() {
        for (column, cell) in &row.cells {
            // A merged cell says its text in each place that it covers.
            let last = rows
                .iter()
                .skip(i)
                .take_while(|r| r.number < row.number + cell.down)
                .count();
            for line in grid.iter_mut().skip(i).take(last) {
                for place in line.iter_mut().skip(*column).take(cell.across) {
                    if place.is_empty() {
                        size += cell.text.len();
                        place.clone_from(&cell.text);
                    }
                }
            }
            if size > MOST_TEXT {
                return Err(Unfit::too_much_text());
            }
        }
    }
    body.out().table(&grid);
    Ok(())
}

/// Rows, also within groups and heads.
fn rows_of<'a>(node: &'a Node, rows: &mut Vec<&'a Node>, hidden: &mut bool) {
    for child in &node.children {
        match child.name.as_str() {
            "table-row" => rows.push(child),
            "table-row-group" if child.attr("display") == Some("false") => *hidden = true,
            "table-header-rows" | "table-rows" | "table-row-group" => rows_of(child, rows, hidden),
            _ => {}
        }
    }
}

/// The columns that aren't shown, from 0.
fn hidden_columns(table: &Node) -> Vec<usize> {
    let mut hidden = Vec::new();
    let mut at = 0;
    columns(table, &mut at, &mut hidden);
    hidden
}

fn columns(node: &Node, at: &mut usize, hidden: &mut Vec<usize>) {
    for child in &node.children {
        match child.name.as_str() {
            "table-column" => {
                let end = at
                    .saturating_add(repeated(child, "number-columns-repeated"))
                    .min(COLUMNS);
                if is_unseen(child) {
                    hidden.extend(*at..end);
                }
                *at = end;
            }
            "table-columns" | "table-header-columns" | "table-column-group" => columns(child, at, hidden),
            _ => {}
        }
    }
}

fn is_unseen(node: &Node) -> bool {
    matches!(node.attr("visibility"), Some("collapse" | "filter"))
}

fn repeated(node: &Node, name: &str) -> usize {
    let times = node.attr(name).and_then(|n| n.parse::<usize>().ok());
    times.unwrap_or(1).max(1)
}
