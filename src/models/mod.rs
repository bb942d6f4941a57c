//! Models and what belongs to them: embeddings, from this machine or a provider, and how
//! text is counted in tokens.

pub mod embedder;
pub mod embedders;
pub mod local;
pub mod openai;
pub mod reranker;
pub mod tokens;
