//! What no infrastructure file says: how much comes, how long it runs, how long a start takes.

use super::join::resolved;
use super::model::{Kind, Model, Origin, Platform, Setting, Thing, text};
use super::reader::Notes;
use crate::time::Span;

/// What is known of load and durations.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Requests a second, of one function or of each that is called from outside.
    pub rps: Vec<(Option<String>, f64)>,
    /// Median duration.
    pub p50: Option<Span>,
    /// The 99th percentile of durations.
    pub p99: Option<Span>,
    /// How long a cold start takes.
    pub cold: Option<Span>,
    /// What was recorded.
    pub recorded: Option<Recorded>,
}

/// A file of traffic.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// Counts or rates of requests by interval, as it is named in the scenario.
    Rates(String),
    /// A row for each request, as it is named in the scenario.
    Rows(String),
    /// A scenario or a piece of one, as `forewarm fit` writes it.
    Scenario {
        /// Its name.
        name: String,
        /// What is in it.
        tables: toml::Table,
    },
}

/// Requests a second of a function of which nobody says it.
const ASSUMED_RPS: f64 = 1.0;
/// Median and 99th percentile of durations that nobody says.
const ASSUMED_DURATION: (&str, &str) = ("100ms", "1s");
/// A cold start that nobody says, where no preset has measured one.
const ASSUMED_COLD: &str = "2s";
/// Requests that a pod serves at a time, if nobody says it.
const ASSUMED_PER_POD: &str = "10";

/// Adds sources, durations and cold starts.
pub(super) fn complete(model: &mut Model, traffic: &Traffic, notes: &Notes) {
    let recorded = |kind: &str| match &traffic.recorded {
        Some(Recorded::Scenario { name, tables }) => {
            let list = tables.get(kind).and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
            Some((name.clone(), list.to_vec()))
        }
        _ => None,
    };
    let functions: Vec<Thing> = model.functions().cloned().collect();
    let is_alone = functions.len() == 1;
    let mut sources: Vec<Thing> = Vec::new();
    for thing in &mut model.things {
        if thing.kind == Kind::Function {
            if let Some((file, tables)) = recorded("function") {
                measured(thing, &file, &tables, is_alone);
            }
            durations(thing, traffic);
        }
    }
    for function in &functions {
        if let Some((file, tables)) = recorded("source") {
            let own = sources_of(function, &file, &tables, is_alone);
            if !own.is_empty() {
                sources.extend(own);
                continue;
            }
        }
        sources.extend(called(function, model, traffic, notes));
    }
    for (name, _) in traffic.rps.iter().filter_map(|(name, rps)| Some((name.as_ref()?, rps))) {
        if !functions.iter().any(|function| function.is_meant(name)) {
            let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
            let near = crate::schema::diagnostic::instead(name, "the functions are", names);
            notes.ignore(
                super::tree::Place::NOWHERE,
                format!("--rps {name}"),
                format!("there is no function with this name: {near}"),
            );
        }
    }
    model.things.extend(sources);
}

/// Takes durations and starts from a function of a file.
fn measured(thing: &mut Thing, file: &str, tables: &[toml::Value], is_alone: bool) {
    let own = tables.iter().filter_map(toml::Value::as_table).find(|table| {
        let name = table.get("name").and_then(toml::Value::as_str);
        is_alone && tables.len() == 1 || name.is_some_and(|name| thing.is_meant(name))
    });
    for key in ["duration", "cold-duration", "cold-start", "keep-alive"] {
        if let Some(value) = own.and_then(|own| own.get(key)) {
            thing.set(key, value.to_string(), Origin::Given(file.to_owned()));
        }
    }
}

/// The sources of a file that call a function.
fn sources_of(function: &Thing, file: &str, tables: &[toml::Value], is_alone: bool) -> Vec<Thing> {
    let own = tables.iter().filter_map(toml::Value::as_table).filter(|table| {
        let name = ["function", "target"].iter().find_map(|key| table.get(*key)).and_then(toml::Value::as_str);
        is_alone || name.is_some_and(|name| function.is_meant(name))
    });
    own.map(|table| {
        let name = table.get("name").and_then(toml::Value::as_str).unwrap_or(&function.name);
        let mut source = source(name, function);
        for (key, value) in table.iter().filter(|(key, _)| !matches!(key.as_str(), "name" | "function" | "target")) {
            source.set(key, value.to_string(), Origin::Given(file.to_owned()));
        }
        source
    })
    .collect()
}

fn source(name: &str, function: &Thing) -> Thing {
    let mut source = Thing::new(Kind::Source, function.platform, name, function.place);
    source.set("function", text(&function.name), Origin::Default(String::new()));
    source
}

