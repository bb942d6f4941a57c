//! Tests against a real database and a real server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod architecture;
mod bad_input;
mod cli;
mod conversation;
mod crash;
mod embeddings;
mod extract;
mod ingest;
mod jobs;
mod knowledge_search;
mod pii;
mod provider;
mod query_plans;
mod support;
mod telemetry;
mod tenancy;
mod tenancy_queries;
mod tenancy_turns;
mod tenancy_vectors;
mod tokens;
mod vectors;
mod wire;
