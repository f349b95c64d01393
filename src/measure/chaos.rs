//! The effects of faults on a scenario: the content of `chaos.json`.

use serde::{Deserialize, Serialize};

use super::fault::good_row;
use super::replication::RunMeasures;
use super::replications::Replications;
use super::summary::{ScenarioRef, Stat};
use super::timeline::Point;
use super::window::Window;
use crate::scenario::Scenario;
use crate::time::Span;

/// An interval counts as recovered with at least this share of the responses.
pub(super) const ANSWERED: f64 = 0.95;
/// And with a 95th percentile of latency of at most this multiple of the undisturbed one.
pub(super) const SLOWER: f64 = 2.0;
/// Consecutive recovered intervals required.
pub(super) const IN_A_ROW: usize = 3;
/// A mean of counts below this is noise.
const COUNT: f64 = 0.5;

/// The effects of a catalog of faults, most harmful first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chaos {
    /// The undisturbed scenario.
    pub scenario: ScenarioRef,
    /// The random seed.
    pub seed: u64,
    /// Paired replications of each.
    pub replications: u32,
    /// Simulated time, s.
    pub horizon_s: f64,
    /// When each fault begins, s.
    pub at_s: f64,
    /// How long it lasts, s; a deployment is over at once.
    pub lasts_s: f64,
    /// Resolution of the recovery time, s.
    pub interval_s: f64,
    /// The scenario without a fault.
    pub undisturbed: Undisturbed,
    /// What each fault does.
    pub effects: Vec<Effect>,
    /// Number of targets omitted to limit the effort.
    pub left_out: usize,
}

/// The scenario without a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undisturbed {
    /// Requests that arrived.
    pub arrived: Stat,
    /// Requests without a successful response.
    pub failed: Stat,
    /// Cost, US dollars.
    pub cost_usd: Stat,
}

/// The effect of one fault, compared with the undisturbed run, replication by replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Kind of fault, such as `outage`.
    pub fault: String,
    /// Kind of target, such as `function`.
    pub kind: String,
    /// Its name.
    pub target: String,
    /// Additional failed requests.
    pub lost: Stat,
    /// Additional messages and records that are dead-lettered, expire or are skipped.
    pub lost_messages: Stat,
    /// Highest p99 of an interval during the fault, s; none without responses.
    pub p99_s: Option<f64>,
    /// The same without the fault.
    pub undisturbed_p99_s: Option<f64>,
    /// Time from the end of the fault until recovery, s; none: not by the horizon.
    pub recovered_after_s: Option<f64>,
    /// Additional cost, US dollars.
    pub cost_usd: Stat,
}

impl Effect {
    /// Whether it has a noticeable effect.
    #[must_use]
    pub fn is_harmful(&self) -> bool {
        self.damage() >= COUNT || self.recovered_after_s != Some(0.0) || self.slows()
    }

    /// Whether latency is clearly higher while it lasts.
    #[must_use]
    pub fn slows(&self) -> bool {
        self.p99_s.zip(self.undisturbed_p99_s).is_some_and(|(with, without)| with > SLOWER * without)
    }

    /// Requests and messages lost.
    fn damage(&self) -> f64 {
        self.lost.mean.max(0.0) + self.lost_messages.mean.max(0.0)
    }

    /// Ranking criteria, most important first: losses, recovery time, latency.
    fn rank(&self) -> [f64; 3] {
        let damage = self.damage();
        [
            if damage < COUNT { 0.0 } else { damage },
            self.recovered_after_s.unwrap_or(f64::INFINITY),
            self.p99_s.unwrap_or(0.0),
        ]
    }
}

