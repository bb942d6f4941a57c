//! The guardrails: personal data stays behind placeholders, nothing that a brain writes
//! reaches a visitor before it has passed the gate, and nothing internal leaves.

pub mod content;
pub mod gate;
pub mod leak;
pub mod moderation;
pub mod opinion;
pub mod pii;
pub mod sentences;
pub mod vault;
