//! What the clock starts. Every replica looks, one of them enqueues.

use std::time::Duration;

use crate::domain::job::{Schedule, Work};

/// The house's own schedules.
#[must_use]
pub fn schedules() -> Vec<Schedule> {
    vec![
        Schedule {
            name: "prune",
            every: Duration::from_mins(10),
            work: Work::Prune,
        },
        Schedule {
            name: "mark_breaches",
            every: Duration::from_mins(1),
            work: Work::MarkBreaches,
        },
        Schedule {
            name: "begin_crawls",
            every: super::crawl::EVERY,
            work: Work::BeginCrawls,
        },
        Schedule {
            name: "tell_of_dead_jobs",
            every: super::send_notice::EVERY,
            work: Work::TellOfDeadJobs,
        },
    ]
}
