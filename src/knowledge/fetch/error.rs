//! Why something wasn't fetched: a code for programs, a sentence for the site's owner, and
//! whether another try may help.

use std::time::Duration;

use reqwest::Url;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No URL, or none with a host.
    BadUrl,
    /// Neither http nor https.
    Scheme,
    /// A user or a password in the URL.
    UserInfo,
    /// A port that no web server has.
    Port(u16),
    /// Not one of the site's origins.
    Origin(String),
    /// The host is, or leads to, an address that isn't public.
    Address(String),
    /// The host has no address.
    Unresolvable(String),
    /// Nobody answers there.
    Connect(String),
    /// No trusted connection.
    Tls(String),
    /// Too slow; what was waited for.
    Timeout(&'static str),
    /// Longer than this many bytes.
    TooLarge(u64),
    /// A redirect, and how many were followed before.
    Redirect {
        /// Where it leads, if that is a URL.
        to: Option<Box<Url>>,
        /// How many were followed.
        followed: u8,
    },
    /// The server refuses, or has failed.
    Status(u16),
    /// What came is there for signing in, or for members.
    NotForAll,
    /// A web page came in the place of a file; what the address's ending says it should be.
    Mistyped(&'static str),
    /// Packed in a way that wasn't asked for, or damaged.
    Encoding,
    /// The connection ended too early.
    CutOff,
    /// No room on this machine, or the like.
    Disk,
}

/// Why something wasn't fetched. Displayed it is a sentence for the site's owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct FetchError {
    /// What went wrong.
    pub reason: Reason,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl From<Reason> for FetchError {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            retry_after: None,
        }
    }
}

impl FetchError {
    /// For programs; doesn't change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.reason {
            Reason::BadUrl => "bad_url",
            Reason::Scheme => "scheme_not_allowed",
            Reason::UserInfo => "user_in_url",
            Reason::Port(_) => "port_not_allowed",
            Reason::Origin(_) => "origin_not_allowed",
            Reason::Address(_) => "address_not_allowed",
            Reason::Unresolvable(_) => "host_unknown",
            Reason::Connect(_) => "host_unreachable",
            Reason::Tls(_) => "no_trusted_connection",
            Reason::Timeout(_) => "fetch_timeout",
            Reason::TooLarge(_) => "too_large",
            Reason::Redirect { .. } => "too_many_redirects",
            Reason::NotForAll | Reason::Status(401 | 402 | 403 | 407 | 451) => "not_public",
            Reason::Status(404 | 410) => "gone",
            Reason::Mistyped(_) => "mistyped",
            Reason::Status(_) => "server_refused",
            Reason::Encoding => "bad_encoding",
            Reason::CutOff => "cut_off",
            Reason::Disk => "no_room",
        }
    }

    /// Whether another try is useless until somebody changes something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match &self.reason {
            Reason::Unresolvable(_)
            | Reason::Connect(_)
            | Reason::Tls(_)
            | Reason::Timeout(_)
            | Reason::CutOff
            | Reason::Disk
            | Reason::Status(408 | 409 | 425 | 429 | 500..) => false,
            Reason::BadUrl
            | Reason::Scheme
            | Reason::UserInfo
            | Reason::Port(_)
            | Reason::Origin(_)
            | Reason::Address(_)
            | Reason::TooLarge(_)
            | Reason::Redirect { .. }
            | Reason::Status(_)
            | Reason::NotForAll
            | Reason::Mistyped(_)
            | Reason::Encoding => true,
        }
    }

    /// Whether it is there, but not for everybody (any more).
    #[must_use]
    pub fn is_not_public(&self) -> bool {
        self.code() == "not_public"
    }

    /// Whether the server says that it isn't there (any more).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.code() == "gone"
    }

    /// The server's status, where it answered with a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.reason {
            Reason::Status(status) => Some(status),
            _ => None,
        }
    }

    fn sentence(&self) -> String {
        match &self.reason {
            Reason::BadUrl => "The address is not a valid URL.".to_owned(),
            Reason::Scheme => "Only addresses that begin with https:// or http:// can be fetched.".to_owned(),
            Reason::UserInfo => "Addresses with a user name or password in them aren't fetched.".to_owned(),
            Reason::Port(port) => {
                format!("Port {port} isn't one that web servers use, so nothing is fetched from it.")
            }
            Reason::Origin(origin) => format!(
                "{origin} isn't one of this site's addresses, so nothing is fetched from there. The operator can allow it."
            ),
            Reason::Address(host) => format!(
                "{host} leads to an address that isn't on the public internet, so nothing is fetched from there. The operator can allow it by name (`fetch.allow_private`)."
            ),
            Reason::Unresolvable(host) => format!("No server is known by the name {host}."),
            Reason::Connect(host) => format!("The server {host} can't be reached."),
            Reason::Tls(host) => {
                format!("The connection to {host} isn't trusted: its certificate is invalid or out of date.")
            }
            Reason::Timeout(what) => format!("The server was too slow: {what}."),
            Reason::TooLarge(most) => format!("It is larger than {}, the most that is fetched.", size(*most)),
            Reason::Redirect { followed: 0, .. } => "The address leads on to another one.".to_owned(),
            Reason::Redirect { .. } => "The address leads on to others again and again.".to_owned(),
            Reason::Status(status @ (401 | 402 | 403 | 407 | 451)) => {
                format!("The server doesn't show it to the public (status {status}).")
            }
            Reason::NotForAll => {
                "What the server shows there is a form for signing in, or a page for members \
                                  only, so it isn't taken in."
                    .to_owned()
            }
            Reason::Mistyped(kind) => format!(
                "The address ends like that of {kind}, but the server sent a web page. Please check that the file is still there and can be opened by everybody."
            ),
            Reason::Status(status @ (404 | 410)) => {
                format!("It isn't there any more, or never was (status {status}).")
            }
            Reason::Status(429) => "The server asks for fewer requests (status 429).".to_owned(),
            Reason::Status(status @ 500..) => format!("The server has failed (status {status})."),
            Reason::Status(status) => format!("The server refused it (status {status})."),
            Reason::Encoding => "What the server sent is packed in a way that can't be read.".to_owned(),
            Reason::CutOff => "The connection ended before everything was there.".to_owned(),
            Reason::Disk => "It couldn't be stored for reading; the operator's log says why.".to_owned(),
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
