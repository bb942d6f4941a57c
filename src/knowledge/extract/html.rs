//! Web pages: the main content without navigation, header and footer, as Markdown, and
//! what the head says about the page.

use std::sync::{Arc, Mutex, PoisonError};

use htmd::element_handler::Handlers;
use htmd::options::{BulletListMarker, HrStyle, Options};
use htmd::{Element, HtmlToMarkdown, HtmlToMarkdownBuilder};

use crate::knowledge::extract::{Extracted, markdown, table};
use crate::knowledge::sniff::Kind;
use crate::knowledge::unfit::Unfit;
use crate::knowledge::words::{Word, words};

/// Elements inside elements: real pages stay below 100, and the parsers' recursion is
/// safe to some thousands on the stack that ingestion gives them.
const MOST_NESTED: usize = 1000;
/// What stands on every page and says nothing about its subject.
const AROUND: [&str; 14] = [
    "script", "style", "noscript", "template", "iframe", "svg", "form", "button", "select", "nav", "header",
    "footer", "aside", "object",
];

/// Reads a web page.
///
/// # Errors
/// When it is nested beyond reason.
pub fn extract(html: &str) -> Result<Extracted, Unfit> {
    if nested(html) > MOST_NESTED {
        return Err(Unfit::TooNested);
    }
    let html = html.replace(table::is_mark, "");
    let head = Head::read(&html);
    // A post's content by itself, or a page with nothing around it, is all main content;
    // the search for it would only lose some.
    let main = (!is_bare(&html))
        .then(|| main_content(&html))
        .flatten()
        .and_then(|main| to_markdown(&main))
        .filter(|text| text.contains(char::is_alphanumeric))
        .map(|text| with_blocks(&text, &html).unwrap_or(text))
        .or_else(|| to_markdown(&html))
        .unwrap_or_default();
    let (first, markdown) = markdown::split_title(&markdown::normalise(&main), None);
    // The heading on the page names it better than <title>, which adds the site's name;
    // but only a first-level one at the top is the page's name.
    let at_top = first.filter(|_| markdown.len() < main.trim().len());
    Ok(Extracted {
        kind: Kind::Html,
        title: at_top.or(head.heading).or(head.title),
        markdown,
        tags: head.keywords,
        url: head.canonical,
        lang: head.lang,
        ..Extracted::default()
    })
}

/// Whether nothing in it is marked as standing around the content.
fn is_bare(html: &str) -> bool {
    let lower = html.to_ascii_lowercase();
    ![
        "<nav", "<header", "<footer", "<aside", "<main", "<article", "role=", "menu", "sidebar", "cookie",
    ]
    .iter()
    .any(|sign| lower.contains(sign))
}

/// The part of the page that is about its subject, as HTML.
fn main_content(html: &str) -> Option<String> {
    let options = rs_trafilatura::Options {
        include_tables: true,
        include_links: true,
        include_formatting: true,
        ..rs_trafilatura::Options::default()
    };
    rs_trafilatura::extract_with_options(html, &options)
        .ok()?
        .content_html
}

/// The same words as they stand on the page, in headings and paragraphs; None where they
/// don't stand there one after the other, or have blocks already. Of a short page the main
/// content comes as one paragraph, with the page's heading as the beginning of its first
/// sentence.
fn with_blocks(main: &str, html: &str) -> Option<String> {
    if main.trim().contains('\n') {
        return None;
    }
    let page = to_markdown(html)?;
    let lower = |words: Vec<Word>| words.into_iter().map(|w| w.lower).collect::<Vec<_>>();
    let wanted = lower(words(&without_addresses(main)));
    // Word by word with the line that it stands on.
    let (mut found, mut lines) = (Vec::new(), Vec::new());
    for (n, line) in page.lines().enumerate() {
        let of_line = lower(words(&without_addresses(line)));
        lines.extend(std::iter::repeat_n(n, of_line.len()));
        found.extend(of_line);
    }
    if wanted.is_empty() || wanted.len() > found.len() {
        return None;
    }
    let at = found.windows(wanted.len()).position(|w| w == wanted)?;
    let (first, last) = (lines[at], lines[at + wanted.len() - 1]);
    // Half a line would bring along what isn't main content.
    let whole = (at == 0 || lines[at - 1] < first) && lines.get(at + wanted.len()).is_none_or(|n| *n > last);
    let block: Vec<&str> = page.lines().skip(first).take(last - first + 1).collect();
    (whole && first < last).then(|| block.join("\n"))
}

/// Links as their words.
fn without_addresses(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find("](") {
        out.push_str(&rest[..at]);
        out.push(' ');
        rest = rest[at..].split_once(')').map_or("", |(_, after)| after);
    }
    out + rest
}

/// A page that is a part of something, with nothing around its content.
///
/// # Errors
/// When it is nested beyond reason.
pub fn part(html: &str) -> Result<String, Unfit> {
    if nested(html) > MOST_NESTED {
        return Err(Unfit::TooNested);
    }
    Ok(to_markdown(&html.replace(table::is_mark, "")).unwrap_or_default())
}

