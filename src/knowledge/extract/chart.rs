//! The numbers that a chart of an Office file shows, as a table under its title.

use crate::knowledge::extract::escape::escape;
use crate::knowledge::extract::writer::{Writer, one_line};
use crate::knowledge::extract::xml::Node;

/// Points of a series, and series, at most.
const MOST_POINTS: usize = 2000;
const MOST_SERIES: usize = 100;

/// Writes a chart's part.
pub fn write(root: &Node, out: &mut Writer) {
    let chart = root.child("chart").unwrap_or(root);
    if let Some(title) = chart.child("title") {
        let mut text = String::new();
        words(title, &mut text);
        out.paragraph(&escape(&one_line(&text)));
    }
    let Some(area) = chart.child("plotArea") else {
        return;
    };
    let series: Vec<&Node> = area
        .children
        .iter()
        .flat_map(|c| c.all("ser"))
        .take(MOST_SERIES)
        .collect();
    let labels = series
        .iter()
        .find_map(|s| s.child("cat").or_else(|| s.child("xVal")))
        .map(points)
        .unwrap_or_default();
    let mut columns = Vec::new();
    for one in &series {
        let name = one.child("tx").map(points).unwrap_or_default();
        let name = name.into_iter().find(|n| !n.is_empty());
        let name = name.or_else(|| Some(one.child("tx")?.child("v")?.all_text()));
        let values = one
            .child("val")
            .or_else(|| one.child("yVal"))
            .map(points)
            .unwrap_or_default();
        columns.push((name.unwrap_or_default(), values));
    }
    let height = columns.iter().map(|(_, v)| v.len()).max().unwrap_or(0);
    let mut rows = vec![
        std::iter::once(String::new())
            .chain(columns.iter().map(|(name, _)| escape(name)))
            .collect::<Vec<_>>(),
    ];
    for i in 0..height {
        let at = |list: &[String]| list.get(i).map(|t| escape(t)).unwrap_or_default();
        rows.push(
            std::iter::once(at(&labels))
                .chain(columns.iter().map(|(_, v)| at(v)))
                .collect(),
        );
    }
    if height > 0 {
        out.table(&rows);
    }
}

/// Texts of runs.
fn words(node: &Node, out: &mut String) {
    for child in &node.children {
        match child.name.as_str() {
            "t" | "v" => {
                out.push_str(&child.all_text());
                out.push(' ');
            }
            _ => words(child, out),
        }
    }
}

/// What is kept of the cells that the chart was made from.
fn points(source: &Node) -> Vec<String> {
    let mut out = Vec::new();
    let cache = ["strCache", "numCache", "strLit", "numLit", "lvl"]
        .iter()
        .find_map(|name| source.find(name));
    for point in cache.iter().flat_map(|c| c.all("pt")) {
        let index = point.attr("idx").and_then(|i| i.parse::<usize>().ok());
        let index = index.unwrap_or(out.len());
        if index >= MOST_POINTS {
            break;
        }
        let value = point
            .child("v")
            .map(|v| one_line(&v.all_text()))
            .unwrap_or_default();
        if out.len() <= index {
            out.resize(index + 1, String::new());
        }
        out[index] = match value.parse::<f64>() {
            Ok(number) => crate::knowledge::extract::xlsx::plain(number),
            Err(_) => value,
        };
    }
    out
}
