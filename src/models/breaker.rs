//! When to leave a provider alone: after five failures within a minute for a minute, then
//! one call tries it; or as long as it asked for itself. Pure: the time comes in, and what
//! is late (an answer to a call of before) changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum State {
    /// Calls go through.
    Closed,
    /// None does until then.
    Open { until: DateTime<Utc> },
    /// One is under way since then.
    Trial { since: DateTime<Utc> },
}

/// A breaker. What is stored of it may be read back by another replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Whether it has nothing to remember: closed, and no failure that still counts.
    #[must_use]
    pub fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Closed && self.failed.iter().all(|at| *at <= now - WINDOW)
    }

    /// Until when no call is let through.
    #[must_use]
    pub fn resting_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.clone().admit(now).err().map(|resting| resting.until)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn fail(breaker: &mut Breaker, second: i64) {
        let ticket = breaker.admit(at(second)).unwrap();
        breaker.record(ticket, Outcome::Bad, at(second));
    }

    #[test]
    fn five_failures_in_a_minute_open_it_and_a_good_trial_closes_it() {
        let mut b = Breaker::default();
        (0..4).for_each(|s| fail(&mut b, s));
        // The first is too long ago by now.
        fail(&mut b, 60);
        assert!(b.would_admit(at(60)));
        fail(&mut b, 61);
        fail(&mut b, 62);
        assert!(b.would_admit(at(62)), "four within a minute: 3, 60, 61, 62");
        fail(&mut b, 62);
        assert_eq!(b.admit(at(63)), Err(Resting { until: at(122) }));
        assert!(b.admit(at(121)).is_err());
        let trial = b.admit(at(122)).unwrap();
        assert!(b.admit(at(123)).is_err(), "one trial at a time");
        b.record(trial, Outcome::Good, at(124));
        (124..128).for_each(|s| fail(&mut b, s));
        assert!(b.would_admit(at(128)), "what was before the trial is forgotten");
    }

    #[test]
    fn a_bad_trial_opens_it_again_and_a_lost_one_makes_room_for_another() {
        let mut b = Breaker::default();
        (0..5).for_each(|_| fail(&mut b, 0));
        let trial = b.admit(at(60)).unwrap();
        b.record(trial, Outcome::Bad, at(61));
        assert_eq!(b.admit(at(100)), Err(Resting { until: at(121) }));
        let left = b.admit(at(121)).unwrap();
        b.record(left, Outcome::Abandoned, at(122));
        let lost = b.admit(at(122)).unwrap();
        assert!(b.admit(at(181)).is_err());
        let next = b.admit(at(182)).unwrap();
        b.record(lost, Outcome::Good, at(183));
        assert!(b.admit(at(183)).is_err(), "an answer of before counts no more");
        b.record(next, Outcome::Good, at(184));
        assert!(b.would_admit(at(184)));
    }

    #[test]
    fn a_provider_that_asks_for_time_gets_it() {
        let mut b = Breaker::default();
        let ticket = b.admit(at(0)).unwrap();
        let early = b.admit(at(0)).unwrap();
        b.record(ticket, Outcome::Wait(TimeDelta::seconds(20)), at(0));
        b.record(early, Outcome::Good, at(1));
        assert_eq!(b.admit(at(19)), Err(Resting { until: at(20) }));
        let trial = b.admit(at(20)).unwrap();
        b.record(trial, Outcome::Wait(TimeDelta::days(9)), at(20));
        assert_eq!(b.admit(at(21)).unwrap_err().until, at(20) + LONGEST_WAIT);
    }

    proptest! {
        /// Any calls at any times, checked against the rules said plainly.
        #[test]
        fn it_keeps_its_rules(steps in prop::collection::vec((0..40_i64, 0..5_u8, any::<bool>()), 1..200)) {
            let mut b = Breaker::default();
            let mut now = 0;
            let mut failures: Vec<i64> = Vec::new();
            let mut open: Option<i64> = None;
            let mut old: Vec<Ticket> = Vec::new();
            for (pause, outcome, late) in steps {
                now += pause;
                let admitted = b.admit(at(now));
                match open {
                    Some(until) if now < until => {
                        prop_assert_eq!(admitted, Err(Resting { until: at(until) }));
                        // Late news of earlier calls change nothing while it is open.
                        if let Some(ticket) = old.pop() {
                            b.record(ticket, Outcome::Good, at(now));
                        }
                        continue;
                    }
                    _ => prop_assert!(admitted.is_ok(), "closed, or time for a trial"),
                }
                let ticket = admitted.unwrap();
                let trial = open.is_some();
                if trial {
                    prop_assert!(b.admit(at(now)).is_err(), "one trial");
                    for ticket in old.drain(..) {
                        b.record(ticket, Outcome::Bad, at(now));
                    }
                }
                if late && !trial {
                    old.push(b.admit(at(now)).unwrap());
                }
                let (outcome, wait) = match outcome {
                    0 | 1 => (Outcome::Bad, 0),
                    2 => (Outcome::Good, 0),
                    3 => (Outcome::Abandoned, 0),
                    _ => (Outcome::Wait(TimeDelta::seconds(30)), 30),
                };
                b.record(ticket, outcome, at(now));
                match outcome {
                    Outcome::Good if trial => (failures, open) = (Vec::new(), None),
                    Outcome::Good => {}
                    Outcome::Abandoned => open = trial.then_some(now),
                    Outcome::Bad | Outcome::Wait(_) => {
                        failures.retain(|f| *f > now - 60);
                        failures.push(now);
                        let full = trial || failures.len() >= 5;
                        open = (full || wait > 0).then(|| now + if full { 60 } else { wait });
                    }
                }
            }
        }
    }
}
