//! The block between two `---` lines at the top of a Markdown file. Only what the
//! knowledge base uses is read, in the forms in which people write it.

use crate::knowledge::extract::Extracted;

/// A front matter may be this many lines.
const MOST_LINES: usize = 200;

/// Splits the front matter off; what remains is the text.
pub fn split(text: &str) -> (Extracted, &str) {
    let none = (Extracted::default(), text);
    let Some(rest) = text.strip_prefix("---\n") else {
        return none;
    };
    let mut end = 0;
    for line in rest.split_inclusive('\n').take(MOST_LINES) {
        if matches!(line.trim_end(), "---" | "...") {
            let block = &rest[..end];
            // Without a single key it is a line across the page, and text.
            if block.lines().any(|l| key_value(l).is_some()) {
                return (read(block), &rest[end + line.len()..]);
            }
            return none;
        }
        end += line.len();
    }
    none
}

fn read(block: &str) -> Extracted {
    let mut out = Extracted::default();
    let mut list_of_tags = false;
    for line in block.lines() {
        let item = line.trim_start().strip_prefix("- ");
        if let Some(item) = item.filter(|_| list_of_tags) {
            out.tags.push(bare(item));
            continue;
        }
        let Some((key, value)) = key_value(line) else {
            continue;
        };
        list_of_tags = false;
        let value = value.trim();
        match key {
            "title" if !value.is_empty() => out.title = Some(bare(value)),
            "url" | "permalink" | "canonical" if !value.is_empty() => out.url = Some(bare(value)),
            "lang" | "language" if !value.is_empty() => out.lang = Some(bare(value)),
            "tags" | "keywords" if value.is_empty() => list_of_tags = true,
            "tags" | "keywords" => {
                let inner = value
                    .strip_prefix('[')
                    .and_then(|v| v.strip_suffix(']'))
                    .unwrap_or(value);
                out.tags.extend(inner.split(',').map(bare));
            }
            _ => {}
        }
    }
    out
}

/// `key: value` at the beginning of a line.
fn key_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    (plain && (value.is_empty() || value.starts_with(' '))).then_some((key, value))
}

/// A scalar without its quotes.
fn bare(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    // A comment begins with a blank and `#`.
    value.split(" #").next().unwrap_or(value).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_about_itself_is_read() {
        let (meta, rest) = split(
            "---\ntitle: \"Returns: how\"\ntags: [returns, 'refund', label ]\nurl: /returns # where\nlayout: page\nlang: en\n---\n# Text\n",
        );
        assert_eq!(meta.title.as_deref(), Some("Returns: how"));
        assert_eq!(meta.tags, ["returns", "refund", "label"]);
        assert_eq!(meta.url.as_deref(), Some("/returns"));
        assert_eq!(meta.lang.as_deref(), Some("en"));
        assert_eq!(rest, "# Text\n");

        let (meta, rest) = split("---\nkeywords:\n  - one\n  - \"two words\"\nother:\n  - three\n---\nText");
        assert_eq!(meta.tags, ["one", "two words"]);
        assert_eq!(rest, "Text");
    }

    #[test]
    fn a_line_across_the_page_is_no_front_matter() {
        for text in [
            "---\n\nText here\n\n---\nMore",
            "---\ntitle: never ends\n",
            "text\n---\ntitle: x\n---\n",
        ] {
            assert_eq!(split(text), (Extracted::default(), text));
        }
    }
}
