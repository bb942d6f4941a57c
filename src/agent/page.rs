//! The page that a visitor is on, as far as it is kept: the way back to the chat, and nothing of who
//! they are.

use crate::guardrails::pii;

/// An address without its query and fragment, in which shops put e-mail addresses, codes and worse;
/// of one that has such in its path the site alone. None for what is no page.
pub(super) fn kept(page: &str) -> Option<String> {
    let mut url = reqwest::Url::parse(page).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    // Neither fails on an address with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let path = url.path().replace("%40", "@").replace(['%', '/'], " ");
    if !pii::find(&path).is_empty() {
        url.set_path("/");
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn a_page_says_nothing_of_who_is_on_it() {
        for (page, stays) in [
            ("https://shop.example/help", Some("https://shop.example/help")),
            (
                "https://shop.example/checkout?email=anna@example.com&card=4111111111111111",
                Some("https://shop.example/checkout"),
            ),
            (
                "https://shop.example/a#anna@example.com",
                Some("https://shop.example/a"),
            ),
            (
                "https://anna:secret@shop.example/a",
                Some("https://shop.example/a"),
            ),
            (
                "https://shop.example/account/anna@example.com",
                Some("https://shop.example/"),
            ),
            (
                "https://shop.example/account/anna%40example.com/x",
                Some("https://shop.example/"),
            ),
            (
                "https://shop.example/pay/4111111111111111",
                Some("https://shop.example/"),
            ),
            ("javascript:alert(1)", None),
            ("/help", None),
        ] {
            assert_eq!(kept(page).as_deref(), stays, "{page}");
        }
    }
}
