//! The agent: a brain plans, hands act, and a pure state machine stands between them.

pub mod brain;
pub mod machine;
