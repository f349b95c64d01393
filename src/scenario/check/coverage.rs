//! The part of a run in which a source sends requests.

use std::collections::HashMap;

use crate::scenario::model::Scenario;
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::{Problem, Problems};
use crate::time::{SimTime, Span};
use crate::workload::ArrivalSpec;

/// Warns about sources that send nothing before the horizon, and recorded ones that end long before it.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let horizon = scenario.simulation.horizon;
    let mut all: HashMap<&str, Coverage> = HashMap::new();
    for source in &scenario.sources {
        // A trace has a source for each of its functions, prefixed with its own name and a slash.
        let name = source.name.split('/').next().unwrap_or_default();
        all.entry(name).or_default().add(&source.arrivals, SimTime::from(horizon));
    }
    for table in file.source.iter() {
        let Some((name, coverage)) = table.name.as_deref().and_then(|name| Some((name, all.get(name)?))) else {
            continue;
        };
        let place = table.arrivals.place;
        if !coverage.is_any {
            let mut message = format!("`source.{name}` sends no requests before the horizon ({horizon})");
            let mut help = "use a longer horizon".to_owned();
            if let Some(first) = coverage.first.filter(|first| *first >= horizon) {
                message += &format!(": its first request comes after {first}");
                help = format!(
                    "add start = \"{first}\" to the table of the trace to start there, or use a longer horizon"
                );
            }
            problems.push(Problem::warning(place, message).help(help));
        } else if let Some(end) = coverage.end.filter(|end| is_long_before(*end, horizon)) {
            let message = format!("`source.{name}` ends after {end}, long before the horizon ({horizon})");
            let help = format!("averages include the idle time after it; a horizon of about {end} ends with the trace");
            problems.push(Problem::warning(place, message).help(help));
        }
    }
}

/// Less than nine tenths of the horizon.
fn is_long_before(end: Span, horizon: Span) -> bool {
    u128::from(end.as_nanos()) * 10 < u128::from(horizon.as_nanos()) * 9
}

/// When a source sends requests.
#[derive(Default)]
struct Coverage {
    /// Whether any request is sent before the horizon.
    is_any: bool,
    /// For recorded requests, the first one and the end.
    first: Option<Span>,
    end: Option<Span>,
}

impl Coverage {
    fn add(&mut self, arrivals: &ArrivalSpec, horizon: SimTime) {
        let recorded = match arrivals {
            ArrivalSpec::Rows(trace) => Some((trace.first, trace.last)),
            ArrivalSpec::Recorded { of, function } => {
                let requests = of.kept(*function);
                requests.first().zip(requests.last()).map(|(first, last)| (first.at(), last.at()))
            }
            ArrivalSpec::Counts(counts) => {
                let length = counts.interval.as_nanos().saturating_mul(counts.intervals());
                Some((counts.start, SimTime::from_nanos(counts.start.as_nanos().saturating_add(length))))
            }
            _ => None,
        };
        // For processes with memory, an average says nothing about individual requests.
        let is_average =
            matches!(arrivals, ArrivalSpec::Renewal { .. } | ArrivalSpec::Mmpp { .. } | ArrivalSpec::Closed { .. });
        self.is_any |= match (arrivals.expected_before(horizon, 1.0), recorded) {
            (Some(expected), _) => is_average || expected > 0.0,
            (None, recorded) => recorded.is_none_or(|(first, _)| first < horizon),
        };
        if let Some((first, end)) = recorded {
            let [first, end] = [first, end].map(|at| at.since(SimTime::ZERO));
            self.first = Some(self.first.map_or(first, |known| known.min(first)));
            self.end = Some(self.end.map_or(end, |known| known.max(end)));
        }
    }
}
