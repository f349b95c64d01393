//! When alarms go off: M of the latest N periods breach a threshold, as Amazon CloudWatch evaluates it.
//!
//! An alarm is evaluated at the end of each period. It looks at the latest N periods that have data, within its *evaluation range*, which
//! is two periods longer than N (CloudWatch says that it is longer, by how much depends on the metric; its examples have two). Where
//! fewer than N have data, `missing` decides what the others count as (CloudWatch User Guide, "Configuring how CloudWatch alarms treat
//! missing data"; the tests have its tables).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::monitor::{Interval, Monitor, Periods, Watch};
use super::replication::RunMeasures;
use super::summary::{Asked, Stat};
use crate::scenario::{Alarm, Missing, Scenario};
use crate::stats::interval;
use crate::time::SimTime;

/// By how much the evaluation range is longer than what is evaluated.
const LONGER: usize = 2;
/// So many changes of an alarm are told at most.
const CHANGES: usize = 1_000;

/// What an alarm says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is no data.
    #[default]
    InsufficientData,
    /// The threshold is not breached often enough.
    Ok,
    /// It is.
    Alarm,
}

/// An alarm while it is evaluated.
#[derive(Clone, Debug)]
struct Evaluation {
    datapoints: usize,
    of: usize,
    missing: Missing,
    /// Whether each of the latest periods breached the threshold, the oldest first; none: it has no data.
    range: VecDeque<Option<bool>>,
    state: State,
}

impl Evaluation {
    fn new(datapoints: u32, of: u32, missing: Missing) -> Self {
        let (datapoints, of) = (datapoints as usize, of as usize);
        Self { datapoints, of, missing, range: VecDeque::new(), state: State::default() }
    }

    /// Another period is over.
    fn next(&mut self, breaches: Option<bool>) -> State {
        if self.range.len() == self.of + LONGER {
            self.range.pop_front();
        }
        self.range.push_back(breaches);
        self.state = self.evaluate();
        self.state
    }

    fn evaluate(&self) -> State {
        let real: Vec<bool> = self.range.iter().rev().filter_map(|one| *one).take(self.of).collect();
        let breaching = real.iter().filter(|breaches| **breaches).count();
        // Before the first periods there is nothing that could be missing.
        let absent = self.of.min(self.range.len()) - real.len();
        let decide = |breaching: usize| if breaching >= self.datapoints { State::Alarm } else { State::Ok };
        match self.missing {
            Missing::Breaching => decide(breaching + absent),
            Missing::NotBreaching => decide(breaching),
            Missing::Missing | Missing::Ignore if breaching >= self.datapoints => State::Alarm,
            Missing::Missing if real.is_empty() => State::InsufficientData,
            Missing::Ignore if real.is_empty() => self.state,
            // All that is known breaches, and what is not known could.
            Missing::Missing if absent > 0 && breaching == real.len() => State::Alarm,
            Missing::Ignore if absent > 0 && breaching == real.len() => self.state,
            Missing::Missing | Missing::Ignore => State::Ok,
        }
    }
}

/// A change of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When: at the end of the period that decided it, s.
    pub at_s: f64,
    /// What it says from then on.
    pub state: State,
}

/// What one replication shows of an alarm.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    changes: Vec<Change>,
    first_at_s: Option<f64>,
    times: u64,
    /// Periods in alarm, and all.
    in_alarm: u64,
    periods: u64,
}

/// The alarms of a scenario while it runs.
#[derive(Debug)]
pub struct Alarms {
    alarms: Vec<(Alarm, Evaluation, History)>,
}

impl Alarms {
    /// None where there are none.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Option<Monitor<Self>> {
        let alarm = |alarm: &Alarm| {
            let evaluation = Evaluation::new(alarm.datapoints, alarm.of, alarm.missing);
            (alarm.clone(), evaluation, History::default())
        };
        let alarms: Vec<_> = scenario.alarms.iter().map(alarm).collect();
        let watches: Vec<Watch> =
            scenario.alarms.iter().map(|alarm| Watch { subject: alarm.subject, period: alarm.period }).collect();
        (!alarms.is_empty()).then(|| Monitor::new(scenario, &watches, Self { alarms }))
    }

    /// What was seen.
    pub(super) fn finish(self) -> Vec<History> {
        self.alarms.into_iter().map(|(_, _, history)| history).collect()
    }
}

impl Periods for Alarms {
    fn ended(&mut self, watch: usize, _: u64, end: SimTime, interval: &Interval) {
        let (alarm, evaluation, history) = &mut self.alarms[watch];
        let value = interval.value(alarm.signal);
        let breaches = value.map(|value| alarm.comparison.is_breached_by(value, alarm.threshold));
        let before = evaluation.state;
        let state = evaluation.next(breaches);
        let at_s = end.since(SimTime::ZERO).as_secs_f64();
        history.periods += 1;
        history.in_alarm += u64::from(state == State::Alarm);
        if state != before {
            if history.changes.len() < CHANGES {
                history.changes.push(Change { at_s, state });
            }
            if state == State::Alarm {
                history.times += 1;
                history.first_at_s.get_or_insert(at_s);
            }
        }
    }
}

