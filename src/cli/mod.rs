//! The command line: the only place with files, clock, environment and terminal.
//!
//! | file | does |
//! |---|---|
//! | `args` | what can be typed |
//! | `run`, `compare`, `sweep`, `plan`, `report`, `check`, `list`, `trace`, `texts` | the commands |
//! | `load` | scenario files and the files they name |
//! | `results`, `output` | the results folder; single files |
//! | `claim`, `folder`, `room` | who writes where; folders made on the way; whether it will fit |
//! | `gate` | what makes a result fail |
//! | `journal` | the points of a sweep that are done |
//! | `halt`, `meter` | Ctrl-C; progress |
//! | `exit`, `terminal` | exit codes; the two output streams |

#![expect(
    clippy::disallowed_methods,
    reason = "this is the border that keeps files, clock and environment out of the rest"
)]

mod args;
mod check;
mod claim;
mod compare;
mod exit;
mod folder;
mod gate;
mod halt;
mod journal;
mod list;
mod load;
mod meter;
mod output;
mod plan;
mod report;
mod results;
mod room;
mod run;
mod sweep;
mod terminal;
mod texts;
mod trace;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::{Done, Stop};

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

fn execute(command: Command) -> Result<Done, Stop> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => report::report(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Check(args) => check::check(&args),
        Command::List(args) => list::list(&args),
        Command::Trace(command) => trace::trace(&command),
        Command::Schema => texts::schema(),
        Command::Init(args) => texts::init(&args),
        Command::Completions(args) => texts::completions(&args),
    }
}
