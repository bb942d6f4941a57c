//! The turn machine: decides everything about a turn and does nothing itself.

pub mod action;
pub mod call;
pub mod ctx;
pub mod input;
pub mod state;
mod step;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use action::Outcome;
use ctx::{Ctx, Limits, Mode};
use input::Input;
use state::State;

pub use step::step;

/// A turn: where it stands and what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What it carries from state to state.
    pub ctx: Ctx,
    /// Where it stands.
    pub state: State,
}

impl Machine {
    /// A turn that is stored and not begun. `links` is the fallback chain, the first to
    /// ask in front.
    #[must_use]
    pub fn new(mode: Mode, limits: Limits, links: Vec<String>) -> Self {
        let ctx = Ctx {
            mode,
            limits,
            links,
            link: 0,
            started_at: None,
            tools_used: 0,
            corrections: 0,
            redrafts: 0,
            rounds: 0,
            released: 0,
            first_out: false,
            grounded: false,
            doubtful: false,
            write_keys: Vec::new(),
        };
        Self {
            ctx,
            state: State::Received,
        }
    }

    /// How the turn ended; `None` while it runs.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state {
            State::Done { outcome } => Some(outcome),
            _ => None,
        }
    }
}

/// Runs stored inputs through a machine again and gives where it ends.
#[must_use]
pub fn replay(start: Machine, inputs: impl IntoIterator<Item = (DateTime<Utc>, Input)>) -> Machine {
    inputs
        .into_iter()
        .fold(start, |machine, (at, input)| step(machine, at, &input).0)
}
