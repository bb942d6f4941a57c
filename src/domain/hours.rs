//! When somebody is in: a time zone, a week, and days on which nobody comes. Pure; what time it
//! is in that zone the caller knows (`db::hours`).
//!
//! Written in one line: `Europe/Vienna; Mon-Fri 9:00-17:00; Sat 9:00-12:00; closed 2026-12-24..2026-12-26`.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};

/// How far ahead an opening is looked for.
const AHEAD: u64 = 60;
/// Periods of a day, and closed periods of a year.
const MOST: usize = 50;
/// Days that one closed period may last.
const LONGEST_CLOSED: i64 = 366;
const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Mon),
    ("Tue", Weekday::Tue),
    ("Wed", Weekday::Wed),
    ("Thu", Weekday::Thu),
    ("Fri", Weekday::Fri),
    ("Sat", Weekday::Sat),
    ("Sun", Weekday::Sun),
];

/// A time during a day, in minutes from midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Period {
    from: u32,
    to: u32,
}

/// Opening hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// The name of a time zone, such as `Europe/Vienna`.
    pub zone: String,
    /// By day from Monday; in order, none touches another.
    week: [Vec<Period>; 7],
    /// First and last day, in order.
    closed: Vec<(NaiveDate, NaiveDate)>,
}

/// Why a text is no opening hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadHours(String);

fn bad(why: impl Into<String>) -> BadHours {
    BadHours(why.into())
}

impl std::str::FromStr for Hours {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        let mut parts = text.split(';').map(str::trim).filter(|p| !p.is_empty());
        let zone = parts.next().unwrap_or_default();
        let named = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
        if zone.is_empty()
            || zone.len() > 60
            || !zone.starts_with(char::is_alphabetic)
            || !zone.chars().all(named)
        {
            return Err(bad("it begins with a time zone, such as Europe/Vienna"));
        }
        let mut hours = Self {
            zone: zone.to_owned(),
            week: Default::default(),
            closed: Vec::new(),
        };
        for part in parts {
            if let Some(days) = part.strip_prefix("closed ") {
                for day in days.split(',') {
                    hours.closed.push(closed(day.trim())?);
                }
            } else {
                hours.open(part)?;
            }
        }
        hours.closed.sort_unstable();
        if hours.week.iter().all(Vec::is_empty) {
            return Err(bad(
                "it says of no day when somebody is in, as in Mon-Fri 9:00-17:00",
            ));
        }
        if hours.closed.len() > MOST || hours.week.iter().any(|d| d.len() > MOST) {
            return Err(bad("at most 50 periods of a day, and 50 closed ones"));
        }
        Ok(hours)
    }
}

fn closed(text: &str) -> Result<(NaiveDate, NaiveDate), BadHours> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |text: &str| {
        NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d")
            .map_err(|_| bad(format!("`{text}` is no day; write one such as 2026-12-24")))
    };
    let (first, last) = (day(first)?, day(last)?);
    if last < first || (last - first).num_days() > LONGEST_CLOSED {
        return Err(bad(format!(
            "`{text}` doesn't end after it begins, or lasts longer than a year"
        )));
    }
    Ok((first, last))
}

fn minutes(text: &str) -> Result<u32, BadHours> {
    let read = || {
        let (hours, minutes) = text.trim().split_once(':')?;
        let hours = hours.parse::<u32>().ok().filter(|h| *h <= 24)?;
        let minutes = minutes
            .parse::<u32>()
            .ok()
            .filter(|m| *m < 60 && minutes.len() == 2)?;
        Some(hours * 60 + minutes).filter(|all| *all <= 24 * 60)
    };
    read().ok_or_else(|| bad(format!("`{text}` is no time; write one such as 9:00")))
}

