//! The second half of the content filter (GRD-3): a moderation endpoint, where the operator
//! has configured one, after the closed rules of [`super::content`] and never instead of
//! them. While it is away the rules decide alone, or nothing passes: as configured.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::domain::clock::SharedClock;
use crate::models::breaker::{Breaker, Outcome, Ticket};
use crate::models::openai::moderation::{ModerationError, Moderator};

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A visitor's message.
    Message,
    /// Sentences of a brain.
    Answer,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Answer => "answer",
        }
    }
}

/// What the endpoint says of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moderated {
    /// Nothing against it; or there is no endpoint, or it is away and that is no reason to
    /// hold anything back.
    Passes,
    /// It trips the filter.
    Trips,
    /// Nobody could be asked, and nothing may pass unasked.
    Unasked,
}

/// The endpoint, if there is one, and what holds while it is away.
pub struct Moderation(Option<Asked>);

struct Asked {
    moderator: Moderator,
    /// Whether nothing passes while it is away.
    closed: bool,
    clock: SharedClock,
    /// So that an endpoint that is away costs a few messages its time limit, not all.
    breaker: Mutex<Breaker>,
}

impl Moderation {
    /// The closed rules alone.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// With an endpoint. `closed`: nothing passes while it is away.
    #[must_use]
    pub fn by(moderator: Moderator, closed: bool, clock: SharedClock) -> Self {
        Self(Some(Asked {
            moderator,
            closed,
            clock,
            breaker: Mutex::default(),
        }))
    }

    /// Whether anybody is asked at all.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.0.is_some()
    }

    /// What is to be done with each of these texts, in their order. Personal data stands
    /// behind placeholders in them, as in all that leaves.
    pub async fn check(&self, direction: Direction, texts: &[String]) -> Vec<Moderated> {
        match &self.0 {
            Some(asked) if !texts.is_empty() => asked.check(direction, texts).await,
            _ => vec![Moderated::Passes; texts.len()],
        }
    }
}

impl Asked {
    async fn check(&self, direction: Direction, texts: &[String]) -> Vec<Moderated> {
        let away = if self.closed {
            Moderated::Unasked
        } else {
            Moderated::Passes
        };
        let count = |result: &'static str, texts: usize| {
            let labels = [("direction", direction.as_str()), ("result", result)];
            metrics::counter!("deskhand_moderation_total", &labels).increment(texts as u64);
        };
        let ticket = self.with_breaker(|breaker| breaker.admit(self.clock.now()));
        let Ok(ticket) = ticket else {
            count("away", texts.len());
            return vec![away; texts.len()];
        };
        // Says so even if nobody waits for the answer any more.
        let mut call = Call {
            of: self,
            ticket,
            outcome: Outcome::Abandoned,
        };
        let begun = Instant::now();
        let asked = self.moderator.flags(texts).await;
        metrics::histogram!("deskhand_moderation_seconds").record(begun.elapsed());
        match asked {
            Ok(flags) => {
                call.outcome = Outcome::Good;
                let verdicts = flags.into_iter().map(|flags| match flags {
                    None => Moderated::Passes,
                    Some(categories) => {
                        tracing::info!(
                            direction = direction.as_str(),
                            categories = categories.join(","),
                            "the moderation endpoint objects"
                        );
                        Moderated::Trips
                    }
                });
                let verdicts: Vec<Moderated> = verdicts.collect();
                let tripped = verdicts.iter().filter(|v| **v == Moderated::Trips).count();
                count("tripped", tripped);
                count("passed", texts.len() - tripped);
                verdicts
            }
            Err(error) => {
                call.outcome = outcome(&error);
                count("away", texts.len());
                tracing::warn!(%error, closed = self.closed, "the moderation endpoint gives no answer");
                vec![away; texts.len()]
            }
        }
    }

    fn with_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        // Its state is whole between any two statements, even if somebody panicked.
        act(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A call under way; what came of it is told to the breaker when it ends.
struct Call<'a> {
    of: &'a Asked,
    ticket: Ticket,
    outcome: Outcome,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let now = self.of.clock.now();
        self.of
            .with_breaker(|breaker| breaker.record(self.ticket, self.outcome, now));
    }
}

/// A refusal of this one text says nothing of the endpoint; a wrong key or path does.
fn outcome(error: &ModerationError) -> Outcome {
    match error {
        ModerationError::Status {
            status: 400 | 413 | 422,
            ..
        } => Outcome::Good,
        _ => Outcome::Bad,
    }
}
