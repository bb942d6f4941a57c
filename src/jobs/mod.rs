//! Background work: takes jobs off the queue and runs them.
