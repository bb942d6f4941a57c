//! Cases: questions to a site's agent, and what an answer must be like; conversations with a shop,
//! and the state that must hold after them. They run through the code that visitors use, several at
//! once, each as a visitor of its own.

pub mod baseline;
mod connected;
mod conversation;
mod demands;
mod documents;
pub mod figures;
pub mod house;
pub mod load;
pub mod obeying;
pub mod pages;
pub mod recorded;
pub mod report;
pub mod run;
pub mod score;
pub mod script;
mod seen;
pub mod state;
pub mod text;
pub mod watch;
