//! Where orders are: one adapter for each kind of shop, behind one trait, and which of them a
//! site has.

pub mod demo_store;
pub mod shops;
pub mod woocommerce;
