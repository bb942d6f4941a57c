//! A process's worker: claims jobs while it has free hands, wakes by NOTIFY or by polling,
//! takes back what dead workers held, fires what is due by the clock, and drains when it
//! is told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::handler::Handlers;
use super::supervise::Supervisor;
use crate::db::jobs::{self, Claimed, MOST_AT_ONCE, Wakeups};
use crate::db::pool::{Db, DbResult};
use crate::db::schedule;
use crate::domain::job::Schedule;

/// How long to leave the database alone after it has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How a process works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Jobs at once; at least one. The pool needs about two connections a job, and one to listen.
    pub concurrency: usize,
    /// After how long without a heartbeat a job goes to another worker.
    pub lease: Duration,
    /// How often to look for jobs that no NOTIFY told of: those that are due later, and
    /// those announced while the connection was away.
    pub poll: Duration,
    /// How often to look for dead workers' jobs and for due schedules.
    pub sweep: Duration,
    /// How long jobs under way may go on when the process must stop.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 4,
            lease: Duration::from_secs(15),
            poll: Duration::from_secs(1),
            sweep: Duration::from_secs(2),
            drain: Duration::from_secs(20),
        }
    }
}

/// Runs jobs.
pub struct Runner {
    db: Db,
    handlers: Handlers,
    schedules: Vec<Schedule>,
    settings: Settings,
    worker: Uuid,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Runner {
    /// A worker that runs its jobs as tasks of `tasks`, until `stop` is cancelled.
    #[must_use]
    pub fn new(
        db: Db,
        handlers: Handlers,
        schedules: Vec<Schedule>,
        settings: Settings,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            db,
            handlers,
            schedules,
            settings,
            worker: Uuid::now_v7(),
            tasks,
            stop,
        }
    }

    /// Works; ends when it has been told to stop and no job is under way any more. Jobs that don't
    /// end within [`Settings::drain`] are dropped and given back to the queue, without counting
    /// the try.
    pub async fn run(self) {
        let slots = Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
        let wake = Arc::new(Notify::new());
        // Cancelled when the time to drain is over, and when this future is dropped.
        let abandon = CancellationToken::new();
        let _abandoned = abandon.clone().drop_guard();
        let supervisor = Arc::new(Supervisor {
            db: self.db.clone(),
            handlers: self.handlers.clone(),
            lease: self.settings.lease,
            tasks: self.tasks.clone(),
            abandon: abandon.clone(),
        });
        tracing::debug!(worker = %self.worker, kinds = ?self.handlers.kinds(), "working");
        let background = self.stop.child_token();
        let _stopped = background.clone().drop_guard();
        self.tasks.spawn(
            background
                .clone()
                .run_until_cancelled_owned(listen(self.db.clone(), Arc::clone(&wake))),
        );
        self.tasks
            .spawn(background.clone().run_until_cancelled_owned(sweep(
                self.db.clone(),
                self.schedules.clone(),
                self.settings,
                Arc::clone(&wake),
            )));

        while !self.stop.is_cancelled() {
            let asked = Instant::now();
            let mut pause = self.settings.poll;
            // A claim isn't interrupted: one that the database has made and nobody knows of
            // would leave its jobs to their leases.
            match self.claim(&slots).await {
                // Told to stop meanwhile: what hasn't begun is another's.
                Ok(claimed) if self.stop.is_cancelled() => {
                    for (job, _) in claimed {
                        if let Err(error) = jobs::release(&self.db, &job.lease).await {
                            tracing::warn!(job = %job.id, %error, "can't give the job back");
                        }
                    }
                }
                Ok(claimed) => {
                    // More than one claim may take.
                    if claimed.len() == MOST_AT_ONCE {
                        pause = Duration::ZERO;
                    }
                    for (job, slot) in claimed {
                        let (supervisor, wake) = (Arc::clone(&supervisor), Arc::clone(&wake));
                        self.tasks.spawn(async move {
                            supervisor.run(job, asked).await;
                            drop(slot);
                            wake.notify_one();
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "can't claim jobs");
                    pause = pause.min(PAUSE);
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = wake.notified() => {}
                () = sleep(pause) => {}
            }
        }

        // All slots are free when no job is under way.
        let all = u32::try_from(self.settings.concurrency.max(1)).unwrap_or(u32::MAX);
        if timeout(self.settings.drain, slots.acquire_many(all))
            .await
            .is_err()
        {
            tracing::info!(worker = %self.worker, "jobs under way are given back to the queue");
            abandon.cancel();
            // The supervisors end within a bounded time.
            drop(slots.acquire_many(all).await);
        }
        tracing::debug!(worker = %self.worker, "stopped working");
    }

    /// A job for each free hand, as far as there are any.
    async fn claim(&self, slots: &Arc<Semaphore>) -> DbResult<Vec<(Claimed, OwnedSemaphorePermit)>> {
        let mut free = Vec::new();
        while free.len() < MOST_AT_ONCE
            && let Ok(slot) = Arc::clone(slots).try_acquire_owned()
        {
            free.push(slot);
        }
        if free.is_empty() {
            return Ok(Vec::new());
        }
        let kinds = self.handlers.kinds();
        let claimed = jobs::claim(&self.db, self.worker, &kinds, free.len(), self.settings.lease).await?;
        Ok(claimed.into_iter().zip(free).collect())
    }
}

/// Wakes the worker when jobs are enqueued.
async fn listen(db: Db, wake: Arc<Notify>) {
    let mut wakeups = Wakeups::new(&db);
    loop {
        wakeups.next().await;
        wake.notify_one();
    }
}

/// Looks for dead workers' jobs and for due schedules.
async fn sweep(db: Db, schedules: Vec<Schedule>, settings: Settings, wake: Arc<Notify>) {
    let mut ticks = interval(settings.sweep);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut registered = false;
    loop {
        ticks.tick().await;
        let swept = async {
            let taken = jobs::reclaim(&db, 100).await?;
            for job in &taken {
                tracing::warn!(job = %job.id, state = %job.state, "its worker has gone");
            }
            if !registered {
                schedule::register(&db, &schedules).await?;
                registered = true;
            }
            let fired = schedule::fire(&db, &schedules).await?;
            DbResult::Ok(!taken.is_empty() || !fired.is_empty())
        };
        match swept.await {
            Ok(true) => wake.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "can't look for lost and scheduled jobs"),
        }
    }
}
