//! The two output streams. Standard output carries what was asked for, standard error everything else.

use std::io::{self, IsTerminal, Write as _};

use clap::builder::StyledStr;
use serde_json::Value;

use super::exit::CliError;
use crate::report::phrases::harmless;
use crate::scenario::Problems;

/// Writes to standard output. What a name or a path might tell a terminal to do does not reach it.
///
/// # Errors
/// A closed pipe and a full disk, which end the program in different ways.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(harmless(text, colour(&io::stdout())).as_bytes()).and_then(|()| out.flush()).map_err(|error| {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
            _ => CliError::of_writing("standard output", error),
        }
    })
}

/// Writes a file to standard output: byte by byte, unless it goes to a terminal.
///
/// # Errors
/// As of [`print`].
pub(super) fn print_file(text: &str) -> Result<(), CliError> {
    if is_output_watched() {
        return print(text);
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
        _ => CliError::of_writing("standard output", error),
    })
}

/// Writes to standard error. If even that fails, there is nobody to tell.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(harmless(text, colour(&io::stderr())).as_bytes());
}

/// Says what went wrong.
pub(super) fn error(message: &str) {
    let (start, end) = if colour(&io::stderr()) { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
    complain(&format!("{start}error{end}: {}\n", harmless(message, false)));
}

/// A text for standard error, with its colours where they can be shown.
pub(super) fn styled(text: &StyledStr) -> String {
    if colour(&io::stderr()) { text.ansi().to_string() } else { text.to_string() }
}

/// Shows what was found in a scenario.
pub(super) fn problems(problems: &Problems) {
    complain(&problems.render(colour(&io::stderr())));
}

/// Whether text for standard output may be coloured.
pub(super) fn colour_out() -> bool {
    colour(&io::stdout())
}

/// Whether standard error is a terminal.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard output is a terminal.
pub(super) fn is_output_watched() -> bool {
    io::stdout().is_terminal()
}

/// A terminal that can show colours, and nobody has set `NO_COLOR` (no-color.org).
fn colour(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !unwanted && !dumb
}

/// JSON for people and scripts.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
