//! Cases: questions to a site's agent, and what an answer must be like. They run through
//! the code that visitors use, several at once, each as a visitor of its own.

pub mod baseline;
pub mod figures;
pub mod load;
pub mod pages;
pub mod report;
pub mod run;
pub mod score;
pub mod text;
