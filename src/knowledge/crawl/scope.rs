//! Which addresses a crawl may go on to, and in which one form they are known.

use reqwest::Url;

use super::robots;

/// The longest address that is kept.
pub const LONGEST: usize = 1_000;

/// Parameters that count visitors and say nothing about the page.
const TRACKING: &[&str] = &[
    "gclid", "fbclid", "msclkid", "mc_cid", "mc_eid", "_ga", "igshid", "yclid", "ref_src",
];
/// Parameters that do something, or show the same page anew.
const ACTIONS: &[&str] = &[
    "add-to-cart",
    "add_to_wishlist",
    "remove_item",
    "replytocom",
    "share",
    "print",
    "orderby",
    "s",
    "preview",
    "customize_changeset_uuid",
    "_wpnonce",
    "action",
    "unapproved",
];
/// Endings of what has no text, or only plumbing.
const OTHER_FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "tif", "tiff", "css", "js", "mjs",
    "map", "json", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "m4a", "m4v", "mov", "avi", "webm",
    "ogg", "wav", "zip", "gz", "tgz", "rar", "7z", "exe", "dmg", "apk", "iso", "rss", "atom", "xsl", "wasm",
];
/// Paths of WordPress and WooCommerce that hold no knowledge, or a visitor's own things.
const PLUMBING: &[&str] = &[
    "/wp-admin",
    "/wp-json",
    "/wp-login.php",
    "/wp-cron.php",
    "/xmlrpc.php",
    "/wp-includes",
    "/cart",
    "/checkout",
    "/my-account",
    "/feed",
    "/comments/feed",
    "/wp-signup.php",
];

/// An address in the one form that it is known by: without fragment and trackers. None for
/// what can't be fetched.
#[must_use]
pub fn normalise(mut url: Url) -> Option<Url> {
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    if url.query().is_some() {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| {
                let name = name.to_ascii_lowercase();
                !name.starts_with("utm_") && !TRACKING.contains(&name.as_str())
            })
            .map(|(n, v)| (n.into_owned(), v.into_owned()))
            .collect();
        let all = url.query_pairs().count();
        if kept.is_empty() {
            url.set_query(None);
        } else if kept.len() < all {
            url.query_pairs_mut().clear().extend_pairs(kept);
        }
    }
    (url.as_str().len() <= LONGEST).then_some(url)
}

/// A path with its query, as robots.txt means it.
#[must_use]
pub fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// Whether an address is that of a page to read, as far as that can be seen.
#[must_use]
pub fn is_readable(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let last = path.rsplit('/').next().unwrap_or_default();
    let ending = last.rsplit_once('.').map(|(_, ending)| ending);
    let under = |place: &&str| {
        path.strip_prefix(*place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let acts = url
        .query_pairs()
        .any(|(name, _)| ACTIONS.contains(&name.to_ascii_lowercase().as_str()));
    let feed = path.trim_end_matches('/').ends_with("/feed");
    !ending.is_some_and(|e| OTHER_FILES.contains(&e)) && !PLUMBING.iter().any(under) && !acts && !feed
}

/// Where a crawl may go: the start's origin, below the start's folder, but not where it is
/// told not to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    origin: String,
    folder: String,
    exclude: Vec<String>,
}

impl Scope {
    /// Of a start. Patterns to leave out are like those of robots.txt: `/blog/`, `/*?page=`.
    #[must_use]
    pub fn of(start: &Url, exclude: &[String]) -> Self {
        let folder = start.path();
        let folder = folder.rfind('/').map_or("/", |at| &folder[..=at]);
        Self {
            origin: start.origin().ascii_serialization(),
            folder: folder.to_owned(),
            exclude: exclude.iter().map(|p| robots::normalised(p)).collect(),
        }
    }

    /// Whether a link may be followed there.
    #[must_use]
    pub fn holds(&self, url: &Url) -> bool {
        url.origin().ascii_serialization() == self.origin
            && (url.path().starts_with(&self.folder) || format!("{}/", url.path()) == self.folder)
            && !self.excludes(url)
    }

    /// Whether the operator wants it left out. A sitemap lists pages anywhere, so for those this
    /// alone counts.
    #[must_use]
    pub fn excludes(&self, url: &Url) -> bool {
        let path = robots::normalised(&path_of(url));
        self.exclude.iter().any(|pattern| robots::fits(pattern, &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_have_one_form() {
        for (given, want) in [
            ("https://A.example/x#y", "https://a.example/x"),
            (
                "https://a.example:443/x?utm_source=m&gclid=1",
                "https://a.example/x",
            ),
            ("https://a.example/x?p=1&utm_source=m", "https://a.example/x?p=1"),
            ("https://a.example/x?p=%20a", "https://a.example/x?p=%20a"),
        ] {
            assert_eq!(normalise(url(given)).unwrap().as_str(), want);
        }
        for none in ["mailto:a@b", "https://u@a.example/", "ftp://a.example/"] {
            assert_eq!(normalise(url(none)), None, "{none}");
        }
        assert_eq!(
            normalise(url(&format!("https://a.example/{}", "x".repeat(1000)))),
            None
        );
    }

    #[test]
    fn plumbing_is_no_page() {
        for yes in [
            "/",
            "/a.html",
            "/faq.php",
            "/guide.pdf",
            "/cartoons",
            "/?p=1",
            "/v1.2/",
        ] {
            assert!(is_readable(&url(&format!("https://a.example{yes}"))), "{yes}");
        }
        for no in [
            "/a.JPG",
            "/wp-admin/x",
            "/wp-login.php?redirect_to=x",
            "/cart",
            "/cart/",
            "/shop/feed/",
            "/p/?add-to-cart=3",
            "/?s=lamp",
            "/wp-json/wp/v2",
        ] {
            assert!(!is_readable(&url(&format!("https://a.example{no}"))), "{no}");
        }
    }

    #[test]
    fn a_scope_is_a_folder_of_an_origin() {
        let scope = Scope::of(
            &url("https://a.example/docs/start.html"),
            &["/docs/old/".into(), "/*?page=".into()],
        );
        for yes in ["/docs/", "/docs/x/y", "/docs"] {
            assert!(scope.holds(&url(&format!("https://a.example{yes}"))), "{yes}");
        }
        for no in ["/", "/docsx", "/docs/old/a", "/docs/x?page=2"] {
            assert!(!scope.holds(&url(&format!("https://a.example{no}"))), "{no}");
        }
        assert!(!scope.holds(&url("https://b.example/docs/")));
        assert!(!scope.holds(&url("http://a.example/docs/")));
    }
}
