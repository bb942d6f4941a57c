//! A turn's events handed to whoever follows it in this process, once they are stored: who
//! asks needn't read back what was just written. Whatever is missed is in the table.

use tokio::sync::mpsc;

use crate::db::events::StoredEvent;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::vault;

/// Stores that a follower may be behind.
const BEHIND: usize = 64;

/// The events of a turn as they are stored, with the visitor's own data put back. Ends with
/// the turn, or sooner: then the rest is read from the table.
pub type LiveEvents = mpsc::Receiver<Vec<StoredEvent>>;

/// Tells a turn's follower what is stored.
pub(super) struct Teller(Option<mpsc::Sender<Vec<StoredEvent>>>);

impl Teller {
    /// With its follower.
    pub(super) fn open() -> (Self, LiveEvents) {
        let (to, from) = mpsc::channel(BEHIND);
        (Self(Some(to)), from)
    }

    /// Without one.
    pub(super) fn silent() -> Self {
        Self(None)
    }

    /// Hands on what is stored. A follower that is gone or too slow gets no more.
    pub(super) fn tell(&mut self, mut events: Vec<StoredEvent>, hidden: &Placeholders) {
        let Some(to) = &self.0 else { return };
        if events.is_empty() {
            return;
        }
        vault::reveal_with(hidden, &mut events);
        if to.try_send(events).is_err() {
            self.0 = None;
        }
    }
}
