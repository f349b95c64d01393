//! Scaling by forecasts; and what an oracle is told.

use std::sync::Arc;

use super::super::Checker;
use crate::dist::Dist;
use crate::id::FnId;
use crate::policy::scaling::predictive::PredictiveSpec;
use crate::policy::scaling::predictive::forecast::{ForecastSpec, Oracle, Quantile, Smoothing};
use crate::policy::scaling::{Governs, ScalingSpec};
use crate::scenario::model::{Function, Source, Target};
use crate::scenario::raw::FileTable;
use crate::scenario::raw::scaling::predictive::{ForecastTable, PredictiveTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::Problem;
use crate::time::Span;

/// The most intervals that are remembered, or told to an oracle.
const INTERVALS_MAX: u64 = 1_000_000;

impl Checker<'_, '_> {
    pub(super) fn predictive(&mut self, table: &PredictiveTable, path: &str) -> Option<PredictiveSpec> {
        let path = format!("{path}.predictive");
        if let Some(max) = table.max_instances.filter(|&max| *table.min_instances > max) {
            let message =
                format!("`{path}.min-instances` ({}) is more than `max-instances` ({max})", *table.min_instances);
            self.problems.push(Problem::error(table.min_instances.place, message));
        }
        if *table.governs == Governs::Provisioned && table.max_instances.is_none() {
            let message = format!("`{path}` needs `max-instances` with governs = \"provisioned\"");
            let help = "what may be provisioned is taken from what the account has for others";
            self.problems.push(Problem::missing(table.place, message).help(help));
        }
        let interval = self.pause(table.interval.place, *table.interval, &format!("{path}.interval"))?;
        let forecast = match table.forecast.value.as_ref()? {
            ForecastTable::HoltWinters(table) => ForecastSpec::HoltWinters(Smoothing {
                level: *table.level,
                trend: *table.trend,
                seasonal: *table.seasonal,
                season: self.season(&table.season, interval, 1, &format!("{path}.forecast.holt-winters.season"))?,
            }),
            ForecastTable::Quantile(table) => ForecastSpec::Quantile(Quantile {
                quantile: *table.quantile,
                of: *table.of as usize,
                season: self.season(
                    &table.season,
                    interval,
                    (*table.of).into(),
                    &format!("{path}.forecast.quantile.season"),
                )?,
            }),
            ForecastTable::Oracle(_) => ForecastSpec::Oracle(Oracle { loads: Arc::new([]) }),
        };
        Some(PredictiveSpec {
            governs: *table.governs,
            interval,
            ahead: *table.ahead,
            target: *table.target,
            margin: *table.margin,
            min_instances: *table.min_instances,
            max_instances: *table.max_instances,
            forecast,
        })
    }

    /// A season in intervals, of which `seasons` are remembered.
    fn season(
        &mut self,
        season: &Spanned<Option<Span>>,
        interval: Span,
        seasons: u64,
        path: &str,
    ) -> Option<Option<usize>> {
        let Some(length) = season.value else { return Some(None) };
        let intervals = length.as_nanos() / interval.as_nanos();
        if intervals == 0 || intervals * interval.as_nanos() != length.as_nanos() {
            let message = format!("`{path}` ({length}) must be a multiple of `interval` ({interval})");
            self.problems.push(Problem::error(season.place, message));
            return None;
        }
        if intervals.saturating_mul(seasons) > INTERVALS_MAX {
            let message = format!("`{path}` means more than {INTERVALS_MAX} intervals to remember");
            self.problems.push(Problem::error(season.place, message).help("take longer intervals or fewer seasons"));
            return None;
        }
        Some(Some(intervals as usize))
    }

    /// Tells every oracle the mean load of each interval: expected arrivals times mean duration.
    pub(in crate::scenario::check) fn oracles(
        &mut self,
        functions: &mut [Function],
        sources: &[Source],
        horizon: Span,
        file: &FileTable,
    ) {
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
                    self.problems.push(Problem::error(place, message).help("forecast it from its past instead"));
                }
            }
        }
    }
}

/// The mean load of each interval of the function at `index`, or why it is not known.
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
