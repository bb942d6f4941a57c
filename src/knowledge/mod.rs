//! The knowledge base: source → sniff → extract → chunk → index; and search over it.

pub mod pages;
pub mod search;
