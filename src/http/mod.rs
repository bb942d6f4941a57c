//! The web: routes, who is asking, errors as problem+json, and the events' stream. The
//! only room that knows axum; handlers are thin and call the rooms to the left.

pub mod ai_jobs;
pub mod assets;
pub mod auth;
pub mod body;
pub mod bridge;
mod client;
pub mod cors;
pub mod crawls;
pub mod demo;
pub mod documents;
pub mod error;
pub mod handoffs;
pub mod health;
pub mod inbound;
pub mod jobs;
pub mod messages;
pub mod metrics;
pub mod notices;
pub mod order_updated;
mod page;
pub mod ping;
mod plain_text;
pub mod privacy;
pub mod rag;
pub mod request_id;
pub mod router;
pub mod search;
pub mod server;
mod shape;
pub mod site;
pub mod sse;
pub mod state;
pub mod threads;
pub mod tickets;
pub mod usage;
pub mod webhooks;
