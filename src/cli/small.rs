//! The commands that simulate nothing.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use serde_json::Value;

use super::args::{Args, CheckArgs, CompletionArgs, InitArgs, ScenarioArgs};
use super::exit::{Done, Stop};
use super::load::{self, Text};
use super::run::threads;
use super::terminal;
use crate::experiment::sweep::{Failure, Task};
use crate::measure::sweep::Columns;
use crate::scenario::{Problems, schema as scenario_schema, template};

/// Points of a sweep that are checked too: a moment's work.
const MAX_CHECKED: u64 = 10_000;

/// `forewarm check`: every problem of every file.
pub(super) fn check(args: &CheckArgs) -> Result<Done, Stop> {
    let mut worst = Done::Well;
    for path in &args.paths {
        match check_one(path, &args.scenario) {
            Ok(warnings) => {
                if !warnings.is_empty() {
                    terminal::problems(&warnings);
                }
                if !args.quiet {
                    terminal::print(&format!("{}: ok\n", path.display()))?;
                }
            }
            Err(failed @ Stop::Environment(_)) => return Err(failed),
            Err(wrong) => {
                wrong.explain();
                worst = Done::Wrong;
            }
        }
    }
    Ok(worst)
}

/// Checks a scenario, and the points of its sweep if they are not very many; hands back what is suspicious.
fn check_one(path: &Path, args: &ScenarioArgs) -> Result<Problems, Stop> {
    let text = Text::of(path)?;
    let options = load::options(&args.changes, args.variant.clone());
    let (base, scenario, warnings) = text.base(&options).map_err(Stop::Scenario)?;
    if let Some(sweep) = &scenario.sweep
        && let Some(points) = sweep.points().filter(|points| points.count() <= MAX_CHECKED)
    {
        let columns = Columns::of(&scenario);
        let warm_up = scenario.simulation.warm_up;
        let task = Task { base: &base, sweep, points: &points, columns: &columns, warm_up };
        if let Err(Failure::Points(problems)) = task.survey(threads(None), &()) {
            return Err(Stop::Scenario(problems));
        }
    }
    Ok(warnings)
}

/// `forewarm schema`.
pub(super) fn schema() -> Result<Done, Stop> {
    terminal::print(&pretty(&scenario_schema()))?;
    Ok(Done::Well)
}

/// `forewarm init`: prints an example, or writes it to a file that does not exist yet.
pub(super) fn init(args: &InitArgs) -> Result<Done, Stop> {
    let template = template::find(&args.template).expect("clap takes known templates only");
    let Some(path) = &args.out else {
        terminal::print(template.text)?;
        return Ok(Done::Well);
    };
    let shown = path.display();
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Stop::input(format!("{shown} exists already"), "name another file, or remove this one first")
        }
        _ => Stop::of_path(format!("cannot create {shown}"), error),
    })?;
    file.write_all(template.text.as_bytes()).map_err(|error| {
        let _ = std::fs::remove_file(path);
        Stop::of_writing(path.display(), error)
    })?;
    terminal::print(&format!("Wrote {shown}. Next: forewarm run {shown}\n"))?;
    Ok(Done::Well)
}

/// `forewarm completions`.
pub(super) fn completions(args: &CompletionArgs) -> Result<Done, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "forewarm", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(Done::Well)
}

/// JSON for people and scripts.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
