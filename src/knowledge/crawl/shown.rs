//! What a server shows for an address: the rules that hold for whatever is fetched, whether a
//! crawl found it or a webhook named it. Only tags and headers are looked at; the text itself is
//! read later, in a process of its own.

use reqwest::Url;
use reqwest::header::{self, HeaderMap};

use super::page::{self, KeepOut, Page};
use crate::knowledge::charset;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::sniff::{is_pdf, looks_like_html};

/// Paths that lead to a form for signing in.
const SIGN_IN: &[&str] = &["wp-login.php", "/login", "/signin", "/sign-in", "/my-account"];
/// Files that are never web pages, by their endings, and what a person calls them. Programs do
/// write web pages that end in .doc and .xls.
const FILES: &[(&[&str], &str)] = &[
    (&["pdf"], "a PDF document"),
    (&["docx", "odt", "rtf"], "a text document"),
    (&["xlsx", "xlsm", "ods", "csv", "tsv"], "a table"),
    (&["pptx", "odp"], "a presentation"),
    (&["epub"], "an e-book"),
    (&["png", "jpg", "jpeg", "tif", "tiff", "webp"], "a picture"),
    (&["zip", "gz"], "an archive"),
];

/// Whether an address that another one led to is there for signing in.
#[must_use]
pub fn asks_to_sign_in(to: &Url) -> bool {
    let path = to.path().to_ascii_lowercase();
    SIGN_IN.iter().any(|p| path.trim_end_matches('/').ends_with(p))
}

/// Looks at what came from this address: what its tags say, and whether it is a web page. `name`
/// is what the file is called.
///
/// # Errors
/// When it is a web page where its name says that it should be something else.
pub fn look(url: &Url, name: &str, headers: &HeaderMap, bytes: &[u8]) -> Result<(Page, bool), FetchError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    // What calls itself something else can be a web page all the same, and the other way round.
    let is_other = is_pdf(bytes) || bytes.starts_with(b"PK\x03\x04");
    let unnamed = kind.is_empty() || kind.starts_with("application/octet-stream");
    let has_tags = looks_like_html(bytes) || unnamed && bytes.trim_ascii_start().starts_with(b"<");
    let is_page = has_tags || kind.contains("html") && !is_other;
    if !is_page {
        return Ok((page::of_headers(url, headers), false));
    }
    let html = charset::decode(bytes, true).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
    let page = page::read(url, headers, &html);
    // That it is for members says more than that it has the wrong ending.
    match file(name) {
        Some(what) if page.keep_out != Some(KeepOut::NotPublic) && has_tags => {
            Err(Reason::Mistyped(what).into())
        }
        _ => Ok((page, true)),
    }
}

/// Looks at what was fetched for a document that the site itself names. What isn't for everybody
/// is refused. That an author asks search engines to leave it out isn't heeded here: the site asks
/// for it to be taken in.
///
/// # Errors
/// When it isn't for everybody, or is a web page in the place of a file.
pub fn is_for_all(
    asked: &str,
    came_from: &Url,
    name: &str,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<(), FetchError> {
    // A page may be called so itself.
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let moved = Url::parse(asked).is_ok_and(|asked| path(&asked) != path(came_from));
    if moved && asks_to_sign_in(came_from) {
        return Err(Reason::NotForAll.into());
    }
    let (page, _) = look(came_from, name, headers, bytes)?;
    if page.keep_out == Some(KeepOut::NotPublic) {
        return Err(Reason::NotForAll.into());
    }
    Ok(())
}

/// What a name's ending says that it is, if that is never a web page.
fn file(name: &str) -> Option<&'static str> {
    let name = name.split(['?', '#']).next().unwrap_or_default();
    let (_, ending) = name.rsplit_once('.')?;
    let named = FILES
        .iter()
        .find(|(endings, _)| endings.iter().any(|e| ending.eq_ignore_ascii_case(e)));
    named.map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_at(name: &str, kind: &str, body: &str) -> Result<(Page, bool), FetchError> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        let url = Url::parse("https://a.example/uploads/x").unwrap();
        look(&url, name, &headers, body.as_bytes())
    }

    #[test]
    fn a_web_page_is_no_file_whatever_its_server_calls_it() {
        let page = "<!doctype html><title>Not found</title><p>Nothing here.";
        for kind in ["text/html", "application/pdf", ""] {
            let refused = look_at("prices.PDF", kind, page).unwrap_err();
            assert_eq!(refused.code(), "mistyped", "{kind}");
            assert!(look_at("prices.html", kind, page).unwrap().1, "{kind}");
        }
        // Its server doesn't know what it has: the content decides.
        assert!(look_at("prices.pdf", "text/html", "%PDF-1.7").is_ok());
        assert!(!look_at("prices.pdf", "application/pdf", "%PDF-1.7").unwrap().1);
        let members = "<form class=post-password-form><input type=password></form>";
        let (page, _) = look_at("prices.pdf", "text/html", members).unwrap();
        assert_eq!(page.keep_out, Some(KeepOut::NotPublic));
        // Also if it says nothing of its type, or the wrong one.
        let (page, is_page) = look_at("prices", "text/plain", &format!("<!doctype html>{members}")).unwrap();
        assert_eq!((page.keep_out, is_page), (Some(KeepOut::NotPublic), true));
    }

    #[test]
    fn forms_for_signing_in_are_known_by_their_addresses() {
        for (url, wanted) in [
            ("https://a.example/wp-login.php?redirect_to=x", true),
            ("https://a.example/shop/My-Account/", true),
            ("https://a.example/logins-and-keys", false),
        ] {
            assert_eq!(asks_to_sign_in(&Url::parse(url).unwrap()), wanted, "{url}");
        }
    }
}
