//! Ways to forecast a load from its past, interval by interval.

use std::sync::Arc;

use super::holt_winters::HoltWinters;
use super::quantile::Quantiles;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Share};
use crate::time::Span;

/// What the parameters of a forecast define.
pub trait Forecast {
    /// The forecaster, without history; `season`: the number of intervals in a season.
    fn build(&self, season: Option<usize>) -> Forecaster;

    /// The length of a season, if there is one.
    fn season(&self) -> Option<Span> {
        None
    }

    /// How many seasons it uses.
    fn seasons(&self) -> u64 {
        1
    }
}

union! {
    /// How a load is forecast.
    pub enum ForecastSpec ("forecast"): Forecast {
        "holt-winters" => HoltWinters(Smoothing),
        "quantile" => Quantile(Quantile),
        "oracle" => Oracle(Oracle),
    }
}

parameters! {
    /// Level, trend and season, each smoothed (additive Holt-Winters).
    pub struct Smoothing {
        /// Length of a season, such as "24h". Default: no season.
        optional season: Duration,
        /// Smoothing of the level (alpha).
        default level: Share = 0.2,
        /// Smoothing of the trend (beta).
        default trend: Share = 0.0,
        /// Smoothing of the season (gamma).
        default seasonal: Share = 0.3,
    }
}

parameters! {
    /// A quantile of earlier intervals.
    pub struct Quantile {
        /// Which quantile, from 0 (lowest load) to 1 (highest).
        default quantile: Share = 0.95,
        /// Number of intervals to use: the most recent ones, or with a season, the intervals at the same position of
        /// that many seasons.
        default of: Count<1, 10_000> = 7,
        /// Length of a season, such as "24h". Default: no season.
        optional season: Duration,
    }
}

/// The future load: a table without keys in the scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Oracle {
    /// The mean load of each interval, from the start of the run.
    pub loads: Arc<[f64]>,
}

impl Oracle {
    const TABLE: &'static TableShape = &TableShape {
        doc: " The mean rates of the function's sources as given in the scenario, which no forecast can beat.",
        fields: &[],
        dotted: None,
    };
}

impl Field for Oracle {
    type Value = Self;
    const SHAPE: Shape = Shape::Table(Self::TABLE);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.table(node, Self::TABLE).map(|()| Self::default())
    }
    fn write(_: &Self) -> Value {
        Value::Table(Vec::new())
    }
}

impl Forecast for Smoothing {
    fn build(&self, season: Option<usize>) -> Forecaster {
        Forecaster::HoltWinters(HoltWinters::new(self, season))
    }

    fn season(&self) -> Option<Span> {
        self.season
    }
}

impl Forecast for Quantile {
    fn build(&self, season: Option<usize>) -> Forecaster {
        Forecaster::Quantile(Quantiles::new(self.clone(), season))
    }

    fn season(&self) -> Option<Span> {
        self.season
    }

    fn seasons(&self) -> u64 {
        self.of.into()
    }
}

impl Forecast for Oracle {
    fn build(&self, _: Option<usize>) -> Forecaster {
        Forecaster::Oracle { oracle: self.clone(), passed: 0 }
    }
}

/// A forecaster and its history.
#[derive(Clone, Debug)]
pub enum Forecaster {
    /// Smoothing.
    HoltWinters(HoltWinters),
    /// A quantile.
    Quantile(Quantiles),
    /// The future.
    Oracle {
        /// The loads.
        oracle: Oracle,
        /// Intervals that have ended.
        passed: usize,
    },
}

impl Forecaster {
    /// Adds the load of the next interval.
    pub(super) fn observe(&mut self, load: f64) {
        match self {
            Self::HoltWinters(model) => model.observe(load),
            Self::Quantile(model) => model.observe(load),
            Self::Oracle { passed, .. } => *passed += 1,
        }
    }

    /// The expected load of the interval `steps` (from 1) after the last one; `None` if a forecast is not possible yet.
    pub(super) fn forecast(&self, steps: usize) -> Option<f64> {
        match self {
            Self::HoltWinters(model) => model.forecast(steps),
            Self::Quantile(model) => model.forecast(steps),
            Self::Oracle { oracle, passed } => oracle.loads.get(passed + steps - 1).copied(),
        }
    }
}
