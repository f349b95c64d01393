//! The commands that hand out a text: the schema, an example, completions.

use std::fs::File;
use std::io::Write as _;

use clap::CommandFactory as _;

use super::args::{Args, CompletionArgs, InitArgs};
use super::exit::{CliError, ExitStatus};
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
    let shown = path.display();
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::input(format!("{shown} exists already"), "name another file, or remove this one first")
        }
        _ => CliError::of_path(format!("cannot create {shown}"), error),
    })?;
    file.write_all(template.text.as_bytes()).map_err(|error| {
        let _ = std::fs::remove_file(path);
        CliError::of_writing(path.display(), error)
    })?;
    terminal::print(&format!("Wrote {shown}. Next: forewarm run {shown}\n"))?;
    Ok(ExitStatus::Success)
}

/// `forewarm completions`.
pub(super) fn completions(args: &CompletionArgs) -> Result<ExitStatus, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "forewarm", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Success)
}