/// Any HTML as Markdown, without what stands around the content.
pub fn to_markdown(html: &str) -> Option<String> {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        hr_style: HrStyle::Dashes,
        ..Options::default()
    };
    let builder = HtmlToMarkdown::builder()
        .options(options)
        .skip_tags(AROUND.to_vec())
        .skip_tags(vec!["title", "meta", "link"])
        .add_handler(vec!["img"], |_: &dyn Handlers, e: Element| {
            attr(&e, "alt").map(|alt| alt.trim().into())
        })
        .add_handler(vec!["a"], |handlers: &dyn Handlers, e: Element| {
            let shown = handlers.walk_children(e.node).content;
            match attr(&e, "href") {
                Some(href) if leads_elsewhere(&href, &shown) => handlers.fallback(e),
                _ => Some(shown.into()),
            }
        })
        // A question that opens its answer is a heading in all but name.
        .add_handler(vec!["summary"], |handlers: &dyn Handlers, e: Element| {
            let text = handlers.walk_children(e.node).content;
            Some(format!("\n\n#### {}\n\n", text.trim().replace('\n', " ")).into())
        });
    table::add_handlers(builder)
        .build()
        .convert(html)
        .ok()
        .map(|text| markdown::normalise(&text))
}

/// Whether a link is more than its text: not a jump within the page, a script, or an
/// address that is written out anyway.
fn leads_elsewhere(href: &str, shown: &str) -> bool {
    let href = href.trim();
    let lower = href.to_ascii_lowercase();
    let scheme_ok = lower.starts_with("https://") || lower.starts_with("http://") || lower.starts_with('/');
    scheme_ok && href != shown.trim() && !shown.trim().is_empty()
}

fn attr(element: &Element, name: &str) -> Option<String> {
    element
        .attrs
        .iter()
        .find(|a| &*a.name.local == name)
        .map(|a| a.value.to_string())
}

/// What a page says about itself.
#[derive(Debug, Default)]
struct Head {
    title: Option<String>,
    heading: Option<String>,
    keywords: Vec<String>,
    canonical: Option<String>,
    lang: Option<String>,
}

impl Head {
    fn read(html: &str) -> Self {
        let head = Arc::new(Mutex::new(Self::default()));
        let note = |f: fn(&mut Self, &str, &Element)| {
            let head = Arc::clone(&head);
            move |handlers: &dyn Handlers, e: Element| {
                // The lock only afterwards: an element may stand inside another of these.
                let text = handlers.walk_children(e.node).content;
                f(
                    &mut head.lock().unwrap_or_else(PoisonError::into_inner),
                    text.trim(),
                    &e,
                );
                Some(text.into())
            }
        };
        let converter = HtmlToMarkdownBuilder::new()
            .skip_tags(vec!["script", "style", "svg"])
            .add_handler(vec!["html"], note(|head, _, e| head.lang = attr(e, "lang")))
            .add_handler(
                vec!["title"],
                note(|head, text, _| {
                    head.title.get_or_insert_with(|| without_site_name(text));
                }),
            )
            .add_handler(
                vec!["h1"],
                note(|head, text, _| {
                    if !text.is_empty() {
                        head.heading.get_or_insert_with(|| text.to_owned());
                    }
                }),
            )
            .add_handler(
                vec!["meta"],
                note(|head, _, e| {
                    if attr(e, "name").is_some_and(|n| n.eq_ignore_ascii_case("keywords")) {
                        let words = attr(e, "content").unwrap_or_default();
                        head.keywords = words.split(',').map(str::to_owned).collect();
                    }
                }),
            )
            .add_handler(
                vec!["link"],
                note(|head, _, e| {
                    if attr(e, "rel").is_some_and(|r| r.eq_ignore_ascii_case("canonical")) {
                        head.canonical = attr(e, "href").filter(|h| h.starts_with("http"));
                    }
                }),
            )
            .build();
        // The text isn't wanted; converting is how the elements are visited.
        let _ = converter.convert(html);
        drop(converter);
        Arc::into_inner(head)
            .map(|head| head.into_inner().unwrap_or_else(PoisonError::into_inner))
            .unwrap_or_default()
    }
}

/// `Contact – The Shop` is the contact page.
fn without_site_name(title: &str) -> String {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    [" – ", " — ", " | ", " · ", " » ", " :: ", " - "]
        .iter()
        .find_map(|mark| title.rsplit_once(mark))
        .map_or(title.clone(), |(page, _)| page.to_owned())
}

