//! One visit: fetches a page and says what is to be done with it. It stores nothing.

use reqwest::Url;

use super::page::{KeepOut, Page};
use super::scope::{self, is_readable};
use super::shown;
use super::sitemap::{self, Sitemap};
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::fetch::validators::Validators;
use crate::knowledge::fetch::{Fetched, Fetcher};

/// Types that hold no text of their own.
const NO_TEXT: &[&str] = &[
    "image/",
    "audio/",
    "video/",
    "font/",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/rss+xml",
    "application/atom+xml",
    "application/xml",
    "text/xml",
    "application/zip",
    "application/gzip",
    "application/x-gzip",
];

/// What a visit found.
#[derive(Debug)]
pub enum Seen {
    /// Something to read.
    Content(Content),
    /// A list of pages.
    List(Sitemap),
    /// It is as it was.
    Unchanged,
    /// It is elsewhere.
    Moved(Url),
    /// Nothing for the knowledge base; a code says why.
    Skip(&'static str),
    /// It couldn't be had.
    Failed(FetchError),
}

/// Something to read.
#[derive(Debug)]
pub struct Content {
    /// As it came.
    pub bytes: Vec<u8>,
    /// What to call the file: its ending is a hint at its type.
    pub name: String,
    /// What its tags say.
    pub page: Page,
    /// For the next time.
    pub validators: Validators,
}

/// Fetches a page. `may_list`: it may be a sitemap; `must_list`: it has to be one.
pub async fn visit(
    fetcher: &Fetcher,
    allowed: &AllowList,
    url: &Url,
    known: &Validators,
    (may_list, must_list): (bool, bool),
) -> Seen {
    let fetcher = if may_list {
        fetcher.within(sitemap::MOST)
    } else {
        fetcher.clone()
    };
    let fetched = match fetcher
        .without_redirects()
        .get_if_changed(url.as_str(), allowed, known)
        .await
    {
        Ok(Some(fetched)) => fetched,
        Ok(None) => return Seen::Unchanged,
        Err(error) => return unfetched(error),
    };
    // Reading takes a moment for long ones, and a flaw in it must end no more than this visit.
    let url = url.clone();
    let (kind, headers, validators) = (
        fetched.content_type.clone(),
        fetched.headers.clone(),
        fetched.validators.clone(),
    );
    let Fetched { body, .. } = fetched;
    let Ok(bytes) = body.read().await else {
        return Seen::Failed(Reason::Disk.into());
    };
    let read = tokio::task::spawn_blocking(move || {
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        if may_list && looks_like_list(&bytes) {
            return match sitemap::read(&bytes) {
                Some(list) => Seen::List(list),
                None => Seen::Skip("no_sitemap"),
            };
        }
        if must_list {
            return Seen::Skip("no_sitemap");
        }
        if NO_TEXT.iter().any(|t| kind.starts_with(t)) {
            return Seen::Skip("no_text");
        }
        let (page, is_html) = match shown::look(&url, &name_of(&url, false), &headers, &bytes) {
            Ok(looked) => looked,
            Err(error) => return Seen::Skip(error.code()),
        };
        Seen::Content(Content {
            bytes,
            name: name_of(&url, is_html),
            page,
            validators,
        })
    });
    read.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a page's tags couldn't be read");
        Seen::Skip("unreadable")
    })
}

/// Why a page's own words keep it out of the knowledge base.
#[must_use]
pub fn kept_out(page: &Page) -> Option<&'static str> {
    page.keep_out.map(|why| match why {
        KeepOut::NoIndex => "noindex",
        KeepOut::NotPublic => "not_public",
    })
}

fn unfetched(error: FetchError) -> Seen {
    let Reason::Redirect { to: Some(to), .. } = &error.reason else {
        return Seen::Failed(error);
    };
    if shown::asks_to_sign_in(to) {
        return Seen::Failed(Reason::NotForAll.into());
    }
    match scope::normalise(to.as_ref().clone()).filter(is_readable) {
        Some(to) => Seen::Moved(to),
        None => Seen::Skip("moved_away"),
    }
}

fn looks_like_list(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(2048)];
    let has = |what: &[u8]| head.windows(what.len()).any(|w| w == what);
    bytes.starts_with(&[0x1f, 0x8b]) || has(b"<urlset") || has(b"<sitemapindex")
}

/// The last part of the path; a page of a web site mostly has no ending.
fn name_of(url: &Url, is_html: bool) -> String {
    let last = url
        .path()
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let last = if last.is_empty() { "index" } else { last };
    let short: String = last
        .chars()
        .rev()
        .take(120)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    if is_html && !short.to_ascii_lowercase().ends_with(".html") {
        format!("{short}.html")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_a_files_name() {
        for (url, html, want) in [
            ("https://a/", true, "index.html"),
            ("https://a/help/returns/", true, "returns.html"),
            ("https://a/x.html", true, "x.html"),
            ("https://a/x.php?y=1", true, "x.php.html"),
            ("https://a/guide.pdf", false, "guide.pdf"),
        ] {
            assert_eq!(name_of(&Url::parse(url).unwrap(), html), want);
        }
    }
}
