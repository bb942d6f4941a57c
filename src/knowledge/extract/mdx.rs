//! MDX: Markdown with components. Imports, exports, tags and expressions go; what stands
//! between the tags stays, and so do the titles that components are given.

use crate::knowledge::extract::{Extracted, front_matter, markdown};
use crate::knowledge::sniff::Kind;

/// Attributes of components that readers see.
const SHOWN: [&str; 5] = ["title", "label", "summary", "question", "heading"];

/// Reads an MDX file.
pub fn extract(text: &str) -> Extracted {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (meta, body) = front_matter::split(&text);
    let (title, markdown) = markdown::split_title(&markdown::normalise(&plain(body)), meta.title.as_deref());
    Extracted {
        kind: Kind::Mdx,
        title,
        markdown,
        ..meta
    }
}

/// The Markdown in it.
fn plain(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    // For each open component the indentation of what is in it, once that is known.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut fence: Option<&str> = None;
    while !rest.is_empty() {
        let line = &rest[..rest.find('\n').map_or(rest.len(), |i| i + 1)];
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(mark) = fence {
            out.push_str(dedented(line, base(&open)));
            if trimmed.starts_with(mark) {
                fence = None;
            }
            rest = &rest[line.len()..];
            continue;
        }
        if open.is_empty()
            && indent == 0
            && let Some(length) = module_code(rest)
        {
            rest = &rest[length..];
            continue;
        }
        if !trimmed.trim_end().is_empty()
            && !trimmed.starts_with("</")
            && let Some(inner @ None) = open.last_mut()
        {
            *inner = Some(indent);
        }
        let content = dedented(line, base(&open));
        let skipped = line.len() - content.len();
        rest = &rest[skipped..];
        if let Some(mark) = ["```", "~~~"].into_iter().find(|m| trimmed.starts_with(m)) {
            fence = Some(mark);
            out.push_str(content);
            rest = &rest[content.len()..];
            continue;
        }
        rest = inline(rest, &mut out, &mut open);
    }
    out
}

/// How far the text within the open components is indented.
fn base(open: &[Option<usize>]) -> usize {
    open.iter().rev().find_map(|b| *b).unwrap_or(0)
}

fn dedented(line: &str, most: usize) -> &str {
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    &line[blanks.min(most)..]
}

/// Reads to the line's end, or further where a tag or an expression goes on.
fn inline<'a>(mut rest: &'a str, out: &mut String, open: &mut Vec<Option<usize>>) -> &'a str {
    while let Some(c) = rest.chars().next() {
        match c {
            '\n' => {
                out.push('\n');
                return &rest[1..];
            }
            '\\' => {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(i, _)| i);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            '`' => {
                let ticks = rest.len() - rest.trim_start_matches('`').len();
                let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
                let end = line[ticks..]
                    .find(&rest[..ticks])
                    .map_or(ticks, |i| i + 2 * ticks);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            '{' => {
                if let Some(length) = braces(rest) {
                    out.push_str(literal(&rest[1..length - 1]));
                    rest = &rest[length..];
                    continue;
                }
            }
            '<' => {
                if let Some(length) = tag(rest) {
                    write_tag(&rest[..length], out, open);
                    rest = &rest[length..];
                    continue;
                }
            }
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    rest
}

/// What an expression says if it is only a text.
fn literal(expression: &str) -> &str {
    let inner = expression.trim();
    for quote in ['"', '\'', '`'] {
        if let Some(text) = inner.strip_prefix(quote).and_then(|t| t.strip_suffix(quote))
            && !text.contains([quote, '$'])
        {
            return text;
        }
    }
    ""
}

/// The length of an expression with its braces; None when it never ends.
fn braces(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q && before != '\\' => quote = None,
            (Some(_), _) => {}
            // An apostrophe in a comment is no quote.
            (None, '"' | '`') => quote = Some(c),
            (None, '\'') if !before.is_alphanumeric() => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(i + 1);
                }
            }
            _ => {}
        }
        // Comments may hold anything.
        if i == 0 && text.starts_with("{/*") {
            return text.find("*/}").map(|end| end + 3);
        }
        before = c;
        if i > 20_000 {
            break;
        }
    }
    None
}

/// The length of a tag; None when it is none.
fn tag(text: &str) -> Option<usize> {
    if text.starts_with("<!--") {
        return text.find("-->").map(|i| i + 3);
    }
    let name = text[1..].strip_prefix('/').unwrap_or(&text[1..]);
    let first = name.chars().next()?;
    if !(first.is_ascii_alphabetic() || first == '>') {
        return None;
    }
    // An address between angle brackets is a link.
    let word = name.find([' ', '>', '\n']).map_or(name, |i| &name[..i]);
    if word.contains([':', '@']) {
        return None;
    }
    let mut i = 1;
    let bytes = text.as_bytes();
    while i < text.len().min(20_000) {
        match bytes[i] {
            b'>' => return Some(i + 1),
            b'{' => i += braces(&text[i..])?,
            quote @ (b'"' | b'\'') => i += text[i + 1..].find(quote as char)? + 2,
            _ => i += 1,
        }
    }
    None
}

