//! Models and what belongs to them: chat models and their providers, embeddings from this
//! machine or a provider, how text is counted in tokens and what tokens cost.

pub mod breaker;
pub mod chat;
pub mod embedder;
pub mod embedders;
pub mod local;
pub mod openai;
pub mod price;
pub mod prompts;
pub mod provider;
pub mod reranker;
pub mod tokens;
