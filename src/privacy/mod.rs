//! A person's data over all tables of a site: found, exported, erased, and not kept for ever (SEC-7). The command
//! line, the API and through it WordPress's privacy tools call the same functions.

pub mod erase;
pub mod export;
pub mod journal;
pub mod retention;
pub mod subject;
