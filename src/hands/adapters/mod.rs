//! Where orders are: one adapter for each kind of shop, behind one trait, and which of them a
//! site has; and the tools of others: MCP servers, and HTTP calls that a file describes.

pub mod demo_orders;
pub mod demo_store;
pub mod http_tool;
pub mod mcp;
pub mod shops;
pub mod woocommerce;