/// Sorts by damage, most harmful first.
pub fn rank(effects: &mut [Effect]) {
    effects.sort_by(|a, b| {
        let pairs = b.rank().into_iter().zip(a.rank());
        pairs.map(|(b, a)| b.total_cmp(&a)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
}

/// The replications of the undisturbed scenario, and when faults happen: what each of them is compared with.
pub struct Reference {
    each: Vec<Ended>,
    points: Vec<Point>,
    window: Window,
    at: Span,
    ends: Span,
}

/// What counts of one replication.
struct Ended {
    arrived: f64,
    failed: f64,
    messages: f64,
    cost: f64,
}

impl Ended {
    fn of(replication: &RunMeasures) -> Self {
        let shape = &replication.total.shape;
        let requests = &shape.requests;
        let keys =
            ["messages.dead_lettered", "messages.expired", "messages.dropped", "records.skipped", "records.expired"];
        let books = replication.components.iter();
        let messages = books.flat_map(|books| keys.iter().filter_map(|key| books.get(key))).sum();
        Self {
            arrived: requests.arrived,
            failed: requests.rejected + requests.timed_out + requests.failed + requests.unfinished,
            messages,
            cost: shape.cost_usd.total,
        }
    }
}

impl Reference {
    /// That of these replications, for faults that begin at `at` and last for `lasts`. Where no request arrives in that time,
    /// they begin with the next interval in which one does, or else with the last one before.
    #[must_use]
    pub fn of(scenario: &Scenario, replications: &Replications, (at, lasts): (Span, Span)) -> Self {
        let window = Window::of(scenario);
        let points = replications.points();
        let each = replications.iter().map(Ended::of).collect();
        let mut reference = Self { each, points, window, at, ends: at + lasts };
        let during = reference.during();
        let arrivals = |(_, point): &(usize, &Point)| point.arrived > 0.0;
        let mut from = reference.points.iter().enumerate().skip(during.start);
        let before = || reference.points.iter().enumerate().take(during.start).rev().find(arrivals);
        let busy = from.find(arrivals).or_else(before).map(|(interval, _)| interval);
        if let Some(interval) = busy.filter(|interval| !during.contains(interval)) {
            reference.at = Span::from_nanos(reference.window.interval.as_nanos().saturating_mul(interval as u64));
            reference.ends = reference.at + lasts;
        }
        reference
    }

    /// When faults begin, and how long they last.
    #[must_use]
    pub fn when(&self) -> (Span, Span) {
        (self.at, self.ends - self.at)
    }

    /// The intervals of the time series in which a fault lasts.
    fn during(&self) -> std::ops::Range<usize> {
        let interval = self.window.interval.as_nanos();
        (self.at.as_nanos() / interval) as usize..self.ends.as_nanos().div_ceil(interval) as usize
    }

    /// What it found by itself.
    #[must_use]
    pub fn undisturbed(&self) -> Undisturbed {
        let stat = |of: &dyn Fn(&Ended) -> f64| Stat::of(&self.each.iter().map(of).collect::<Vec<_>>());
        Undisturbed {
            arrived: stat(&|one| one.arrived),
            failed: stat(&|one| one.failed),
            cost_usd: stat(&|one| one.cost),
        }
    }

    /// What a fault did: the replications of the disturbed scenario, in the same order. `ends_at_once`: it does not last.
    #[must_use]
    pub fn effect(
        &self,
        (fault, kind, target): (&str, &str, &str),
        ends_at_once: bool,
        replications: &Replications,
    ) -> Effect {
        let points = replications.points();
        let each: Vec<Ended> = replications.iter().map(Ended::of).collect();
        let more = |of: &dyn Fn(&Ended) -> f64| {
            let pairs = each.iter().zip(&self.each);
            Stat::of(&pairs.map(|(with, without)| of(with) - of(without)).collect::<Vec<_>>())
        };
        let during = self.during();
        let worst = |points: &[Point]| {
            let points = points.get(during.clone()).unwrap_or_default().iter();
            points.map(|point| point.latency_s_p99).filter(|p99| !p99.is_nan()).reduce(f64::max)
        };
        let ends = if ends_at_once { self.at } else { self.ends };
        Effect {
            fault: fault.to_owned(),
            kind: kind.to_owned(),
            target: target.to_owned(),
            lost: more(&|one| one.failed),
            lost_messages: more(&|one| one.messages),
            p99_s: worst(&points),
            undisturbed_p99_s: worst(&self.points),
            recovered_after_s: recovered_after(&points, &self.points, self.window.interval, ends),
            cost_usd: more(&|one| one.cost),
        }
    }

    /// The length of an interval.
    #[must_use]
    pub fn interval(&self) -> Span {
        self.window.interval
    }
}

/// How long after `ends` the first interval begins from which on several in a row are as they would be without a fault.
fn recovered_after(with: &[Point], without: &[Point], interval: Span, ends: Span) -> Option<f64> {
    let is_good: Vec<bool> = with.iter().zip(without).map(|(with, without)| is_as_good(with, without)).collect();
    let first = ends.as_nanos().div_ceil(interval.as_nanos()) as usize;
    let after = is_good.get(first..)?;
    let intervals = good_row(after)?;
    let begins = (first + intervals) as f64 * interval.as_secs_f64();
    Some(if intervals == 0 { 0.0 } else { begins - ends.as_secs_f64() })
}

fn is_as_good(with: &Point, without: &Point) -> bool {
    let is_answered = with.completed + COUNT >= ANSWERED * without.completed;
    // Without responses there is no latency; their number has been checked already.
    let is_slow = with.latency_s_p95 > SLOWER * without.latency_s_p95;
    is_answered && !is_slow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(each: &[(f64, f64)]) -> Vec<Point> {
        let point =
            |(completed, p95): &(f64, f64)| Point { completed: *completed, latency_s_p95: *p95, ..Point::default() };
        each.iter().map(point).collect()
    }

    #[test]
    fn recovered_when_several_intervals_in_a_row_are_as_without_the_fault() {
        let without = points(&[(100.0, 0.1); 10]);
        let after = |with: &[(f64, f64)], ends| {
            recovered_after(&points(with), &without, Span::from_secs(10), Span::from_secs(ends))
        };
        assert_eq!(after(&[(100.0, 0.1); 10], 35), Some(0.0));
        let mut with = [(100.0, 0.1); 10];
        (with[3], with[4]) = ((20.0, 0.1), (94.0, 0.1));
        assert_eq!(after(&with, 35), Some(15.0), "too few are answered in the fifth, to 50 s");
        with[6] = (100.0, 0.25);
        assert_eq!(after(&with, 35), Some(35.0), "one that is slow begins it anew");
        with[9] = (0.0, f64::NAN);
        assert_eq!(after(&with, 35), None);
        assert_eq!(after(&[(100.0, 0.1); 10], 200), None, "nothing is known after the horizon");
    }

    #[test]
    fn what_is_lost_decides_then_how_long_then_how_slow() {
        let effect = |name: &str, lost: f64, recovered_after_s, p99_s| {
            let exactly = |mean| Stat { mean, half_width: None };
            Effect {
                fault: name.to_owned(),
                kind: "function".to_owned(),
                target: "f".to_owned(),
                lost: exactly(lost),
                lost_messages: exactly(0.0),
                p99_s: Some(p99_s),
                undisturbed_p99_s: Some(1.0),
                recovered_after_s,
                cost_usd: exactly(0.0),
            }
        };
        let mut effects = vec![
            effect("nothing", 0.2, Some(0.0), 1.5),
            effect("slow", 0.0, Some(0.0), 3.0),
            effect("long", 0.0, Some(60.0), 1.0),
            effect("for ever", 0.0, None, 1.0),
            effect("loses", 10.0, Some(0.0), 1.0),
        ];
        rank(&mut effects);
        let names: Vec<&str> = effects.iter().map(|one| one.fault.as_str()).collect();
        assert_eq!(names, ["loses", "for ever", "long", "slow", "nothing"]);
        let harmful: Vec<bool> = effects.iter().map(Effect::is_harmful).collect();
        assert_eq!(harmful, [true, true, true, true, false]);
        // Half a request per run is a loss, less is not.
        let (half, less) = (effect("half", COUNT, Some(0.0), 1.0), effect("less", 0.49, Some(0.0), 9.0));
        assert!(half.is_harmful() && half.rank()[0] == COUNT && less.rank()[0] == 0.0);
    }
}
