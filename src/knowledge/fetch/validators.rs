//! What a server says of a content's version, and asking it whether there is another one.

use chrono::{DateTime, TimeDelta};
use reqwest::RequestBuilder;
use reqwest::header::{self, HeaderMap, HeaderValue};

/// The longest validator that is kept.
const VALIDATOR: usize = 1_000;

/// What a server said of a content's version, to ask later whether there is another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// How long a content must have been as it is before its server can tell it from the next one: dates
/// are in seconds, and a copy to the disk takes its time.
const SETTLED: TimeDelta = TimeDelta::seconds(60);

impl Validators {
    /// What an answer says of its content's version. Nothing, if it was changed just now: another
    /// change in the same second might look the same.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| Some(headers.get(name)?.to_str().ok()?).filter(|t| t.len() <= VALIDATOR);
        let date = |name| DateTime::parse_from_rfc2822(text(name)?).ok();
        let (changed, now) = (date(header::LAST_MODIFIED), date(header::DATE));
        if let (Some(changed), Some(now)) = (changed, now)
            && now - changed < SETTLED
        {
            return Self::default();
        }
        Self {
            etag: text(header::ETAG).map(str::to_owned),
            last_modified: text(header::LAST_MODIFIED).map(str::to_owned),
        }
    }

    /// Whether there is nothing to tell a version by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Asks only for another version than this one.
    pub(super) fn ask(&self, mut request: RequestBuilder) -> RequestBuilder {
        let value = |text: &Option<String>| HeaderValue::from_str(text.as_deref()?).ok();
        if let Some(etag) = value(&self.etag) {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = value(&self.last_modified) {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_just_now_is_told_by_nothing() {
        let told = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            Validators::of(&map)
        };
        let date = ("date", "Sat, 21 Nov 2026 01:00:30 GMT");
        let (old, new) = ("Sat, 21 Nov 2026 00:59:00 GMT", "Sat, 21 Nov 2026 01:00:29 GMT");
        let settled = told(&[date, ("etag", "\"a\""), ("last-modified", old)]);
        assert_eq!(settled.etag.as_deref(), Some("\"a\""));
        assert_eq!(settled.last_modified.as_deref(), Some(old));
        assert!(told(&[date, ("etag", "\"a\""), ("last-modified", new)]).is_empty());
        // Without the server's own time it counts as settled.
        assert_eq!(told(&[("etag", "W/\"b\"")]).etag.as_deref(), Some("W/\"b\""));
        assert_eq!(
            told(&[("last-modified", old)]).last_modified.as_deref(),
            Some(old)
        );
        assert!(told(&[date, ("etag", &"x".repeat(2000))]).is_empty());
    }
}
