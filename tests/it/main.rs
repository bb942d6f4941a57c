//! Tests against a real database and a real server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod ai_jobs;
mod answers;
mod architecture;
mod backup;
mod bad_input;
mod bm25;
mod bridge;
mod cli;
mod confidence;
mod connection;
mod connections;
mod conversation;
mod copies;
mod crash;
mod crash_intake;
mod crash_turns;
mod crawl;
mod doctor;
mod embeddings;
mod eval_cases;
mod eval_connected;
mod eval_conversations;
mod extract;
mod faults;
mod fetch;
mod freshness;
mod hands;
mod ingest;
mod injection;
mod injection_orders;
mod intake;
mod jobs;
mod knowledge_search;
mod mail;
mod model_change;
mod model_turns;
mod moderation;
mod odd_input;
mod pii;
mod privacy;
mod profile;
mod providers;
mod query_plans;
mod retention;
mod rollout;
mod scan;
mod spending;
mod support;
mod telemetry;
mod tenancy;
mod tenancy_bridge;
mod tenancy_complete;
mod tenancy_connections;
mod tenancy_crawl;
mod tenancy_hands;
mod tenancy_intake;
mod tenancy_mail;
mod tenancy_persons;
mod tenancy_queries;
mod tenancy_retention;
mod tenancy_tickets;
mod tenancy_tools;
mod tenancy_turns;
mod tenancy_vectors;
mod tickets;
mod tokens;
mod tools;
mod vectors;
mod waiting;
mod wire;
