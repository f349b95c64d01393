//! What a sweep keeps of each point: one row of numbers.

use super::summary::{Stat, Summary};
use crate::metric::{self, MONTHLY_COST};
use crate::scenario::Scenario;

/// The numbers of a row, in their order: every metric has a mean and half of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The objectives: function (none: the total) and metric, without repetitions.
    objectives: Vec<(Option<String>, String)>,
    metrics: Vec<Metric>,
}

/// A metric of the total or of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Metric {
    function: Option<String>,
    key: String,
}

/// What was found at one point.
#[derive(Clone, Debug)]
pub struct Row {
    /// The number of the point, from 0; in files and messages they are counted from 1.
    pub number: u64,
    /// As many as [`Columns::width`] says; NaN where nothing was there to measure.
    pub values: Vec<f64>,
}

/// Numbers before the metrics.
const HEAD: usize = 2;

impl Columns {
    /// Those of a sweep of this scenario: every metric of the total, and of single functions those that an objective names.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let mut objectives: Vec<(Option<String>, String)> = Vec::new();
        for objective in &scenario.objectives {
            let function = objective.function.map(|id| scenario.functions[id.index()].name.clone());
            let named = (function, objective.metric.clone());
            if !objectives.contains(&named) {
                objectives.push(named);
            }
        }
        let total = metric::keys().chain([MONTHLY_COST]);
        let total = total.map(|key| Metric { function: None, key: key.to_owned() });
        let single = objectives.iter().filter(|(function, _)| function.is_some());
        let single = single.map(|(function, key)| Metric { function: function.clone(), key: key.clone() });
        let metrics = total.chain(single).collect();
        Self { objectives, metrics }
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn width(&self) -> usize {
        HEAD + 2 * self.metrics.len()
    }

    /// The names of the metrics, in their order: the key of the summary, after `function.NAME.` where it is that of a
    /// function.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.subjects().map(|(function, key)| match function {
            None => key.to_owned(),
            Some(function) => format!("function.{function}.{key}"),
        })
    }

    /// The function (none: the total) and the key of the summary of each metric, in their order.
    pub fn subjects(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.metrics.iter().map(|metric| (metric.function.as_deref(), metric.key.as_str()))
    }

    /// The places of the metrics that objectives name, in their order.
    #[must_use]
    pub fn of_objectives(&self) -> Vec<usize> {
        let place = |(function, key): &(Option<String>, String)| {
            self.metrics.iter().position(|metric| metric.function == *function && metric.key == *key)
        };
        self.objectives.iter().filter_map(place).collect()
    }

    /// The place of a metric of the total.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.function.is_none() && metric.key == key)
    }

    /// The row of a point with this summary.
    #[must_use]
    pub fn row(&self, number: u64, summary: &Summary) -> Row {
        let met = match &summary.objectives[..] {
            [] => f64::NAN,
            objectives => f64::from(u8::from(objectives.iter().all(|objective| objective.met))),
        };
        let mut values = Vec::with_capacity(self.width());
        values.extend([f64::from(summary.replications), met]);
        let mut push = |stat: Option<&Stat>| {
            values.push(stat.map_or(f64::NAN, |stat| stat.mean));
            values.push(stat.and_then(|stat| stat.half_width).unwrap_or(f64::NAN));
        };
        let mut total = Vec::new();
        summary.total.visit(|_, stat| total.push(stat));
        total.push(&summary.monthly_cost_usd);
        total.iter().for_each(|stat| push(Some(stat)));
        for Metric { function, key } in &self.metrics[total.len()..] {
            let shape = summary.functions.iter().find(|(name, _)| Some(name) == function.as_ref());
            push(shape.and_then(|(_, shape)| shape.get(key)));
        }
        Row { number, values }
    }
}

impl Row {
    /// Independent runs behind the numbers.
    #[must_use]
    pub fn replications(&self) -> u32 {
        self.values[0] as u32
    }

    /// Whether all objectives are met; none without objectives.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        (!self.values[1].is_nan()).then(|| self.values[1] != 0.0)
    }

    /// What was found of the metric at a place.
    #[must_use]
    pub fn stat(&self, metric: usize) -> Stat {
        let (mean, half) = (self.values[HEAD + 2 * metric], self.values[HEAD + 2 * metric + 1]);
        Stat { mean, half_width: (!half.is_nan()).then_some(half) }
    }
}
