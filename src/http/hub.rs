//! Who waits for a thread's events in this process. PostgreSQL's notices wake them; what
//! happened they read from the table, so a lost notice costs a moment and never an event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::db::listen::{Listener, Notice, THREAD_ERASED, THREAD_EVENTS, TURN_CANCEL};
use crate::domain::ids::ThreadId;

/// The waiting.
#[derive(Default)]
pub struct Hub {
    threads: Mutex<HashMap<ThreadId, watch::Sender<i64>>>,
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

    fn threads(&self) -> std::sync::MutexGuard<'_, HashMap<ThreadId, watch::Sender<i64>>> {
        // Held for single map operations only, none of which can panic half-way.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, thread: ThreadId, seq: i64) {
        if let Some(sender) = self.threads().get(&thread) {
            sender.send_replace(seq);
        }
    }

    fn wake_all(&self) {
        for sender in self.threads().values() {
            sender.send_modify(|_| {});
        }
    }
}

/// Hears the database's notices until `stop`, over lost connections too.
pub async fn listen(hub: Arc<Hub>, agent: Arc<Agent>, stop: CancellationToken) {
    let mut pause = Duration::from_millis(100);
    loop {
        let begun = std::time::Instant::now();
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = hear(&hub, &agent) => heard,
        };
        if begun.elapsed() > Duration::from_secs(30) {
            pause = Duration::from_millis(100);
        }
        if let Err(error) = heard {
            tracing::warn!(%error, "the database's notices can't be heard; streams poll meanwhile");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

async fn hear(hub: &Hub, agent: &Agent) -> crate::db::pool::DbResult<()> {
    let mut listener = Listener::open(&agent.db, &[THREAD_EVENTS, TURN_CANCEL]).await?;
    hub.wake_all();
    loop {
        match listener.next().await? {
            Notice::Reconnected => hub.wake_all(),
            Notice::Heard { channel, payload } if channel == TURN_CANCEL => {
                if let Ok(turn) = payload.parse() {
                    agent.stop_here(turn);
                }
            }
            Notice::Heard { payload, .. } => {
                if let Some((thread, seq)) = payload.split_once(':')
                    && let (Ok(thread), Ok(seq)) = (thread.parse(), seq.parse())
                {
                    hub.wake(thread, seq);
                }
            }
        }
    }
}
