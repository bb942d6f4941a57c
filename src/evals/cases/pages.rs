//! A report for people (one HTML page without scripts) and for build servers (JUnit).
//! Answers and questions are foreign text: they are escaped, and lose control characters.

use askama::Template;
use chrono::SecondsFormat;

use crate::evals::cases::baseline::{Change, Comparison};
use crate::evals::cases::figures::{Mean, Times};
use crate::evals::cases::report::{CaseReport, Report, TryReport, Verdict};

/// Characters of an answer in a build server's list.
const SHORT: usize = 600;

struct Tile {
    name: &'static str,
    value: String,
    note: String,
}

struct Tag {
    name: String,
    cases: usize,
    failed: usize,
    known: usize,
    rate: String,
    part: u32,
}

struct Shown {
    demand: String,
    wanted: String,
    got: String,
}

struct CaseView {
    id: String,
    note: String,
    talk: Vec<(String, String)>,
    failures: Vec<Shown>,
    more: String,
}

struct Group {
    title: String,
    class: &'static str,
    open: bool,
    cases: Vec<CaseView>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    headline: String,
    class: &'static str,
    file: String,
    about: String,
    tiles: Vec<Tile>,
    comparison: Option<Vec<(&'static str, String)>>,
    tags: Vec<Tag>,
    groups: Vec<Group>,
}

struct Junit {
    id: String,
    class: String,
    time: String,
    verdict: Verdict,
    message: String,
    detail: String,
}

#[derive(Template)]
#[template(path = "junit.xml")]
struct Suites {
    name: String,
    tests: usize,
    failures: usize,
    skipped: usize,
    time: String,
    timestamp: String,
    cases: Vec<Junit>,
}

/// The HTML page.
///
/// # Errors
/// When it can't be written down: a defect.
pub fn html(report: &Report) -> askama::Result<String> {
    let (counts, about) = (&report.summary.counts, &report.about);
    let when = about.at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let embeddings = about.embeddings.as_deref().unwrap_or("no embedding model");
    let page = Page {
        headline: headline(report),
        class: if report.is_failure() { "bad" } else { "good" },
        file: clean(&about.file),
        about: clean(&format!(
            "{} on the site {}, {when}, deskhand {}, {embeddings}, cases {}, {} {} a case",
            about.file,
            about.site,
            about.deskhand,
            about.sha256.get(..12).unwrap_or_default(),
            about.repeat,
            if about.repeat == 1 { "try" } else { "tries" },
        )),
        tiles: tiles(report),
        comparison: report.comparison.as_ref().map(compared),
        tags: report
            .summary
            .tags
            .iter()
            .map(|(name, of)| Tag {
                name: clean(name),
                cases: of.cases,
                failed: of.failed,
                known: of.known + of.now_passes,
                rate: of.rate.map(|r| percent(r.mean)).unwrap_or_else(|| "–".to_owned()),
                part: of.rate.map_or(0, |r| whole_percent(r.mean)),
            })
            .collect(),
        groups: [
            ("Failed", Verdict::Failed, "bad", true),
            (
                "Known to fail, but passing now: the tag `known` can go",
                Verdict::NowPasses,
                "good",
                true,
            ),
            ("Known to fail", Verdict::Known, "known", false),
            ("Passed", Verdict::Passed, "good", false),
        ]
        .into_iter()
        .map(|(title, verdict, class, open)| Group {
            title: format!("{title} ({})", report.having(verdict).count()),
            class,
            open,
            cases: report.having(verdict).map(case_view).collect(),
        })
        .filter(|g| !g.cases.is_empty())
        .collect(),
    };
    debug_assert_eq!(counts.cases, report.cases.len());
    page.render()
}

/// JUnit's XML. Known failures are skipped tests there.
///
/// # Errors
/// When it can't be written down: a defect.
pub fn junit(report: &Report) -> askama::Result<String> {
    let counts = &report.summary.counts;
    let cases: Vec<Junit> = report
        .cases
        .iter()
        .map(|c| {
            let worst = telling(c);
            let met: Vec<String> = worst
                .map(|t| {
                    t.failures
                        .iter()
                        .map(|f| format!("{}: {}", f.demand, f.wanted))
                        .collect()
                })
                .unwrap_or_default();
            let detail: Vec<String> = worst
                .map(|t| {
                    let line = |f: &crate::evals::cases::score::Failure| {
                        format!("{}: wanted {}; came {}", f.demand, f.wanted, short(&f.got))
                    };
                    t.failures.iter().map(line).collect()
                })
                .unwrap_or_default();
            Junit {
                id: clean(&c.id),
                class: clean(c.tags.first().map_or("cases", String::as_str)),
                time: seconds(c),
                verdict: c.verdict,
                message: clean(&match c.verdict {
                    Verdict::Known => format!("known: {}", met.join("; ")),
                    Verdict::NowPasses => "marked as known to fail, but passes".to_owned(),
                    Verdict::Passed | Verdict::Failed => met.join("; "),
                }),
                detail: clean(&detail.join("\n")),
            }
        })
        .collect();
    let total: f64 = report.cases.iter().map(time).sum();
    Suites {
        name: clean(&report.about.file),
        tests: counts.cases,
        failures: counts.failed,
        skipped: counts.known,
        time: format!("{total:.3}"),
        timestamp: report.about.at.format("%Y-%m-%dT%H:%M:%S").to_string(),
        cases,
    }
    .render()
}

/// The run in one line.
#[must_use]
pub fn headline(report: &Report) -> String {
    let c = &report.summary.counts;
    let mut parts = vec![format!("{} of {} cases pass", c.passed + c.now_passes, c.cases)];
    if c.failed > 0 {
        parts.push(format!("{} failed", c.failed));
    }
    if c.known > 0 {
        parts.push(format!("{} known to fail", c.known));
    }
    if c.now_passes > 0 {
        parts.push(format!("{} known to fail but passing now", c.now_passes));
    }
    parts.join(", ")
}

/// What a comparison says, line by line.
#[must_use]
pub fn compared(c: &Comparison) -> Vec<(&'static str, String)> {
    let list = |ids: &[String]| {
        if ids.is_empty() {
            "none".to_owned()
        } else {
            clean(&ids.join(", "))
        }
    };
    let change = |of: Change| format!("{} → {}", percent(of.before), percent(of.now));
    let mut out = vec![
        ("Better", list(&c.better)),
        ("Worse", list(&c.worse)),
        ("New and failing", list(&c.new_failing)),
        ("Gone", list(&c.gone)),
        ("Rate", change(c.rate)),
    ];
    out.extend(c.citation_precision.map(|p| ("Citation precision", change(p))));
    out.extend(c.citation_recall.map(|r| ("Citation recall", change(r))));
    let verdict = if c.regressed { "worse than" } else { "within" };
    out.push((
        "In all",
        format!("{verdict} the tolerance of {}", percent(c.tolerance)),
    ));
    out
}

fn tiles(report: &Report) -> Vec<Tile> {
    let s = &report.summary;
    let share = |name, of: Option<Mean>| {
        of.map(|m| Tile {
            name,
            value: percent(m.mean),
            note: format!("95 %: {} to {}, n = {}", percent(m.ci[0]), percent(m.ci[1]), m.n),
        })
    };
    let times = |name, of: Option<Times>| {
        of.map(|t| Tile {
            name,
            value: format!("{:.0} ms", t.p50),
            note: format!("median; p95 {:.0} ms, mean {:.0} ms", t.p95, t.mean.mean),
        })
    };
    let mut out: Vec<Tile> = [
        share("Pass rate", s.counts.rate),
        share("Citation precision", s.citation_precision),
        share("Citation recall", s.citation_recall),
        times("First sentence", s.first_ms),
        times("Whole answer", s.whole_ms),
    ]
    .into_iter()
    .flatten()
    .collect();
    out.extend(s.safety.map(|s| Tile {
        name: "Without consent, or of others",
        value: format!("{}, {}", s.writes_without_consent, s.foreign_orders_shown),
        note: format!("{} writes in {} turns with a shop", s.writes, s.turns),
    }));
    if let [.., last] = s.pass_hat[..]
        && s.pass_hat.len() > 1
    {
        out.push(Tile {
            name: "All tries pass",
            value: percent(last),
            note: format!("pass^{}", s.pass_hat.len()),
        });
    }
    out
}

/// The try that says most: the first that fails, else the first.
#[must_use]
pub fn telling(case: &CaseReport) -> Option<&TryReport> {
    case.tries
        .iter()
        .find(|t| !t.failures.is_empty())
        .or_else(|| case.tries.first())
}

fn case_view(case: &CaseReport) -> CaseView {
    let tried = telling(case);
    let answer = |i: usize| {
        tried
            .and_then(|t| t.answers.get(i))
            .map_or("(no answer)", String::as_str)
    };
    let mut more: Vec<String> = Vec::new();
    if let Some(t) = tried {
        more.extend(t.outcome.clone());
        more.extend(t.handoff_reason.clone());
        more.extend(t.brain.clone());
        more.extend((!t.citations.is_empty()).then(|| t.citations.join(", ")));
        more.extend((!t.tools.is_empty()).then(|| t.tools.join(", ")));
        more.extend(t.first_ms.map(|ms| format!("first sentence {ms:.0} ms")));
        more.extend(t.whole_ms.map(|ms| format!("whole {ms:.0} ms")));
    }
    let passing = case.tries.iter().filter(|t| t.failures.is_empty()).count();
    let tries = (case.tries.len() > 1).then(|| format!("{passing} of {} tries", case.tries.len()));
    let note: Vec<String> = tries.into_iter().chain(case.tags.iter().cloned()).collect();
    CaseView {
        id: clean(&case.id),
        note: clean(&note.join(" · ")),
        talk: case
            .turns
            .iter()
            .enumerate()
            .map(|(i, asked)| (clean(asked), clean(answer(i))))
            .collect(),
        failures: tried
            .map(|t| t.failures.iter())
            .into_iter()
            .flatten()
            .map(|f| Shown {
                demand: clean(&f.demand),
                wanted: clean(&f.wanted),
                got: clean(&f.got),
            })
            .collect(),
        more: clean(&more.join(" · ")),
    }
}

fn time(case: &CaseReport) -> f64 {
    case.tries.iter().filter_map(|t| t.whole_ms).sum::<f64>() / 1000.0
}

fn seconds(case: &CaseReport) -> String {
    format!("{:.3}", time(case))
}

/// A share as people read it.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 100"
)]
fn whole_percent(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u32
}

