//! Orders, identity, money: what visitors can have done, by the real server and database.

mod decided;
mod identity;
mod kills;
pub mod late;
mod login;
mod model;
mod money;
pub mod shop;
mod takeover;
pub mod till;
mod woocommerce;
