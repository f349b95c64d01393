//! The command line of forewarm.

use std::process::ExitCode;

fn main() -> ExitCode {
    forewarm::cli::main()
}
