//! What charts and tables need of a sweep, gathered row by row.

use std::collections::HashMap;

use crate::measure::summary::Stat;
use crate::measure::sweep::{Columns, Row};
use crate::report::format::Quantity;
use crate::scenario::axis::{Unit, short_names};
use crate::scenario::sweep::{Point, Sweep};

/// Points kept for charts: more dots cannot be told apart, and the memory is bounded.
pub const KEPT: usize = 100_000;
/// Metrics that are shown, besides those of objectives.
const HEADLINES: [&str; 4] =
    ["latency_s.p99", "cost_usd.per_million_succeeded", "failure_ratio", "cold_affected_ratio"];
/// More metrics than this make a long page.
const METRICS: usize = 6;

/// What charts and tables need of a sweep.
#[derive(Clone, Debug)]
pub struct Digest {
    /// What varies.
    pub axes: Vec<Parameter>,
    /// What is shown, objectives first.
    pub metrics: Vec<Shown>,
    /// The first [`KEPT`] points, in their order.
    pub points: Vec<Kept>,
    /// All points.
    pub count: u64,
    /// Points at which all objectives are met; none without objectives.
    pub met: Option<u64>,
    /// The cheapest of those points, or of all without objectives; the fastest where nothing is charged.
    pub best: Option<Kept>,
    places: [Option<usize>; 2],
    levels: Vec<HashMap<String, usize>>,
}

/// An axis as it is drawn.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its dotted key.
    pub key: String,
    /// A short name that tells it apart.
    pub name: String,
    /// What its numbers measure; none: it has texts.
    pub unit: Option<Unit>,
    /// The texts of its values; empty where any value of a range is taken.
    pub levels: Vec<String>,
}

/// A metric that is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its name among the columns.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
    place: usize,
}

/// A point and what was found there.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number, from 0.
    pub number: u64,
    /// What each axis has there, as people write it.
    pub texts: Vec<String>,
    /// The same as a number: of texts, their place in the list.
    pub at: Vec<f64>,
    /// The metrics that are shown.
    pub stats: Vec<Stat>,
    /// What a month costs, and the p99 of the latency.
    pub cost_and_latency: [Stat; 2],
    /// Whether all objectives are met.
    pub met: Option<bool>,
}

/// Whether two statistics are the same numbers.
fn same(a: Stat, b: Stat) -> bool {
    let bits = |stat: Stat| (stat.mean.to_bits(), stat.half_width.map(f64::to_bits));
    bits(a) == bits(b)
}

impl Digest {
    /// Whether a metric says nothing that an earlier one does not: under most policies whoever waits for a cold start caused
    /// it.
    #[must_use]
    pub fn is_repeated(&self, metric: usize) -> bool {
        let is_same = |earlier: usize| self.points.iter().all(|kept| same(kept.stats[metric], kept.stats[earlier]));
        (0..metric).any(|earlier| self.metrics[earlier].quantity == self.metrics[metric].quantity && is_same(earlier))
    }

    /// Nothing gathered yet.
    #[must_use]
    pub fn new(sweep: &Sweep, columns: &Columns) -> Self {
        let names: Vec<String> = columns.names().collect();
        let quantities: Vec<Quantity> = columns.quantities().collect();
        let mut places = columns.of_objectives();
        places.extend(HEADLINES.iter().filter_map(|key| columns.place(key)));
        let mut seen = Vec::new();
        places.retain(|place| {
            !seen.contains(place) && {
                seen.push(*place);
                true
            }
        });
        places.truncate(METRICS);
        let shown = |place: usize| Shown { name: names[place].clone(), quantity: quantities[place], place };
        let keys: Vec<&str> = sweep.axes().map(|axis| axis.key.as_str()).collect();
        let axes: Vec<Parameter> = sweep
            .axes()
            .zip(short_names(&keys))
            .map(|(axis, name)| {
                let levels = axis.levels().unwrap_or_default().iter().map(|level| level.text.clone()).collect();
                Parameter { key: axis.key.clone(), name, unit: axis.unit, levels }
            })
            .collect();
        let index = |axis: &Parameter| axis.levels.iter().cloned().enumerate().map(|(at, text)| (text, at)).collect();
        Self {
            levels: axes.iter().map(index).collect(),
            axes,
            metrics: places.into_iter().map(shown).collect(),
            points: Vec::new(),
            count: 0,
            met: None,
            best: None,
            places: ["monthly_cost_usd", "latency_s.p99"].map(|key| columns.place(key)),
        }
    }

    /// Takes in the next point.
    pub fn add(&mut self, point: &Point, row: &Row) {
        self.count += 1;
        let met = row.met();
        if let Some(met) = met {
            *self.met.get_or_insert(0) += u64::from(met);
        }
        let nothing = Stat { mean: f64::NAN, half_width: None };
        let kept = Kept {
            number: point.number,
            texts: point.levels.iter().map(|level| level.text.clone()).collect(),
            at: (point.levels.iter().zip(&self.levels))
                .map(|(level, known)| {
                    level.number.unwrap_or_else(|| known.get(&level.text).map_or(f64::NAN, |at| *at as f64))
                })
                .collect(),
            stats: self.metrics.iter().map(|metric| row.stat(metric.place)).collect(),
            cost_and_latency: self.places.map(|place| place.map_or(nothing, |place| row.stat(place))),
            met,
        };
        let key =
            |kept: &Kept| kept.cost_and_latency.map(|stat| if stat.mean.is_nan() { f64::INFINITY } else { stat.mean });
        // Where nothing is completed nothing costs less and nothing is late: that is no answer.
        let works = !kept.cost_and_latency[1].mean.is_nan();
        if works && met != Some(false) && self.best.as_ref().is_none_or(|best| key(&kept) < key(best)) {
            self.best = Some(kept.clone());
        }
        if self.points.len() < KEPT {
            self.points.push(kept);
        }
    }
}
