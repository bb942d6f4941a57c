//! Language models and what belongs to them: how text is counted in tokens, and later
//! the providers of chat and embeddings.

pub mod tokens;
