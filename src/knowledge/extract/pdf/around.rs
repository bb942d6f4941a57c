//! What stands on every page and says nothing: running heads and feet, page numbers.

use std::collections::HashMap;

use super::page::Line;

/// The share of the page's height at its top and bottom where such lines stand.
const MARGIN: f64 = 0.12;
/// Lines from the edge at most.
const FROM_EDGE: usize = 3;

/// Removes them.
pub fn remove(pages: &mut [Vec<Line>], heights: &[f64]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (lines, height) in pages.iter().zip(heights) {
        let mut here: Vec<String> = edges(lines, *height)
            .into_iter()
            .map(|i| shape(&lines[i].text()))
            .collect();
        here.sort();
        here.dedup();
        for shape in here {
            *seen.entry(shape).or_default() += 1;
        }
    }
    let count = pages.len();
    // Even and odd pages may have heads of their own.
    let often = (count / 3).max(3).min(count.max(2));
    for (number, (lines, height)) in pages.iter_mut().zip(heights).enumerate() {
        let gone: Vec<usize> = edges(lines, *height)
            .into_iter()
            .filter(|i| {
                let text = lines[*i].text();
                let repeated = count > 1 && seen.get(&shape(&text)).is_some_and(|n| *n >= often);
                repeated && !text.is_empty() || is_page_number(&text, number + 1, count)
            })
            .collect();
        let mut i = 0;
        lines.retain(|_| {
            i += 1;
            !gone.contains(&(i - 1))
        });
    }
}

/// The lines nearest to the page's top and bottom.
fn edges(lines: &[Line], height: f64) -> Vec<usize> {
    if height <= 0.0 {
        return Vec::new();
    }
    let mut upright: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].turned == 0).collect();
    upright.sort_by(|a, b| lines[*a].y.total_cmp(&lines[*b].y));
    let top = upright
        .iter()
        .take(FROM_EDGE)
        .filter(|i| lines[**i].y < height * MARGIN);
    let bottom = upright
        .iter()
        .rev()
        .take(FROM_EDGE)
        .filter(|i| lines[**i].y > height * (1.0 - MARGIN));
    let mut edges: Vec<usize> = top.chain(bottom).copied().collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// A text without its numbers, so that page 3 looks like page 4.
fn shape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c.is_ascii_digit() {
            if !out.ends_with('#') {
                out.push('#');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// `3`, `- 3 -`, `Page 3 of 10`, `iii`.
fn is_page_number(text: &str, page: usize, count: usize) -> bool {
    if count < 2 {
        return false;
    }
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    let word = |w: &str| {
        matches!(
            w.to_lowercase().as_str(),
            "page" | "of" | "seite" | "von" | "página" | "de" | "p"
        )
    };
    let is_number = |w: &str| w.len() <= 4 && w.chars().all(|c| c.is_ascii_digit());
    let is_roman = |w: &str| !w.is_empty() && w.len() <= 5 && w.chars().all(|c| "ivxlc".contains(c));
    match words.as_slice() {
        [one] if is_number(one) => one.parse().is_ok_and(|n: usize| n.abs_diff(page) <= 400),
        [one] => is_roman(one) && page <= 40,
        many => {
            many.len() <= 4
                && many.iter().any(|w| is_number(w))
                && many.iter().all(|w| is_number(w) || word(w))
                && many.iter().any(|w| word(w))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::Segment;
    use super::*;

    fn line(y: f64, text: &str) -> Line {
        Line {
            y,
            size: 10.0,
            turned: 0,
            segments: vec![Segment {
                x: (50.0, 300.0),
                text: text.to_owned(),
            }],
        }
    }

    #[test]
    fn running_heads_and_page_numbers_go_and_the_text_stays() {
        let mut pages: Vec<Vec<Line>> = (1..=4)
            .map(|n| {
                vec![
                    line(30.0, &format!("Lumen & Oak – page {n}")),
                    line(
                        60.0,
                        &format!("Chapter {}", ["one", "two", "three", "four"][n - 1]),
                    ),
                    line(400.0, "We sell lamps."),
                    line(780.0, &n.to_string()),
                ]
            })
            .collect();
        remove(&mut pages, &[800.0; 4]);
        for page in &pages {
            let texts: Vec<String> = page.iter().map(Line::text).collect();
            assert_eq!(texts.len(), 2, "{texts:?}");
            assert_eq!(texts[1], "We sell lamps.");
        }
        let mut one = vec![vec![line(30.0, "Returns"), line(780.0, "7")]];
        remove(&mut one, &[800.0]);
        assert_eq!(one[0].len(), 2, "a single page has no running head");
    }
}
