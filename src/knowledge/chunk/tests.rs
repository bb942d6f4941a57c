use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::models::tokens;

fn limits(max_tokens: usize, overlap: usize, join_to: usize) -> ChunkLimits {
    ChunkLimits {
        max_tokens,
        overlap,
        join_to,
    }
}

#[test]
fn short_sections_are_joined_under_their_parent_only() {
    let markdown = "Intro.\n\n## A\n\nOne.\n\n### A1\n\nTwo.\n\n## B\n\nThree.\n";
    let one = chunk(markdown, limits(100, 10, 100), &tokens::count);
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].text, markdown.trim());
    assert!(one[0].heading_path.is_empty() && one[0].anchor.is_none());

    let each: Vec<_> = chunk(markdown, limits(100, 10, 1), &tokens::count)
        .into_iter()
        .map(|c| (c.heading_path.join("/"), c.anchor, c.text))
        .collect();
    let some = |s: &str| Some(s.to_owned());
    assert_eq!(
        each,
        [
            (String::new(), None, "Intro.".to_owned()),
            ("A".to_owned(), some("a"), "One.\n\n### A1\n\nTwo.".to_owned()),
            ("B".to_owned(), some("b"), "Three.".to_owned()),
        ]
    );
}

#[test]
fn a_section_of_any_length_is_cut_and_nothing_is_lost() {
    // Without parts this takes hours.
    let markdown = format!("## Long\n\n{}", "a\n".repeat(300_000));
    let chunks = chunk(&markdown, ChunkLimits::default(), &tokens::count);
    let letters: usize = chunks.iter().map(|c| c.text.matches('a').count()).sum();
    assert!(letters >= 300_000, "{letters}");
    assert!(
        chunks
            .iter()
            .all(|c| c.tokens <= 512 && c.heading_path == ["Long"])
    );
}

#[test]
fn text_without_blanks_is_cut_in_time_that_grows_with_its_length() {
    use std::cell::Cell;
    let counted = Cell::new(0_usize);
    // As WordPiece counts: a word that is too long is one unknown.
    let wordpiece = |text: &str| {
        counted.set(counted.get() + text.len());
        let word = |w: &str| if w.len() > 100 { 1 } else { w.len().div_ceil(2) };
        text.split_whitespace().map(word).sum()
    };
    let markdown = format!("Before it.\n\n{}\n\nAfter it.\n", "b".repeat(1 << 20));
    let chunks = chunk(&markdown, ChunkLimits::default(), &wordpiece);
    assert!(chunks.iter().all(|c| c.tokens <= 512 && c.text.len() <= 1500));
    let letters: usize = chunks.iter().map(|c| c.text.matches('b').count()).sum();
    assert!(letters >= 1 << 20, "{letters}");
    assert!(counted.get() < 8 << 20, "{} bytes were counted", counted.get());
}

#[test]
fn a_long_section_is_cut_with_overlap_and_keeps_its_heading() {
    let sentences: Vec<String> = (0..60)
        .map(|i| format!("Sentence number {i} tells of lamp {i}."))
        .collect();
    let markdown = format!("## Long\n\n{}\n\n## Short\n\nEnd.\n", sentences.join(" "));
    let chunks = chunk(&markdown, limits(120, 30, 120), &tokens::count);
    let long: Vec<_> = chunks.iter().filter(|c| c.heading_path == ["Long"]).collect();
    assert!(long.len() > 3, "{} pieces", long.len());
    for pair in long.windows(2) {
        let last = pair[0].text.rsplit(". ").next().unwrap();
        assert!(
            pair[1].text.contains(last),
            "no overlap: {:?} {:?}",
            pair[0].text,
            pair[1].text
        );
    }
    for piece in &long {
        assert!(
            piece.text.ends_with('.') && piece.text.starts_with("Sentence"),
            "{:?}",
            piece.text
        );
    }
    let last = chunks.last().unwrap();
    assert_eq!(
        (last.heading_path.join("/"), last.text.as_str()),
        ("Short".into(), "End.")
    );
    assert!(!last.text.contains("lamp"));
}

#[test]
fn each_piece_of_a_long_table_has_its_head() {
    let rows: String = (0..80)
        .map(|i| format!("| Lamp {i} | {i}.90 | oak and brass |\n"))
        .collect();
    let head = "| Goods | Price | Made of |\n|---|---|---|\n";
    let markdown = format!("## Prices\n\nAll with tax.\n\n{head}{rows}\nAsk for others.\n");
    let chunks = chunk(&markdown, limits(120, 20, 120), &tokens::count);
    let with_rows: Vec<_> = chunks.iter().filter(|c| c.text.contains("| Lamp")).collect();
    assert!(with_rows.len() > 5, "{} pieces", with_rows.len());
    for piece in &with_rows {
        assert!(piece.text.contains(head), "no head: {:?}", piece.text);
        assert_eq!(piece.text.matches("|---|---|---|").count(), 1, "{:?}", piece.text);
        assert!(piece.tokens <= 120, "{} tokens", piece.tokens);
        // A place is in the document, where a page is looked up by.
        let first = piece.text.rsplit(head).next().unwrap().lines().next().unwrap();
        assert!(markdown[piece.start..].contains(first));
    }
    let cells: usize = (0..80)
        .filter(|i| {
            with_rows
                .iter()
                .any(|c| c.text.contains(&format!("| Lamp {i} | {i}.90 |")))
        })
        .count();
    assert_eq!(cells, 80);
    assert!(chunks.last().unwrap().text.ends_with("Ask for others."));
}

