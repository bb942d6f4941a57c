//! A site and what its owner sets: who may embed the chat, how far the agent may go,
//! how long it may take.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::SiteId;
use crate::domain::rules::Rules;

/// How far the agent may go on a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It drafts, staff send.
    Shadow,
    /// It answers, opens tickets and hands over, but writes nothing else.
    #[default]
    Assist,
    /// Guarded writes too.
    Full,
}

impl Mode {
    /// The name in the database and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Assist => "assist",
            Self::Full => "full",
        }
    }

    /// Reads [`Mode::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Shadow, Self::Assist, Self::Full]
            .into_iter()
            .find(|m| m.as_str() == name)
    }
}

/// A site: one WordPress installation, the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Its id, the `iss` of its tokens.
    pub id: SiteId,
    /// Its short name on the command line.
    pub slug: String,
    /// Its name, for people.
    pub name: String,
    /// The web origins whose pages may talk to the backend, for example `https://shop.example`.
    pub origins: Vec<String>,
    /// How far the agent may go.
    pub mode: Mode,
    /// The site's language, a BCP 47 tag.
    pub locale: String,
    /// What it allows the agent's hands.
    #[serde(skip)]
    pub rules: Rules,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What the short name of a site begins with that one conversation of an evaluation is held on; an id
/// follows.
const OF_A_CASE: &str = "eval-";

impl Site {
    /// The short name of a site for one conversation of an evaluation.
    #[must_use]
    pub fn slug_of_a_case() -> String {
        format!("{OF_A_CASE}{}", uuid::Uuid::new_v4().simple())
    }

    /// Whether it is such a site.
    #[must_use]
    pub fn is_of_a_case(&self) -> bool {
        let id = self.slug.strip_prefix(OF_A_CASE);
        id.is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    }
}

/// Whether a text can be a site's short name: 1 to 63 lower-case letters, digits and `-`.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=63).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(fits)
}

/// Whether a text looks like a language tag (BCP 47), such as `en` or `de-AT`.
#[must_use]
pub fn is_locale(text: &str) -> bool {
    (2..=35).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Why a text is not a web origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a web origin; write scheme and host only, like https://shop.example or http://127.0.0.1:8080"
)]
pub struct BadOrigin(pub String);

/// Brings an origin into the one form that browsers send: lower case, no path, no default port.
///
/// # Errors
/// When the text is anything but `http(s)://host[:port]` (a trailing slash is forgiven).
pub fn normalise_origin(text: &str) -> Result<String, BadOrigin> {
    let bad = || BadOrigin(text.to_owned());
    let lower = text.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://").ok_or_else(bad)?;
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return Err(bad()),
    };
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 host has colons of its own, inside brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_ok = if host.starts_with('[') {
        host.len() > 4
            && host.ends_with(']')
            && host[1..host.len() - 1]
                .chars()
                .all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.')
    } else {
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
            && !host.starts_with(['-', '.'])
    };
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|p| p > 0));
    if host_ok && port_ok {
        Ok(format!("{scheme}://{authority}"))
    } else {
        Err(bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_brought_into_the_browsers_form() {
        for (given, want) in [
            ("https://Shop.Example/", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(normalise_origin(given).unwrap(), want);
        }
        for bad in [
            "",
            "shop.example",
            "ftp://x.example",
            "https://a b",
            "https://x/path",
            "http://x:0",
            "*",
            "https://",
            "null",
        ] {
            assert!(normalise_origin(bad).is_err(), "{bad} was taken for an origin");
        }
    }
}
