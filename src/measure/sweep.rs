//! The result of a point of a sweep: one row of numbers.

use super::summary::{Asked, Stat, Summary};
use crate::metric::{self, MONTHLY_COST, Metric, Quantity};
use crate::scenario::Scenario;

/// The numbers of a row, in their order: every metric has a mean and half of an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    metrics: Vec<Subject>,
    /// The places of those that objectives name, in their order, without repetitions.
    of_objectives: Vec<usize>,
}

/// A metric of the total, or what an objective asks about.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    /// What its name begins with: nothing for the total, `function.NAME.` or `source.NAME.`.
    owner: String,
    key: String,
    quantity: Quantity,
    found: Found,
}

/// Where in a summary a number stands.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Total,
    Monthly,
    Function(String),
    /// At this place of the objectives.
    Objective(usize),
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
    /// Those of a sweep of this scenario: every metric of the total, and of functions and sources those that an objective names.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let total = |metric: &Metric| Subject {
            owner: String::new(),
            key: metric.key.clone(),
            quantity: metric.quantity,
            found: Found::Total,
        };
        let monthly = Subject {
            owner: String::new(),
            key: MONTHLY_COST.to_owned(),
            quantity: Quantity::Usd,
            found: Found::Monthly,
        };
        let mut metrics: Vec<Subject> = metric::metrics().iter().map(total).chain([monthly]).collect();
        let mut of_objectives = Vec::new();
        for (place, objective) in scenario.objectives.iter().enumerate() {
            let asked = Asked::of(objective, scenario);
            let function = asked.function.as_ref().map(|name| format!("function.{name}."));
            let source = asked.source.as_ref().map(|name| format!("source.{name}."));
            let component = asked.component.as_ref().map(|name| format!("{name}."));
            let (owner, key) = (function.or(source).or(component).unwrap_or_default(), asked.key());
            let found = match (&asked.function, &asked.source, &asked.metric) {
                // What not every function has, the objective has itself.
                (Some(name), None, Some(key)) if metric::find(key).is_some() => Found::Function(name.clone()),
                _ => Found::Objective(place),
            };
            let known = metrics.iter().position(|one| one.owner == owner && one.key == key);
            let place = known.unwrap_or(metrics.len());
            if known.is_none() {
                metrics.push(Subject { owner, key, quantity: asked.quantity(), found });
            }
            if !of_objectives.contains(&place) {
                of_objectives.push(place);
            }
        }
        Self { metrics, of_objectives }
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn width(&self) -> usize {
        HEAD + 2 * self.metrics.len()
    }

    /// The names of the metrics, in their order: the key of the summary, after `function.NAME.` or `source.NAME.` where it is
    /// not of the total.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.metrics.iter().map(|one| format!("{}{}", one.owner, one.key))
    }

    /// The names of their columns in tables, in their order: as [`Columns::names`], with underscores in the key for dots.
    pub fn columns(&self) -> impl Iterator<Item = (String, Quantity)> {
        self.metrics.iter().map(|one| (format!("{}{}", one.owner, one.key.replace('.', "_")), one.quantity))
    }

    /// What the numbers of each metric are, in their order.
    pub fn quantities(&self) -> impl Iterator<Item = Quantity> {
        self.metrics.iter().map(|one| one.quantity)
    }

    /// The places of the metrics that objectives name, in their order.
    #[must_use]
    pub fn of_objectives(&self) -> Vec<usize> {
        self.of_objectives.clone()
    }

    /// The place of a metric of the total.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<usize> {
        self.metrics.iter().position(|one| one.owner.is_empty() && one.key == key)
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
        for (place, one) in self.metrics.iter().enumerate() {
            push(match &one.found {
                Found::Total => total.get(place).copied(),
                Found::Monthly => Some(&summary.monthly_cost_usd),
                Found::Function(name) => {
                    let shape = summary.functions.iter().find(|(known, _)| known == name);
                    shape.and_then(|(_, shape)| shape.get(&one.key))
                }
                Found::Objective(place) => summary.objectives.get(*place).map(|objective| &objective.value),
            });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_replications_objectives_and_two_numbers_for_each_metric() {
        let row = |met| Row { number: 7, values: vec![3.0, met, 10.0, 0.5, 20.0, f64::NAN] };
        assert_eq!(row(f64::NAN).replications(), 3);
        assert_eq!([f64::NAN, 0.0, 1.0].map(|met| row(met).met()), [None, Some(false), Some(true)]);
        let stats = [0, 1].map(|metric| row(1.0).stat(metric));
        assert_eq!(stats[0], Stat { mean: 10.0, half_width: Some(0.5) });
        assert_eq!(stats[1], Stat { mean: 20.0, half_width: None });
    }
}
