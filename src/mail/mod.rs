//! Mail that goes out: what it says ([`words`]), how it looks ([`letter`]), how it waits to be
//! sent ([`outbox`]), and the one way to a mail server ([`smtp`]).

pub mod letter;
pub mod outbox;
pub mod smtp;
pub mod words;
