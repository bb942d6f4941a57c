//! How long a server asks to be left alone: HTTP's `Retry-After`.

use std::time::Duration;

use chrono::DateTime;

/// The longest wait that is believed.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// The value of a `Retry-After`: seconds, or a date, which is held against the answer's own
/// `Date`. None where it is neither.
#[must_use]
pub fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(n) = value.trim().parse::<f64>() {
        return seconds(n);
    }
    let read = |text: &str| DateTime::parse_from_rfc2822(text.trim()).ok();
    let wait = read(value)? - read(date?)?;
    Some(wait.to_std().unwrap_or_default().min(LONGEST))
}

/// Seconds that are some, at most [`LONGEST`].
#[must_use]
pub fn seconds(n: f64) -> Option<Duration> {
    (n.is_finite() && n >= 0.0).then(|| Duration::from_secs_f64(n.min(LONGEST.as_secs_f64())))
}
