//! The queue and the worker, against a real database.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helpers may fail as the test may"
)]

mod fairness;
mod model;
mod operator;
mod plan;
mod queue;
mod runner;
mod schedule;
mod stopping;
mod support;
