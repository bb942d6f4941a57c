//! The only SQL of the house. Tenant tables are reached through [`pool::SiteTx`] alone,
//! a transaction that carries its site; what looks over all sites calls one of the few
//! definer functions of the migrations.

pub mod jobs;
pub mod pool;
pub mod prune;
pub mod schedule;
