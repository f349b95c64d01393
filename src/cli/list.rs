//! `forewarm list`: what a scenario can name, read off the registries.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, ListArgs, Listing};
use super::exit::{CliError, ExitStatus};
use super::terminal;
use crate::metric::{self, Better, Metric};
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
    /// Of a metric: its unit, and the side on which it is better.
    metric: Option<(&'static str, Option<Better>)>,
}

impl Row {
    fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { question: None, name: name.into(), about: about.into(), parameters: None, metric: None }
    }

    fn of(question: Option<&'static str>, listed: Listed) -> Self {
        let parameters = (!listed.keys.is_empty()).then(|| listed.keys.join(", "));
        Self { question, parameters, ..Self::new(listed.name, listed.about) }
    }

    fn of_metric(metric: &Metric) -> Self {
        let known = (metric.quantity.unit(), metric.better);
        Self { metric: Some(known), ..Self::new(metric.key.as_str(), metric.about.as_str()) }
    }

    fn to_json(&self) -> Value {
        let mut object = json!({"name": self.name, "about": self.about});
        if let Some(question) = self.question {
            object["question"] = json!(question);
        }
        if let Some(parameters) = &self.parameters {
            object["parameters"] = json!(parameters);
        }
        if let Some((unit, better)) = self.metric {
            object["unit"] = json!(unit);
            object["better"] = json!(better);
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
        Listing::Distributions => registry::distributions().into_iter().map(|listed| Row::of(None, listed)).collect(),
        Listing::Metrics => metric::metrics().iter().map(Row::of_metric).collect(),
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
