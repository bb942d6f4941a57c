//! `[mail]`: the server that mail goes out by, and who writes.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Config, ConfigError};
use crate::domain::address::is_email;
use crate::mail::smtp::{MailSettings, Tls};

const URL: &str = "`smtp://user@host:587` or `smtps://user@host:465`; the password has its own key";
const FROM: &str = "an address, or a name with one: `Lumen & Oak <shop@example.com>`";

/// `[mail]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server; none: no mail is sent.
    pub url: Option<String>,
    /// The login's password.
    pub password: Option<SecretString>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// Who writes.
    pub from: Option<String>,
    /// A certificate to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Time for one mail.
    pub seconds: u64,
    /// After that many minutes an unread reply is mailed.
    pub reply_minutes: u64,
}

/// The server of a URL: host, port, encryption, user.
struct Server {
    host: String,
    port: u16,
    tls: Tls,
    user: Option<String>,
}

fn server(text: &str) -> Option<Server> {
    let url = Url::parse(text.trim()).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || url.password().is_some() || host.is_empty() {
        return None;
    }
    let here = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let (tls, port) = match url.scheme() {
        "smtps" => (Tls::Implicit, 465),
        "smtp" if here => (Tls::Offered, 587),
        "smtp" => (Tls::Required, 587),
        _ => return None,
    };
    let user = percent_decoded(url.username())?;
    Some(Server {
        host,
        port: url.port().unwrap_or(port),
        tls,
        user: Some(user).filter(|u| !u.is_empty()),
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let pair = [bytes.next()?, bytes.next()?];
        out.push(hex::decode(pair).ok()?.first().copied()?);
    }
    String::from_utf8(out).ok()
}

/// Name and address.
fn sender(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address.trim()),
        None => ("", text),
    };
    let fits = name.chars().count() <= 100 && !name.chars().any(|c| c.is_control() || "<>\"".contains(c));
    (fits && is_email(address) && address.is_ascii()).then(|| (name.to_owned(), address.to_owned()))
}

impl Mail {
    fn set(value: &Option<String>) -> Option<&str> {
        value.as_deref().map(str::trim).filter(|v| !v.is_empty())
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |key, got: &str, allowed| {
            Err(ConfigError::Range {
                key,
                got: got.to_owned(),
                allowed,
            })
        };
        if let Some(from) = Self::set(&self.from)
            && sender(from).is_none()
        {
            return wrong("mail.from", &format!("`{from}`"), FROM);
        }
        if let Some(url) = Self::set(&self.url) {
            let Some(server) = server(url) else {
                // It may hold a password: it isn't repeated.
                return wrong("mail.url", "not what it should be", URL);
            };
            if Self::set(&self.from).is_none() {
                return wrong("mail.from", "not set, and `mail.url` is", FROM);
            }
            let password = self.password.is_some() || self.password_file.is_some();
            if server.user.is_some() && !password {
                return wrong(
                    "mail.password",
                    "not set, and `mail.url` names a user",
                    "the user's password, here or in `mail.password_file`",
                );
            }
        }
        for (key, got, allowed, text) in [
            ("mail.seconds", self.seconds, 5..=300, "5 to 300"),
            ("mail.reply_minutes", self.reply_minutes, 1..=1440, "1 to 1440"),
        ] {
            if !allowed.contains(&got) {
                return wrong(key, &got.to_string(), text);
            }
        }
        Ok(())
    }
}

impl Config {
    /// The mail server, where one is named.
    ///
    /// # Errors
    /// When the password's or the certificate's file can't be read.
    pub fn mail_settings(&self) -> Result<Option<MailSettings>, ConfigError> {
        let m = &self.mail;
        let Some(server) = Mail::set(&m.url).and_then(server) else {
            return Ok(None);
        };
        let Some((from_name, from)) = Mail::set(&m.from).and_then(sender) else {
            return Ok(None);
        };
        let password = match (&m.password, &m.password_file) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|e| ConfigError::File(file.clone(), e))?;
                Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
            }
            (None, None) => None,
        };
        let ca = m
            .ca_file
            .as_ref()
            .map(|file| std::fs::read(file).map_err(|e| ConfigError::File(file.clone(), e)));
        Ok(Some(MailSettings {
            host: server.host,
            port: server.port,
            tls: server.tls,
            login: server.user.zip(password),
            from,
            from_name,
            ca: ca.transpose()?,
            time: Duration::from_secs(m.seconds),
        }))
    }

    /// After that an unread reply is mailed.
    #[must_use]
    pub fn reply_wait(&self) -> Duration {
        Duration::from_mins(self.mail.reply_minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_passwords_refused() {
        let read = |text| server(text).map(|s| (s.host, s.port, s.tls, s.user));
        let user = |name: &str| Some(name.to_owned());
        assert_eq!(
            read("smtp://me%40shop.example@mail.example"),
            Some(("mail.example".into(), 587, Tls::Required, user("me@shop.example")))
        );
        assert_eq!(
            read("smtps://mail.example/"),
            Some(("mail.example".into(), 465, Tls::Implicit, None))
        );
        for here in [
            "smtp://127.0.0.1:2525",
            "smtp://[::1]:2525",
            "smtp://localhost:2525",
        ] {
            assert_eq!(
                read(here).map(|r| (r.1, r.2)),
                Some((2525, Tls::Offered)),
                "{here}"
            );
        }
        for bad in [
            "mail.example:587",
            "https://mail.example",
            "smtp://user:word@mail.example",
            "smtp://mail.example/path",
            "smtp://mail.example?tls=off",
            "smtp://",
        ] {
            assert!(server(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn senders_are_read() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(sender("a@b.example"), pair("", "a@b.example"));
        assert_eq!(
            sender("\"Lumen & Oak\" <shop@b.example>"),
            pair("Lumen & Oak", "shop@b.example")
        );
        for bad in [
            "",
            "shop",
            "a <b>",
            "x\r\nBcc: y <a@b.example>",
            "<a@b.example> x",
        ] {
            assert!(sender(bad).is_none(), "{bad}");
        }
    }
}
