//! deskhand: parses the command line, loads the configuration, calls one function of `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    deskhand::cli::main()
}
