//! Measures how good the product is, through the same code that visitors use.

pub mod beir;
pub mod cases;
pub mod metrics;
pub mod retrieval;
pub mod support;