impl Hours {
    /// `Mon-Fri 9:00-12:00,13:00-17:00`.
    fn open(&mut self, part: &str) -> Result<(), BadHours> {
        let (days, times) = part.split_once(' ').ok_or_else(|| {
            bad(format!(
                "`{part}` is no such period; write one such as Mon-Fri 9:00-17:00"
            ))
        })?;
        let day = |text: &str| {
            DAYS.iter()
                .position(|(name, _)| name.eq_ignore_ascii_case(text.trim()))
                .ok_or_else(|| {
                    bad(format!(
                        "`{text}` is no day; there are Mon, Tue, Wed, Thu, Fri, Sat, Sun"
                    ))
                })
        };
        let mut wanted = Vec::new();
        for piece in days.split(',') {
            let (from, to) = piece.split_once('-').unwrap_or((piece, piece));
            let (from, to) = (day(from)?, day(to)?);
            // Sat-Mon goes over the week's end.
            wanted.extend((0..=(to + 7 - from) % 7).map(|n| (from + n) % 7));
        }
        for time in times.split(',') {
            let (from, to) = time.split_once('-').ok_or_else(|| {
                bad(format!(
                    "`{time}` is no time from and to; write one such as 9:00-17:00"
                ))
            })?;
            let period = Period {
                from: minutes(from)?,
                to: minutes(to)?,
            };
            if period.to <= period.from {
                return Err(bad(format!("`{time}` doesn't end after it begins")));
            }
            for day in &wanted {
                let known = &mut self.week[*day];
                if known.iter().any(|k| k.from < period.to && period.from < k.to) {
                    return Err(bad(format!(
                        "`{part}` overlaps with other times of {}",
                        DAYS[*day].0
                    )));
                }
                known.push(period);
                known.sort_unstable();
            }
        }
        Ok(())
    }

