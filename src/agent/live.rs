//! A turn's events handed to whoever follows it in this process, once they are stored: who
//! asks needn't read back what was just written. Whatever is missed is in the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::db::events::StoredEvent;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::vault;

/// Stores that a follower may be behind.
const BEHIND: usize = 64;

/// The events of a turn as they are stored, with the visitor's own data put back. Ends with
/// the turn, or sooner: then the rest is read from the table.
#[derive(Debug)]
pub struct LiveEvents {
    from: mpsc::Receiver<Vec<StoredEvent>>,
    patient: Arc<AtomicBool>,
}

impl LiveEvents {
    /// The next ones; none at their end.
    pub async fn recv(&mut self) -> Option<Vec<StoredEvent>> {
        self.from.recv().await
    }

    /// Says that only the end is of interest: what comes before may come with it.
    pub fn wait_for_the_end(&self) {
        self.patient.store(true, Ordering::Relaxed);
    }
}

/// Tells a turn's follower what is stored.
pub(super) struct Teller {
    to: Option<mpsc::Sender<Vec<StoredEvent>>>,
    patient: Arc<AtomicBool>,
}

impl Teller {
    /// With its follower.
    pub(super) fn open() -> (Self, LiveEvents) {
        let (to, from) = mpsc::channel(BEHIND);
        let patient = Arc::default();
        let teller = Self {
            to: Some(to),
            patient: Arc::clone(&patient),
        };
        (teller, LiveEvents { from, patient })
    }

    /// Without one.
    pub(super) fn silent() -> Self {
        Self {
            to: None,
            patient: Arc::default(),
        }
    }

    /// Whether the follower waits for the turn's end only.
    pub(super) fn is_patient(&self) -> bool {
        self.patient.load(Ordering::Relaxed)
    }

    /// Hands on what is stored. A follower that is gone or too slow gets no more.
    pub(super) fn tell(&mut self, mut events: Vec<StoredEvent>, hidden: &Placeholders) {
        let Some(to) = &self.to else { return };
        if events.is_empty() {
            return;
        }
        vault::reveal_with(hidden, &mut events);
        if to.try_send(events).is_err() {
            self.to = None;
        }
    }
}
