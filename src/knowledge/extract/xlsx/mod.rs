//! Excel workbooks: each sheet under its name, its tables as tables, numbers and dates as
//! they are shown, and what its charts show. Hidden sheets, rows and columns stay out: who hides prices from readers
//! doesn't want them told to visitors.

mod charts;
mod formats;
mod layout;
mod sheet;
mod strings;

use self::formats::Formats;
pub use self::formats::plain;
pub use self::layout::write as write_sheet;
pub use self::sheet::{Cell, Row, Sheet};
use self::strings::Strings;
use super::escape::escape;
use super::office::{self, Properties};
use super::package::Package;
use super::writer::Writer;
use crate::knowledge::unfit::Unfit;

/// Sheets at most.
const MOST_SHEETS: usize = 1000;
/// Names of sheets that a warning tells at most.
const TOLD: usize = 5;

/// A workbook as it was read.
#[derive(Debug)]
pub struct Workbook {
    /// What it says about itself.
    pub properties: Properties,
    /// Markdown, not yet in its normal form.
    pub markdown: String,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// What was left out of the sheets.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Hidden sheets' names.
    pub sheets: Vec<String>,
    /// Damaged sheets' names.
    broken: Vec<String>,
    /// Whether there are hidden rows or columns.
    pub hidden_cells: bool,
    unknown_results: bool,
}

/// Reads a workbook.
///
/// # Errors
/// When it is damaged, locked, or holds more than is taken in.
pub fn read(bytes: &[u8]) -> Result<Workbook, Unfit> {
    let package = Package::open(bytes)?;
    let main = office::main_part(&package, "xl/workbook.xml")?;
    let relations = office::relations(&package, &main)?;
    let book = package.part(&main)?.ok_or(Unfit::Corrupt)?;
    let part = |kind: &str| office::related(&relations, kind);
    let strings = match part("sharedStrings") {
        Some(name) => package.stream(name, Strings::read)?.unwrap_or_default(),
        None => Strings::default(),
    };
    let from_1904 = book
        .child("workbookPr")
        .and_then(|p| p.attr("date1904"))
        .is_some_and(|v| matches!(v, "1" | "true"));
    let styles = match part("styles") {
        Some(name) => package.part(name)?,
        None => None,
    };
    let formats = Formats::read(styles.as_ref(), from_1904);
    let mut out = Writer::default();
    let mut left_out = LeftOut::default();
    let sheets = book.child("sheets").ok_or(Unfit::Corrupt)?;
    let mut read = 0;
    for entry in sheets.all("sheet").take(MOST_SHEETS) {
        let name = entry.attr("name").unwrap_or_default();
        if matches!(entry.attr("state"), Some("hidden" | "veryHidden")) {
            left_out.sheets.push(name.to_owned());
            continue;
        }
        let relation = relations.iter().find(|r| Some(r.id.as_str()) == entry.attr("id"));
        let Some(relation) = relation.filter(|r| matches!(r.kind.as_str(), "worksheet" | "chartsheet"))
        else {
            continue;
        };
        let charts = charts::of(&package, &relation.target)?;
        // A sheet that is one chart has no cells.
        if relation.kind == "chartsheet" {
            read += 1;
            if !charts.is_empty() {
                out.heading(2, &escape(name));
                out.block(&charts);
            }
            continue;
        }
        let sheet = package.stream(&relation.target, |stream| {
            sheet::read(stream, &strings, &formats, out.len())
        });
        let sheet = match sheet {
            Ok(Some(sheet)) => sheet,
            Ok(None) | Err(Unfit::Corrupt) => {
                left_out.broken.push(name.to_owned());
                continue;
            }
            Err(unfit) => return Err(unfit),
        };
        read += 1;
        left_out.hidden_cells |= sheet.hidden;
        left_out.unknown_results |= sheet.unknown_results;
        if !sheet.rows.is_empty() || !charts.is_empty() {
            out.heading(2, &escape(name));
            layout::write(sheet, &mut out)?;
            out.block(&charts);
        }
    }
    if read == 0 && !left_out.broken.is_empty() {
        return Err(Unfit::Corrupt);
    }
    Ok(Workbook {
        properties: Properties::read(&package),
        markdown: out.finish()?,
        warnings: left_out.warnings(),
    })
}

impl LeftOut {
    /// The same in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.sheets.is_empty() {
            warnings.push(format!("Hidden sheets were left out: {}.", named(&self.sheets)));
        }
        if self.hidden_cells {
            warnings.push("Hidden rows or columns were left out.".to_owned());
        }
        if !self.broken.is_empty() {
            warnings.push(format!("Damaged sheets were left out: {}.", named(&self.broken)));
        }
        if self.unknown_results {
            warnings.push(
                "Some formulas have no stored result and were left out; save the file once in Excel or LibreOffice."
                    .to_owned(),
            );
        }
        warnings
    }
}

/// The first of several names.
fn named(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(TOLD).map(String::as_str).collect();
    let more = if names.len() > TOLD { " and more" } else { "" };
    format!("{}{more}", shown.join(", "))
}
