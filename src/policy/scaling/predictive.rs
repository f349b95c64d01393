//! Instances for the load that is forecast, instead of the load that was.

pub mod forecast;
mod holt_winters;
mod quantile;

use super::{Governs, Scaling, Totals, View, next_multiple};
use crate::time::{SimTime, Span};
use forecast::{ForecastSpec, Forecaster};

/// What is below this is rounding in a forecast, and needs no instance.
const NEGLIGIBLE: f64 = 1e-9;

/// At the start of every interval as many instances as `forecast * margin / target`, rounded up. The load is the number of
/// requests in progress or waiting, on average over an interval. While too little is known for a forecast, the interval that
/// has just ended stands for it.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictiveSpec {
    /// Which instances it governs.
    pub governs: Governs,
    /// The length of an interval.
    pub interval: Span,
    /// How many of the coming intervals are looked at; the largest forecast counts.
    pub ahead: u32,
    /// The load that an instance is to have.
    pub target: f64,
    /// The forecast is multiplied by this.
    pub margin: f64,
    /// Fewest instances.
    pub min_instances: u32,
    /// Most instances; none: no limit of its own.
    pub max_instances: Option<u32>,
    /// How it is forecast.
    pub forecast: ForecastSpec,
}

/// The rule at work.
#[derive(Clone, Debug)]
pub struct Predictive {
    spec: PredictiveSpec,
    forecaster: Forecaster,
    next: SimTime,
    before: Totals,
    /// The load of the interval that ended last.
    last: Option<f64>,
}

impl Predictive {
    /// A rule that has seen nothing.
    #[must_use]
    pub fn new(spec: PredictiveSpec) -> Self {
        let forecaster = spec.forecast.build();
        Self { spec, forecaster, next: SimTime::ZERO, before: Totals::default(), last: None }
    }

    /// Learns from the interval that has just ended, if one has.
    fn learn(&mut self, view: &View<'_>) {
        if view.now > SimTime::ZERO {
            let load = view.totals.since(&self.before).load_ns as f64 / self.spec.interval.as_nanos() as f64;
            self.forecaster.observe(load);
            self.last = Some(load);
        }
        self.before = view.totals;
    }

    /// The largest forecast; nothing before the end of the first interval, unless the future is known.
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
        assert_eq!(orders(&spec(ForecastSpec::Quantile(last)), &[4, 5, 0, 50, 0]), [3, 3, 4, 1, 9]);
    }

    #[test]
    fn the_largest_of_those_ahead() {
        let oracle = Oracle { loads: [2.0, 4.0, 8.0, 0.0, 2.0].into() };
        let one = spec(ForecastSpec::Oracle(oracle));
        assert_eq!(orders(&one, &[0; 5]), [2, 3, 6, 1, 2]);
        assert_eq!(orders(&PredictiveSpec { ahead: 2, ..one }, &[0; 5]), [3, 6, 6, 2, 2]);
    }
}
