//! The only SQL of the house. Tenant tables are reached through [`pool::SiteTx`] alone,
//! a transaction that carries its site; what looks over all sites calls one of the few
//! definer functions of the migrations.

pub mod corpus;
pub mod documents;
pub mod pool;
pub mod postings;
pub mod uploads;
pub mod versions;
