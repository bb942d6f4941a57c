//! The queue: a job is stored with the change that causes it, claimed under a lease on
//! the database's clock, and ends done or dead. Sites take turns, so that one site's
//! flood holds nobody else up.
//!
//! The table has no row security, since a worker asks before it knows whose job it gets:
//! rows hold ids and codes only.

mod browse;
mod claim;
mod enqueue;
mod lease;
mod wakeups;

use crate::db::pool::DbError;
use crate::domain::ids::JobId;
use crate::domain::job::JobState;

pub use browse::{
    DeadGroup, Due, Filter, JobView, Outcome, counts, dead_lately, documents_come, drop_job, due, get, list,
    outcomes, retry, retry_all_dead,
};
pub use claim::{Claimed, MOST_AT_ONCE, claim};
pub(in crate::db) use enqueue::put;
pub use enqueue::{Enqueued, enqueue, enqueue_again};
pub use lease::{Failed, Lease, Reclaimed, fail, finish, go_on, heartbeat, reclaim, release};
pub use wakeups::Wakeups;

/// What can go wrong with a job in the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The lease was taken over, or the job was dropped: what the holder does counts no more.
    #[error("the job is no longer this worker's")]
    Lost,
    /// No such job; it may have been dropped or pruned.
    #[error("there is no job {0}")]
    Unknown(JobId),
    /// Only dead jobs can be retried.
    #[error("job {id} is {state}, and only dead jobs can be retried")]
    NotDead {
        /// The job.
        id: JobId,
        /// Where it stands.
        state: JobState,
    },
    /// The same work was enqueued again in the moment in which the job died.
    #[error("job {id} has a newer twin with the same key, waiting or running")]
    Superseded {
        /// The dead job.
        id: JobId,
    },
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for QueueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}
