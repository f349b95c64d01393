//! What a back-test finds: measured beside simulated, in total and over time, and what an autoscaler would have decided.

use super::summary::Stat;
use crate::metric::Quantity;
use crate::policy::scaling::replay::Tick;
use crate::time::Span;

/// How a measured value lies in what runs of the simulation give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Where 95 % of single runs lie.
    Within,
    /// Outside.
    Outside,
}

/// One metric.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its key.
    pub key: &'static str,
    /// What it is.
    pub quantity: Quantity,
    /// What was measured.
    pub measured: f64,
    /// The mean of the simulation with its interval.
    pub simulated: Stat,
    /// Where 95 % of single runs lie.
    pub range: (f64, f64),
    /// How the measured value lies in it.
    pub verdict: Verdict,
}

impl Row {
    /// Simulated over measured, less one; none where nothing was measured.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        (self.measured.abs() > 0.0).then(|| self.simulated.mean / self.measured - 1.0)
    }
}

/// The comparison over some part of the time.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which part, and under which parameters.
    pub title: String,
    /// One row for each metric that both have.
    pub rows: Vec<Row>,
}

/// A metric over time, measured and simulated, by the same intervals.
#[derive(Clone, Debug)]
pub struct OverTime {
    /// Its name in files.
    pub key: &'static str,
    /// What it is.
    pub title: &'static str,
    /// What its values are.
    pub quantity: Quantity,
    /// Whether intervals are added up to longer ones; if not, they are averaged.
    pub is_count: bool,
    /// For each interval; NaN where nothing was measured.
    pub measured: Vec<f64>,
    /// For each interval, the mean of the simulation.
    pub simulated: Vec<f64>,
}

/// What an autoscaler would have decided on the recorded metrics.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// The function.
    pub function: String,
    /// Its policy.
    pub policy: &'static str,
    /// What the decisions are compared with: a gauge.
    pub outcome: &'static str,
    /// The gauges that were recorded.
    pub recorded: Vec<&'static str>,
    /// All decisions. Times count from the first measurement.
    pub ticks: Vec<Tick>,
}

/// Decisions in a row that are all above, or all below, what was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference<'a> {
    /// The first of them.
    pub first: &'a Tick,
    /// The last of them.
    pub last: &'a Tick,
    /// The one that differs most.
    pub largest: &'a Tick,
    /// Pods that were recorded beside that one.
    pub recorded: u32,
    /// How many decisions.
    pub count: usize,
}

impl Difference<'_> {
    /// By how many pods.
    fn size(&self) -> u32 {
        self.largest.decided.abs_diff(self.recorded)
    }
}

impl Decisions {
    /// Decisions with something recorded beside them.
    #[must_use]
    pub fn compared(&self) -> usize {
        self.ticks.iter().filter(|tick| tick.recorded.is_some()).count()
    }

    /// Decisions that are equal to what was recorded.
    #[must_use]
    pub fn equal(&self) -> usize {
        self.ticks.iter().filter(|tick| tick.recorded == Some(tick.decided)).count()
    }

    /// The largest differences, the largest first; equal ones in order of time.
    #[must_use]
    pub fn differences(&self, most: usize) -> Vec<Difference<'_>> {
        let mut found: Vec<Difference<'_>> = Vec::new();
        let mut is_open = false;
        for tick in &self.ticks {
            let Some(recorded) = tick.recorded else { continue };
            if recorded == tick.decided {
                is_open = false;
                continue;
            }
            let is_above = tick.decided > recorded;
            match found.last_mut() {
                Some(open) if is_open && (open.largest.decided > open.recorded) == is_above => {
                    if tick.decided.abs_diff(recorded) > open.size() {
                        (open.largest, open.recorded) = (tick, recorded);
                    }
                    open.last = tick;
                    open.count += 1;
                }
                _ => found.push(Difference { first: tick, last: tick, largest: tick, recorded, count: 1 }),
            }
            is_open = true;
        }
        found.sort_by_key(|one| std::cmp::Reverse((one.size(), one.count)));
        found.truncate(most);
        found
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Backtest {
    /// The scenario.
    pub name: String,
    /// Requests that were replayed; none: there was no load to replay.
    pub requests: usize,
    /// Over how many seconds.
    pub length_s: f64,
    /// Replications behind each mean.
    pub replications: u32,
    /// The whole period; or, with fitted parameters, before and after on both parts.
    pub parts: Vec<Part>,
    /// Fitted parameters with their values.
    pub fitted: Vec<(String, String)>,
    /// Length of an interval of `over_time`.
    pub interval: Span,
    /// Metrics over time.
    pub over_time: Vec<OverTime>,
    /// Decisions of the autoscaler on the recorded metrics.
    pub decisions: Option<Decisions>,
    /// What has to be known.
    pub caveats: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    #[test]
    fn differences_in_a_row_are_one() {
        let tick = |secs: u64, recorded: Option<u32>, decided| Tick {
            at: SimTime::ZERO + Span::from_secs(secs),
            recorded,
            decided,
            pods: 0,
            ready: 0,
            why: String::new(),
        };
        let ticks = vec![
            tick(0, Some(2), 2),
            tick(2, Some(2), 3),
            tick(4, None, 9),
            tick(6, Some(2), 4),
            tick(8, Some(2), 2),
            tick(10, Some(2), 3),
            tick(12, Some(9), 3),
        ];
        let decisions =
            Decisions { function: "f".to_owned(), policy: "hpa", outcome: "desired_pods", recorded: Vec::new(), ticks };
        assert_eq!((decisions.compared(), decisions.equal()), (6, 2));
        let found: Vec<_> = decisions
            .differences(10)
            .iter()
            .map(|one| (one.first.at.as_nanos() / 1_000_000_000, one.recorded, one.largest.decided, one.count))
            .collect();
        assert_eq!(found, [(12, 9, 3, 1), (2, 2, 4, 2), (10, 2, 3, 1)]);
        assert_eq!(decisions.differences(1).len(), 1);
    }
}
