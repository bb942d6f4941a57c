//! Crawls as the rest of the house sees them: an address whose pages are taken in night by
//! night, within bounds.

use chrono::{DateTime, Duration, Timelike, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{CrawlId, JobId};

/// The source of documents that a crawl took in; their external id is the page's URL.
pub const SOURCE: &str = "crawl";
/// Crawls of a site at most.
pub const MOST: usize = 50;

/// What a crawl may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Pages of a run.
    pub max_pages: u32,
    /// Links from the start to a page; 0: the start alone. Pages that a sitemap lists are
    /// taken in whatever this is, their links aren't followed.
    pub max_depth: u32,
    /// Between two requests; robots.txt may ask for more.
    pub delay_ms: u32,
    /// What is left out, as patterns of robots.txt: `/blog/`, `/*?page=`.
    pub exclude: Vec<String>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_pages: 1_000,
            max_depth: 5,
            delay_ms: 500,
            exclude: Vec::new(),
        }
    }
}

impl Bounds {
    /// The name of the first bound that is out of range, and what is allowed.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if !(1..=50_000).contains(&self.max_pages) {
            return Some(("max_pages", "1 to 50000"));
        }
        if self.max_depth > 20 {
            return Some(("max_depth", "0 to 20"));
        }
        if self.delay_ms > 60_000 {
            return Some(("delay_ms", "0 to 60000"));
        }
        let fits = |p: &String| p.starts_with(['/', '*']) && p.len() <= 500;
        if self.exclude.len() > 100 || !self.exclude.iter().all(fits) {
            return Some(("exclude", "at most 100 patterns that begin with / or *"));
        }
        None
    }
}

/// Where a crawl stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrawlState {
    /// Waits for the night.
    Idle,
    /// Waits for another crawl of the site to end.
    Queued,
    /// A run is under way.
    Running,
    /// Its documents are being removed.
    Removing,
}

impl CrawlState {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Removing => "removing",
        }
    }

    /// Reads [`CrawlState::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Idle, Self::Queued, Self::Running, Self::Removing]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// A crawl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crawl {
    /// Its id.
    pub id: CrawlId,
    /// Where it starts: a page, or a sitemap.
    pub url: String,
    /// What it may do.
    pub bounds: Bounds,
    /// When it runs, in minutes of the day in UTC.
    pub at_minute: u16,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When the clock starts it next.
    pub next_run_at: DateTime<Utc>,
    /// Where it stands.
    pub state: CrawlState,
    /// The number of the run under way, or of the last one.
    pub run: i32,
    /// That run's job.
    pub job: Option<JobId>,
    /// When that run began.
    pub started_at: Option<DateTime<Utc>>,
    /// Where its start led to.
    pub landed: Option<String>,
    /// Bytes that it has read.
    pub bytes: i64,
    /// Whether it has found more pages than it may visit.
    pub limited: bool,
    /// Requests in a row that the server failed at.
    pub failures: i32,
    /// How the last run ended: `done`, or the code of what stopped it.
    pub outcome: Option<String>,
    /// What stopped it, as a sentence.
    pub detail: Option<String>,
    /// When the last run ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When a run last ended well.
    pub succeeded_at: Option<DateTime<Utc>>,
}

/// How many pages of a run there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Known.
    pub pages: i64,
    /// Visited so far.
    pub visited: i64,
    /// New, or not what they were.
    pub taken: i64,
    /// As they were.
    pub unchanged: i64,
    /// Left out: not to be indexed, not public, moved, or no text.
    pub skipped: i64,
    /// Not there any more.
    pub gone: i64,
    /// Not to be had this time.
    pub failed: i64,
}

/// The next time that the clock shows this minute of the day, after `now`.
#[must_use]
pub fn next_run(now: DateTime<Utc>, at_minute: u16) -> DateTime<Utc> {
    let minute = i64::from(now.hour() * 60 + now.minute());
    let midnight = now - Duration::minutes(minute) - Duration::seconds(now.second().into());
    let midnight = midnight.with_nanosecond(0).unwrap_or(midnight);
    let at = midnight + Duration::minutes(at_minute.into());
    if at > now { at } else { at + Duration::days(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_night_is_within_a_day() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(
            next_run(at("2026-11-27T10:20:30.5Z"), 150),
            at("2026-11-28T02:30:00Z")
        );
        assert_eq!(
            next_run(at("2026-11-27T01:00:00Z"), 150),
            at("2026-11-27T02:30:00Z")
        );
        assert_eq!(
            next_run(at("2026-11-27T02:30:00Z"), 150),
            at("2026-11-28T02:30:00Z")
        );
    }

    #[test]
    fn bounds_that_are_none_are_named() {
        assert_eq!(Bounds::default().fault(), None);
        let of = |change: fn(&mut Bounds)| {
            let mut bounds = Bounds::default();
            change(&mut bounds);
            bounds.fault().map(|(name, _)| name)
        };
        assert_eq!(of(|b| b.max_pages = 0), Some("max_pages"));
        assert_eq!(of(|b| b.max_depth = 21), Some("max_depth"));
        assert_eq!(of(|b| b.delay_ms = 60_001), Some("delay_ms"));
        assert_eq!(of(|b| b.exclude = vec!["blog".into()]), Some("exclude"));
    }
}
