//! Crawls against a real web server, page by page, run by run.

mod api;
mod command;
mod pages;
mod runs;
mod site;
