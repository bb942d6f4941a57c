//! Background work: takes jobs off the queue and runs them, several at once, until it is
//! told to stop; starts what is due by the clock. The queue itself is `db::jobs`.

pub mod ai_job;
pub mod bridge_event;
pub mod crawl;
pub mod execute_proposal;
pub mod handler;
pub mod ingest_document;
pub mod mail_reply;
pub mod mark_breaches;
pub mod measure_trust;
pub mod mirror_ticket;
pub mod prune;
pub mod reindex;
pub mod runner;
pub mod schedule;
pub mod send_mail;
pub mod send_notice;
pub mod settle_effect;
mod supervise;
pub mod take_event;
