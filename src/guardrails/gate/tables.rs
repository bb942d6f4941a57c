//! Tables of a source: what stands in a cell is said of its row and its column. Each cell is
//! read once; a table that is turned, with its subjects in the head, is turned back.

use super::figures::{Figure, Kind, Unit as Measure, figures};
use super::measures::unit;
use super::numerals::tokens;
use super::tongue::Tongue;
use super::units::{bare, plain};
use super::words::{Term, terms};

/// More rows and columns of a table aren't read.
const MOST_ROWS: usize = 500;
const MOST_COLUMNS: usize = 30;

/// A table, its subjects in the first column.
#[derive(Debug)]
pub struct Table {
    /// What the columns are called; the first is the subjects'.
    pub head: Vec<Cell>,
    /// The rows below it.
    pub rows: Vec<Vec<Cell>>,
    /// Each line as it stands in the source, cell by cell.
    lines: Vec<Vec<String>>,
    /// Whether its lines are its columns.
    turned: bool,
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    /// Its figures, in the unit that its column's head names.
    pub figures: Vec<Figure>,
    /// Its words that say something, those of its figures too.
    pub items: Vec<Term>,
    /// Whether it is empty, or says no.
    pub says_no: bool,
}

impl Table {
    /// Reads the lines of a table; `headed` if its first is a head.
    pub fn read(lines: &[String], headed: bool, tongue: Tongue) -> Self {
        let cell = |text: &String| Cell::read(text, tongue);
        let texts: Vec<Vec<String>> = lines.iter().take(MOST_ROWS).map(|l| cells(l)).collect();
        let width = texts.iter().map(Vec::len).max().unwrap_or(0);
        let mut grid: Vec<Vec<Cell>> = texts
            .iter()
            .map(|row| {
                let missing = (row.len()..width).map(|_| String::new());
                row.iter().cloned().chain(missing).map(|t| cell(&t)).collect()
            })
            .collect();
        let turned = headed && is_turned(&grid);
        if turned {
            grid = (0..width)
                .map(|c| grid.iter().map(|row| row[c].clone()).collect())
                .collect();
        }
        let head = if headed && !grid.is_empty() {
            grid.remove(0)
        } else {
            vec![cell(&String::new()); width]
        };
        for row in &mut grid {
            for (cell, head) in row.iter_mut().zip(&head) {
                cell.take_unit(head);
            }
        }
        Self {
            head,
            rows: grid,
            lines: texts
                .iter()
                .map(|l| l.iter().map(|t| bare(t)).collect())
                .collect(),
            turned,
        }
    }

    /// The row that a line of the source is, counted from the first one.
    pub fn row_of(&self, line: usize, headed: bool) -> Option<usize> {
        let row = line.checked_sub(usize::from(headed))?;
        (!self.turned && row < self.rows.len()).then_some(row)
    }

    /// The cells of a line of the source, as far as they aren't of the head.
    pub fn cells_of(&self, line: usize, headed: bool) -> Vec<&Cell> {
        if self.turned {
            return self.rows.iter().filter_map(|r| r.get(line)).collect();
        }
        self.row_of(line, headed)
            .map_or_else(Vec::new, |r| self.rows[r].iter().collect())
    }

    /// Whether a line, written as a table's, is one of this table's, which may lack cells; none if it
    /// is about none of its lines.
    pub fn has_line(&self, line: &str) -> Option<bool> {
        let said: Vec<String> = cells(line).iter().map(|t| bare(t)).collect();
        let first = said.first().filter(|c| !c.is_empty())?;
        let about: Vec<&Vec<String>> = self.lines.iter().filter(|l| l.first() == Some(first)).collect();
        // Cells may be missing at the end only: others would stand under another column's name.
        let within = |line: &Vec<String>| line.starts_with(&said);
        (!about.is_empty()).then(|| about.into_iter().any(within))
    }
}