/// At least how deep the elements stand in each other, not counting those that a browser
/// closes by itself.
fn nested(html: &str) -> usize {
    const UNCOUNTED: [&str; 24] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr", "p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody",
    ];
    let (mut depth, mut deepest) = (0_usize, 0);
    for (i, _) in html.match_indices('<') {
        let rest = &html[i + 1..];
        let (closing, name) = rest.strip_prefix('/').map_or((false, rest), |r| (true, r));
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(name.len());
        let name = name[..end].to_ascii_lowercase();
        if name.is_empty() || UNCOUNTED.contains(&name.as_str()) {
            continue;
        }
        if closing {
            depth = depth.saturating_sub(1);
        } else {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../kb/contact.html");

    #[test]
    fn a_page_is_its_content_without_what_stands_around_it() {
        let page = extract(PAGE).unwrap();
        assert_eq!(page.title.as_deref(), Some("Contact"));
        assert_eq!(page.lang.as_deref(), Some("en"));
        assert_eq!(page.tags, ["contact", " phone", " e-mail", " opening hours"]);
        assert_eq!(
            page.url.as_deref(),
            Some("https://lumen-oak.example/help/contact/")
        );
        let text = &page.markdown;
        assert!(text.starts_with("You have a question"), "{text}");
        assert!(text.contains("\n## When are you open?\n"), "{text}");
        assert!(
            text.contains("\n- Phone: +43 7612 555 010\n- E-mail: hello@lumen-oak.example\n"),
            "{text}"
        );
        for around in ["Basket", "Skip to content", "Imprint", "©", "font-family"] {
            assert!(!text.contains(around), "{around} is in {text}");
        }
    }

    #[test]
    fn a_short_pages_heading_is_its_title_and_no_part_of_a_sentence() {
        let body = "<h1>Returns</h1>\n<p>You can return an item within 30 days, see <a href='/x/'>our rules</a>.</p>";
        for around in [
            format!("<body><main><article>\n{body}\n</article></main></body>"),
            format!("<body><nav>Shop Basket</nav><main>{body}</main><footer>Imprint</footer></body>"),
        ] {
            let page = extract(&format!("<!doctype html><html>{around}</html>")).unwrap();
            assert_eq!(page.title.as_deref(), Some("Returns"));
            let text = page.markdown.trim();
            assert!(
                text.starts_with("You can return an item within 30 days"),
                "{text}"
            );
            assert!(
                text.ends_with("rules](/x/).") || text.ends_with("our rules."),
                "{text}"
            );
        }
    }

    #[test]
    fn tables_stay_tables() {
        let page = extract(include_str!("../../../kb/shipping.html")).unwrap();
        let row = page
            .markdown
            .lines()
            .find(|l| l.contains("Rest of the EU | €9.90"))
            .unwrap();
        assert_eq!(row, "| Rest of the EU | €9.90 | from €150 |");
        assert!(
            page.markdown.contains("Shipping costs per order\n\n| Country |"),
            "{}",
            page.markdown
        );
    }

    #[test]
    fn a_scrap_of_a_page_is_read_too() {
        for (html, want) in [
            ("<p>Open until 17:00.", "Open until 17:00.\n"),
            (
                "<div><h2>Hours</h2><p>Until <b>17:00</b>.</p></div>",
                "## Hours\n\nUntil **17:00**.\n",
            ),
            ("<ul><li>one<li>two</ul>", "- one\n- two\n"),
            (
                "<details><summary>Are you open?</summary><p>Yes.</p></details>",
                "#### Are you open?\n\nYes.\n",
            ),
            (
                "<p>See <a href='https://x.example/a'>our page</a>, <a href='#top'>top</a>.</p>",
                "See [our page](https://x.example/a), top.\n",
            ),
        ] {
            assert_eq!(to_markdown(html).as_deref(), Some(want), "{html}");
            let words = |s: &str| {
                s.split(|c: char| !c.is_alphanumeric())
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let page = extract(html).unwrap();
            let all = format!("{} {}", page.title.unwrap_or_default(), page.markdown);
            for word in words(want) {
                assert!(words(&all).contains(&word), "{word} of {html} is not in {all}");
            }
        }
    }

    #[test]
    fn a_page_of_scripts_has_no_text() {
        let page =
            extract("<html><head><script>let a = 1;</script></head><body><nav>Menu</nav></body></html>")
                .unwrap();
        assert!(
            !page.markdown.contains(char::is_alphanumeric),
            "{}",
            page.markdown
        );
    }

    #[test]
    fn a_titles_site_name_is_cut() {
        assert_eq!(without_site_name("Contact – Lumen & Oak"), "Contact");
        assert_eq!(without_site_name("E-mail and phone"), "E-mail and phone");
        assert_eq!(without_site_name("Returns | Help |  Shop "), "Returns | Help");
    }

    #[test]
    fn nesting_beyond_reason_is_refused_and_not_followed() {
        let deep = |n: usize| {
            format!(
                "<html><body>{}word{}</body></html>",
                "<div>".repeat(n),
                "</div>".repeat(n)
            )
        };
        assert_eq!(extract(&deep(100_000)), Err(Unfit::TooNested));
        assert!(extract(&deep(200)).unwrap().markdown.contains("word"));
        assert!(nested(PAGE) < 20);
    }
}