#[test]
fn a_heading_without_text_is_kept() {
    let chunks = chunk("## Only a heading\n", ChunkLimits::default(), &tokens::count);
    assert_eq!(chunks[0].text, "## Only a heading");
    assert_eq!(chunk("", ChunkLimits::default(), &tokens::count), []);
}

/// A document in which every word is its own: `wN`, N rising.
fn document() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        1 => (1_u8..5).prop_map(|level| (u16::from(level), 3)),
        3 => (1_u16..120).prop_map(|words| (100, words)),
        1 => (1_u16..12).prop_map(|items| (101, items)),
        1 => (1_u16..12).prop_map(|rows| (102, rows)),
    ];
    vec(part, 0..24).prop_map(|parts| {
        let mut n = 0;
        let mut words = |count: u16, every: u16| {
            (0..count)
                .map(|i| {
                    n += 1;
                    let stop = if i % every == every - 1 || i + 1 == count {
                        "."
                    } else {
                        ""
                    };
                    format!("w{n}{stop}")
                })
                .collect::<Vec<_>>()
        };
        let mut out = String::new();
        for (kind, size) in parts {
            match kind {
                100 => out.push_str(&words(size, 9).join(" ")),
                101 => out.push_str(
                    &words(size, 1)
                        .iter()
                        .map(|w| format!("- {w}\n"))
                        .collect::<String>(),
                ),
                102 => {
                    out.push_str(&format!("| {} |\n|---|\n", words(1, 2)[0]));
                    out.push_str(
                        &words(size, 99)
                            .iter()
                            .map(|w| format!("| {w} |\n"))
                            .collect::<String>(),
                    );
                }
                level => out.push_str(&format!(
                    "{} {}",
                    "#".repeat(level.into()),
                    words(size, 99).join(" ")
                )),
            }
            out.push_str("\n\n");
        }
        out
    })
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter_map(|w| w.strip_prefix('w')?.parse().ok())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_nothing_too_long_and_the_order_stays(
        markdown in document(), max in 24_usize..200, overlap in 0_usize..100, join in 0_usize..200
    ) {
        let limits = limits(max, overlap, join);
        let chunks = chunk(&markdown, limits, &tokens::count);
        let mut seen = std::collections::BTreeMap::new();
        let mut newest = 0;
        // A table's head stands in each of its pieces.
        let lines: Vec<&str> = markdown.lines().collect();
        let heads: Vec<u32> = lines.windows(2).filter(|w| w[1] == "|---|").flat_map(|w| numbers(w[0])).collect();
        let mut head_of = std::collections::BTreeMap::new();
        for (at, line) in lines.iter().enumerate().filter(|(_, l)| **l == "|---|") {
            let rows = lines[at + 1..].iter().take_while(|l| l.starts_with('|'));
            for n in rows.flat_map(|r| numbers(r)) {
                head_of.insert(n, numbers(lines[at - 1])[0]);
            }
            prop_assert_eq!(*line, "|---|");
        }
        for (i, chunk) in chunks.iter().enumerate() {
            prop_assert!(chunk.tokens <= max, "{} tokens", chunk.tokens);
            prop_assert_eq!(chunk.tokens, tokens::count(&chunk.text));
            prop_assert!(!chunk.text.trim().is_empty());
            for n in chunk.heading_path.iter().flat_map(|h| numbers(h)) {
                // Headings above come again; in the text they come once.
                seen.entry(n).or_insert((i, true));
                newest = newest.max(n);
            }
            let words = numbers(&chunk.text);
            // Shorter passages have no room for it.
            if max >= 72 {
                for head in words.iter().filter_map(|n| head_of.get(n)) {
                    prop_assert!(words.contains(head), "rows without their head: {:?}", chunk.text);
                }
            }
            prop_assert!(words.windows(2).all(|w| w[0] < w[1]), "{:?}", words);
            for n in words {
                if let Some((before, heading)) = seen.insert(n, (i, false)) {
                    prop_assert!(!heading, "a heading of the path stands in the text");
                    prop_assert!(before + 1 == i || heads.contains(&n), "only neighbours overlap");
                    prop_assert_eq!(&chunks[before].heading_path, &chunk.heading_path);
                    prop_assert!(overlap > 0 || heads.contains(&n));
                } else {
                    prop_assert!(n > newest, "w{} after w{}", n, newest);
                }
                newest = newest.max(n);
            }
        }
        let all: Vec<u32> = numbers(&markdown);
        let found: Vec<u32> = seen.into_keys().collect();
        prop_assert_eq!(found, all);
    }
}

/// Blanks cost no tokens, but each passage of a table would have its head again.
#[test]
fn a_head_of_blanks_is_not_copied_into_every_passage() {
    let rows: String = (0..3_000).map(|i| format!("| lamp {i} | {i} |\n")).collect();
    let head = format!("| a | b{} |\n|---|---|\n", " ".repeat(1 << 18));
    let text = format!("# Prices\n\nText.\n\n{head}{rows}");
    let words = |text: &str| text.split_whitespace().count();
    let chunks = chunk(&text, ChunkLimits::default(), &words);
    let all: usize = chunks.iter().map(|c| c.text.len()).sum();
    assert!(
        chunks.len() > 10 && all < 2 * text.len(),
        "{} passages, {all} bytes",
        chunks.len()
    );
}
