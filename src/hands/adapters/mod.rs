//! Where orders are: one adapter for each kind of shop, behind one trait.

pub mod demo_orders;
pub mod demo_store;
