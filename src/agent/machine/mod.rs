//! The turn machine: decides everything about a turn and does nothing itself (AGT-1).
//! [`step()`] is pure and total: time comes in with each input, every input in every
//! state has an answer, and a driver performs the actions and feeds back what came of
//! them.
//!
//! ```text
//! Received ─→ Screening ─Clean→ Planning ─Draft→ Drafting ─ended→ Checking ─pass→ Done
//!                 │  │           │ ↑ │             │  ↑              │
//!                 │  │       Call│ │ │             │  └─ first fail ─┤
//!                 │  │           ↓ │result         │  (drafts again) │
//!                 │  └Confirms→ Calling            │                 │
//!                 │              │   │             │                 │
//!         blocked,│         needs│   │asks,        │broken off,      │second fail,
//!   wants a person│              │   │hands over   │second fail      │broken off
//!                 └──────────────┴───┴──→ Closing ←┴─────────────────┘
//!                                            └─ stored, or not ─→ Done
//! ```
//!
//! Besides: `Cancelled` and `Fenced` end the turn from every state (a stop during a write
//! by way of `Closing`), the clocks `First` and `Cap` lead from every state before
//! `Closing` to there; a failed link goes back to `Planning` or `Drafting` on the next
//! link; `Resumed` repeats what was open.
//!
//! | action | answered by |
//! |---|---|
//! | `Screen` | `Screened` |
//! | `Plan` | `Planned`, `LinkFailed` |
//! | `CallTool` | `ToolOk`, `ToolErr`, `ToolNeeds`, `ToolHandsOver`, `CallRejected` |
//! | `Draft` | `Sentence` any number of times, then `DraftEnded` or `LinkFailed` |
//! | `CheckAnswer` | `Checked` |
//! | `StoreAsk`, `StoreDraft`, `OpenTicket`, `OpenHandoff` | `Closed`, `CloseFailed` |
//! | `Arm` | `Timer`, once, unless it is armed again before |
//! | `Release`, `Withdraw`, `Say`, `Abort`, `Finish` | nothing |
//!
//! `Started` comes once; `Cancelled` and `Fenced` whenever they happen; `Resumed` when a
//! worker takes over a turn whose worker died. At most one operation runs at a time: a
//! new one is asked for only after the answer to the last, or after `Abort`, and an
//! aborted one is never heard of again. `Finish` is the last action of every turn and
//! ends all its clocks. A step with its input is stored in the same transaction as the
//! events of its `Release`, `Withdraw`, `Say` and `Finish`, so that no crash parts them.

pub mod action;
pub mod call;
mod close;
pub mod ctx;
mod draft;
pub mod input;
mod plan;
mod resume;
pub mod state;
mod step;
#[cfg(test)]
mod tests;

use crate::domain::event::Outcome;
use crate::domain::site::Mode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::agent::machine::action::Action;
use crate::agent::machine::ctx::{Ctx, Limits};
use crate::agent::machine::input::Input;
use crate::agent::machine::state::State;

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
    /// ask in front; an empty one leads every question to a person.
    #[must_use]
    pub fn new(mode: Mode, limits: Limits, links: Vec<String>) -> Self {
        Self {
            ctx: Ctx::new(mode, limits, links),
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

    /// The operation whose answer is awaited; `None` before the start and after the end.
    #[must_use]
    pub fn open_operation(&self) -> Option<Action> {
        self.state.operation(&self.ctx)
    }
}

/// Runs stored inputs through a machine again and gives where it ends (AGT-11).
#[must_use]
pub fn replay(start: Machine, inputs: impl IntoIterator<Item = (DateTime<Utc>, Input)>) -> Machine {
    inputs
        .into_iter()
        .fold(start, |machine, (at, input)| step(machine, at, &input).0)
}
