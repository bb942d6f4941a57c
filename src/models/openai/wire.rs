//! What chat and embeddings share of HTTP: the client, answers up to a bound, how long to
//! wait, and the provider's own words.

use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::domain::waiting;

/// A client that follows no redirect: the key must not go elsewhere.
pub fn client(connect: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(connect)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("deskhand/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A body that isn't taken whole.
#[derive(Debug)]
pub enum Unread {
    /// It is longer than the bound.
    TooLarge,
    /// The connection failed; the error names no URL, which may hold a key.
    Gone(reqwest::Error),
}

/// A body up to a bound.
pub async fn read(response: reqwest::Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|e| Unread::Gone(e.without_url()))?;
        if body.len() + piece.len() > most {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Where a request goes, for people: without path and query, which may hold a key.
pub fn place(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or("no host");
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Why nothing came back, and what to check. `error` names no URL.
pub fn unreached(error: &reqwest::Error, place: &str) -> String {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let all = causes.join(": ").to_lowercase();
    let said = |words: &[&str]| words.iter().any(|w| all.contains(w));
    if error.is_timeout() {
        format!(
            "{place} didn't answer in time; check that the address and port are right and no firewall is between"
        )
    } else if said(&["connection refused"]) {
        format!(
            "nothing listens at {place} (connection refused); check the address and port, and that it runs"
        )
    } else if said(&["dns", "lookup", "name or service not known", "resolve"]) {
        format!("the name in {place} can't be found (DNS); check its spelling")
    } else if said(&[
        "certificate",
        "tls",
        "handshake",
        "invalid peer",
        "corrupt message",
    ]) {
        let last = causes.last().map_or("", String::as_str);
        format!("no secure connection to {place} ({last}); check http or https, and its certificate")
    } else if said(&["unreachable", "no route"]) {
        format!("{place} can't be reached from here; check the network and the address")
    } else {
        let last = causes.last().cloned().unwrap_or_else(|| error.to_string());
        format!("the connection to {place} failed: {last}")
    }
}

/// How long the provider asks us to wait: `retry-after-ms`, or `Retry-After` in seconds or
/// as a date, which is held against the answer's own `Date`.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return waiting::seconds(ms / 1000.0);
    }
    waiting::retry_after(text(RETRY_AFTER.as_str())?, text(DATE.as_str()))
}

/// The provider's own words, one short line of them. They may repeat what was sent.
pub fn said(body: &[u8]) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let first = value.as_ref().and_then(|v| v.get(0)).or(value.as_ref());
    let message = first.and_then(|v| {
        v.pointer("/error/message")
            .or(v.get("message"))
            .or(v.get("error"))
            .or(v.get("detail"))?
            .as_str()
    });
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_providers_words_are_one_short_line() {
        for (body, words) in [
            (r#"{"error":{"message":"no\nsuch  model"}}"#, "no such model"),
            (r#"[{"error":{"message":"bad key"}}]"#, "bad key"),
            (r#"{"error":"model not found"}"#, "model not found"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            ("<html>busy", "<html>busy"),
        ] {
            assert_eq!(said(body.as_bytes()), words);
        }
        assert!(said(&[b'x'; 5000]).len() <= 200);
    }

    #[test]
    fn waits_come_in_seconds_milliseconds_and_dates() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(n, v)| {
                (
                    reqwest::header::HeaderName::from_static(n),
                    HeaderValue::from_static(v),
                )
            });
            retry_after(&headers.collect())
        };
        assert_eq!(of(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(of(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            of(&[("retry-after", "9"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        let date = ("date", "Sat, 21 Nov 2026 01:00:00 GMT");
        assert_eq!(
            of(&[("retry-after", "Sat, 21 Nov 2026 01:00:20 GMT"), date]),
            Some(Duration::from_secs(20))
        );
        assert_eq!(
            of(&[("retry-after", "Sat, 21 Nov 2026 00:00:20 GMT"), date]),
            Some(Duration::ZERO)
        );
        assert_eq!(of(&[("retry-after", "1e300")]), Some(waiting::LONGEST));
        for none in ["-1", "soon", "NaN", "Sat, 21 Nov 2026 01:00:20 GMT"] {
            assert_eq!(of(&[("retry-after", none)]), None, "{none}");
        }
    }
}
