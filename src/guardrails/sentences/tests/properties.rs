use proptest::prelude::*;

use super::*;

/// Text that has everything that means something to the splitter.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            " ",
            " ",
            " ",
            " ",
            "\n",
            "\n\n",
            ".",
            ".",
            "!",
            "?",
            "…",
            "。",
            "？",
            "؟",
            "।",
            "[1]",
            "[1, 2]",
            "【3】",
            "[^4]",
            "[",
            "]",
            "(",
            ")",
            "](",
            "`",
            "```",
            "\n```\n",
            "~~~",
            "\n- ",
            "\n1. ",
            "\n> ",
            "\n| a | b |\n",
            "\n## ",
            "**",
            "*",
            "_",
            "\"",
            "“",
            "”",
            "„",
            "z. B.",
            "e.g.",
            "Dr.",
            "No.",
            "3.",
            "Mai",
            "4.90",
            "€",
            "The",
            "the",
            "Das",
            "für",
            "S",
            "https://a.example/b.c",
            "🎉",
            "👩‍👧",
            "é",
            "e\u{301}",
            "日本",
            "مجاني",
            "-",
            "---",
            "\n---\n",
            "1",
            "usw.",
            "\t",
            "\u{a0}",
            "\r\n",
            "\u{0}",
            "#",
            "|",
            "\\",
            "<b>",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,9}",
        "\\PC{0,4}",
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

/// What is left of a text without white space, marks and what may stand around them.
fn bare(text: &str) -> String {
    let (text, _) = marks::strip(text);
    text.chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !"[]【】()^,;&-–0123456789".contains(*c))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn how_it_is_chopped_makes_no_difference(text in text(), cuts in prop::collection::vec(0_usize..400, 0..40)) {
        let mut s = Splitter::default();
        let mut got = Vec::new();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts {
            let at = (from..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
            got.extend(s.push(&text[from..at]));
            from = at;
        }
        got.extend(s.push(&text[from..]));
        got.extend(s.end());
        prop_assert_eq!(got, split(&text));
    }

    #[test]
    fn nothing_is_lost(text in text()) {
        let got = split(&text);
        let again: String = got.iter().map(|p| format!("{}{}", p.gap, p.md)).collect();
        prop_assert_eq!(bare(&again), bare(&text));
        for p in &got {
            prop_assert!(!p.md.is_empty() && p.md == p.md.trim());
            prop_assert!(p.gap.chars().all(char::is_whitespace) && p.md.chars().count() <= LONGEST);
        }
    }

    #[test]
    fn what_waits_is_bounded(part in text()) {
        let mut s = Splitter::default();
        for _ in 0..60 {
            s.push(&part);
            prop_assert!(s.buf.chars().count() <= LONGEST);
        }
    }
}
