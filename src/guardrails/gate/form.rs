//! Forms that no sentence may have, whatever its source says: pictures, which a reader's
//! browser fetches from wherever they say, and HTML.

/// Whether a sentence, Markdown, has a picture or a tag in it. Tags may stand in code.
pub fn is_forbidden(sentence: &str) -> bool {
    sentence.contains("![") || has_tag(sentence)
}

fn has_tag(sentence: &str) -> bool {
    let fenced = sentence.trim();
    if fenced.len() > 6 && fenced.starts_with("```") && fenced.ends_with("```") {
        return false;
    }
    // Only code that is closed is code, and only in its simplest form can that be told.
    let ticks = sentence.matches('`').count();
    if ticks % 2 == 1 || sentence.contains("``") {
        return tag(sentence);
    }
    sentence.split('`').step_by(2).any(tag)
}

fn tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let inside = &text[at + 1..];
        let begins = inside
            .trim_start_matches('/')
            .starts_with(|c: char| c.is_ascii_alphabetic())
            || inside.starts_with(['!', '?']);
        // `<https://…>` and `<hello@…>` are links.
        let word = inside.split(['>', ' ', '\n', '\t']).next().unwrap_or(inside);
        let link = word.contains("://") || word.contains('@') && !word.contains('=');
        begins && !link
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_tags_are_told_from_text() {
        for forbidden in [
            "![logo](https://shop.example/logo.png)",
            "See ![this][1].",
            "`![logo](/kb/logo.png)`",
            "<img src=x onerror=alert(1)>",
            "Hello <script>alert(1)</script>",
            "</div>",
            "<!-- hidden -->",
            "<img src=\"https://shop.example/a.png\">",
            "<svg/onload=a@b>",
            "`<b>` and ` <img src=x>",
            "`` ` <img src=x> ``",
            "a <b",
        ] {
            assert!(is_forbidden(forbidden), "{forbidden}");
        }
        for fine in [
            "It weighs < 3 kg.",
            "I <3 lamps",
            "Write to <hello@shop.example>.",
            "See <https://shop.example/returns>.",
            "Put `<b>` around it.",
            "```\n<?php echo 1;\n```",
        ] {
            assert!(!is_forbidden(fine), "{fine}");
        }
    }
}
