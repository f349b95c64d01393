//! Instances for the forecast load instead of the past load.
//!
//! At the start of every interval, the number of instances is `forecast * margin / target`, rounded up. The load is the
//! number of requests in progress or queued, averaged over an interval. Until a forecast is possible, the interval that
//! has just ended is used.

pub mod forecast;
mod holt_winters;
mod quantile;

use super::replay::Gauge;
use super::{Governs, MANY, Pause, Policy, Scaling, Totals, View, next_multiple};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Positive};
use crate::time::{SimTime, Span};
use forecast::{ForecastSpec, Forecaster};

/// Maximum number of intervals that are remembered, or given to an oracle.
pub(crate) const INTERVALS_MAX: u64 = 1_000_000;

/// Values below this are rounding errors of a forecast, and need no instance.
const NEGLIGIBLE: f64 = 1e-9;

parameters! {
    /// Instances for the forecast load.
    pub struct PredictiveSpec {
        /// Which instances it controls.
        default governs: Governs = Governs::Instances,
        /// How the load is forecast; until enough is known, the interval that has just ended is used.
        required forecast: ForecastSpec,
        /// Length of an interval.
        default interval: Pause = Span::from_secs(60),
        /// Number of future intervals to consider; the largest forecast counts. With 2, instances are ready one
        /// interval early.
        default ahead: Count<1, 1000> = 1,
        /// Target load per instance.
        default target: Positive = 1.0,
        /// Factor applied to the forecast.
        default margin: Positive = 1.1,
        /// Minimum number of instances.
        default min_instances: Count<0, MANY> = 1,
        /// Maximum number of instances; required with governs = "provisioned".
        optional max_instances: Count<0, MANY>,
    }
}

impl PredictiveSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let min = self.min_instances;
        if let Some(max) = self.max_instances.filter(|&max| min > max) {
            check.wrong("min-instances", format!("({min}) is more than `max-instances` ({max})"));
        }
        if self.governs == Governs::Provisioned && self.max_instances.is_none() {
            check.missing(
                "needs `max-instances` with governs = \"provisioned\"",
                "what may be provisioned is taken from what the account has for others",
            );
        }
        let Some(season) = self.forecast.season() else { return };
        let (key, interval) = (format!("forecast.{}.season", self.forecast.name()), self.interval);
        let intervals = season.as_nanos() / interval.as_nanos();
        if intervals == 0 || intervals * interval.as_nanos() != season.as_nanos() {
            check.wrong(&key, format!("({season}) must be a multiple of `interval` ({interval})"));
        } else if intervals.saturating_mul(self.forecast.seasons()) > INTERVALS_MAX {
            let what = format!("means more than {INTERVALS_MAX} intervals to remember");
            check.wrong_with(&key, what, "take longer intervals or fewer seasons");
        }
    }
}

impl Policy for PredictiveSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(Predictive::new(self.clone())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        &[Gauge::Concurrency, Gauge::ConcurrencyPerPod]
    }

    fn governs(&self) -> Governs {
        self.governs
    }

    fn most_ordered(&self) -> u32 {
        // With governs = "provisioned" there is always a maximum.
        self.max_instances.unwrap_or(0)
    }

    fn pause(&self) -> Option<Span> {
        Some(self.interval)
    }
}

/// The state of the policy.
#[derive(Clone, Debug)]
pub struct Predictive {
    spec: PredictiveSpec,
    forecaster: Forecaster,
    next: SimTime,
    before: Totals,
    /// The load of the last interval.
    last: Option<f64>,
}

impl Predictive {
    /// A policy without history.
    #[must_use]
    pub fn new(spec: PredictiveSpec) -> Self {
        let season = spec.forecast.season().map(|season| (season.as_nanos() / spec.interval.as_nanos()) as usize);
        let forecaster = spec.forecast.build(season);
        Self { spec, forecaster, next: SimTime::ZERO, before: Totals::default(), last: None }
    }