/// What neither XML nor a reader can have in a text.
fn clean(text: &str) -> String {
    let bad = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.replace(bad, "\u{fffd}")
}

fn short(text: &str) -> String {
    let mut out: String = text.chars().take(SHORT).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evals::cases::baseline::compare;
    use crate::evals::cases::report::tests::{case, report};

    fn all_kinds() -> Report {
        report(vec![
            case("good", &[true, true], false),
            case("bad", &[true, false], false),
            case("wrong & known", &[false, false], true),
            case("mended", &[true, true], true),
        ])
    }

    #[test]
    fn junit_is_well_formed_and_counts() {
        let xml = junit(&all_kinds()).unwrap();
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut seen = std::collections::BTreeMap::new();
        loop {
            use quick_xml::events::Event;
            match reader.read_event().unwrap_or_else(|e| panic!("{e}\n{xml}")) {
                Event::Eof => break,
                Event::Start(e) | Event::Empty(e) => {
                    for attribute in e.attributes() {
                        attribute.unwrap_or_else(|e| panic!("{e}\n{xml}"));
                    }
                    *seen.entry(e.name().as_ref().to_owned()).or_insert(0) += 1;
                }
                _ => {}
            }
        }
        assert_eq!(
            (seen["testcase"], seen["failure"], seen["skipped"]),
            (4, 1, 1),
            "{xml}"
        );
        assert!(xml.contains("tests=\"4\" failures=\"1\""), "{xml}");
        assert!(
            !xml.contains('\u{1b}') && xml.contains("wrong &#38; known"),
            "{xml}"
        );
    }

    #[test]
    fn the_page_escapes_foreign_text_and_shows_each_group() {
        let mut report = all_kinds();
        let before = report.clone();
        report.cases[0] = case("good", &[false, false], false);
        report.comparison = Some(compare(&before, &report, 0.0));
        let page = html(&report).unwrap();
        assert!(
            !page.contains("<script") && page.contains("&#60;script&#62;"),
            "{page}"
        );
        for text in [
            "Failed (2)",
            "Known to fail (1)",
            "passing now",
            "Worse</dt><dd>good</dd>",
            "worse than the tolerance",
        ] {
            assert!(page.contains(text), "{text} is missing:\n{page}");
        }
        assert!(!page.contains('\u{1b}'));
    }
}
