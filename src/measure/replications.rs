//! The replications of a scenario: what is only needed added up is added up as they come.

use super::objective::{owner, value, value_on_path};
use super::packed::Packed;
use super::replication::{FunctionMeasures, Record, Replication, RunMeasures};
use super::stability::Tipped;
use super::summary::Shape;
use super::timeline::{Bins, Distributions, NodePoint, Point};
use super::window::Window;
use crate::id::FnId;
use crate::scenario::{Scenario, Subject};
use crate::stats::Histogram;
use crate::time::NANOS_PER_SECOND;

/// Histograms for drawing have 2^5 bins for each power of two.
const DRAWN_BITS: u32 = 5;

/// The replications of one scenario, in their order. Of each its numbers are kept, because intervals need them one by one,
/// those of functions packed. Time series and histograms, which are by far the most of it, are added up and forgotten.
#[derive(Clone, Debug)]
pub struct Replications {
    each: Vec<RunMeasures>,
    functions: Vec<Packed>,
    /// The batches of the only one, of the total and of the functions, where intervals are made from them.
    batches: Vec<Vec<Shape<f64>>>,
    /// The time series of the total, then those of the functions, where they have one.
    series: Vec<Vec<Means<{ Point::COLUMNS.len() }>>>,
    /// The time series of the sources, where requests may be on a path.
    source_series: Vec<Vec<[f64; 3]>>,
    /// The time series of the node groups.
    node_series: Vec<Vec<Means<{ NodePoint::COLUMNS.len() }>>>,
    /// T_exec, T_func, queueing, cold start of the total.
    histograms: [Histogram; 4],
    /// What each costs in a month, US dollars, and what free amounts take off that.
    pub(super) monthly_usd: Vec<f64>,
    pub(super) monthly_free_usd: Vec<f64>,
}

impl Default for Replications {
    fn default() -> Self {
        Self {
            each: Vec::new(),
            functions: Vec::new(),
            batches: Vec::new(),
            series: Vec::new(),
            source_series: Vec::new(),
            node_series: Vec::new(),
            histograms: std::array::from_fn(|_| Histogram::new(DRAWN_BITS)),
            monthly_usd: Vec::new(),
            monthly_free_usd: Vec::new(),
        }
    }
}

impl std::ops::Deref for Replications {
    type Target = [RunMeasures];

    fn deref(&self) -> &[RunMeasures] {
        &self.each
    }
}

impl Replications {
    /// Takes in the next one, of the same scenario as those before.
    pub fn push(&mut self, scenario: &Scenario, mut replication: Replication) {
        let measured = Window::of(scenario).measured();
        self.monthly_usd.push(replication.charge(scenario, measured));
        self.monthly_free_usd.push(replication.free_in_a_month(scenario, measured));
        let Replication { measures, functions, points, histograms, source_points, node_points, batches } = replication;
        if self.each.is_empty() {
            let of_functions = functions.iter().map(|function| function.batches.clone());
            self.batches = std::iter::once(batches).chain(of_functions).collect();
        } else {
            self.batches = Vec::new();
        }
        let of_functions = functions.iter().map(|function| &function.points);
        self.series.resize_with(functions.len() + 1, Vec::new);
        for (sums, points) in self.series.iter_mut().zip(std::iter::once(&points).chain(of_functions)) {
            sums.resize_with(points.len(), Means::default);
            sums.iter_mut().zip(points).for_each(|(sum, point)| sum.add(point.values()));
        }
        self.source_series.resize_with(source_points.len(), Vec::new);
        for (sums, points) in self.source_series.iter_mut().zip(&source_points) {
            sums.resize(points.len(), [0.0; 3]);
            for (sum, point) in sums.iter_mut().zip(points) {
                sum.iter_mut().zip(point).for_each(|(sum, count)| *sum += *count as f64);
            }
        }
        self.node_series.resize_with(node_points.len(), Vec::new);
        for (sums, points) in self.node_series.iter_mut().zip(&node_points) {
            sums.resize_with(points.len(), Means::default);
            sums.iter_mut().zip(points).for_each(|(sum, point)| sum.add(point.values()));
        }
        self.histograms.iter_mut().zip(&histograms).for_each(|(pooled, one)| pooled.merge(one));
        self.functions.resize_with(functions.len(), Packed::default);
        self.functions.iter_mut().zip(&functions).for_each(|(packed, function)| packed.push(&function.measures));
        self.each.push(measures);
    }

    /// Requests simulated, the warm-ups included.
    #[must_use]
    pub fn simulated(&self) -> u64 {
        self.each.iter().map(|one| one.events.arrivals).sum()
    }

    /// What was measured of a function, replication by replication.
    pub(super) fn function(&self, id: FnId) -> Vec<FunctionMeasures> {
        self.functions[id.index()].iter().collect()
    }

