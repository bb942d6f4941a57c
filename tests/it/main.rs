//! Tests against a real database and a real server.

mod architecture;
mod bad_input;
mod cli;
mod conversation;
mod crash;
mod jobs;
mod provider;
mod support;
mod tenancy;
mod tenancy_queries;
mod tokens;
mod wire;
