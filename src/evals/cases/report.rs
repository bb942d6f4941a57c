//! What a run of cases gave, as it is shown, stored, and compared with a later run.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::evals::cases::baseline::Comparison;
use crate::evals::cases::figures::{Mean, Times};
use crate::evals::cases::load::{Case, KNOWN, Suite};
use crate::evals::cases::run::{Said, Tried};
use crate::evals::cases::score::{self, Failure};
use crate::evals::cases::script::Step;
use crate::evals::cases::watch::Counted;
use crate::evals::metrics::mean;

/// The form of the report; a reader of another form must not guess.
pub const FORM: u32 = 1;

/// How a case stands after all of its tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Each try has what the case demands.
    Passed,
    /// One doesn't.
    Failed,
    /// One doesn't, and that is known.
    Known,
    /// Each does, though the case is marked as known to fail: the mark can go.
    NowPasses,
}

impl Verdict {
    /// Whether each try passed.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Passed | Self::NowPasses)
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Known => "known to fail",
            Self::NowPasses => "known to fail, but passes now",
        }
    }
}

/// Counts of cases by verdict, and the rate of those that aren't known to fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub cases: usize,
    /// That pass.
    pub passed: usize,
    /// That don't.
    pub failed: usize,
    /// Known to fail.
    pub known: usize,
    /// Known to fail, but passing.
    pub now_passes: usize,
    /// The share of tries that pass, as a mean over cases.
    pub rate: Option<Mean>,
}

/// The run in figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Over all cases.
    #[serde(flatten)]
    pub counts: Counts,
    /// pass^k for k = 1, 2, … up to the number of tries: how likely k tries of a case all
    /// pass, as a mean over cases (Yao and others, τ-bench, 2024). Known ones are left out.
    pub pass_hat: Vec<f64>,
    /// Of the cited documents, the share that the cases name.
    pub citation_precision: Option<Mean>,
    /// Of the documents that the cases name, the share that is cited.
    pub citation_recall: Option<Mean>,
    /// To the last message's first sentence.
    pub first_ms: Option<Times>,
    /// To the last message's end.
    pub whole_ms: Option<Times>,
    /// Tries by outcome.
    pub outcomes: BTreeMap<String, usize>,
    /// Tries by brain.
    pub brains: BTreeMap<String, usize>,
    /// By tag.
    pub tags: BTreeMap<String, Counts>,
    /// What no conversation may do, over all tries with a shop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub safety: Option<Safety>,
}

/// What no conversation may do, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Safety {
    /// Conversations with a shop.
    pub conversations: usize,
    /// Their turns.
    pub turns: usize,
    /// Changes of orders.
    pub writes: usize,
    /// Changes that the visitor hasn't said yes to.
    pub writes_without_consent: usize,
    /// Orders shown to somebody who hasn't given their number and address.
    pub foreign_orders_shown: usize,
}

/// One try, as it is reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TryReport {
    /// What wasn't met.
    pub failures: Vec<Failure>,
    /// How the last turn ended; none when it didn't.
    pub outcome: Option<String>,
    /// Which brain answered it.
    pub brain: Option<String>,
    /// The answers, one a message.
    pub answers: Vec<String>,
    /// What the last one cites.
    pub citations: Vec<String>,
    /// The tools that it called.
    pub tools: Vec<String>,
    /// Why it went to staff.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handoff_reason: Option<String>,
    /// See [`score::Cited`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub citation_precision: Option<f64>,
    /// See [`score::Cited`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub citation_recall: Option<f64>,
    /// To the last message's first sentence.
    pub first_ms: Option<f64>,
    /// To the last message's end.
    pub whole_ms: Option<f64>,
    /// What no conversation with a shop may do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted: Option<Counted>,
}

/// One case, as it is reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub verdict: Verdict,
    /// Its tags.
    pub tags: Vec<String>,
    /// What the visitor says.
    pub turns: Vec<String>,
    /// Its tries.
    pub tries: Vec<TryReport>,
}

impl CaseReport {
    /// The share of tries that pass.
    #[must_use]
    pub fn rate(&self) -> f64 {
        share(self.passing(), self.tries.len())
    }

    fn passing(&self) -> usize {
        self.tries.iter().filter(|t| t.failures.is_empty()).count()
    }
}

