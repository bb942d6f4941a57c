//! Times as others write them. Only the years 1 to 9999 are any: that is what RFC 3339 can write,
//! the database can store, and what can be reckoned with without leaving a calendar's range.

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The years that can be written.
const YEARS: RangeInclusive<i32> = 1..=9999;
/// What is expected where a time is, for people.
const EXPECTED: &str = "a time as RFC 3339 writes it, such as 2026-11-27T17:00:00Z";

/// Reads a time in RFC 3339.
#[must_use]
pub fn read(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    YEARS.contains(&time.year()).then_some(time)
}

/// A time by its seconds since 1970.
#[must_use]
pub fn at(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0).filter(|time| YEARS.contains(&time.year()))
}

/// Reads a day, `2026-11-27`.
#[must_use]
pub fn day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    YEARS.contains(&day.year()).then_some(day)
}

/// A field that holds a time in RFC 3339.
///
/// # Errors
/// When it holds anything else.
pub fn written<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    struct Written;
    impl Visitor<'_> for Written {
        type Value = DateTime<Utc>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(EXPECTED)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            read(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }
    from.deserialize_str(Written)
}

/// The same for one that may be left out.
///
/// # Errors
/// When it holds anything else.
pub fn written_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    struct Time(DateTime<Utc>);
    impl<'de> Deserialize<'de> for Time {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            written(from).map(Self)
        }
    }
    Ok(Option::<Time>::deserialize(from)?.map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_written_and_stored_is_a_time() {
        for (text, is_one) in [
            ("2026-11-27T17:00:00Z", true),
            ("2026-11-27T17:00:00.25+01:00", true),
            ("9999-12-31T23:59:59Z", true),
            ("9999-12-31T23:59:59-01:00", false),
            ("0000-12-31T23:59:59Z", false),
            ("-9999-01-01T00:00:00Z", false),
            ("+292278994-08-17T07:12:55Z", false),
            ("2026-11-27", false),
            ("yesterday", false),
        ] {
            assert_eq!(read(text).is_some(), is_one, "{text}");
        }
        for (seconds, is_one) in [
            (0, true),
            (253_402_300_799, true),
            (253_402_300_800, false),
            (i64::MAX, false),
            (i64::MIN, false),
        ] {
            assert_eq!(at(seconds).is_some(), is_one, "{seconds}");
        }
        for (text, is_one) in [
            ("2026-11-27", true),
            ("-262143-01-01", false),
            ("+10000-01-01", false),
            ("0000-01-01", false),
        ] {
            assert_eq!(day(text).is_some(), is_one, "{text}");
        }
    }
}
