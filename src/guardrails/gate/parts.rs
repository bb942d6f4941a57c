//! Where a sentence says one thing and then another, so that each is checked by itself.

use super::figures::{Figure, Kind};

/// Cuts a sentence where another thing begins to be said: at a semicolon, at `but`, and
/// between two figures at a comma or `and`.
pub fn parts<'a>(text: &'a str, all: &[Figure]) -> Vec<&'a str> {
    const STRONG: &[&str] = &[
        "; ",
        ", but ",
        ", while ",
        ", aber ",
        ", während ",
        ", and ",
        ", und ",
        ", otherwise ",
    ];
    const WEAK: &[&str] = &[", ", " and ", " und ", " or ", " oder ", " but "];
    let lower = text.to_ascii_lowercase();
    let inside = |i: usize| all.iter().any(|f| f.at.start < i && i < f.at.end);
    let mut cuts = vec![0];
    let mut places: Vec<(usize, usize, bool)> = Vec::new();
    for (joints, strong) in [(STRONG, true), (WEAK, false)] {
        for joint in joints {
            places.extend(lower.match_indices(joint).map(|(i, j)| (i, i + j.len(), strong)));
        }
    }
    places.sort_unstable_by_key(|(at, end, strong)| (*at, !*strong, std::cmp::Reverse(*end)));
    let mut from = 0;
    for (at, end, strong) in places {
        if at < from || inside(at) || inside(end) {
            continue;
        }
        let before = all.iter().any(|f| f.at.start >= from && f.at.end <= at);
        let next = all.iter().find(|f| f.at.start >= end);
        let near = next.is_some_and(|f| {
            let until = &lower[end..f.at.start];
            until.split_whitespace().count() <= 4 && !WEAK.iter().any(|j| until.contains(j))
        });
        // A list that shares one unit or one verb stays together.
        let shared = next.is_some_and(|f| text[end..f.at.start].trim().is_empty() && strong_unit(f));
        if strong || (before && near && !(shared && joined_list(all, at, end))) {
            cuts.push(end);
            from = end;
        }
    }
    cuts.push(text.len());
    cuts.windows(2)
        .map(|w| text[w[0]..w[1]].trim())
        .filter(|p| p.chars().any(char::is_alphanumeric))
        .collect()
}

fn strong_unit(f: &Figure) -> bool {
    matches!(f.kind, Kind::Amount { .. } | Kind::Days(_))
}

/// `22, 31 and 45 cm` is one list.
fn joined_list(all: &[Figure], at: usize, end: usize) -> bool {
    all.windows(2)
        .any(|w| w[0].at.end == at && w[1].at.start == end && w[0].is_like(&w[1]))
}