impl Cell {
    fn read(text: &str, tongue: Tongue) -> Self {
        let lettered = |t: &Term| text[t.at.clone()].contains(char::is_alphabetic);
        let mut items = terms(text, tongue, &[]);
        items.retain(lettered);
        if items.iter().any(|t| t.weight >= 1.0) {
            items.retain(|t| t.weight >= 1.0);
        }
        let lower = text.to_lowercase();
        let no = [
            "", "no", "none", "never", "not", "nein", "nicht", "nie", "keine", "kein", "✗", "✘", "❌", "n/a",
        ];
        let word = lower.trim_matches(|c: char| c.is_whitespace() || matches!(c, '–' | '-' | '—' | '.'));
        Self {
            text: text.to_owned(),
            figures: figures(text),
            items,
            says_no: no.contains(&word.split([',', ' ', ';', ':']).next().unwrap_or(word)),
        }
    }

    /// A number without a unit is in that of the head: `Width (cm)`, `Days`.
    fn take_unit(&mut self, head: &Self) {
        if !head.figures.is_empty() {
            return;
        }
        let words = tokens(&head.text);
        let named = (0..words.len())
            .rev()
            .map(|i| unit(&words, i))
            .find(|(measure, _, _)| *measure != Measure::Bare);
        let Some((measure, factor, _)) = named else { return };
        for figure in &mut self.figures {
            if let Kind::Amount { lo, hi, unit } = &mut figure.kind
                && *unit == Measure::Bare
                && let (Some(l), Some(h)) = (lo.checked_mul(factor), hi.checked_mul(factor))
            {
                (*lo, *hi, *unit) = (l, h, measure);
            }
        }
    }

    /// Whether a figure could be meant to be this cell's.
    pub fn is_like(&self, figure: &Figure) -> bool {
        let bare = matches!(
            figure.kind,
            Kind::Amount {
                unit: Measure::Bare,
                ..
            }
        );
        self.figures
            .iter()
            .any(|g| figure.is_like(g) || bare && matches!(g.kind, Kind::Amount { .. }))
    }

    /// Whether it stands in a text, in lower case, as it is: `E-bike` does in `an e-bike`, and in
    /// `a bike` it doesn't.
    pub fn stands_in(&self, lower: &str) -> bool {
        let own = self.text.to_lowercase();
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-');
        !own.is_empty()
            && lower.match_indices(own.as_str()).any(|(at, _)| {
                edge(lower[..at].chars().next_back()) && edge(lower[at + own.len()..].chars().next())
            })
    }

    /// Whether it says a figure.
    pub fn says(&self, figure: &Figure) -> bool {
        self.figures.iter().any(|g| figure.is_said_by(g, |_| false))
    }
}

/// The texts of a line's cells.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line
        .strip_suffix('|')
        .filter(|l| !l.ends_with('\\'))
        .unwrap_or(line);
    let mut out = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        if c == '|' && !escaped {
            if out.len() == MOST_COLUMNS {
                break;
            }
            out.push(String::new());
        } else if let Some(last) = out.last_mut() {
            last.push(c);
        }
        escaped = c == '\\';
    }
    out.iter().map(|c| plain(c.trim()).trim().to_owned()).collect()
}

/// Whether the lines hold one kind of thing each, and the columns don't: then what the table speaks
/// of stands in its head.
fn is_turned(grid: &[Vec<Cell>]) -> bool {
    let body: Vec<&[Cell]> = grid.iter().skip(1).map(|r| &r[1.min(r.len())..]).collect();
    let alike = |cells: &[&Cell]| {
        let all: Vec<&Figure> = cells.iter().filter_map(|c| c.figures.first()).collect();
        all.windows(2).all(|w| w[0].is_like(w[1]))
    };
    let width = body.iter().map(|r| r.len()).max().unwrap_or(0);
    let lines = body.iter().all(|r| alike(&r.iter().collect::<Vec<_>>()));
    let columns = (0..width).all(|c| alike(&body.iter().filter_map(|r| r.get(c)).collect::<Vec<_>>()));
    lines && !columns
}
