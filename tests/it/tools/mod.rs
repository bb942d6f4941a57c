//! The frame that all tools run in, and the tools that a site's operator connects: against real
//! servers that do well, badly, and worse.

mod example;
mod faults;
mod frame;
mod guide;
mod http_tool;
mod kills;
mod mcp;
mod server;
mod strangers;
mod writes;
