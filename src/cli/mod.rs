//! The command line: the only place with files, clock, environment and terminal.
//!
//! | file | does |
//! |---|---|
//! | `args` | what can be typed |
//! | `run`, `compare`, `chaos`, `sweep`, `plan`, `report`, `quick`, `check`, `list`, `trace`, `print` | the commands |
//! | `import`, `fit` | infrastructure files, logs and metrics to a scenario |
//! | `backtest` | measured beside simulated |
//! | `job` | what the commands that simulate have in common |
//! | `load` | scenario files and the files they name |
//! | `results`, `output` | the results folder; single files |
//! | `claim`, `folder`, `disk_space` | who writes where; folders made on the way; whether it will fit |
//! | `enforce` | what makes a result fail |
//! | `journal` | the points of a sweep that are done |
//! | `cancel`, `progress` | Ctrl-C; how far it is |
//! | `exit`, `terminal` | exit codes; the two output streams |
//! | `limits` | what the system allows the program |

#![expect(
    clippy::disallowed_methods,
    reason = "this is the border that keeps files, clock and environment out of the rest"
)]

mod args;
mod backtest;
mod cancel;
mod chaos;
mod check;
mod claim;
mod compare;
mod disk_space;
mod enforce;
mod exit;
mod fit;
mod folder;
mod import;
mod job;
mod journal;
mod limits;
mod list;
mod load;
mod output;
mod plan;
mod print;
mod progress;
mod quick;
mod report;
mod results;
mod run;
mod sweep;
mod terminal;
mod trace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::{CliError, ExitStatus};

/// Runs the command that was typed.
#[must_use]
pub fn main() -> ExitCode {
    let done = limits::obey().and_then(|()| read(std::env::args_os())).and_then(|args| {
        if let Some(threads) = args.command.threads() {
            job::start_threads(threads)?;
        }
        execute(args.command)
    });
    match done {
        Ok(done) => done.code(),
        Err(stop) => {
            stop.explain();
            stop.code()
        }
    }
}

/// What was typed.
fn read(typed: impl Iterator<Item = OsString>) -> Result<Args, CliError> {
    Args::try_parse_from(joined(typed)).map_err(|error| {
        if error.use_stderr() {
            return CliError::Usage(terminal::styled(&error.render()));
        }
        // Help and version, as they were asked for.
        error.exit()
    })
}

/// An option that may stand alone takes its value after `=`; an objective behind it is meant to be its value.
fn joined(typed: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    for word in typed {
        match words.last_mut() {
            Some(last) if last == "--enforce" && word.to_string_lossy().contains(['<', '>']) => {
                last.push("=");
                last.push(word);
            }
            _ => words.push(word),
        }
    }
    words
}

fn execute(command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Chaos(args) => chaos::chaos(&args),
        Command::Report(args) => report::report(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Quick(args) => quick::quick(&args),
        Command::Backtest(args) => backtest::backtest(&args),
        Command::Fit(args) => fit::fit(&args),
        Command::Import(args) => import::import(&args),
        Command::Check(args) => check::check(&args),
        Command::List(args) => list::list(&args),
        Command::Trace(command) => trace::trace(&command),
        Command::Schema => print::schema(),
        Command::Init(args) => print::init(&args),
        Command::Completions(args) => print::completions(&args),
    }
}
