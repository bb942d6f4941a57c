//! What a site's people are told of, wherever they are: by Slack and by e-mail. A notice says
//! that there is something to look at; what it is, they read here.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::ThreadId;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A conversation was given to people.
    Handoff,
    /// A ticket was opened.
    Ticket,
    /// A ticket wasn't answered in time.
    Sla,
    /// The day's budget for language models is spent.
    Budget,
    /// Nobody can tell whether something was done.
    UnknownEffect,
    /// Background jobs failed for good.
    DeadJobs,
    /// Nothing: somebody tries whether notices arrive.
    Test,
}

impl NoticeKind {
    /// All that happen by themselves.
    pub const ALL: [Self; 6] = [
        Self::Handoff,
        Self::Ticket,
        Self::Sla,
        Self::Budget,
        Self::UnknownEffect,
        Self::DeadJobs,
    ];

    /// The name in the database, on the command line and in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handoff => "handoff",
            Self::Ticket => "ticket",
            Self::Sla => "sla",
            Self::Budget => "budget",
            Self::UnknownEffect => "unknown_effect",
            Self::DeadJobs => "dead_jobs",
            Self::Test => "test",
        }
    }

    /// Reads [`NoticeKind::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain([Self::Test])
            .find(|k| k.as_str() == name)
    }

    /// The kind for a handoff or ticket that was opened for this reason.
    #[must_use]
    pub fn of(self, reason: &str) -> Self {
        match reason {
            "unknown_effect" => Self::UnknownEffect,
            "budget_spent" => Self::Budget,
            _ => self,
        }
    }
}

/// A way to staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeChannel {
    /// The incoming webhook of the site's connection.
    Slack,
    /// The addresses of the site's setting.
    Email,
}

impl NoticeChannel {
    /// The name in the database and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }

    /// Reads [`NoticeChannel::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Slack, Self::Email]
            .into_iter()
            .find(|c| c.as_str() == name)
    }
}

/// Something that staff are to be told of.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// What.
    pub kind: NoticeKind,
    /// Names what happened, so that it is told once: `handoff/` and its id.
    pub key: String,
    /// The conversation that it is about.
    pub thread: Option<ThreadId>,
    /// A ticket's id, a kind of job: nothing that a person wrote.
    pub subject: Option<String>,
    /// Why, a code.
    pub reason: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::parse(kind.as_str()), Some(kind));
        }
        for channel in [NoticeChannel::Slack, NoticeChannel::Email] {
            assert_eq!(NoticeChannel::parse(channel.as_str()), Some(channel));
        }
        assert_eq!(
            NoticeKind::Handoff.of("unknown_effect"),
            NoticeKind::UnknownEffect
        );
        assert_eq!(NoticeKind::Ticket.of("incomplete"), NoticeKind::Ticket);
    }
}
