//! The knowledge base: source → sniff → extract → chunk → index; and search over it.
//! `accept` takes content in, `intake` what webhooks tell, `ingest` makes a live version of it, `search` finds passages,
//! `pages` shows a document as it is known.

pub mod accept;
pub mod base;
pub mod blocks;
pub mod charset;
pub mod chunk;
pub mod copies;
pub mod crawl;
pub mod embed;
mod expansion;
pub mod extract;
pub mod fetch;
pub mod freshness;
pub mod fusion;
pub mod gaps;
pub mod ingest;
pub mod intake;
pub mod language;
mod measure;
pub mod outline;
pub mod pages;
pub mod parts;
pub mod pins;
pub mod places;
mod question;
pub mod reindex;
mod remembered;
pub mod rerank;
pub mod scan;
pub mod search;
pub mod sniff;
pub mod snippet;
pub mod spelling;
pub mod synonyms;
pub mod trust;
pub mod unfit;
pub mod words;
