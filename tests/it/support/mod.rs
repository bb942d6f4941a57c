//! What the tests stand on: a real PostgreSQL for all of them with a database for each,
//! a real server on a real port, a fake model provider that speaks real HTTP, and the
//! product's own binary for what only a process of its own can show.

pub mod app;
pub mod brains;
pub mod collector;
pub mod fake_embedder;
pub mod fake_provider;
pub mod knowledge;
pub mod model_brain;
pub mod model_folder;
pub mod poisoned;
pub mod postgres;
pub mod process;
pub mod scratch;
pub mod site_server;
pub mod smtp_server;
pub mod sse;
pub mod web_server;
pub mod woo_server;
pub mod wordpress;
