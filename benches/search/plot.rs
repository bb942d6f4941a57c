//! The figures that are kept: docs/performance.csv, and docs/performance.svg drawn from it.

use std::fmt::Write;
use std::path::PathBuf;

use crate::measure::{Measured, SCOPES};

const HEADER: &str =
    "chunks,scope,measure,wall_p50,wall_p95,server_p50,server_p95,client_p50,client_p95,recall_at_10";
const COLOURS: [&str; 4] = ["#1b6ca8", "#c2571a", "#5b7f1f", "#7a4fa3"];
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 260.0;
/// Milliseconds at the bottom and at the top.
const FROM: f64 = 0.5;
const TO: f64 = 100.0;

fn docs(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(file)
}

/// Puts a run's figures in the place of an earlier one's of the same size.
pub fn record(chunks: usize, measured: &[Measured]) {
    let old = std::fs::read_to_string(docs("performance.csv")).unwrap_or_default();
    let of_this = format!("{chunks},");
    let mut lines: Vec<String> = old
        .lines()
        .skip(1)
        .filter(|l| !l.starts_with(&of_this))
        .map(str::to_owned)
        .collect();
    for m in measured {
        let mut line = format!("{chunks},{},{}", m.scope, m.measure);
        for spread in [m.wall, m.server, m.client] {
            let _ = write!(line, ",{:.2},{:.2}", spread.p50, spread.p95);
        }
        let recall = m.recall.map_or(String::new(), |r| format!("{r:.4}"));
        lines.push(format!("{line},{recall}"));
    }
    lines.sort_by_key(|l| l.split(',').next().and_then(|n| n.parse::<usize>().ok()));
    std::fs::write(
        docs("performance.csv"),
        format!("{HEADER}\n{}\n", lines.join("\n")),
    )
    .unwrap();
    std::fs::write(docs("performance.svg"), draw(&lines)).unwrap();
}

/// Two panels, logarithmic both ways: milliseconds over chunks, a line a scope.
fn draw(lines: &[String]) -> String {
    let rows: Vec<Vec<&str>> = lines.iter().map(|l| l.split(',').collect()).collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        2.0 * WIDTH + 160.0,
        HEIGHT + 110.0
    );
    for (panel, (measure, title, wanted)) in [
        ("vectors", "Vectors alone", 5.0),
        ("hybrid", "Whole hybrid search", 10.0),
    ]
    .into_iter()
    .enumerate()
    {
        let left = 60.0 + panel as f64 * (WIDTH + 60.0);
        let x = |chunks: f64| left + (chunks / 1e4).log10() / 2.0 * WIDTH;
        let y = |ms: f64| 40.0 + HEIGHT * (1.0 - (ms.max(FROM) / FROM).log10() / (TO / FROM).log10());
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"25\" font-size=\"15\">{title}, median in ms</text>"
        );
        for ms in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{ms}</text>",
                left + WIDTH,
                y(ms),
                left - 6.0,
                y(ms) + 4.0
            );
        }
        for (chunks, label) in [(1e4, "10 000"), (1e5, "100 000"), (1e6, "1 000 000")] {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                x(chunks),
                HEIGHT + 58.0
            );
        }
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"#999\" stroke-dasharray=\"5 4\"/>",
            left + WIDTH,
            y(wanted)
        );
        for (scope, colour) in SCOPES.iter().zip(COLOURS) {
            let points: Vec<(f64, f64)> = rows
                .iter()
                .filter(|r| r[1] == scope.name && r[2] == measure)
                .filter_map(|r| Some((x(r[0].parse().ok()?), y(r[3].parse().ok()?))))
                .collect();
            let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                line.join(" ")
            );
            for (x, y) in points {
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
                );
            }
        }
    }
    for (i, (scope, colour)) in SCOPES.iter().zip(COLOURS).enumerate() {
        let x = 60.0 + i as f64 * 180.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{0}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{1}\" y=\"{2}\">{3}</text>",
            HEIGHT + 82.0,
            x + 20.0,
            HEIGHT + 88.0,
            scope.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}
