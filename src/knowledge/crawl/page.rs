//! What a crawl needs to know of a web page: where its links lead, by which address it wants
//! to be known, and whether it may be shown to everybody. The text itself is read later, by
//! ingestion, in a process of its own; this only looks at tags, in one pass.

use std::collections::HashSet;

use reqwest::Url;
use reqwest::header::HeaderMap;

use super::scope;
use super::tags::{Tag, Tags};

/// Links that are followed of one page.
const LINKS: usize = 2_000;
/// A page with a field for a password and fewer words than this is there for signing in.
const SIGN_IN_WORDS: usize = 150;
/// Forms and classes that WordPress and its membership plugins put where a page isn't for
/// everybody.
const NOT_FOR_ALL: &[&str] = &[
    "post-password-form",
    "woocommerce-account",
    "woocommerce-cart",
    "woocommerce-checkout",
    "pmpro_content_message",
    "mepr-unauthorized",
    "mepr-unauthorized-message",
    "rcp_restricted",
    "wc-memberships-content-restricted-message",
];

/// Why a page isn't taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepOut {
    /// Its author asks for it.
    NoIndex,
    /// It is for members, or for signing in.
    NotPublic,
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Absolute, in the form of [`scope::normalise`], each once.
    pub links: Vec<Url>,
    /// The address that the page calls its own.
    pub canonical: Option<Url>,
    /// Why it isn't taken in, if so.
    pub keep_out: Option<KeepOut>,
}

/// Reads the headers alone, for what isn't HTML.
#[must_use]
pub fn of_headers(url: &Url, headers: &HeaderMap) -> Page {
    let mut page = Page::default();
    for value in headers
        .get_all("x-robots-tag")
        .iter()
        .filter_map(|v| v.to_str().ok())
    {
        let (index, _) = directives(value);
        if !index {
            page.keep_out = Some(KeepOut::NoIndex);
        }
    }
    for value in headers.get_all("link").iter().filter_map(|v| v.to_str().ok()) {
        for link in value.split(',') {
            let (target, rest) = link
                .trim()
                .strip_prefix('<')
                .and_then(|l| l.split_once('>'))
                .unwrap_or_default();
            let lower = rest.to_ascii_lowercase();
            if lower.contains("rel=\"canonical\"") || lower.contains("rel=canonical") {
                page.canonical = url.join(target).ok().and_then(scope::normalise);
            }
        }
    }
    page
}

/// Reads a page that came from this address.
#[must_use]
pub fn read(url: &Url, headers: &HeaderMap, html: &str) -> Page {
    let mut page = of_headers(url, headers);
    let mut base = url.clone();
    let mut follow = headers
        .get_all("x-robots-tag")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .all(|v| directives(v).1);
    let (mut password, mut in_body) = (false, false);
    let mut hrefs: Vec<String> = Vec::new();
    let mut tags = Tags::new(html);
    for tag in tags.by_ref() {
        match tag.name.as_str() {
            "base" if !in_body => {
                if let Some(own) = tag.get("href").and_then(|h| url.join(&h).ok()) {
                    base = own;
                }
            }
            "meta" => {
                let name = tag.get("name").unwrap_or_default().to_ascii_lowercase();
                if name == "robots" || name == super::robots::TOKEN {
                    let (index, links) = directives(&tag.get("content").unwrap_or_default());
                    follow &= links;
                    if !index {
                        page.keep_out = Some(KeepOut::NoIndex);
                    }
                }
            }
            "link" if page.canonical.is_none() && has_word(&tag, "rel", "canonical") => {
                page.canonical = tag
                    .get("href")
                    .and_then(|h| base.join(h.trim()).ok())
                    .and_then(scope::normalise);
            }
            "body" => in_body = true,
            "input" => {
                password |= tag
                    .get("type")
                    .is_some_and(|t| t.eq_ignore_ascii_case("password"));
            }
            "a" | "area" if hrefs.len() < LINKS && !has_word(&tag, "rel", "nofollow") => {
                hrefs.extend(tag.get("href"));
            }
            _ => {}
        }
        let members_only = tag
            .get("class")
            .is_some_and(|c| c.split_ascii_whitespace().any(|c| NOT_FOR_ALL.contains(&c)));
        if members_only {
            page.keep_out = Some(KeepOut::NotPublic);
        }
    }
    if password && tags.words < SIGN_IN_WORDS {
        page.keep_out = Some(KeepOut::NotPublic);
    }
    if follow {
        let mut seen = HashSet::from([url.clone()]);
        let links = hrefs.iter().filter_map(|href| base.join(href.trim()).ok());
        let links = links.filter_map(scope::normalise);
        page.links = links.filter(|l| seen.insert(l.clone())).collect();
    }
    page
}

