//! deskhand: a support agent for websites. The modules stand in the order in which
//! data flows; `ARCHITECTURE.md` is the map. Only leftward imports are allowed, and
//! `tests/it/architecture.rs` checks it.

pub mod agent;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod evals;
pub mod events;
pub mod gateway;
pub mod guardrails;
pub mod hands;
pub mod http;
pub mod inbox;
pub mod jobs;
pub mod knowledge;
pub mod mail;
pub mod models;
pub mod privacy;
pub mod telemetry;
