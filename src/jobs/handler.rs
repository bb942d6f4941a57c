//! What does a job's work: one handler a kind. A job is run at least once, never exactly
//! once: its worker may die after the work and before the word of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::db::pool::Db;
use crate::domain::ids::{JobId, SiteId};
use crate::domain::job::{JobError, Progress, Work};

/// Does one kind of work.
pub trait Handler: Send + Sync + 'static {
    /// The kind, as [`Work::kind`] gives it.
    fn kind(&self) -> &'static str;

    /// Does it. The future is dropped at its next await when the job is lost to another worker
    /// or the process must stop; what it has committed by then must bear being done again.
    ///
    /// Long computations belong in `spawn_blocking`: a busy thread of the runtime can keep the
    /// heartbeat, and everything else, from running.
    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>>;
}

/// What a handler knows of its job, and where it tells how far it is.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The database.
    pub db: Db,
    /// The job.
    pub id: JobId,
    /// Whose it is; `None` for the house's own work.
    pub site: Option<SiteId>,
    /// Which try this is, from 1.
    pub attempt: i32,
    /// Whether the job dies if this try fails.
    pub last_attempt: bool,
    /// Cancelled when the future is about to be dropped: for work on other threads, which
    /// dropping doesn't reach.
    pub cancelled: CancellationToken,
    pub(super) progress: watch::Sender<Option<Progress>>,
}

impl JobContext {
    /// Says what the job is at, or how it ended (a code), and how much of it is done (0 to 1).
    /// Stored within the second.
    pub fn progress(&self, stage: impl Into<Cow<'static, str>>, share: f32) {
        self.progress.send_replace(Some(Progress {
            stage: stage.into(),
            share: share.clamp(0.0, 1.0),
        }));
    }
}

/// The handlers of a process; it takes no other kinds off the queue.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<&'static str, Arc<dyn Handler>>);

impl Handlers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, in place of an earlier one of its kind.
    #[must_use]
    pub fn with(mut self, handler: impl Handler) -> Self {
        self.0.insert(handler.kind(), Arc::new(handler));
        self
    }

    /// Those of `kinds` only.
    #[must_use]
    pub fn only(&self, kinds: &[&str]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(kind, _)| kinds.contains(*kind))
                .map(|(k, h)| (*k, Arc::clone(h)))
                .collect(),
        )
    }

    /// What they do.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    pub(super) fn of(&self, work: &Work) -> Option<Arc<dyn Handler>> {
        self.0.get(work.kind()).map(Arc::clone)
    }
}