    /// What was measured of a subject of the scenario, replication by replication.
    pub(super) fn measured(&self, scenario: &Scenario, subject: Subject) -> Vec<Record> {
        let is_apart = |id| self.each.iter().any(|one| one.source(id).is_some());
        match subject {
            Subject::Source(id) if is_apart(id) => self.each.iter().filter_map(|one| one.source(id)).cloned().collect(),
            Subject::Source(id) => self.measured(scenario, owner(scenario, id)),
            Subject::Function(id) => self.functions[id.index()].iter().map(|one| one.record).collect(),
            // Of a component itself `values` tells.
            Subject::Total | Subject::Component(_) | Subject::NodeGroup(_) => {
                self.each.iter().map(|one| one.total.clone()).collect()
            }
        }
    }

    /// The value of an objective of the scenario, at its place in the list, replication by replication; infinite where a
    /// quantile is never reached.
    pub(super) fn values(&self, scenario: &Scenario, place: usize) -> Vec<f64> {
        let objective = &scenario.objectives[place];
        let on_path: Option<Vec<f64>> = self.each.iter().map(|one| value_on_path(scenario, objective, one)).collect();
        if let Some(values) = on_path.filter(|values| !values.is_empty()) {
            return values;
        }
        let records = self.measured(scenario, objective.subject);
        let tipped: Vec<Tipped> = match objective.subject {
            Subject::Function(id) => self.functions[id.index()].iter().map(|one| one.tipped).collect(),
            Subject::Total | Subject::Source(_) | Subject::Component(_) | Subject::NodeGroup(_) => {
                self.each.iter().map(|one| one.tipped).collect()
            }
        };
        let each = self.each.iter().zip(&records).zip(tipped);
        each.map(|((one, record), tipped)| value(objective, &record.into(), one.answered[place], tipped)).collect()
    }

    /// The batches of the total, where there is one replication that has some.
    pub(super) fn batches(&self) -> Option<&[Shape<f64>]> {
        let batches = self.batches.first()?;
        (!batches.is_empty()).then_some(batches)
    }

    /// The same of a function.
    pub(super) fn function_batches(&self, id: FnId) -> Option<&[Shape<f64>]> {
        let batches = self.batches.get(id.index() + 1)?;
        (!batches.is_empty()).then_some(batches)
    }

    /// The time series of the total: interval by interval the mean over replications; of percentiles over those in which
    /// something was completed.
    pub(super) fn points(&self) -> Vec<Point> {
        self.mean_points(0)
    }

    /// The same of a function; empty where functions have none.
    pub(super) fn function_points(&self, id: FnId) -> Vec<Point> {
        self.mean_points(id.index() + 1)
    }

    fn mean_points(&self, place: usize) -> Vec<Point> {
        self.series.get(place).into_iter().flatten().map(|sums| Point::of(sums.means())).collect()
    }

    /// The time series of a source, where requests may be on a path.
    pub(super) fn source_points(&self, place: usize) -> Option<Vec<[f64; 3]>> {
        let count = self.each.len() as f64;
        self.source_series.get(place).map(|points| points.iter().map(|sums| sums.map(|sum| sum / count)).collect())
    }

    /// The time series of a node group.
    pub(super) fn node_points(&self, place: usize) -> Vec<NodePoint> {
        self.node_series.get(place).into_iter().flatten().map(|sums| NodePoint::of(sums.means())).collect()
    }

    /// The distributions of the total, pooled.
    pub(super) fn distributions(&self) -> Distributions {
        let bins = |pooled: &Histogram| {
            let count = pooled.count().max(1) as f64;
            let seconds = |ns: u64| ns as f64 / NANOS_PER_SECOND as f64;
            let filled = pooled.iter_bins().skip(usize::from(pooled.zeros() > 0));
            Bins {
                bins: filled.map(|(low, high, n)| (seconds(low), seconds(high), n as f64 / count)).collect(),
                zero: pooled.zeros() as f64 / count,
            }
        };
        let [latency, execution, queueing, cold_start] = self.histograms.each_ref().map(bins);
        Distributions { latency, execution, queueing, cold_start }
    }
}

/// The sum of the points of an interval over replications, column by column without those that have no value there.
#[derive(Clone, Copy, Debug)]
struct Means<const COLUMNS: usize> {
    sums: [f64; COLUMNS],
    counts: [u32; COLUMNS],
}

impl<const COLUMNS: usize> Default for Means<COLUMNS> {
    fn default() -> Self {
        Self { sums: [0.0; COLUMNS], counts: [0; COLUMNS] }
    }
}

impl<const COLUMNS: usize> Means<COLUMNS> {
    fn add(&mut self, values: [f64; COLUMNS]) {
        for ((sum, count), value) in self.sums.iter_mut().zip(&mut self.counts).zip(values) {
            if !value.is_nan() {
                *sum += value;
                *count += 1;
            }
        }
    }

    fn means(&self) -> [f64; COLUMNS] {
        std::array::from_fn(|column| self.sums[column] / f64::from(self.counts[column]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_mean_of_those_replications_that_have_one() {
        let mut sum = Means::default();
        for (arrived, p99) in [(1.0, 0.5), (2.0, f64::NAN), (6.0, 1.5)] {
            sum.add(Point { arrived, latency_s_p95: f64::NAN, latency_s_p99: p99, ..Point::default() }.values());
        }
        let mean = Point::of(sum.means());
        assert_eq!((mean.arrived, mean.latency_s_p99), (3.0, 1.0));
        assert!(mean.latency_s_p95.is_nan());
    }
}
