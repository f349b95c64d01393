//! The commands that print a text: the schema, an example, completions.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use clap::CommandFactory as _;

use super::args::{Args, CompletionArgs, InitArgs};
use super::exit::{CliError, ExitStatus};
use super::job::command_line;
use super::terminal;
use crate::scenario::{schema as scenario_schema, template};

/// `forewarm schema`.
pub(super) fn schema() -> Result<ExitStatus, CliError> {
    terminal::print(&terminal::pretty(&scenario_schema()))?;
    Ok(ExitStatus::Success)
}

/// `forewarm init`: prints an example, or writes it to a file that does not exist yet.
pub(super) fn init(args: &InitArgs) -> Result<ExitStatus, CliError> {
    let template = template::find(&args.template).expect("clap takes known templates only");
    let Some(path) = &args.out else {
        terminal::print(template.text)?;
        return Ok(ExitStatus::Success);
    };
    let mut file = create_new(path)?;
    let text = template.named(&name_of(path));
    file.write_all(text.as_bytes()).map_err(|error| {
        let _ = std::fs::remove_file(path);
        CliError::of_writing(path.display(), error)
    })?;
    terminal::print(&format!("{}\n", wrote(path)))?;
    Ok(ExitStatus::Success)
}

/// The message that names the file and the next command.
pub(super) fn wrote(path: &Path) -> String {
    let run = command_line(["", "run", &path.to_string_lossy()].into_iter().map(str::to_owned));
    format!("Wrote {}. Next: {run}", path.display())
}

/// A file that does not exist yet.
///
/// # Errors
/// If it exists, or an error of the operating system.
pub(super) fn create_new(path: &Path) -> Result<File, CliError> {
    let shown = path.display();
    File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::input(format!("{shown} already exists"), "use another file, or remove this one first")
        }
        _ => CliError::of_path(format!("cannot create {shown}"), error),
    })
}

/// The name of a scenario in this file: the file name, reduced to characters allowed in names.
pub(super) fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(64).collect()
}

/// `forewarm completions`.
pub(super) fn completions(args: &CompletionArgs) -> Result<ExitStatus, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "forewarm", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Success)
}
