//! What sites tell of what happens there: events come in by the bridge, are brought into the one
//! shape, and handled in the background.

pub mod accept;
mod forms;
pub mod handle;
pub mod orders;
