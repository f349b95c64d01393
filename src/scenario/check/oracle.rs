//! The future load given to an oracle: the load from which the scenario itself is simulated.

use super::Checker;
use crate::dist::Dist;
use crate::id::FnId;
use crate::policy::scaling::ScalingSpec;
use crate::policy::scaling::predictive::forecast::ForecastSpec;
use crate::policy::scaling::predictive::{INTERVALS_MAX, PredictiveSpec};
use crate::scenario::model::{Function, Source, Target};
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::Problem;
use crate::time::Span;

impl Checker<'_, '_> {
    /// Gives every oracle the mean load of each interval: expected arrivals times mean duration.
    pub(super) fn oracles(&mut self, functions: &mut [Function], sources: &[Source], horizon: Span, file: &FileTable) {
        for (index, function) in functions.iter_mut().enumerate() {
            let timeout = function.timeout.map_or(f64::INFINITY, Span::as_secs_f64);
            let of_function = function.duration.mean_s();
            let service = |source: &Source| source.duration.as_ref().map_or(of_function, Dist::mean_s).min(timeout);
            let ScalingSpec::Predictive(spec) = &mut function.scaling else { continue };
            let PredictiveSpec { interval, ahead, forecast: ForecastSpec::Oracle(oracle), .. } = &mut **spec else {
                continue;
            };
            match loads(index, sources, &service, *interval, horizon, *ahead) {
                Ok(loads) => oracle.loads = loads.into(),
                Err(reason) => {
                    let place = file.function.get(index).map_or(file.place, |table| table.scaling.place);
                    let message = format!("the oracle of `function.{}` cannot know its load: {reason}", function.name);
                    self.problems.push(Problem::error(place, message).help("use a forecast from past load instead"));
                }
            }
        }
    }
}

/// The mean load of each interval of the function at `index`, or why it is unknown.
fn loads(
    index: usize,
    sources: &[Source],
    service: &dyn Fn(&Source) -> f64,
    interval: Span,
    horizon: Span,
    ahead: u32,
) -> Result<Vec<f64>, String> {
    let intervals = horizon.as_nanos() / interval.as_nanos() + u64::from(ahead);
    if intervals > INTERVALS_MAX {
        return Err(format!("there are more than {INTERVALS_MAX} intervals"));
    }
    let is_its = |source: &&Source| match &source.target {
        Target::Function(FnId(id)) => *id as usize == index,
        Target::ByTrace(targets) => targets.iter().any(|id| id.index() == index),
        Target::Component(_) => false,
    };
    let mut loads = vec![0.0; intervals as usize];
    for source in sources.iter().filter(is_its) {
        let service = service(source);
        if !service.is_finite() {
            return Err("the mean of `duration` is infinite".to_owned());
        }
        let per_interval = service / interval.as_secs_f64();
        let expected = source.arrivals.expected_by_interval(interval, intervals, service);
        let expected = expected.ok_or_else(|| format!("source \"{}\" replays a trace", source.name))?;
        loads.iter_mut().zip(expected).for_each(|(load, requests)| *load += requests * per_interval);
    }
    Ok(loads)
}
