//! What the charts of a sheet show: tables under their titles, as in presentations. Their titles
//! stand nowhere else, and of a sheet that is one chart nothing does.

use crate::knowledge::extract::chart;
use crate::knowledge::extract::office::{self, Relation};
use crate::knowledge::extract::package::Package;
use crate::knowledge::extract::writer::Writer;
use crate::knowledge::unfit::Unfit;

/// Charts of a sheet at most.
const MOST: usize = 50;

/// The charts of the sheet in this part. One that can't be read is a picture without words.
///
/// # Errors
/// When they hold more than is taken in.
pub fn of(package: &Package, sheet: &str) -> Result<String, Unfit> {
    let mut out = Writer::default();
    let parts = referred(package, sheet, "drawing")
        .into_iter()
        .flat_map(|drawing| referred(package, &drawing, "chart"));
    for part in parts.take(MOST) {
        match package.part(&part) {
            Ok(Some(root)) => chart::write(&root, &mut out),
            Ok(None) | Err(Unfit::Corrupt) => {}
            Err(unfit) => return Err(unfit),
        }
        out.check()?;
    }
    out.finish()
}

/// The parts of this kind that another refers to.
fn referred(package: &Package, part: &str, kind: &str) -> Vec<String> {
    let relations = office::relations(package, part).unwrap_or_default();
    let fits = |r: &Relation| r.kind == kind && !r.external;
    relations.into_iter().filter(fits).map(|r| r.target).collect()
}
