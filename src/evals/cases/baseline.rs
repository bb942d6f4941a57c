//! A run beside an earlier one: which cases got better or worse, and whether that is more
//! than is tolerated.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::evals::cases::report::{FORM, Report};
use crate::evals::metrics::mean;

/// The largest file, in bytes.
const MAX_FILE: u64 = 256 << 20;
/// Differences of figures below this are none: they are rounded to a millionth.
const NONE: f64 = 1.5e-6;

/// Why an earlier run can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is missing or can't be read.
    #[error("{0} can't be read: {1}")]
    File(PathBuf, std::io::Error),
    /// It isn't one.
    #[error("{0} isn't what `deskhand eval cases --json` prints: {1}")]
    Form(PathBuf, String),
}

/// A figure then and now, over the cases that both runs have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Then.
    pub before: f64,
    /// Now.
    pub now: f64,
}

/// A run beside an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Cases that both runs have.
    pub compared: usize,
    /// Cases that pass now and didn't.
    pub better: Vec<String>,
    /// Cases that passed and don't now.
    pub worse: Vec<String>,
    /// Cases that only this run has and that fail without being known to.
    pub new_failing: Vec<String>,
    /// How many cases only this run has.
    pub new: usize,
    /// Cases that only the earlier run has.
    pub gone: Vec<String>,
    /// The share of tries that pass.
    pub rate: Change,
    /// Citation precision, where both runs have one.
    pub citation_precision: Option<Change>,
    /// Citation recall, where both runs have one.
    pub citation_recall: Option<Change>,
    /// By how much a figure may fall, and which share of the cases may get worse.
    pub tolerance: f64,
    /// Whether it is worse than that.
    pub regressed: bool,
}

/// Reads an earlier run.
///
/// # Errors
/// When it can't be read, or is something else.
pub fn read(path: &Path) -> Result<Report, BaselineError> {
    let unread = |e| BaselineError::File(path.to_owned(), e);
    let form = |why: String| BaselineError::Form(path.to_owned(), why);
    let mut text = String::new();
    let file = File::open(path).map_err(unread)?;
    file.take(MAX_FILE).read_to_string(&mut text).map_err(unread)?;
    let report: Report = serde_json::from_str(&text).map_err(|e| form(e.to_string()))?;
    if report.form != FORM {
        return Err(form(format!(
            "it has the form {}, this program writes {FORM}",
            report.form
        )));
    }
    Ok(report)
}

/// Compares by the cases' ids.
#[must_use]
pub fn compare(before: &Report, now: &Report, tolerance: f64) -> Comparison {
    let then: HashMap<&str, _> = before.cases.iter().map(|c| (c.id.as_str(), c)).collect();
    let still: HashMap<&str, _> = now.cases.iter().map(|c| (c.id.as_str(), c)).collect();
    let both: Vec<_> = now
        .cases
        .iter()
        .filter_map(|c| Some((*then.get(c.id.as_str())?, c)))
        .collect();
    let named = |wanted: &dyn Fn(bool, bool) -> bool| -> Vec<String> {
        both.iter()
            .filter(|(then, now)| wanted(then.verdict.passes(), now.verdict.passes()))
            .map(|(_, now)| now.id.clone())
            .collect()
    };
    let better = named(&|then, now| now && !then);
    let worse = named(&|then, now| then && !now);
    let new: Vec<_> = now
        .cases
        .iter()
        .filter(|c| !then.contains_key(c.id.as_str()))
        .collect();
    let new_failing: Vec<String> = new
        .iter()
        .filter(|c| c.verdict == super::report::Verdict::Failed)
        .map(|c| c.id.clone())
        .collect();
    let (rates_then, rates_now): (Vec<f64>, Vec<f64>) =
        both.iter().map(|(a, b)| (a.rate(), b.rate())).unzip();
    let rate = Change {
        before: mean(&rates_then),
        now: mean(&rates_now),
    };
    let of_tries = |of: fn(&super::report::TryReport) -> Option<f64>| {
        let of_case = |c: &super::report::CaseReport| {
            let values: Vec<f64> = c.tries.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| mean(&values))
        };
        let (a, b): (Vec<f64>, Vec<f64>) = both
            .iter()
            .filter_map(|(a, b)| Some((of_case(a)?, of_case(b)?)))
            .unzip();
        (!a.is_empty()).then(|| Change {
            before: mean(&a),
            now: mean(&b),
        })
    };
    let citation_precision = of_tries(|t| t.citation_precision);
    let citation_recall = of_tries(|t| t.citation_recall);
    let fell = |change: Change| change.before - change.now > tolerance + NONE;
    let all = both.len() + new.len();
    #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
    let share_worse = (worse.len() + new_failing.len()) as f64 / all.max(1) as f64;
    let regressed = share_worse > tolerance + NONE
        || [Some(rate), citation_precision, citation_recall]
            .into_iter()
            .flatten()
            .any(fell);
    Comparison {
        compared: both.len(),
        better,
        worse,
        new_failing,
        new: new.len(),
        gone: before
            .cases
            .iter()
            .filter(|c| !still.contains_key(c.id.as_str()))
            .map(|c| c.id.clone())
            .collect(),
        rate,
        citation_precision,
        citation_recall,
        tolerance,
        regressed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evals::cases::report::tests::{case, report};

    #[test]
    fn better_and_worse_are_named_and_one_worse_case_is_a_regression() {
        let before = report(vec![
            case("same", &[true], false),
            case("mended", &[false], false),
            case("broken", &[true], false),
            case("gone", &[true], false),
        ]);
        let now = report(vec![
            case("same", &[true], false),
            case("mended", &[true], false),
            case("broken", &[false], false),
            case("new", &[false], false),
            case("new-known", &[false], true),
        ]);
        let found = compare(&before, &now, 0.0);
        assert_eq!(
            (found.better.as_slice(), found.worse.as_slice()),
            (&["mended".to_owned()][..], &["broken".to_owned()][..])
        );
        assert_eq!((found.gone.len(), found.new, found.compared), (1, 2, 3));
        assert_eq!(found.new_failing, ["new"]);
        assert!(found.regressed);
        // Two of five are worse.
        assert!(compare(&before, &now, 0.39).regressed);
        assert!(!compare(&before, &now, 0.4).regressed);
        assert!(
            !compare(&now, &now, 0.0).regressed,
            "a failure that was there before is none"
        );
    }

    #[test]
    fn worse_figures_are_a_regression_too() {
        let before = report(vec![case("a", &[true, true, false, true], false)]);
        let now = report(vec![case("a", &[true, false, false, true], false)]);
        let found = compare(&before, &now, 0.1);
        assert!(found.worse.is_empty() && found.regressed, "{found:?}");
        assert!(!compare(&before, &now, 0.25).regressed);
        assert!(!compare(&now, &before, 0.0).regressed);
        let mut cites_worse = before.clone();
        cites_worse.cases[0].tries[0].citation_precision = Some(0.2);
        let found = compare(&before, &cites_worse, 0.1);
        assert_eq!(
            found.citation_precision.map(|c| (c.before, c.now)),
            Some((0.875, 0.675))
        );
        assert!(found.regressed && !compare(&before, &cites_worse, 0.21).regressed);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("before.json");
        let says = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(says("{}").contains("isn't what `deskhand eval cases --json` prints"));
        let mut old = report(vec![]);
        old.form = 7;
        assert!(says(&serde_json::to_string(&old).unwrap()).contains("the form 7"));
        assert!(read(dir.path()).is_err());
    }
}