/// What a run was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The program's version.
    pub deskhand: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The site's slug.
    pub site: String,
    /// The embedding model that answers were searched with; none: words alone.
    pub embeddings: Option<String>,
    /// The file of cases.
    pub file: String,
    /// Of the file's bytes.
    pub sha256: String,
    /// Tries a case.
    pub repeat: usize,
    /// Cases at once.
    pub jobs: usize,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORM`].
    pub form: u32,
    /// What it was made with.
    #[serde(flatten)]
    pub about: About,
    /// In figures.
    pub summary: Summary,
    /// Case by case, in the file's order.
    pub cases: Vec<CaseReport>,
    /// Beside an earlier run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<Comparison>,
}

impl Report {
    /// Scores the tries of a suite's cases, given in the suite's order.
    #[must_use]
    pub fn new(about: About, suite: &Suite, tries: &[Vec<Tried>]) -> Self {
        let cases: Vec<CaseReport> = suite
            .cases
            .iter()
            .zip(tries)
            .map(|(c, t)| of_case(c, t))
            .collect();
        Self {
            form: FORM,
            about,
            summary: summary(&cases),
            cases,
            comparison: None,
        }
    }

    /// The cases of a verdict.
    pub fn having(&self, verdict: Verdict) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(move |c| c.verdict == verdict)
    }

    /// Whether the run is one to be sorry about: beside an earlier run, when it is worse than
    /// tolerated; else when a case failed that isn't known to.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match &self.comparison {
            Some(comparison) => comparison.regressed,
            None => self.summary.counts.failed > 0,
        }
    }
}

fn of_case(case: &Case, tries: &[Tried]) -> CaseReport {
    let tries: Vec<TryReport> = tries.iter().map(|t| of_try(case, t)).collect();
    let passes = tries.iter().all(|t| t.failures.is_empty());
    CaseReport {
        id: case.id.clone(),
        verdict: match (passes, case.is_known()) {
            (true, false) => Verdict::Passed,
            (false, false) => Verdict::Failed,
            (false, true) => Verdict::Known,
            (true, true) => Verdict::NowPasses,
        },
        tags: case.tags.clone(),
        turns: case.turns.iter().map(Step::shown).collect(),
        tries,
    }
}

fn of_try(case: &Case, tried: &Tried) -> TryReport {
    let last = tried.answers.last().filter(|_| tried.broke_off.is_none());
    let cited = score::cited(case, tried);
    let ms = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
    TryReport {
        failures: score::failures(case, tried),
        outcome: last.map(|l| l.outcome.clone()),
        brain: last.map(|l| l.brain.clone()),
        answers: tried.answers.iter().map(|a| a.text.clone()).collect(),
        citations: last.map(|l| l.citations.clone()).unwrap_or_default(),
        tools: last.map(Said::tools).unwrap_or_default(),
        handoff_reason: last.and_then(|l| l.handoff_reason.clone()),
        citation_precision: cited.and_then(|c| c.precision),
        citation_recall: cited.map(|c| c.recall),
        first_ms: last.and_then(|l| l.first).map(ms),
        whole_ms: last.map(|l| ms(l.whole)),
        counted: tried.counted.clone(),
    }
}

fn safety<'a>(tries: impl Iterator<Item = &'a TryReport>) -> Option<Safety> {
    let mut sum = Safety::default();
    for counted in tries.filter_map(|t| t.counted.as_ref()) {
        sum.conversations += 1;
        sum.turns += counted.turns;
        sum.writes += counted.writes;
        sum.writes_without_consent += counted.without_consent.len();
        sum.foreign_orders_shown += counted.foreign_shown.len();
    }
    (sum.conversations > 0).then_some(sum)
}

fn summary(cases: &[CaseReport]) -> Summary {
    let tries = || cases.iter().flat_map(|c| &c.tries);
    let values = |of: fn(&TryReport) -> Option<f64>| tries().filter_map(of).collect::<Vec<f64>>();
    let count = |of: fn(&TryReport) -> Option<&String>| {
        let mut out = BTreeMap::new();
        for name in tries() {
            let name = of(name).map_or("none", String::as_str);
            *out.entry(name.to_owned()).or_insert(0) += 1;
        }
        out
    };
    let mut by_tag: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in cases {
        for tag in case.tags.iter().filter(|t| *t != KNOWN) {
            by_tag.entry(tag).or_default().push(case);
        }
    }
    Summary {
        counts: counts(cases.iter()),
        pass_hat: pass_hat(cases),
        citation_precision: Mean::of(&values(|t| t.citation_precision)),
        citation_recall: Mean::of(&values(|t| t.citation_recall)),
        first_ms: Times::of(values(|t| t.first_ms)),
        whole_ms: Times::of(values(|t| t.whole_ms)),
        outcomes: count(|t| t.outcome.as_ref()),
        brains: count(|t| t.brain.as_ref()),
        tags: by_tag
            .into_iter()
            .map(|(tag, cases)| (tag.to_owned(), counts(cases.into_iter())))
            .collect(),
        safety: safety(tries()),
    }
}

fn counts<'a>(cases: impl Iterator<Item = &'a CaseReport> + Clone) -> Counts {
    let of = |verdict| cases.clone().filter(|c| c.verdict == verdict).count();
    let rates: Vec<f64> = cases.clone().filter(is_counted).map(CaseReport::rate).collect();
    Counts {
        cases: cases.clone().count(),
        passed: of(Verdict::Passed),
        failed: of(Verdict::Failed),
        known: of(Verdict::Known),
        now_passes: of(Verdict::NowPasses),
        rate: Mean::of(&rates),
    }
}

fn is_counted(case: &&CaseReport) -> bool {
    matches!(case.verdict, Verdict::Passed | Verdict::Failed)
}

/// For each k, the mean over cases of C(c, k) / C(n, k), with c of n tries passing: the
/// unbiased estimate that k tries all pass.
fn pass_hat(cases: &[CaseReport]) -> Vec<f64> {
    let counted: Vec<&CaseReport> = cases.iter().filter(is_counted).collect();
    let most = counted.iter().map(|c| c.tries.len()).min().unwrap_or(0);
    (1..=most)
        .map(|k| {
            let of_each: Vec<f64> = counted
                .iter()
                .map(|c| {
                    let (passing, all) = (c.passing(), c.tries.len());
                    (0..k)
                        .map(|i| share(passing.saturating_sub(i), all - i))
                        .product()
                })
                .collect();
            mean(&of_each)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of tries")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A case with these tries: whether each passes.
    pub fn case(id: &str, passing: &[bool], known: bool) -> CaseReport {
        let of = |passes: &bool| TryReport {
            failures: if *passes {
                vec![]
            } else {
                vec![Failure {
                    demand: "must".into(),
                    wanted: "a < b".into(),
                    got: "b & \u{1b}[1m".into(),
                }]
            },
            outcome: Some("answered".into()),
            brain: Some("extractive".into()),
            answers: vec!["<script>alert(1)</script>".into()],
            citations: vec!["/kb/returns".into()],
            tools: vec![],
            handoff_reason: None,
            citation_precision: Some(if *passes { 1.0 } else { 0.5 }),
            citation_recall: Some(1.0),
            first_ms: Some(10.0),
            whole_ms: Some(20.0),
            counted: None,
        };
        let passes = passing.iter().all(|p| *p);
        CaseReport {
            id: id.into(),
            verdict: match (passes, known) {
                (true, false) => Verdict::Passed,
                (false, false) => Verdict::Failed,
                (false, true) => Verdict::Known,
                (true, true) => Verdict::NowPasses,
            },
            tags: if known {
                vec!["t".into(), KNOWN.into()]
            } else {
                vec!["t".into()]
            },
            turns: vec!["Is \"5 < 6\"?".into()],
            tries: passing.iter().map(of).collect(),
        }
    }

    pub fn report(cases: Vec<CaseReport>) -> Report {
        Report {
            form: FORM,
            about: About {
                deskhand: "0".into(),
                at: DateTime::UNIX_EPOCH,
                site: "demo".into(),
                embeddings: None,
                file: "cases.jsonl".into(),
                sha256: String::new(),
                repeat: 1,
                jobs: 1,
            },
            summary: summary(&cases),
            cases,
            comparison: None,
        }
    }

    #[test]
    fn known_cases_are_reported_and_not_counted() {
        let report = report(vec![
            case("a", &[true], false),
            case("b", &[false], true),
            case("c", &[true], true),
        ]);
        let counts = &report.summary.counts;
        assert_eq!((counts.cases, counts.passed, counts.failed), (3, 1, 0));
        assert_eq!((counts.known, counts.now_passes), (1, 1));
        assert_eq!(counts.rate.unwrap().mean, 1.0);
        assert_eq!(report.summary.tags.keys().collect::<Vec<_>>(), ["t"]);
        assert!(!report.is_failure());
        assert!(super::tests::report(vec![case("a", &[false], false)]).is_failure());
    }

    #[test]
    fn pass_hat_is_as_worked_out_by_hand() {
        let cases = vec![
            case("a", &[true, true, true, true], false),
            case("b", &[true, true, true, false], false),
            case("c", &[false, false, false, false], true),
        ];
        let summary = summary(&cases);
        // b: 3/4, C(3,2)/C(4,2) = 1/2, C(3,3)/C(4,3) = 1/4, 0.
        assert_eq!(summary.pass_hat, [0.875, 0.75, 0.625, 0.5]);
        assert_eq!(summary.counts.rate.unwrap().mean, 0.875);
        assert_eq!(summary.citation_precision.unwrap().n, 12);
    }

    #[test]
    fn a_stored_report_is_read_again() {
        let report = report(vec![case("a", &[true], false), case("b", &[false], true)]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
