//! `forewarm list`: what a scenario can name, read off the registries.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, ListArgs, Listing};
use super::exit::{CliError, ExitStatus};
use super::terminal;
use crate::metric::{self, Better, Metric, component};
use crate::path;
use crate::scenario::instead;
use crate::scenario::registry::{self, Fact, Listed, Origin, Platform};

/// `forewarm list`.
pub(super) fn list(args: &ListArgs) -> Result<ExitStatus, CliError> {
    if let Some(name) = &args.name {
        let text = one(args.what, name, args.format.format)?;
        terminal::print(&text)?;
        return Ok(ExitStatus::Success);
    }
    let rows = rows(args.what);
    let text = match args.format.format {
        Format::Json => terminal::pretty(&Value::Array(rows.iter().map(Row::to_json).collect())),
        Format::Text => table(&rows),
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Success)
}

/// Every value of a platform.
fn one(what: Listing, name: &str, format: Format) -> Result<String, CliError> {
    if what != Listing::Platforms {
        let help = "as in `forewarm list platforms aws-lambda`; omit the name to list all";
        return Err(CliError::input(format!("a name is only accepted for platforms, not \"{name}\""), help));
    }
    let Some(platform) = registry::platform(name) else {
        let platforms = registry::platforms();
        let help = instead(name, "the platforms are", platforms.iter().map(|listed| listed.name));
        return Err(CliError::input(format!("there is no platform \"{name}\""), &help));
    };
    Ok(match format {
        Format::Json => terminal::pretty(&platform_json(&platform)),
        Format::Text => platform_text(&platform),
    })
}

fn platform_json(platform: &Platform) -> Value {
    let value = |fact: &Fact| {
        let Origin { source, date, unverified, note } = &fact.origin;
        json!({
            "key": fact.key, "value": fact.value, "source": source, "date": date, "verified": !unverified, "note": note,
        })
    };
    let pairs = |pairs: &[(String, String)]| -> Value {
        pairs.iter().map(|(key, text)| (key.clone(), json!(text))).collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "name": platform.name,
        "about": platform.about,
        "values": platform.facts.iter().map(value).collect::<Vec<_>>(),
        "decides": pairs(platform.decides),
        "lacks": pairs(platform.lacks),
        "gateways": platform.gateways,
        "notes": platform.notes,
    })
}

/// The values in sections by what they are about: each with its source and date in the line below.
fn platform_text(platform: &Platform) -> String {
    let mut text = format!("{}  {}\n", platform.name, platform.about);
    let mut section = "";
    for fact in platform.facts {
        let (head, _) = fact.key.rsplit_once('.').unwrap_or(("", &fact.key));
        if head != section {
            let _ = write!(text, "\n{head}:\n");
            section = head;
        }
        let key = fact.key.strip_prefix(head).unwrap_or(&fact.key).trim_start_matches('.');
        let mark = if fact.origin.unverified { "  (not verified)" } else { "" };
        let _ = writeln!(text, "  {key} = {}{mark}\n      {}", fact.value, fact.grounds());
    }
    if !platform.decides.is_empty() {
        text.push_str("\nSet by the platform, not by customers:\n");
        platform.decides.iter().for_each(|(key, what)| text.push_str(&format!("  {what} ({key})\n")));
    }
    if !platform.lacks.is_empty() {
        text.push_str("\nNot available:\n");
        platform.lacks.iter().for_each(|(what, reason)| text.push_str(&format!("  {what}: {reason}\n")));
    }
    if !platform.gateways.is_empty() {
        text.push_str("\nGateways in front of it, each with its own price, limits and latency:\n");
        platform.gateways.iter().for_each(|name| text.push_str(&format!("  [[gateway]] preset = \"{name}\"\n")));
    }
    if !platform.notes.is_empty() {
        text.push_str("\nNotes:\n");
        platform.notes.iter().for_each(|note| text.push_str(&format!("  - {note}\n")));
    }
    text
}

/// One line of a list.
struct Row {
    /// The question a policy answers.
    question: Option<&'static str>,
    /// Of a metric: the kind of component that has it; none: functions, sources and the total.
    kind: Option<&'static str>,
    name: String,
    about: String,
    /// The keys that belong to it.
    parameters: Option<String>,
    /// Of a metric: its unit, and the side on which it is better.
    metric: Option<(&'static str, Option<Better>)>,
}

impl Row {
    fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { question: None, kind: None, name: name.into(), about: about.into(), parameters: None, metric: None }
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
        if let Some(kind) = self.kind {
            object["kind"] = json!(kind);
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
        Listing::Metrics => {
            let of_requests = metric::metrics().iter().map(Row::of_metric);
            let attempts = Row { kind: Some("source"), ..Row::of_metric(component::of_sources()) };
            let of_components = path::kinds().iter().flat_map(|kind| {
                kind.metrics().iter().map(|metric| Row { kind: Some(kind.kind), ..Row::of_metric(metric) })
            });
            let of_batching = component::of_batching().iter();
            let of_batching =
                of_batching.map(|metric| Row { kind: Some("function with `batching`"), ..Row::of_metric(metric) });
            let of_nodes = component::of_nodes().iter();
            let of_nodes = of_nodes.map(|metric| Row { kind: Some(component::NODE_GROUP), ..Row::of_metric(metric) });
            of_requests.chain([attempts]).chain(of_batching).chain(of_components).chain(of_nodes).collect()
        }
    }
}

/// Names in one column, what they mean in the next; a heading before each question.
fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut section = None;
    for row in rows {
        let of_row = row.question.map(str::to_owned).or_else(|| row.kind.map(|kind| format!("Of each {kind}")));
        if of_row != section {
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}:\n", of_row.as_deref().unwrap_or_default()));
            section = of_row;
        }
        let indent = if section.is_some() { "  " } else { "" };
        let _ = writeln!(text, "{indent}{:width$}  {}", row.name, row.about);
        if let Some(parameters) = &row.parameters {
            let _ = writeln!(text, "{indent}{:width$}    {parameters}", "");
        }
    }
    text
}
