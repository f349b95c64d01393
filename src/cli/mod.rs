//! The command line: the only place with files, clock, environment and terminal.
//!
//! | file | does |
//! |---|---|
//! | `args` | what can be typed |
//! | `run`, `compare`, `sweep`, `plan`, `report`, `check`, `list`, `trace`, `print` | the commands |
//! | `job` | what the commands that simulate have in common |
//! | `load` | scenario files and the files they name |
//! | `results`, `output`, `folder`, `disk_space` | the results folder; single files; what both need; whether they will fit |
//! | `enforce` | what makes a result fail |
//! | `journal` | the points of a sweep that are done |
//! | `cancel`, `progress` | Ctrl-C; how far it is |
//! | `exit`, `terminal` | exit codes; the two output streams |

#![expect(
    clippy::disallowed_methods,
    reason = "this is the border that keeps files, clock and environment out of the rest"
)]

mod args;
mod cancel;
mod check;
mod compare;
mod disk_space;
mod enforce;
mod exit;
mod folder;
mod job;
mod journal;
mod list;
mod load;
mod output;
mod plan;
mod print;
mod progress;
mod report;
mod results;
mod run;
mod sweep;
mod terminal;
mod trace;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::{CliError, ExitStatus};

/// Runs the command that was typed.
#[must_use]
pub fn main() -> ExitCode {
    match execute(Args::parse().command) {
        Ok(done) => done.code(),
        Err(stop) => {
            stop.explain();
            stop.code()
        }
    }
}

fn execute(command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => report::report(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Check(args) => check::check(&args),
        Command::List(args) => list::list(&args),
        Command::Trace(command) => trace::trace(&command),
        Command::Schema => print::schema(),
        Command::Init(args) => print::init(&args),
        Command::Completions(args) => print::completions(&args),
    }
}
