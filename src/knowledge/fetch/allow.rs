//! What a site's content may be fetched from, and where the operator lets the program reach
//! its own network.

use std::collections::BTreeSet;

use reqwest::Url;

use crate::db::pool::{DbResult, SiteTx};
use crate::db::sites;
use crate::domain::site::BadOrigin;

/// The web origins that a site's content may come from: its own ones, and what the operator
/// adds. Nothing else is ever fetched for it, whatever a page or a redirect says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(BTreeSet<String>);

impl AllowList {
    /// Of these origins, `https://shop.example` or `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When one is no web origin.
    pub fn new<I>(origins: I) -> Result<Self, BadOrigin>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut list = Self::default();
        for origin in origins {
            list.add(origin.as_ref())?;
        }
        Ok(list)
    }

    /// Of a site: its own origins, and those that the operator has added (`fetch_origins`).
    ///
    /// # Errors
    /// When the database refuses or is away.
    pub async fn of_site(tx: &mut SiteTx) -> DbResult<Self> {
        let own = sites::own(tx).await?.map(|s| s.origins).unwrap_or_default();
        let added = sites::settings(tx).await?.fetch_origins();
        let mut list = Self::default();
        for origin in own.iter().chain(&added) {
            if list.add(origin).is_err() {
                tracing::warn!("a site's origin is none: nothing is fetched from there");
            }
        }
        Ok(list)
    }

    /// One more origin.
    ///
    /// # Errors
    /// When it is no web origin.
    pub fn add(&mut self, origin: &str) -> Result<(), BadOrigin> {
        let bad = || BadOrigin(origin.to_owned());
        let url = Url::parse(origin.trim()).map_err(|_| bad())?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || has_user(&url) || url.host_str().is_none() {
            return Err(bad());
        }
        self.0.insert(url.origin().ascii_serialization());
        Ok(())
    }

    /// Whether a URL is of one of the origins. The same host over https is as good as over
    /// http, never the other way round.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        let origin = url.origin().ascii_serialization();
        if self.0.contains(&origin) {
            return true;
        }
        // Without a port it is the scheme's own.
        url.scheme() == "https"
            && url.port().is_none()
            && self.0.contains(&origin.replacen("https://", "http://", 1))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origins, for people.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Whether it names a user or a password.
pub(super) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// `host:port` pairs whose host may resolve to a private address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivateHosts(BTreeSet<(String, u16)>);

impl PrivateHosts {
    /// Reads `127.0.0.1:8081`, `[::1]:8081`, `wordpress:80`.
    ///
    /// # Errors
    /// With the pair that is none.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut hosts = BTreeSet::new();
        for pair in pairs {
            // Read by the parser of URLs too, so that both have the host in one form.
            let (_, port) = pair.rsplit_once(':').ok_or_else(|| pair.to_owned())?;
            let port: u16 = port.parse().map_err(|_| pair.to_owned())?;
            let url = Url::parse(&format!("http://{pair}/")).map_err(|_| pair.to_owned())?;
            let host = url.host_str().filter(|_| url.path() == "/" && !has_user(&url));
            hosts.insert((host.ok_or_else(|| pair.to_owned())?.to_owned(), port));
        }
        Ok(Self(hosts))
    }

    /// Whether a URL's host and port are among them.
    #[must_use]
    pub fn names(&self, url: &Url) -> bool {
        url.host_str()
            .zip(url.port_or_known_default())
            .is_some_and(|(host, port)| self.0.contains(&(host.to_owned(), port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_list_holds_origins_and_nothing_like_them() {
        let list = AllowList::new([
            "https://Shop.Example/",
            "http://old.example",
            "http://a.example:8080",
        ])
        .unwrap();
        for yes in [
            "https://shop.example/x?y",
            "https://shop.example:443/",
            "http://old.example/",
            "https://old.example/",
            "http://a.example:8080/",
        ] {
            assert!(list.allows(&url(yes)), "{yes}");
        }
        for no in [
            "http://shop.example/",
            "https://shop.example:8443/",
            "https://shop.example.evil.example/",
            "https://shop.example./",
            "https://www.shop.example/",
            "https://old.example:8443/",
            "https://a.example:8080/",
            "http://a.example/",
        ] {
            assert!(!list.allows(&url(no)), "{no}");
        }
        for bad in [
            "shop.example",
            "ftp://a",
            "https://a/path",
            "https://u@a",
            "*",
            "",
        ] {
            assert!(AllowList::new([bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn private_hosts_are_pairs() {
        let hosts = PrivateHosts::parse(["127.0.0.1:8081", "[::1]:80", "WordPress:80"]).unwrap();
        for yes in [
            "http://127.0.0.1:8081/a",
            "http://0x7f.1:8081/",
            "http://[::1]/",
            "http://wordpress/",
        ] {
            assert!(hosts.names(&url(yes)), "{yes}");
        }
        for no in [
            "http://127.0.0.1/",
            "http://127.0.0.2:8081/",
            "https://wordpress/",
        ] {
            assert!(!hosts.names(&url(no)), "{no}");
        }
        for bad in ["127.0.0.1", "host:", "host:x", "host:80/x", "u@host:80", ":80"] {
            assert_eq!(PrivateHosts::parse([bad]), Err(bad.to_owned()), "{bad}");
        }
    }
}
