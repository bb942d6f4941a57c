//! The only SQL of the house. Tenant tables are reached through [`pool::SiteTx`] alone,
//! a transaction that carries its site; what looks over all sites calls one of the few
//! definer functions of the migrations.

pub mod embedded;
pub mod events;
pub mod handoffs;
pub mod jobs;
pub mod listen;
pub mod migrate;
pub mod pool;
pub mod prune;
pub mod schedule;
pub mod sites;
pub mod threads;
pub mod tool_calls;
pub mod turns;