fn durations(thing: &mut Thing, traffic: &Traffic) {
    if !thing.has("duration") {
        match (traffic.p50, traffic.p99) {
            (Some(p50), Some(p99)) if p50 == p99 => {
                thing.set("duration.constant.value", text(p50.to_string()), Origin::Given("--p50".to_owned()));
            }
            (Some(p50), Some(p99)) => {
                thing.set("duration.log-normal.median", text(p50.to_string()), Origin::Given("--p50".to_owned()));
                thing.set("duration.log-normal.p99", text(p99.to_string()), Origin::Given("--p99".to_owned()));
            }
            _ => {
                let reason = "not in infrastructure files: pass --p50 and --p99, or --traffic";
                let assumed = || Origin::Assumed(reason.to_owned());
                thing.set("duration.log-normal.median", text(ASSUMED_DURATION.0), assumed());
                thing.set("duration.log-normal.p99", text(ASSUMED_DURATION.1), assumed());
            }
        }
    }
    if let Some(cold) = traffic.cold {
        thing.set("cold-start.constant.value", text(cold.to_string()), Origin::Given("--cold".to_owned()));
        // The runtime stands for a cold start only.
        thing.remove("runtime");
    } else if thing.platform != Platform::Lambda && !thing.has("cold-start") {
        let reason = "not in infrastructure files: pass --cold or --traffic".to_owned();
        thing.set("cold-start.constant.value", text(ASSUMED_COLD), Origin::Assumed(reason));
    }
    if thing.has("cold-start") {
        thing.remove("runtime");
    }
    let is_deployment =
        thing.has("scaling.hpa") || thing.has("concurrency.provisioned") && thing.platform == Platform::Kubernetes;
    if is_deployment {
        let reason = "not in infrastructure files: simultaneous requests per pod".to_owned();
        thing.set("concurrency.per-instance", ASSUMED_PER_POD, Origin::Assumed(reason));
    } else if thing.has("scaling.keda") {
        thing.set("concurrency.per-instance", "1", Origin::Default("a pod processes one message at a time".to_owned()));
    }
}

/// Where the requests of a function come from, as the files say it.
fn called(function: &Thing, model: &Model, traffic: &Traffic, notes: &Notes) -> Vec<Thing> {
    let mut sources = Vec::new();
    let mut others = 0;
    for link in
        model.links.iter().filter(|link| resolved(&link.to, &model.aliases).iter().any(|name| function.is_meant(name)))
    {
        let rule = link
            .from
            .iter()
            .find_map(|name| model.things.iter().find(|thing| thing.kind == Kind::Schedule && thing.is_meant(name)));
        let timing = link.settings.iter().chain(rule.into_iter().flat_map(|rule| &rule.settings));
        let timing: Vec<&Setting> = timing.filter(|setting| matches!(setting.key.as_str(), "every" | "cron")).collect();
        match timing.first() {
            Some(setting) if setting.key == "every" => {
                let every: Option<Span> = setting.value.trim_matches('"').parse().ok();
                if let Some(every) = every.filter(|every| *every > Span::ZERO) {
                    let rate = 86_400.0 / every.as_secs_f64();
                    let mut source = source(&format!("{}-schedule", function.name), function);
                    source.set("arrivals.constant.rate", text(format!("{rate}/d")), setting.origin.clone());
                    sources.push(source);
                }
            }
            Some(setting) => {
                if let Origin::Read { place, address } = &setting.origin {
                    notes.ignore(
                        *place,
                        address.clone(),
                        "not simulated: a schedule by cron; its requests are part of the source",
                    );
                }
                others += 1;
            }
            None => {
                others += 1;
                if !matches!(link.kind, Kind::Gateway | Kind::Schedule) {
                    let from = link.from.last().map_or("something", String::as_str);
                    let what = format!("{} {from} -> {}", link.kind.name(), function.name);
                    let said: Vec<String> =
                        link.settings.iter().map(|setting| format!("{} = {}", setting.key, setting.value)).collect();
                    let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) };
                    let why = format!(
                        "not simulated{said}: its messages arrive as requests of the source \"{}\"",
                        function.name
                    );
                    notes.ignore(link.place, what, why);
                }
            }
        }
    }
    if others > 0 || sources.is_empty() {
        sources.push(outside(function, traffic));
    }
    sources
}

/// Requests from outside.
fn outside(function: &Thing, traffic: &Traffic) -> Thing {
    let mut source = source(&function.name, function);
    let own = traffic.rps.iter().find(|(name, _)| name.as_ref().is_some_and(|name| function.is_meant(name)));
    let given = own.or_else(|| traffic.rps.iter().find(|(name, _)| name.is_none()));
    match (&traffic.recorded, given) {
        (Some(Recorded::Rates(path)), _) => {
            source.set("arrivals.rate-trace.file", text(path), Origin::Given("--traffic".to_owned()));
        }
        (Some(Recorded::Rows(path)), _) => {
            source.set("arrivals.trace.file", text(path), Origin::Given("--traffic".to_owned()));
            source.set("arrivals.trace.format", "\"forewarm\"", Origin::Given("--traffic".to_owned()));
        }
        (_, Some((_, rps))) => {
            source.set("arrivals.poisson.rate", text(format!("{rps}/s")), Origin::Given("--rps".to_owned()));
        }
        _ => {
            let reason = "not in infrastructure files: pass --rps or --traffic".to_owned();
            source.set("arrivals.poisson.rate", text(format!("{ASSUMED_RPS}/s")), Origin::Assumed(reason));
        }
    }
    source
}

/// Requests a second that are known, of all sources together.
pub(super) fn total_rps(model: &Model) -> f64 {
    let rates =
        model.things.iter().flat_map(|thing| &thing.settings).filter(|setting| setting.key.starts_with("arrivals."));
    let rates = rates.filter_map(|setting| {
        let written = setting.value.trim_matches('"');
        let (number, factor) = match (written.strip_suffix("/s"), written.strip_suffix("/d")) {
            (Some(number), _) => (number, 1.0),
            (_, Some(number)) => (number, 1.0 / 86_400.0),
            _ => return None,
        };
        number.parse::<f64>().ok().map(|number| number * factor)
    });
    rates.sum()
}

/// How long a run has to be for a 99th percentile, in seconds.
pub(super) fn horizon_s(rps: f64) -> f64 {
    const REQUESTS: f64 = 50_000.0;
    ((REQUESTS / rps.max(1e-9)).clamp(1_800.0, 86_400.0) / 60.0).round() * 60.0
}
