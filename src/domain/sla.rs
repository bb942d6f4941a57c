//! Within how many minutes a person is to answer what: a table by category and priority.
//!
//! Written in one line: `lead=120, billing=240, */urgent=60, handoff=60, *=1440`. The most exact
//! entry counts: category and priority, category, priority, anything.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::ticket::{Priority, is_category};

/// The category that handoffs are looked up by.
pub const HANDOFF: &str = "handoff";
/// The longest time, in minutes: ninety days.
const MOST: u32 = 129_600;
/// Entries.
const MOST_ENTRIES: usize = 100;
/// Where a site has said nothing.
pub const DEFAULT: &str = "lead=120, billing=240, */urgent=60, */high=240, handoff=60, *=1440";

/// The table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sla(BTreeMap<(String, Option<Priority>), u32>);

/// Why a text is no such table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of category=minutes, category/priority=minutes, */priority=minutes, *=minutes")]
pub struct BadSla(String);

impl std::str::FromStr for Sla {
    type Err = BadSla;

    fn from_str(text: &str) -> Result<Self, BadSla> {
        let mut table = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            let read = || {
                let (what, minutes) = entry.split_once('=')?;
                let (category, priority) = match what.trim().split_once('/') {
                    Some((category, priority)) => (category, Some(Priority::parse(priority)?)),
                    None => (what.trim(), None),
                };
                let minutes = minutes
                    .trim()
                    .parse::<u32>()
                    .ok()
                    .filter(|m| (1..=MOST).contains(m))?;
                (category == "*" || is_category(category)).then(|| ((category.to_owned(), priority), minutes))
            };
            let (key, minutes) = read().ok_or_else(|| BadSla(entry.to_owned()))?;
            table.insert(key, minutes);
        }
        if table.is_empty() || table.len() > MOST_ENTRIES {
            return Err(BadSla(text.chars().take(100).collect()));
        }
        Ok(Self(table))
    }
}

impl Default for Sla {
    fn default() -> Self {
        // A test reads it.
        DEFAULT.parse().unwrap_or_else(|_| Self(BTreeMap::new()))
    }
}

impl Sla {
    /// The minutes for a category and a priority; none where the table has no entry.
    #[must_use]
    pub fn minutes(&self, category: &str, priority: Priority) -> Option<u32> {
        let of = |category: &str, priority| self.0.get(&(category.to_owned(), priority)).copied();
        of(category, Some(priority))
            .or_else(|| of(category, None))
            .or_else(|| of("*", Some(priority)))
            .or_else(|| of("*", None))
    }
}

impl fmt::Display for Sla {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = |((category, priority), minutes): (&(String, Option<Priority>), &u32)| match priority {
            Some(priority) => format!("{category}/{}={minutes}", priority.as_str()),
            None => format!("{category}={minutes}"),
        };
        f.write_str(&self.0.iter().map(entry).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_entry_counts() {
        let sla: Sla = "billing/high=10, billing=20, */high=30, *=40".parse().unwrap();
        assert_eq!(sla.minutes("billing", Priority::High), Some(10));
        assert_eq!(sla.minutes("billing", Priority::Low), Some(20));
        assert_eq!(sla.minutes("lead", Priority::High), Some(30));
        assert_eq!(sla.minutes("lead", Priority::Low), Some(40));
        assert_eq!("lead=5".parse::<Sla>().unwrap().minutes("x", Priority::Low), None);
        assert_eq!(sla.to_string().parse::<Sla>().unwrap(), sla);
    }

    #[test]
    fn the_default_is_a_table_and_mistakes_are_named() {
        assert_eq!(Sla::default().minutes("billing", Priority::Normal), Some(240));
        assert_eq!(Sla::default().minutes(HANDOFF, Priority::Normal), Some(60));
        for bad in [
            "",
            "lead",
            "lead=0",
            "lead=x",
            "lead/soon=5",
            "Lead=5",
            "lead=5, *=999999",
        ] {
            assert!(bad.parse::<Sla>().is_err(), "{bad}");
        }
    }
}
