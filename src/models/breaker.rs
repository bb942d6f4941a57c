//! When to leave a provider alone: after five failures within a minute for a minute, then
//! one call tries it; or as long as it asked for itself. Pure: the time comes in, and what
//! is late (an answer to a call of before) changes nothing.

use chrono::{DateTime, TimeDelta, Utc};

/// Failures within [`WINDOW`] that open it.
pub const FAILURES: usize = 5;
/// How far back failures count.
pub const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// How long it stays open before a trial, and how long a trial may take before another.
pub const REST: TimeDelta = TimeDelta::seconds(60);
/// The longest that a provider may ask to be left alone.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(600);

/// May call; what came of it is told with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Ticket(u64);

/// Calls are not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is left alone until {until}")]
pub struct Resting {
    /// When to ask again.
    pub until: DateTime<Utc>,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, or an error that isn't the provider's.
    Good,
    /// A failure.
    Bad,
    /// A failure, and the provider wants to be left alone for so long.
    Wait(TimeDelta),
    /// Nobody waited for the answer.
    Abandoned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls go through.
    Closed,
    /// None does until then.
    Open { until: DateTime<Utc> },
    /// One is under way since then.
    Trial { since: DateTime<Utc> },
}

/// A breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    /// The latest failures, oldest first.
    failed: Vec<DateTime<Utc>>,
    /// Tickets of earlier rounds no longer count.
    round: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            failed: Vec::new(),
            round: 0,
        }
    }
}

impl Breaker {
    /// Whether a call may be made now.
    ///
    /// # Errors
    /// When it may not; the error says until when.
    pub fn admit(&mut self, now: DateTime<Utc>) -> Result<Ticket, Resting> {
        match self.state {
            State::Closed => {}
            State::Open { until } if now < until => return Err(Resting { until }),
            // A trial of which nothing was heard again must not keep it shut for ever.
            State::Trial { since } if now < since + REST => return Err(Resting { until: since + REST }),
            State::Open { .. } | State::Trial { .. } => {
                self.state = State::Trial { since: now };
                self.round += 1;
            }
        }
        Ok(Ticket(self.round))
    }

    /// Whether a call would be let through, without taking the trial.
    #[must_use]
    pub fn would_admit(&self, now: DateTime<Utc>) -> bool {
        self.clone().admit(now).is_ok()
    }

    /// How it stands, for a gauge: 0 closed, 1 on trial, 2 open.
    #[must_use]
    pub fn level(&self) -> u8 {
        match self.state {
            State::Closed => 0,
            State::Trial { .. } => 1,
            State::Open { .. } => 2,
        }
    }

    /// Takes note of what came of a call.
    pub fn record(&mut self, ticket: Ticket, outcome: Outcome, now: DateTime<Utc>) {
        if ticket.0 != self.round || matches!(self.state, State::Open { .. }) {
            return;
        }
        let trial = matches!(self.state, State::Trial { .. });
        match outcome {
            Outcome::Good if trial => {
                *self = Self {
                    round: self.round + 1,
                    ..Self::default()
                };
            }
            Outcome::Good => {}
            // The next call is the trial then.
            Outcome::Abandoned if trial => self.open(now),
            Outcome::Abandoned => {}
            Outcome::Wait(wait) => {
                self.count(now);
                let full = trial || self.failed.len() >= FAILURES;
                let least = if full { REST } else { TimeDelta::zero() };
                let wait = wait.clamp(TimeDelta::zero(), LONGEST_WAIT).max(least);
                if wait > TimeDelta::zero() {
                    self.open(now + wait);
                }
            }
            Outcome::Bad => {
                self.count(now);
                if trial || self.failed.len() >= FAILURES {
                    self.open(now + REST);
                }
            }
        }
    }

    fn count(&mut self, now: DateTime<Utc>) {
        self.failed.retain(|at| *at > now - WINDOW);
        self.failed.push(now);
    }

    fn open(&mut self, until: DateTime<Utc>) {
        self.state = State::Open { until };
        self.round += 1;
    }
}
