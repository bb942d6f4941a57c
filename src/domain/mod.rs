//! Plain types and rules: no I/O, no async.

pub mod clock;
pub mod ids;
pub mod job;