/// An alarm and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmResult {
    /// Its name.
    pub name: String,
    /// What is watched.
    pub metric: String,
    /// The function; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The source; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// The component of the path, such as "queue.orders".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<String>,
    /// How it is compared: above, at least, below, at most.
    pub comparison: String,
    /// With what, in the unit of the metric.
    pub threshold: f64,
    /// How long a period is, s.
    pub period_s: f64,
    /// Number of the latest periods that must breach the threshold.
    pub datapoints: u32,
    /// Number of the latest periods that are evaluated.
    pub of: u32,
    /// In how many replications it went off.
    pub replications: u32,
    /// When it first went off, s since the start: the mean over the replications in which it did.
    pub first_at_s: Stat,
    /// How often it went off in a replication.
    pub times: Stat,
    /// Share of periods in alarm.
    pub in_alarm_ratio: Stat,
    /// Its changes in the first replication, up to 1,000 of them.
    pub changes: Vec<Change>,
}

/// All alarms of a scenario and what replications show.
pub(super) fn results(scenario: &Scenario, replications: &[RunMeasures]) -> Vec<AlarmResult> {
    let result = |(place, alarm): (usize, &Alarm)| {
        let histories: Vec<&History> = replications.iter().filter_map(|one| one.alarms.get(place)).collect();
        let first: Vec<f64> = histories.iter().filter_map(|one| one.first_at_s).collect();
        let times: Vec<f64> = histories.iter().map(|one| one.times as f64).collect();
        let ratio: Vec<(f64, f64)> = histories.iter().map(|one| (one.in_alarm as f64, one.periods as f64)).collect();
        let Asked { function, source, component, .. } = Asked::about(alarm.subject, scenario);
        AlarmResult {
            name: alarm.name.clone(),
            metric: alarm.metric.clone(),
            function,
            source,
            component,
            comparison: alarm.comparison.word().to_owned(),
            threshold: alarm.threshold,
            period_s: alarm.period.as_secs_f64(),
            datapoints: alarm.datapoints,
            of: alarm.of,
            replications: first.len() as u32,
            first_at_s: Stat { mean: Stat::of(&first).mean, half_width: interval::mean_half_width(&first) },
            times: Stat::of(&times),
            in_alarm_ratio: Stat::of_ratio(&ratio),
            changes: histories.first().map(|one| one.changes.clone()).unwrap_or_default(),
        }
    };
    scenario.alarms.iter().enumerate().map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::State::{Alarm, InsufficientData, Ok};
    use super::*;

    /// What an alarm says after these periods: `X` breaches, `0` does not, `-` has no data; `before` is what it said when none of
    /// them was over.
    fn after(points: &str, datapoints: u32, of: u32, missing: Missing, before: State) -> State {
        let mut evaluation = Evaluation::new(datapoints, of, missing);
        for point in points.split(' ') {
            evaluation.range.push_back(match point {
                "X" => Some(true),
                "0" => Some(false),
                _ => None,
            });
        }
        evaluation.state = before;
        evaluation.evaluate()
    }

    /// The tables of the CloudWatch User Guide: three of three, two of three, each with an evaluation range of five.
    #[test]
    fn missing_data_is_treated_as_cloudwatch_does() {
        use Missing::{Breaching, Ignore, Missing as Absent, NotBreaching};
        let all = |points: &str, datapoints: u32, before: State| {
            [Absent, Ignore, Breaching, NotBreaching].map(|missing| after(points, datapoints, 3, missing, before))
        };
        for before in [Ok, Alarm] {
            // Three of three.
            assert_eq!(all("0 - X - X", 3, before), [Ok; 4]);
            assert_eq!(all("0 - - - -", 3, before), [Ok; 4]);
            assert_eq!(all("- - - - -", 3, before), [InsufficientData, before, Alarm, Ok]);
            assert_eq!(all("0 X X - X", 3, before), [Alarm; 4]);
            assert_eq!(all("- - X - -", 3, before), [Alarm, before, Alarm, Ok]);
            // Two of three.
            assert_eq!(all("0 - X - X", 2, before), [Alarm; 4]);
            assert_eq!(all("0 0 X 0 X", 2, before), [Alarm; 4]);
            assert_eq!(all("0 - X - -", 2, before), [Ok, Ok, Alarm, Ok]);
            assert_eq!(all("- - - - 0", 2, before), [Ok, Ok, Alarm, Ok]);
            assert_eq!(all("- - - X -", 2, before), [Alarm, before, Alarm, Ok]);
        }
    }

    /// Two of three, period by period: it goes off with the second breach in three periods, and back when only one is left.
    #[test]
    fn two_of_three_step_by_step() {
        let mut evaluation = Evaluation::new(2, 3, Missing::Missing);
        let said: Vec<State> = [false, true, false, true, true, false, false, false, true]
            .into_iter()
            .map(|breaches| evaluation.next(Some(breaches)))
            .collect();
        assert_eq!(said, [Ok, Ok, Ok, Alarm, Alarm, Alarm, Ok, Ok, Ok]);
        // The first of all is enough where one of one is asked for.
        assert_eq!(Evaluation::new(1, 1, Missing::Missing).next(Some(true)), Alarm);
        // Of three it is not: two may yet not breach.
        assert_eq!(Evaluation::new(2, 3, Missing::Missing).next(Some(true)), Ok);
    }

    #[test]
    fn thresholds_are_compared_as_they_say() {
        use crate::scenario::Comparison::{Above, AtLeast, AtMost, Below};
        let all = |value: f64| [Above, AtLeast, Below, AtMost].map(|one| one.is_breached_by(value, 5.0));
        assert_eq!(all(4.0), [false, false, true, true]);
        assert_eq!(all(5.0), [false, true, false, true]);
        assert_eq!(all(6.0), [true, true, false, false]);
    }
}
