//! Ways to forecast a load from its past, interval by interval.

use std::sync::Arc;

use super::holt_winters::HoltWinters;
use super::quantile::Quantiles;

/// How a load is forecast.
#[derive(Clone, Debug, PartialEq)]
pub enum ForecastSpec {
    /// Level, trend and season.
    HoltWinters(Smoothing),
    /// A quantile of the past.
    Quantile(Quantile),
    /// The mean that the scenario itself is made with: no forecast can know more.
    Oracle(Oracle),
}

/// The parameters of additive exponential smoothing, each from 0 (never learns) to 1 (believes the last interval only).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Of the level.
    pub level: f64,
    /// Of the trend.
    pub trend: f64,
    /// Of the season.
    pub seasonal: f64,
    /// Intervals of a season; none: there is no season.
    pub season: Option<usize>,
}

/// A quantile of the loads of earlier intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// From 0 (the least) to 1 (the most).
    pub quantile: f64,
    /// Of how many.
    pub of: usize,
    /// Intervals of a season, of which the one at the same place counts; none: the last ones count.
    pub season: Option<usize>,
}

/// What will be.
#[derive(Clone, Debug, PartialEq)]
pub struct Oracle {
    /// The mean load of each interval, from the start of the run.
    pub loads: Arc<[f64]>,
}

impl ForecastSpec {
    pub(super) fn build(&self) -> Forecaster {
        match self {
            Self::HoltWinters(spec) => Forecaster::HoltWinters(HoltWinters::new(*spec)),
            Self::Quantile(spec) => Forecaster::Quantile(Quantiles::new(*spec)),
            Self::Oracle(oracle) => Forecaster::Oracle { oracle: oracle.clone(), passed: 0 },
        }
    }
}

/// A forecaster and what it has seen.
#[derive(Clone, Debug)]
pub(super) enum Forecaster {
    HoltWinters(HoltWinters),
    Quantile(Quantiles),
    Oracle { oracle: Oracle, passed: usize },
}

impl Forecaster {
    /// The load of the next interval.
    pub(super) fn observe(&mut self, load: f64) {
        match self {
            Self::HoltWinters(model) => model.observe(load),
            Self::Quantile(model) => model.observe(load),
            Self::Oracle { passed, .. } => *passed += 1,
        }
    }

    /// The load that is expected in the interval `steps` (from 1) after the last one; none if too little is known.
    pub(super) fn forecast(&self, steps: usize) -> Option<f64> {
        match self {
            Self::HoltWinters(model) => model.forecast(steps),
            Self::Quantile(model) => model.forecast(steps),
            Self::Oracle { oracle, passed } => oracle.loads.get(passed + steps - 1).copied(),
        }
    }
}
