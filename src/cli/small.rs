//! The commands that simulate nothing.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;

use clap::CommandFactory as _;
use serde_json::{Value, json};

use super::args::{Args, CheckArgs, CompletionArgs, Format, InitArgs, ListArgs, Listing};
use super::exit::{Done, Stop};
use super::{load, terminal};
use crate::dist;
use crate::measure::summary::metrics;
use crate::scenario::registry::{self, Listed};
use crate::scenario::{schema as scenario_schema, template};

/// `forewarm check`: every problem of every file.
pub(super) fn check(args: &CheckArgs) -> Result<Done, Stop> {
    let mut worst = Done::Well;
    for path in &args.paths {
        match load::scenario(path, &args.scenario) {
            Ok((_, warnings)) => {
                if !warnings.is_empty() {
                    terminal::problems(&warnings);
                }
                if !args.quiet {
                    terminal::print(&format!("{}: ok\n", path.display()))?;
                }
            }
            Err(wrong) => {
                wrong.explain();
                worst = Done::Wrong;
            }
        }
    }
    Ok(worst)
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

/// `forewarm list`.
pub(super) fn list(args: &ListArgs) -> Result<Done, Stop> {
    let rows = rows(args.what);
    let text = match args.format.format {
        Format::Json => pretty(&Value::Array(rows.iter().map(Row::to_json).collect())),
        Format::Text => table(&rows),
    };
    terminal::print(&text)?;
    Ok(Done::Well)
}

/// One line of a list.
struct Row {
    /// The question a policy answers.
    question: Option<&'static str>,
    name: String,
    about: String,
    /// The keys that belong to it.
    parameters: Option<String>,
}

impl Row {
    fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { question: None, name: name.into(), about: about.into(), parameters: None }
    }

    fn of(question: Option<&'static str>, listed: Listed) -> Self {
        let parameters = (!listed.keys.is_empty()).then(|| listed.keys.join(", "));
        Self { question, parameters, ..Self::new(listed.name, listed.about) }
    }

    fn to_json(&self) -> Value {
        let mut object = json!({"name": self.name, "about": self.about});
        if let Some(question) = self.question {
            object["question"] = json!(question);
        }
        if let Some(parameters) = &self.parameters {
            object["parameters"] = json!(parameters);
        }
        object
    }
}

fn rows(what: Listing) -> Vec<Row> {
    match what {
        Listing::Policies => registry::policies()
            .into_iter()
            .flat_map(|(question, list)| list.into_iter().map(move |listed| Row::of(Some(question), listed)))
            .collect(),
        Listing::Platforms => registry::platforms().into_iter().map(|listed| Row::of(None, listed)).collect(),
        Listing::Arrivals => registry::arrivals().into_iter().map(|listed| Row::of(None, listed)).collect(),
        Listing::Distributions => (dist::kinds().iter())
            .map(|(name, about, parameters)| Row {
                parameters: Some((*parameters).to_owned()),
                ..Row::new(*name, *about)
            })
            .collect(),
        Listing::Metrics => metrics().into_iter().map(|(key, about)| Row::new(key, about)).collect(),
    }
}

/// Names in one column, what they mean in the next; a heading before each question.
fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut question = None;
    for row in rows {
        if row.question != question {
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}:\n", row.question.unwrap_or_default()));
            question = row.question;
        }
        let indent = if row.question.is_some() { "  " } else { "" };
        let _ = writeln!(text, "{indent}{:width$}  {}", row.name, row.about);
        if let Some(parameters) = &row.parameters {
            let _ = writeln!(text, "{indent}{:width$}    {parameters}", "");
        }
    }
    text
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