/// What a list of directives allows: to be taken in, and its links to be followed. A
/// directive may be for a crawler by name.
fn directives(text: &str) -> (bool, bool) {
    let (mut index, mut follow) = (true, true);
    let mut ours = true;
    for part in text.to_ascii_lowercase().split(',') {
        let part = part.trim();
        let directive = match part.split_once(':') {
            // `unavailable_after: date` and the like are no names.
            Some((name, rest)) if !name.contains(['_', '-']) => {
                ours = name.trim() == super::robots::TOKEN;
                rest.trim()
            }
            _ => part,
        };
        if ours {
            index &= !matches!(directive, "noindex" | "none");
            follow &= !matches!(directive, "nofollow" | "none");
        }
    }
    (index, follow)
}

fn has_word(tag: &Tag, attribute: &str, word: &str) -> bool {
    tag.get(attribute)
        .is_some_and(|v| v.split_ascii_whitespace().any(|w| w.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(html: &str) -> Page {
        let url = Url::parse("https://a.example/dir/page?x=1").unwrap();
        read(&url, &HeaderMap::new(), html)
    }

    fn links(html: &str) -> Vec<String> {
        of(html).links.into_iter().map(Into::into).collect()
    }

    #[test]
    fn links_are_absolute_and_each_once() {
        let html = "<a href=b>1</a><A HREF='/c#x'>2</A><a href=\"../d?a=1&amp;b=2\">3</a><a href=/c>4</a>\
            <a href='mailto:x@y'>5</a><a rel='external nofollow' href=/n>6</a><a>7</a><a href='#top'>8</a>\
            <!-- <a href=/hidden> --><script>var x = '<a href=/script>';</script><area href=/e>";
        assert_eq!(
            links(html),
            [
                "https://a.example/dir/b",
                "https://a.example/c",
                "https://a.example/d?a=1&b=2",
                "https://a.example/e"
            ]
        );
        assert_eq!(
            links("<base href='https://a.example/z/'><a href=b>"),
            ["https://a.example/z/b"]
        );
        let many: String = (0..5000).map(|i| format!("<a href=/{i}>")).collect();
        assert_eq!(links(&many).len(), LINKS);
    }

    #[test]
    fn what_an_author_asks_for_is_heeded() {
        for (html, keep_out, links) in [
            (
                "<meta name=robots content='noindex'><a href=/x>",
                Some(KeepOut::NoIndex),
                1,
            ),
            (
                "<META NAME=Robots CONTENT='NONE'><a href=/x>",
                Some(KeepOut::NoIndex),
                0,
            ),
            ("<meta name=robots content='index, nofollow'><a href=/x>", None, 0),
            ("<meta name=deskhand content=noindex>", Some(KeepOut::NoIndex), 0),
            ("<meta name=googlebot content=noindex>", None, 0),
            ("<meta name=robots content='max-image-preview:large'>", None, 0),
        ] {
            let page = of(html);
            assert_eq!((page.keep_out, page.links.len()), (keep_out, links), "{html}");
        }
        for (header, keep_out) in [
            ("noindex", Some(KeepOut::NoIndex)),
            ("deskhand: noindex", Some(KeepOut::NoIndex)),
            ("googlebot: noindex", None),
            ("unavailable_after: 25 Jun 2010, none", Some(KeepOut::NoIndex)),
        ] {
            let headers = HeaderMap::from_iter([("x-robots-tag".parse().unwrap(), header.parse().unwrap())]);
            let url = Url::parse("https://a.example/").unwrap();
            assert_eq!(of_headers(&url, &headers).keep_out, keep_out, "{header}");
        }
    }

    #[test]
    fn canonical_addresses_come_from_the_head_or_a_header() {
        let own = |html: &str| of(html).canonical.map(String::from);
        assert_eq!(
            own("<link rel=canonical href='/c?utm_source=x'>").as_deref(),
            Some("https://a.example/c")
        );
        assert_eq!(own("<link rel=stylesheet href=/c>"), None);
        let header = "<https://a.example/one>; rel=\"next\", <https://a.example/two>; rel=\"canonical\"";
        let headers = HeaderMap::from_iter([("link".parse().unwrap(), header.parse().unwrap())]);
        let url = Url::parse("https://a.example/").unwrap();
        let found = of_headers(&url, &headers).canonical.map(String::from);
        assert_eq!(found.as_deref(), Some("https://a.example/two"));
    }

    #[test]
    fn pages_for_some_are_not_for_all() {
        let long = "word ".repeat(200);
        for (html, keep_out) in [
            (
                "<form class='post-password-form' method=post>",
                Some(KeepOut::NotPublic),
            ),
            (
                "<body class='page woocommerce-account'>",
                Some(KeepOut::NotPublic),
            ),
            (
                "<form id=loginform><input type=password></form>",
                Some(KeepOut::NotPublic),
            ),
            ("<p>Sign in</p><input type=password>", Some(KeepOut::NotPublic)),
            ("<p>Sign in</p><input type=text>", None),
        ] {
            assert_eq!(of(html).keep_out, keep_out, "{html}");
        }
        assert_eq!(of(&format!("<p>{long}</p><input type=PASSWORD>")).keep_out, None);
    }
}
