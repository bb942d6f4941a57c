//! Language models and what belongs to them: how text is counted in tokens, local
//! embeddings, and later the providers of chat and embeddings.

pub mod bert;
pub mod tokens;
