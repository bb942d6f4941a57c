//! The agent: the machine that decides how a turn goes on.

pub mod machine;
