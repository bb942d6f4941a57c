//! The guardrails: nothing that a brain writes reaches a visitor before it has passed them.

pub mod gate;
pub mod sentences;
