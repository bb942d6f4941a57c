//! A ticket to open: whose it is, what it is opened once for, and what it says.

use chrono::{DateTime, Utc};

use crate::domain::ids::{ThreadId, TicketId, TurnId};
use crate::domain::ticket::{Priority, SUPPORT};

/// A ticket to open.
#[derive(Debug, Clone, Copy)]
pub struct NewTicket<'a> {
    /// Its id; what is sealed for it was sealed for this one.
    pub id: TicketId,
    /// Its conversation.
    pub thread: Option<ThreadId>,
    /// The turn that ends with it: there is one at most.
    pub turn: Option<TurnId>,
    /// What else it is opened once for: a call, an event.
    pub key: Option<&'a str>,
    /// Why, a code.
    pub reason: &'a str,
    /// `chat`, `form`, `email`, `api` or `system`.
    pub source: &'a str,
    /// A short word.
    pub category: &'a str,
    /// How urgent.
    pub priority: Priority,
    /// The address for the answer, sealed, and its hash.
    pub contact: Option<(&'a [u8], &'a [u8])>,
    /// [`crate::domain::ticket::Content`], sealed.
    pub content: Option<&'a [u8]>,
    /// Where it is about.
    pub url: Option<&'a str>,
    /// How sure whoever sorted it was.
    pub confidence: Option<f32>,
    /// When.
    pub now: DateTime<Utc>,
}

impl<'a> NewTicket<'a> {
    /// One by which staff learn of something that is no conversation's.
    #[must_use]
    pub fn of_system(reason: &'a str, now: DateTime<Utc>) -> Self {
        Self {
            id: TicketId::new(),
            thread: None,
            turn: None,
            key: None,
            reason,
            source: "system",
            category: SUPPORT,
            priority: Priority::Normal,
            contact: None,
            content: None,
            url: None,
            confidence: None,
            now,
        }
    }

    /// One that a turn ends with, without a text of its own: the conversation says it.
    #[must_use]
    pub fn of_turn(thread: ThreadId, turn: TurnId, reason: &'a str, now: DateTime<Utc>) -> Self {
        Self {
            thread: Some(thread),
            turn: Some(turn),
            source: "chat",
            ..Self::of_system(reason, now)
        }
    }
}
