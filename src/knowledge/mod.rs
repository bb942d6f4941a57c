//! The knowledge base: source → sniff → extract → chunk → index; and search over it.

pub mod search;
pub mod pages;
