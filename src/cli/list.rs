//! `forewarm list`: what a scenario can name, read off the registries.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, ListArgs, Listing};
use super::exit::{CliError, ExitStatus};
use super::terminal;
use crate::dist;
use crate::measure::summary::metrics;
use crate::scenario::registry::{self, Listed};

/// `forewarm list`.
pub(super) fn list(args: &ListArgs) -> Result<ExitStatus, CliError> {
    let rows = rows(args.what);
    let text = match args.format.format {
        Format::Json => terminal::pretty(&Value::Array(rows.iter().map(Row::to_json).collect())),
        Format::Text => table(&rows),
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Success)
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