    /// Adds the interval that has just ended, if one has.
    fn learn(&mut self, view: &View<'_>) {
        if view.now > SimTime::ZERO {
            let load = view.totals.since(&self.before).load_ns as f64 / self.spec.interval.as_nanos() as f64;
            self.forecaster.observe(load);
            self.last = Some(load);
        }
        self.before = view.totals;
    }

    /// The largest forecast; `None` before the end of the first interval, unless the future is known.
    fn load(&self) -> Option<f64> {
        let forecasts = (1..=self.spec.ahead as usize).filter_map(|steps| self.forecaster.forecast(steps));
        forecasts.reduce(f64::max).or(self.last)
    }
}

impl Scaling for Predictive {
    fn next(&self) -> SimTime {
        self.next
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.learn(view);
        self.next = next_multiple(view.now, self.spec.interval);
        let needed = |load: f64| load * self.spec.margin / self.spec.target - NEGLIGIBLE;
        let wanted = self.load().map_or(f64::from(view.ordered), needed).max(f64::from(self.spec.min_instances));
        let most = self.spec.max_instances.map_or(f64::INFINITY, f64::from);
        Some(view.bounded(wanted.min(most)))
    }

    fn why(&self) -> Option<String> {
        let Some(load) = self.load() else { return Some("nothing to forecast from yet".to_owned()) };
        let PredictiveSpec { ahead, margin, target, min_instances, .. } = &self.spec;
        let measured = self.last.map_or_else(String::new, |last| format!("; the last interval had {last:.2}"));
        let intervals = if *ahead == 1 { "interval".to_owned() } else { format!("{ahead} intervals") };
        Some(format!(
            "largest forecast of the next {intervals}: {load:.2} requests in progress or queued; times margin {margin} over \
             target {target}, at least {min_instances}{measured}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::forecast::{Oracle, Quantile};
    use super::*;

    /// What it orders at 0 s, 60 s ..., with this load in each minute.
    fn orders(spec: &PredictiveSpec, loads: &[u32]) -> Vec<u32> {
        let mut policy = Predictive::new(spec.clone());
        let mut totals = Totals::default();
        let mut decide = |load: &u32| {
            let view = View {
                now: policy.next(),
                limit: 100,
                ordered: 3,
                per_instance: 1,
                existing: 0,
                ready: 0,
                taken: 0,
                instances: &[],
                in_progress: 0,
                queued: 0,
                totals,
            };
            totals.load_ns += u128::from(*load) * u128::from(spec.interval.as_nanos());
            policy.decide(&view).expect("it always answers") as u32
        };
        loads.iter().map(&mut decide).collect()
    }

    fn spec(forecast: ForecastSpec) -> PredictiveSpec {
        PredictiveSpec {
            governs: Governs::Instances,
            interval: Span::from_secs(60),
            ahead: 1,
            target: 2.0,
            margin: 1.5,
            min_instances: 1,
            max_instances: Some(9),
            forecast,
        }
    }

    #[test]
    fn margin_target_and_bounds() {
        // The last load: 4 * 1.5 / 2 = 3, 5 * 1.5 / 2 = 3.75.
        let last = Quantile { quantile: 1.0, of: 1, season: None };
        assert_eq!(orders(&spec(ForecastSpec::Quantile(Box::new(last))), &[4, 5, 0, 50, 0]), [3, 3, 4, 1, 9]);
    }

    #[test]
    fn the_largest_of_those_ahead() {
        let oracle = Oracle { loads: [2.0, 4.0, 8.0, 0.0, 2.0].into() };
        let one = spec(ForecastSpec::Oracle(Box::new(oracle)));
        assert_eq!(orders(&one, &[0; 5]), [2, 3, 6, 1, 2]);
        assert_eq!(orders(&PredictiveSpec { ahead: 2, ..one }, &[0; 5]), [3, 6, 6, 2, 2]);
    }
}
