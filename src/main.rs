//! deskhand: parses the command line, loads the configuration, calls one function of `cli`.

use std::process::ExitCode;

use deskhand::knowledge::extract::child;

mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::BySize = allocator::BySize;

fn main() -> ExitCode {
    // Before anything else is set up: what reads a foreign file starts with as little as can be.
    if std::env::args_os().nth(1).is_some_and(|a| a == child::SUBCOMMAND) {
        return child::main();
    }
    deskhand::cli::main()
}
