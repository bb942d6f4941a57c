//! Times as people read them in lists: how long ago, how long still.

use chrono::{DateTime, TimeDelta, Utc};

/// A time that is left or has passed, in its two largest parts at most: `3 d`, `2 h 5 m`, `40 s`.
pub fn left(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} m"),
        (0, h, m) if m % 60 == 0 => format!("{h} h"),
        (0, h, m) => format!("{h} h {} m", m % 60),
        (d, h, _) if h % 24 == 0 || d > 6 => format!("{d} d"),
        (d, h, _) => format!("{d} d {} h", h % 24),
    }
}

/// How long ago something was.
pub fn since(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    left(now - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (seconds, shown) in [
            (-5, "0 s"),
            (40, "40 s"),
            (60, "1 m"),
            (3_600, "1 h"),
            (7_500, "2 h 5 m"),
            (86_400, "1 d"),
            (90_000, "1 d 1 h"),
            (900_000, "10 d"),
        ] {
            assert_eq!(left(TimeDelta::seconds(seconds)), shown);
        }
    }
}
