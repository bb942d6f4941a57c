//! Tables: lines whose cells stand below each other.

use super::page::Line;

/// A table of words has short cells; two columns of running text have long ones.
const MOST_CELL: usize = 60;
/// Rows stand at most so many letters' sizes below each other.
const ROW_STEP: f64 = 3.5;

/// A table: its rows, the first of which is the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// All of one length.
    pub rows: Vec<Vec<String>>,
}

/// The table at the beginning of these lines, and how many of them it takes.
pub fn at(lines: &[Line]) -> Option<(Table, usize)> {
    if lines.first()?.segments.len() < 2 {
        return None;
    }
    let mut used = 0;
    let mut full = 0;
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            let step = line.y - lines[i - 1].y;
            let near = step > 0.3 * line.size && step < ROW_STEP * line.size;
            if !near || line.turned != lines[0].turned {
                break;
            }
        }
        if line.segments.len() < 2 {
            // A cell's second line: it must stand within the table, and the table go on.
            let wrapped = lines.get(i + 1).is_some_and(|next| next.segments.len() > 1)
                && i > 0
                && line.y - lines[i - 1].y < 1.6 * line.size
                && line.x().0 > lines[0].x().0 + 2.0 * line.size;
            if !wrapped {
                break;
            }
        } else {
            full += 1;
        }
        used = i + 1;
    }
    let lines = &lines[..used];
    if full < 2 {
        return None;
    }
    let columns = columns(lines);
    if columns.len() < 2 {
        return None;
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines {
        let mut row = vec![String::new(); columns.len()];
        for segment in &line.segments {
            let middle = (segment.x.0 + segment.x.1) / 2.0;
            let at = columns
                .iter()
                .position(|c| middle >= c.0 && middle <= c.1)
                .unwrap_or(columns.len() - 1);
            if !row[at].is_empty() {
                row[at].push(' ');
            }
            row[at].push_str(&segment.text);
        }
        let filled = row.iter().filter(|c| !c.is_empty()).count();
        match rows.last_mut() {
            Some(above) if filled == 1 && row[0].is_empty() => {
                for (cell, more) in above.iter_mut().zip(&row) {
                    if !more.is_empty() {
                        cell.push(' ');
                        cell.push_str(more);
                    }
                }
            }
            _ => rows.push(row),
        }
    }
    let cells: Vec<&String> = rows.iter().flatten().filter(|c| !c.is_empty()).collect();
    let chars: usize = cells.iter().map(|c| c.chars().count()).sum();
    let filled = cells.len() * 2 > rows.len() * columns.len();
    (rows.len() > 1 && filled && chars < cells.len() * MOST_CELL).then_some((Table { rows }, used))
}

/// Where cells stand: what overlaps is one column.
fn columns(lines: &[Line]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|l| l.segments.iter().map(|s| s.x))
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for span in spans {
        match columns.last_mut() {
            Some(last) if span.0 < last.1 => last.1 = last.1.max(span.1),
            _ => columns.push(span),
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::super::page::Segment;
    use super::*;

    fn row(y: f64, cells: &[(f64, &str)]) -> Line {
        Line {
            y,
            size: 10.0,
            turned: 0,
            segments: cells
                .iter()
                .map(|(x, text)| Segment {
                    x: (*x, x + text.len() as f64 * 5.0),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn cells_below_each_other_are_a_table() {
        let lines = [
            row(10.0, &[(0.0, "Country"), (100.0, "Cost")]),
            row(25.0, &[(0.0, "Austria"), (100.0, "4.90")]),
            row(40.0, &[(0.0, "EU"), (100.0, "9.90 for")]),
            row(52.0, &[(100.0, "parcels")]),
            row(67.0, &[(0.0, "Norway"), (100.0, "19.90")]),
            row(120.0, &[(0.0, "We also send furniture.")]),
        ];
        let (table, used) = at(&lines).unwrap();
        assert_eq!(used, 5);
        assert_eq!(
            table.rows,
            [
                ["Country", "Cost"],
                ["Austria", "4.90"],
                ["EU", "9.90 for parcels"],
                ["Norway", "19.90"]
            ]
        );
        assert_eq!(at(&lines[5..]), None);
        let long = "a line of running text that is as long as a column is wide, or longer than that";
        let text: Vec<Line> = (0..3)
            .map(|i| row(f64::from(i) * 12.0, &[(0.0, long), (500.0, long)]))
            .collect();
        assert_eq!(at(&text).map(|t| t.1), None, "two columns of text");
    }
}