/// Writes what of a tag stays.
fn write_tag(tag: &str, out: &mut String, open: &mut Vec<Option<usize>>) {
    if tag.starts_with("<!--") {
        return;
    }
    let closing = tag.starts_with("</");
    let name = tag.trim_start_matches(['<', '/']);
    let name = &name[..name
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'))
        .unwrap_or(name.len())];
    if name.chars().next().is_some_and(|c| c.is_ascii_lowercase()) && !name.contains('.') {
        // HTML's own: without expressions it is read as such later.
        if closing {
            out.push_str(tag);
        } else {
            out.push('<');
            out.push_str(name);
            for (key, value) in attributes(tag) {
                if matches!(key, "href" | "src" | "alt" | "title" | "colspan" | "start") {
                    out.push_str(&format!(" {key}=\"{}\"", value.replace('"', "&quot;")));
                }
            }
            out.push_str(if tag.ends_with("/>") { "/>" } else { ">" });
        }
        return;
    }
    if closing {
        open.pop();
        return;
    }
    for (key, value) in attributes(tag) {
        if SHOWN.contains(&key) && !value.trim().is_empty() {
            let apart = out.is_empty() || out.trim_end_matches(' ').ends_with('\n');
            if apart {
                out.push_str(&format!("\n**{}**\n\n", value.trim()));
            } else {
                out.push_str(value.trim());
            }
        }
    }
    if !tag.ends_with("/>") {
        open.push(None);
    }
}

/// A tag's attributes whose values are texts.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut i = tag.find([' ', '\n', '\t']).unwrap_or(tag.len());
    while i < tag.len() {
        let rest = &tag[i..];
        if rest.starts_with('{') {
            i += braces(rest).unwrap_or(rest.len());
            continue;
        }
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
            .unwrap_or(rest.len());
        if length == 0 {
            i += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let key = &rest[..length];
        let after = &rest[length..];
        i += length;
        let Some(value) = after.strip_prefix('=') else {
            continue;
        };
        i += 1;
        match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let end = value[1..].find(quote).unwrap_or(value.len() - 1);
                found.push((key, &value[1..=end]));
                i += (end + 2).min(value.len());
            }
            Some('{') => {
                let length = braces(value).unwrap_or(value.len());
                let text = literal(&value[1..length.max(2) - 1]);
                found.push((key, text));
                i += length;
            }
            _ => {}
        }
    }
    found
}

/// The length of an import or export at the beginning: it ends with its line, or with the
/// braces that it opens.
fn module_code(text: &str) -> Option<usize> {
    let line = text.lines().next()?;
    let import = line.starts_with("import ") && (line.contains(['\'', '"']) || line.contains('{'));
    let export = [
        "const ",
        "default ",
        "function ",
        "let ",
        "var ",
        "async ",
        "class ",
        "{",
        "*",
        "type ",
        "interface ",
    ]
    .iter()
    .any(|w| line.strip_prefix("export ").is_some_and(|l| l.starts_with(w)));
    if !import && !export {
        return None;
    }
    let mut end = text.find('\n').map_or(text.len(), |i| i + 1);
    if let Some(brace) = line.find(['{', '[', '(']).filter(|_| {
        let count = |c: char| line.matches(c).count();
        count('{') > count('}') || count('(') > count(')') || count('[') > count(']')
    }) {
        let close = match line.as_bytes()[brace] {
            b'{' => braces(&text[brace..]).map(|l| brace + l),
            _ => text.find("\n\n"),
        };
        let from = close.unwrap_or(end).min(text.len());
        end = text[from..].find('\n').map_or(text.len(), |i| from + i + 1);
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_go_and_their_text_stays() {
        let page = "---\ntitle: Returns\n---\nimport { Tab } from './tab'\nexport const meta = {\n  a: 1,\n}\n\n# Returns\n\n\
            <Tabs items={['a', 'b']}>\n  <Tab title=\"By post\">\n    Send it **back** within {days} days.\n\n    ```js\n    const a = <b>{1}</b>;\n    ```\n  </Tab>\n</Tabs>\n\n\
            {/* don't show */}\nIt's {\"free\"} <Icon name=\"x\" />for faulty goods: `{code}` stays, 3 < 4.\n\n\
            <div className={x}>\n\nIn a box\n\n</div>\n\n<https://a.example>\n";
        let read = extract(page);
        assert_eq!(read.title.as_deref(), Some("Returns"));
        for kept in [
            "**By post**\n\nSend it **back** within  days.\n\n```js\nconst a = <b>{1}</b>;\n```",
            "It's free for faulty goods: `{code}` stays, 3 < 4.",
            "In a box",
            "https://a.example",
        ] {
            assert!(
                read.markdown.contains(kept),
                "{kept:?} isn't in\n{}",
                read.markdown
            );
        }
        for gone in [
            "import",
            "export",
            "a: 1",
            "Tabs",
            "don't",
            "className",
            "Icon",
            "div",
        ] {
            assert!(!read.markdown.contains(gone), "{gone:?} is in\n{}", read.markdown);
        }
    }

    #[test]
    fn what_never_ends_is_text() {
        for text in [
            "a { b\n",
            "a <B c\n",
            "export it to a file\n",
            "import the file\n",
        ] {
            assert_eq!(plain(text), text);
        }
    }
}
