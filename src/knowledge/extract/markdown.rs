//! Markdown files, and the normal form that every format ends in.

use comrak::Arena;
use comrak::nodes::NodeValue;

use crate::knowledge::extract::{Extracted, front_matter, html};
use crate::knowledge::sniff::Kind;
use crate::knowledge::{blocks, outline};

/// Reads a Markdown file.
pub fn extract(text: &str) -> Extracted {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (meta, body) = front_matter::split(&text);
    let (title, markdown) = split_title(&normalise(body), meta.title.as_deref());
    Extracted {
        kind: Kind::Markdown,
        title,
        markdown,
        ..meta
    }
}

/// Takes a first-level heading at the very top out of the text, when it is the title or
/// nothing else is.
pub fn split_title(markdown: &str, given: Option<&str>) -> (Option<String>, String) {
    let own = |t: &str| Some(t.to_owned());
    let Some(first) = outline::outline(markdown).into_iter().next() else {
        return (given.and_then(own), markdown.to_owned());
    };
    let at_top = first.level == 1 && markdown[..first.lines.start].trim().is_empty();
    let same = |t: &str| t.trim().to_lowercase() == first.text.to_lowercase();
    if at_top && given.is_none_or(same) {
        let rest = markdown[first.lines.end..].trim_start_matches('\n');
        (Some(given.map_or(first.text, str::to_owned)), rest.to_owned())
    } else {
        let title = given.map_or(first.text, str::to_owned);
        (Some(title), markdown.to_owned())
    }
}

/// Brings Markdown into the form that [`Extracted::markdown`] promises.
pub fn normalise(markdown: &str) -> String {
    let tidy = tidy(markdown);
    let edits = edits(&tidy);
    if edits.is_empty() {
        return tidy;
    }
    let mut out = String::with_capacity(tidy.len());
    let mut at = 0;
    for (range, new) in edits {
        out.push_str(&tidy[at..range.start]);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(&tidy[at..]);
    self::tidy(&out)
}

/// Line ends, trailing blanks, odd blanks, runs of empty lines.
fn tidy(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut empty_lines = 0;
    for line in markdown
        .replace("\r\n", "\n")
        .split(['\n', '\r', '\u{85}', '\u{2028}', '\u{c}'])
    {
        let trimmed = line.trim_end_matches([' ', '\t', '\u{a0}', '\u{200b}', '\u{feff}']);
        if trimmed.is_empty() {
            empty_lines += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty_lines > 0 { "\n\n" } else { "\n" });
        }
        empty_lines = 0;
        out.push_str(trimmed);
        // Two blanks at a line's end are a break that the author set.
        if line.ends_with("  ") && !trimmed.starts_with(['#', '|']) {
            out.push('\\');
        }
    }
    // A break before an empty line breaks nothing.
    let mut out = out.replace("\\\n\n", "\n\n");
    if out.ends_with('\\') {
        out.pop();
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Where the text is to be replaced and by what: underlined headings and raw HTML.
fn edits(markdown: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let mut edits: Vec<_> = outline::outline(markdown)
        .into_iter()
        .filter(|h| h.underlined || markdown[h.lines.clone()].trim_end().ends_with('#'))
        .map(|h| {
            let hashes = "#".repeat(usize::from(h.level));
            (h.lines, format!("{hashes} {}\n", h.text))
        })
        .collect();
    let starts = outline::line_starts(markdown);
    let line_at = |n: usize| starts.get(n - 1).copied().unwrap_or(markdown.len());
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, markdown, &blocks::options());
    for node in root.children() {
        let data = node.data();
        if let NodeValue::HtmlBlock(block) = &data.value {
            let lines = line_at(data.sourcepos.start.line)..line_at(data.sourcepos.end.line + 1);
            let converted = html::to_markdown(&block.literal).unwrap_or_default();
            edits.push((lines, format!("\n{converted}\n\n")));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_the_front_matters_or_the_first_heading() {
        let titled = extract("---\ntitle: Returns\n---\n\n# returns\n\nThirty days.\n");
        assert_eq!(
            (titled.title.as_deref(), titled.markdown.as_str()),
            (Some("Returns"), "Thirty days.\n")
        );
        let headed = extract("# Returns\n\nThirty days.");
        assert_eq!(
            (headed.title.as_deref(), headed.markdown.as_str()),
            (Some("Returns"), "Thirty days.\n")
        );
        let other = extract("---\ntitle: Help\n---\n# Returns\n\nThirty days.");
        assert_eq!(
            (other.title.as_deref(), other.markdown.as_str()),
            (Some("Help"), "# Returns\n\nThirty days.\n")
        );
        let late = extract("Thirty days.\n\n## More\n\nText");
        assert_eq!(late.title.as_deref(), Some("More"));
        assert!(late.markdown.starts_with("Thirty days.\n\n## More"));
        assert_eq!(extract("Thirty days.").title, None);
    }

    #[test]
    fn markdown_is_brought_into_one_form() {
        let odd = "Costs\r\n=====\r\n\r\n\r\n\r\nOne   \r\ntwo  \r\n\r\n## Closed ##\r\n\r\n<div class=\"x\">\r\n<p>Raw <b>text</b></p>\r\n</div>\r\n\r\n<!-- secret -->\r\n\r\n| a | b |\r\n|---|---|\r\n| 1 | 2 |";
        assert_eq!(
            normalise(odd),
            "# Costs\n\nOne\\\ntwo\n\n## Closed\n\nRaw **text**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
        );
    }

    #[test]
    fn the_normal_form_stays_as_it_is() {
        for page in [
            "# A\n\ntext\n\n- one\n- two\n\n```\ncode\n\nmore\n```\n",
            "text\\\nbroken\n\n> quoted\n",
        ] {
            assert_eq!(normalise(page), page);
        }
    }
}
