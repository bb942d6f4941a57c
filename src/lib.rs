//! deskhand: a support agent for WordPress sites.

pub mod agent;
pub mod domain;
