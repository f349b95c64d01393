//! What no infrastructure file says: how much comes, how long it runs, how long a start takes.

use super::model::{Entrance, Kind, Model, Origin, Platform, Setting, Thing, text};
use super::reader::Notes;
use crate::time::Span;
use crate::workload::calendar::{Cron, zone_of};

/// What is known of load and durations.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Requests a second, of what is called from outside by the name of that or of the function behind it, or of each.
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
    let is_alone = model.functions().count() == 1;
    for thing in &mut model.things {
        if thing.kind == Kind::Function {
            if let Some((file, tables)) = recorded("function") {
                measured(thing, &file, &tables, is_alone);
            }
            durations(thing, traffic);
        }
    }
    let entries = std::mem::take(&mut model.entries);
    let mut sources: Vec<Thing> = Vec::new();
    for entry in &entries {
        if let Some((file, tables)) = recorded("source") {
            let own = sources_of(entry, &file, &tables, is_alone && entries.len() == 1);
            if !own.is_empty() {
                sources.extend(own);
                continue;
            }
        }
        sources.push(outside(entry, &entries, traffic));
    }
    for name in traffic.rps.iter().filter_map(|(name, _)| name.as_ref()) {
        if !entries.iter().any(|entry| entry.is_through(name) || entry.is_to(name)) {
            let behind = entries.iter().filter_map(|entry| entry.function.first()).map(String::as_str);
            let names = entries.iter().map(|entry| entry.source.name.as_str()).chain(behind);
            let near = crate::schema::diagnostic::instead(name, "requests come in at", names);
            notes.ignore(
                super::tree::Place::NOWHERE,
                format!("--rps {name}"),
                format!("nothing of this name is called from outside: {near}"),
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

/// The sources of a file that call what the entrance calls, or the function behind it.
fn sources_of(entry: &Entrance, file: &str, tables: &[toml::Value], is_alone: bool) -> Vec<Thing> {
    let own = tables.iter().filter_map(toml::Value::as_table).filter(|table| {
        let name = ["function", "target"].iter().find_map(|key| table.get(*key)).and_then(toml::Value::as_str);
        let name = name.map(|name| name.split_once('.').map_or(name, |(_, name)| name));
        is_alone || name.is_some_and(|name| entry.is_through(name) || entry.is_to(name))
    });
    own.map(|table| {
        let mut source = entry.source.clone();
        if let Some(name) = table.get("name").and_then(toml::Value::as_str) {
            name.clone_into(&mut source.name);
        }
        for (key, value) in table.iter().filter(|(key, _)| !matches!(key.as_str(), "name" | "function" | "target")) {
            source.set(key, value.to_string(), Origin::Given(file.to_owned()));
        }
        source
    })
    .collect()
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

/// Sets the arrivals of a source that a schedule starts: `every` or `cron`, and `time-zone`. False if it cannot be simulated.
pub(super) fn scheduled(source: &mut Thing, settings: &[&Setting], notes: &Notes) -> bool {
    let find = |key: &str| settings.iter().find(|setting| setting.key == key);
    let wrong = |setting: &Setting, why: String| {
        if let Origin::Read { place, address } = &setting.origin {
            notes.ignore(*place, address.clone(), why);
        }
    };
    let mut shortest = MINUTE;
    match (find("every"), find("cron")) {
        (Some(timing), _) => {
            let every: Option<Span> = timing.value.trim_matches('"').parse().ok();
            let Some(every) = every.filter(|every| *every > Span::ZERO) else { return false };
            shortest = every;
            source.set("arrivals.schedule.every", timing.value.clone(), timing.origin.clone());
        }
        (None, Some(timing)) => {
            if let Err(error) = Cron::parse(timing.value.trim_matches('"')) {
                wrong(timing, format!("not simulated: {} is no cron expression: {error}", timing.value));
                return false;
            }
            source.set("arrivals.schedule.cron", timing.value.clone(), timing.origin.clone());
            if let Some(zone) = find("time-zone") {
                match zone_of(zone.value.trim_matches('"')) {
                    Ok(_) => source.set("arrivals.schedule.time-zone", zone.value.clone(), zone.origin.clone()),
                    Err(help) => wrong(zone, format!("{} is no time zone: {help}; UTC is used", zone.value)),
                }
            }
        }
        (None, None) => return false,
    }
    if source.platform == Platform::Lambda && shortest >= MINUTE {
        let reason = "EventBridge is precise to the minute".to_owned();
        source.set("arrivals.schedule.precision", text("1m"), Origin::Default(reason));
    }
    true
}

/// How precise schedules of EventBridge are.
const MINUTE: Span = Span::from_secs(60);

/// Requests from outside.
fn outside(entry: &Entrance, entries: &[Entrance], traffic: &Traffic) -> Thing {
    let mut source = entry.source.clone();
    // The name of a function stands for the first way to it.
    let is_first = |name: &str| {
        let named = entries.iter().any(|other| other.is_through(name));
        !named && entries.iter().find(|other| other.is_to(name)).is_some_and(|first| std::ptr::eq(first, entry))
    };
    let own = |name: &String| entry.is_through(name) || is_first(name);
    let own = traffic.rps.iter().find(|(name, _)| name.as_ref().is_some_and(own));
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
