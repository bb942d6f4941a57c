//! The step.

use chrono::{DateTime, Utc};

use crate::agent::machine::Machine;
use crate::agent::machine::action::Action;
use crate::agent::machine::input::Input;

/// One transition: the machine after `input`, which came `at`, and what is to be done now.
#[must_use]
pub fn step(machine: Machine, at: DateTime<Utc>, input: &Input) -> (Machine, Vec<Action>) {
    let _ = (at, input);
    (machine, Vec::new())
}
