//! Who waits for a thread's events in this process. Turns that are driven here wake them,
//! and PostgreSQL's notices of other processes; what happened they read from the table, so a
//! lost notice costs a moment and never an event.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::db::listen::THREAD_ERASED;
use crate::domain::ids::ThreadId;

/// How long others may not know of a process that has just begun to listen.
const UNKNOWN: Duration = Duration::from_secs(10);

/// The waiting.
pub struct Hub {
    threads: Mutex<HashMap<ThreadId, watch::Sender<i64>>>,
    /// Whether another process may be listening.
    others: AtomicBool,
    begun: Instant,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            threads: Mutex::default(),
            // Until the contrary is known.
            others: AtomicBool::new(true),
            begun: Instant::now(),
        }
    }
}

/// One who waits; gone from the hub when dropped.
pub struct Waiting {
    hub: Arc<Hub>,
    thread: ThreadId,
    /// Always there but while it is being dropped.
    woken: Option<watch::Receiver<i64>>,
}

impl Waiting {
    /// Waits until something may have happened.
    pub async fn changed(&mut self) {
        if let Some(woken) = &mut self.woken
            && woken.changed().await.is_ok()
        {
            return;
        }
        // The sender lives in the hub as long as anybody waits; without it, don't spin.
        std::future::pending::<()>().await;
    }
}

impl Waiting {
    /// Whether the thread was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        let woken = self.woken.as_ref();
        woken.is_some_and(|woken| *woken.borrow() == THREAD_ERASED)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut threads = self.hub.threads();
        // Under the lock, so that of two who leave at once the second sees that it is the last.
        self.woken = None;
        if let Some(sender) = threads.get(&self.thread)
            && sender.receiver_count() == 0
        {
            threads.remove(&self.thread);
        }
    }
}

impl Hub {
    /// Waits for a thread's events from now on.
    pub fn wait(self: &Arc<Self>, thread: ThreadId) -> Waiting {
        let woken = self
            .threads()
            .entry(thread)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe();
        Waiting {
            hub: Arc::clone(self),
            thread,
            woken: Some(woken),
        }
    }

    /// Streams that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.threads().values().map(watch::Sender::receiver_count).sum()
    }

    /// Those that wait for a thread.
    #[must_use]
    pub fn waiting_for(&self, thread: ThreadId) -> usize {
        let threads = self.threads();
        threads.get(&thread).map_or(0, watch::Sender::receiver_count)
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, HashMap<ThreadId, watch::Sender<i64>>> {
        // Held for single map operations only, none of which can panic half-way.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether other processes have to be told what happens here.
    #[must_use]
    pub fn others(&self) -> bool {
        self.others.load(Ordering::Relaxed)
    }

    /// Notes whether another process listens.
    pub fn set_others(&self, others: bool) {
        self.others.store(others, Ordering::Relaxed);
    }

    /// Whether another process may not know yet that this one listens.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.begun.elapsed() < UNKNOWN
    }

    /// Wakes who waits for a thread.
    pub fn wake(&self, thread: ThreadId, seq: i64) {
        if let Some(sender) = self.threads().get(&thread) {
            sender.send_replace(seq);
        }
    }

    /// Wakes all: something may have been missed.
    pub fn wake_all(&self) {
        for sender in self.threads().values() {
            sender.send_modify(|_| {});
        }
    }
}
