//! The queue and the worker, against a real database.

mod fairness;
mod model;
mod operator;
mod plan;
mod queue;
mod runner;
mod schedule;
mod stopping;
mod support;
