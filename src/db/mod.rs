//! The only SQL of the house. Tenant tables are reached through [`pool::SiteTx`] alone,
//! a transaction that carries its site; what looks over all sites calls one of the few
//! definer functions of the migrations.

pub mod ai_jobs;
pub mod copies;
pub mod corpus;
pub mod crawl_pages;
pub mod crawls;
pub mod document_states;
pub mod documents;
pub mod embedded;
pub mod embeddings;
pub mod erasure;
pub mod eval_threads;
pub mod events;
pub mod filtered;
pub mod freshness;
pub mod gaps;
pub mod handoffs;
pub mod inbound;
pub mod jobs;
pub mod listen;
pub mod migrate;
pub mod model_calls;
pub mod models;
pub mod nearest;
pub mod packed;
pub mod passages;
pub mod persons;
pub mod pool;
pub mod postings;
pub mod prune;
pub mod receipts;
pub mod removal;
pub mod schedule;
pub mod sites;
pub mod spend;
pub mod threads;
pub mod tool_calls;
pub mod trust;
pub mod turn_writes;
pub mod turns;
pub mod uploads;
pub mod usage;
pub mod vault;
pub mod versions;
