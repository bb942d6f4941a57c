//! What operators are told, and what they aren't: the trace of a turn, the metrics, and
//! that no personal data gets into logs, traces or the database's log.

mod metrics;
mod secrets;
mod traces;
