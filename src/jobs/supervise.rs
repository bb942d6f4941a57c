//! One job's run: the handler in a task of its own, so that its panic ends nothing else;
//! the heartbeat beside it; and however it ends, the word of it to the queue.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::handler::{Handlers, JobContext};
use crate::db::jobs::{self, Claimed, Lease, QueueError};
use crate::db::pool::Db;
use crate::domain::job::{JobError, JobState, Progress};

/// The least time between two words of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(300);
/// How long a handler that is dropped may take to reach its next await.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// What all jobs of a runner share.
pub(super) struct Supervisor {
    pub db: Db,
    pub handlers: Handlers,
    pub lease: Duration,
    pub tasks: TaskTracker,
    /// Cancelled when jobs under way must be given back.
    pub abandon: CancellationToken,
}

type Run = Result<Result<(), JobError>, JoinError>;

/// How a run ended.
enum End {
    /// By itself.
    Ran(Run),
    /// The job is somebody else's by now, or was dropped.
    Lost,
    /// The process must stop.
    Abandoned,
}

impl Supervisor {
    /// Runs a job to its end; `asked` is from before it was claimed.
    pub async fn run(&self, job: Claimed, asked: Instant) {
        let span = tracing::info_span!(
            "job",
            id = %job.id,
            kind = job.work.kind(),
            site = job.site.map(|site| site.hashed()),
            attempt = job.attempt
        );
        self.run_in_span(job, asked).instrument(span).await;
    }

    async fn run_in_span(&self, job: Claimed, asked: Instant) {
        let Some(handler) = self.handlers.of(&job.work) else {
            // Claims are made for the handlers' kinds; nothing to do but let another have it.
            tracing::error!("claimed without a handler");
            return self
                .tell("released", || jobs::release(&self.db, &job.lease))
                .await;
        };
        let (progress, seen) = watch::channel(None);
        let latest = seen.clone();
        let cancelled = CancellationToken::new();
        // Also when this task itself is dropped.
        let _cancelled = cancelled.clone().drop_guard();
        let ctx = JobContext {
            db: self.db.clone(),
            id: job.id,
            site: job.site,
            attempt: job.attempt,
            last_attempt: job.last_attempt,
            cancelled: cancelled.clone(),
            progress,
        };
        let work = job.work.clone();
        let handled = async move { handler.run(ctx, work).await };
        let mut task = self.tasks.spawn(handled.instrument(tracing::Span::current()));

        let end = tokio::select! {
            // First: what has ended has ended, whatever else is true.
            biased;
            ran = &mut task => End::Ran(ran),
            () = self.keep(job.lease, asked, seen) => End::Lost,
            () = self.abandon.cancelled() => End::Abandoned,
        };
        let ran = match end {
            End::Ran(ran) => ran,
            End::Lost => {
                tracing::warn!("the lease is lost, the job is stopped");
                cancelled.cancel();
                dropped(&mut task).await;
                return;
            }
            End::Abandoned => {
                cancelled.cancel();
                match dropped(&mut task).await {
                    Some(Err(error)) if error.is_cancelled() => {
                        return self
                            .tell("released", || jobs::release(&self.db, &job.lease))
                            .await;
                    }
                    // It had just ended.
                    Some(ran) => ran,
                    // It may still be at work: only the end of the lease makes it safe elsewhere.
                    None => return tracing::warn!("the job can't be stopped, its lease will run out"),
                }
            }
        };
        let error = match ran {
            Ok(Ok(())) => {
                let last = latest.borrow().clone();
                let ms = asked.elapsed().as_millis();
                tracing::debug!(%ms, "done");
                return self
                    .tell("done", || jobs::finish(&self.db, &job.lease, last.as_ref()))
                    .await;
            }
            Ok(Err(error)) => error,
            // The panic hook has logged where and why.
            Err(_) => JobError::transient("panicked", "The job crashed; the log says where."),
        };
        if let Some(after) = error.again {
            let last = latest.borrow().clone();
            return self
                .tell("going on", || {
                    jobs::go_on(&self.db, &job.lease, after, last.as_ref())
                })
                .await;
        }
        self.tell("failed", || async {
            let failed = jobs::fail(&self.db, &job.lease, &error).await?;
            if failed.state == JobState::Dead {
                tracing::warn!(code = %error.code, "failed for good");
            } else {
                tracing::warn!(code = %error.code, again = %failed.run_at, "failed");
            }
            Ok(())
        })
        .await;
    }

    /// Tells the queue how it ended, again and again while the database is away, for about as
    /// long as the job may still be this worker's. After that its lease brings it back.
    async fn tell<F>(&self, what: &str, mut word: impl FnMut() -> F)
    where
        F: Future<Output = Result<(), QueueError>>,
    {
        let until = Instant::now() + self.lease;
        loop {
            match word().await {
                Ok(()) => return,
                Err(QueueError::Db(error)) if error.is_transient() && Instant::now() < until => {
                    tracing::warn!(%error, what, "can't tell the queue yet");
                    sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return tracing::warn!(%error, what, "can't tell the queue"),
            }
        }
    }

    /// Holds the lease and stores progress; ends when the lease is lost.
    async fn keep(&self, lease: Lease, asked: Instant, mut seen: watch::Receiver<Option<Progress>>) {
        let beat = self.lease / 3;
        let rest = PROGRESS_EVERY.min(beat);
        // Counted from before each question, so it is never later than the database's end of it.
        let mut held_until = asked + self.lease;
        let mut next = asked + beat;
        // Until the handler lets go of its end; the job is about to end then.
        let mut listening = true;
        loop {
            tokio::select! {
                () = sleep_until(next) => {}
                changed = seen.changed(), if listening => {
                    listening = changed.is_ok();
                    if !listening {
                        continue;
                    }
                    // Most jobs end in less: what they tell goes with the word of their end.
                    sleep(rest).await;
                }
            }
            let asked = Instant::now();
            let left = held_until.saturating_duration_since(asked);
            if left.is_zero() {
                return tracing::warn!("no heartbeat was answered before the lease ran out");
            }
            let progress = seen.borrow_and_update().clone();
            let beaten = jobs::heartbeat(&self.db, &lease, self.lease, progress.as_ref());
            match timeout(left, beaten).await {
                Ok(Ok(())) => {
                    held_until = asked + self.lease;
                    next = asked + beat;
                }
                Ok(Err(QueueError::Db(error))) => {
                    tracing::warn!(%error, "no heartbeat");
                    next = (asked + beat.min(Duration::from_secs(1))).min(held_until);
                    sleep(rest).await;
                }
                Ok(Err(_)) => return,
                // The next round says so.
                Err(_) => next = held_until,
            }
        }
    }
}

/// Drops a handler's future; gives how it ended if that was in time.
async fn dropped(task: &mut JoinHandle<Result<(), JobError>>) -> Option<Run> {
    task.abort();
    timeout(LAST_MOMENT, task).await.ok()
}