    fn of_day(&self, day: NaiveDate) -> impl Iterator<Item = (NaiveDateTime, NaiveDateTime)> {
        let open = !self
            .closed
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&day));
        let periods = &self.week[day.weekday().num_days_from_monday() as usize];
        let at =
            move |minute: u32| day.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(i64::from(minute));
        periods
            .iter()
            .filter(move |_| open)
            .map(move |p| (at(p.from), at(p.to)))
    }

    /// The periods that haven't ended by then, in order.
    fn coming(&self, local: NaiveDateTime) -> impl Iterator<Item = (NaiveDateTime, NaiveDateTime)> {
        (0..AHEAD)
            .filter_map(move |n| local.date().checked_add_days(chrono::Days::new(n)))
            .flat_map(|day| self.of_day(day))
            .filter(move |(_, to)| *to > local)
    }

    /// Whether somebody is in at that time of the zone's.
    #[must_use]
    pub fn is_open(&self, local: NaiveDateTime) -> bool {
        self.coming(local).next().is_some_and(|(from, _)| from <= local)
    }

    /// When somebody is in next; none within two months, or when somebody is in.
    #[must_use]
    pub fn opens(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let (from, _) = self.coming(local).next()?;
        (from > local).then_some(from)
    }

    /// The time when somebody has been in for so many minutes from then on; none when that isn't
    /// within two months.
    #[must_use]
    pub fn after(&self, local: NaiveDateTime, minutes: u32) -> Option<NaiveDateTime> {
        let mut left = TimeDelta::minutes(i64::from(minutes));
        for (from, to) in self.coming(local) {
            let from = from.max(local);
            if to - from >= left {
                return Some(from + left);
            }
            left -= to - from;
        }
        None
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.zone)?;
        for (day, (name, _)) in DAYS.iter().enumerate().filter(|(d, _)| !self.week[*d].is_empty()) {
            let times: Vec<String> = self.week[day]
                .iter()
                .map(|p| {
                    format!(
                        "{}:{:02}-{}:{:02}",
                        p.from / 60,
                        p.from % 60,
                        p.to / 60,
                        p.to % 60
                    )
                })
                .collect();
            write!(f, "; {name} {}", times.join(","))?;
        }
        let days: Vec<String> = self
            .closed
            .iter()
            .map(|(first, last)| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}..{last}")
                }
            })
            .collect();
        if !days.is_empty() {
            write!(f, "; closed {}", days.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHOP: &str = "Europe/Vienna; Mon-Fri 9:00-12:00,13:00-17:00; Sat 9:00-12:00; closed 2026-12-24..2026-12-26, 2027-01-01";

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn the_week_is_read_and_written() {
        let shop: Hours = SHOP.parse().unwrap();
        assert_eq!(shop.to_string().parse::<Hours>().unwrap(), shop);
        // A Friday.
        for (time, open, opens) in [
            ("2026-11-27 08:59", false, Some("2026-11-27 09:00")),
            ("2026-11-27 09:00", true, None),
            ("2026-11-27 12:30", false, Some("2026-11-27 13:00")),
            ("2026-11-27 17:00", false, Some("2026-11-28 09:00")),
            ("2026-11-28 12:00", false, Some("2026-11-30 09:00")),
            ("2026-12-23 17:00", false, Some("2026-12-28 09:00")),
        ] {
            assert_eq!(shop.is_open(at(time)), open, "{time}");
            assert_eq!(shop.opens(at(time)), opens.map(at), "{time}");
        }
        let nights: Hours = "UTC; Sat-Mon 0:00-24:00".parse().unwrap();
        assert!(nights.is_open(at("2026-11-29 23:59")) && !nights.is_open(at("2026-12-01 00:00")));
    }

    #[test]
    fn open_minutes_are_counted_over_nights_and_holidays() {
        let shop: Hours = SHOP.parse().unwrap();
        for (from, minutes, due) in [
            ("2026-11-27 09:30", 60, "2026-11-27 10:30"),
            ("2026-11-27 11:30", 60, "2026-11-27 13:30"),
            ("2026-11-27 16:30", 60, "2026-11-28 09:30"),
            ("2026-11-28 23:00", 60, "2026-11-30 10:00"),
            ("2026-12-23 16:59", 2, "2026-12-28 09:01"),
        ] {
            assert_eq!(shop.after(at(from), minutes), Some(at(due)), "{from} + {minutes}");
        }
        assert_eq!(shop.after(at("2026-11-27 09:30"), u32::MAX), None);
    }

    #[test]
    fn what_is_no_opening_hours_says_why() {
        for (text, says) in [
            ("", "time zone"),
            ("Mon-Fri 9:00-17:00", "time zone"),
            ("Europe/Vienna", "no day when"),
            ("Europe/Vienna; Mon", "no such period"),
            ("Europe/Vienna; Mo 9:00-17:00", "`Mo` is no day"),
            ("Europe/Vienna; Mon 9-17", "`9` is no time"),
            ("Europe/Vienna; Mon 17:00-9:00", "doesn't end"),
            ("Europe/Vienna; Mon 9:00-17:00; Mon-Tue 16:00-18:00", "overlaps"),
            ("Europe/Vienna; Mon 9:00-25:00", "no time"),
            ("Europe/Vienna; Mon 9:00-17:00; closed 24.12.", "no day"),
            ("Europe/Vienna'; Mon 9:00-17:00", "time zone"),
        ] {
            let error = text.parse::<Hours>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    /// WordPress's plugin reads hours as people write them; what both take means the same to both.
    #[test]
    fn the_plugin_and_this_server_read_the_same_words_alike() {
        let told: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/wp/hours.json")).unwrap();
        let cases: Vec<_> = told["read"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["deskhand"] == true)
            .collect();
        assert!(cases.len() > 3);
        for case in cases {
            let words = case["hours"].as_str().unwrap();
            let hours: Hours = format!("UTC; {words}").parse().unwrap();
            for time in case["at"].as_array().unwrap() {
                let clock = format!("{:0>5}", time[1].as_str().unwrap());
                // A Monday, and the days after it.
                let local = at(&format!("2026-11-{} {clock}", 22 + time[0].as_u64().unwrap()));
                assert_eq!(hours.is_open(local), time[2] == true, "{words}: {time}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_next_opening_is_open_and_nothing_before_it(minute in 0..600_000i64) {
            let shop: Hours = SHOP.parse().unwrap();
            let local = at("2026-11-01 00:00") + TimeDelta::minutes(minute);
            if let Some(opens) = shop.opens(local) {
                prop_assert!(shop.is_open(opens) && !shop.is_open(local));
                prop_assert!(!shop.is_open(opens - TimeDelta::minutes(1)));
                prop_assert_eq!(shop.after(local, 5), shop.after(opens, 5));
            } else {
                prop_assert!(shop.is_open(local));
            }
        }
    }
}
