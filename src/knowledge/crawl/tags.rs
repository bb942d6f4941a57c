//! The tags of an HTML document, one after the other, in one pass and without a tree: it is
//! for looking at links and the head, and can't be made to recurse or to take long.

/// A start tag.
#[derive(Debug)]
pub struct Tag<'a> {
    /// In small letters.
    pub name: String,
    /// Between name and `>`.
    attributes: &'a str,
}

impl Tag<'_> {
    /// An attribute's value, its character references read.
    pub fn get(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest
                .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
                .unwrap_or(rest.len())
                // A name that begins with `=` would be empty for ever.
                .max(rest.chars().next().map_or(1, char::len_utf8));
            let (name, after) = rest.split_at(end);
            let after = after.trim_start();
            let (value, next) = match after.strip_prefix('=') {
                Some(value) => value_of(value.trim_start()),
                None => ("", after),
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescaped(value));
            }
            rest = next;
        }
    }
}

/// A value and what comes after it.
fn value_of(text: &str) -> (&str, &str) {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].split_once(quote).unwrap_or((&text[1..], "")),
        _ => text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len())),
    }
}

/// The few references that stand in addresses.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|b| b == b';');
        let read = end.and_then(|end| {
            let name = &rest[1..end];
            let number = |n: &str, radix| u32::from_str_radix(n, radix).ok().and_then(char::from_u32);
            let c = match name {
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                "lt" => '<',
                "gt" => '>',
                _ => match name.strip_prefix('#')? {
                    hex if hex.starts_with(['x', 'X']) => number(&hex[1..], 16)?,
                    decimal => number(decimal, 10)?,
                },
            };
            Some((c, end + 1))
        });
        let (c, length) = read.unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// Elements whose content is text to the end tag, whatever it looks like.
const RAW: [&str; 7] = [
    "script", "style", "textarea", "title", "noscript", "template", "iframe",
];

/// Walks over a document.
pub struct Tags<'a> {
    rest: &'a str,
    /// Words between the tags so far.
    pub words: usize,
}

impl<'a> Tags<'a> {
    /// From the beginning.
    pub fn new(html: &'a str) -> Self {
        Self { rest: html, words: 0 }
    }

    /// To the end tag of an element whose content is text.
    fn skip(&mut self, name: &str) {
        let mut from = 0;
        while let Some(at) = self.rest[from..].find("</") {
            let begin = from + at + 2;
            let found = self.rest.as_bytes().get(begin..begin + name.len());
            if found.is_some_and(|f| f.eq_ignore_ascii_case(name.as_bytes())) {
                self.rest = &self.rest[begin..];
                return;
            }
            from = begin;
        }
        self.rest = "";
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    /// The next start tag.
    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let at = self.rest.find('<')?;
            self.words += self.rest[..at].split_whitespace().count();
            self.rest = &self.rest[at + 1..];
            if let Some(comment) = self.rest.strip_prefix("!--") {
                self.rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
                continue;
            }
            if !self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            let end = tag_end(self.rest);
            let inside = &self.rest[..end];
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            let name_end = inside
                .find(|c: char| c.is_ascii_whitespace() || c == '/')
                .unwrap_or(inside.len());
            let name = inside[..name_end].to_ascii_lowercase();
            if RAW.contains(&name.as_str()) {
                self.skip(&name);
            }
            return Some(Tag {
                attributes: &inside[name_end..],
                name,
            });
        }
    }
}

/// Where a tag ends: at the first `>` outside of quotes.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            // A quote opens a value only after `=`; elsewhere it is a slip of the pen.
            None if matches!(c, '"' | '\'') && before == '=' => quote = Some(c),
            None if c == '>' => return at,
            None => {}
        }
        if !c.is_ascii_whitespace() {
            before = c;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(html: &str) -> Vec<(String, Option<String>)> {
        let tags = Tags::new(html).map(|tag| {
            let href = tag.get("href");
            (tag.name, href)
        });
        tags.collect()
    }

    #[test]
    fn attributes_come_in_every_dress() {
        for (html, href) in [
            ("<a href=x>", "x"),
            ("<a href = 'x y'>", "x y"),
            ("<a data-x=\"a>b\" HREF=\"x\">", "x"),
            ("<a\n\thref=x/y/>", "x/y/"),
            ("<a disabled href=\"&#x61;&#98;&amp;&lt;&nope;&\">", "ab&<&nope;&"),
            ("<a =x href=y>", "y"),
            ("<a title='it''s' href=z>", "z"),
            ("<a href=x", "x"),
        ] {
            assert_eq!(all(html), [("a".to_owned(), Some(href.to_owned()))], "{html}");
        }
    }

    #[test]
    fn what_looks_like_a_tag_in_a_script_is_none() {
        let html = "<title>1 < 2 <b></title><script><a href=x></SCRIPT><p>one two<!-- <i> --> <3 </p><em>";
        let names: Vec<String> = all(html).into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["title", "script", "p", "em"]);
        assert!(all("<script>never ends").len() == 1 && all("<!-- never ends <a>").is_empty());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(html in "[<>/=\"'&;#! ascriptx\u{e4}\u{1f600}-]{0,80}") {
            let _ = all(&html);
        }
    }
}
