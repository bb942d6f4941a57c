//! Plain types and rules: no I/O, no async, no SQL. Everything else in the house
//! speaks in these words.

pub mod address;
pub mod ai_job;
pub mod bridge;
pub mod clock;
pub mod connection;
pub mod crawl;
pub mod customer;
pub mod document;
pub mod event;
pub mod fail;
pub mod hours;
pub mod ids;
pub mod job;
pub mod keys;
pub mod money;
pub mod notice;
pub mod order;
pub mod refund;
pub mod rules;
pub mod seal;
pub mod settings;
pub mod signature;
pub mod site;
pub mod sla;
pub mod text;
pub mod ticket;
pub mod time;
pub mod tool;
pub mod waiting;
pub mod webhook;
