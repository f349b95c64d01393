//! The `behavior` of an HPA: how long a change must be recommended, and how fast it may be made.

use std::cmp::Reverse;
use std::collections::VecDeque;

use crate::policy::scaling::peak::Peak;
use crate::time::{SimTime, Span};

/// The rules for both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// For scaling up.
    pub up: ScalingRules,
    /// For scaling down.
    pub down: ScalingRules,
}

/// The rules for one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// Window over which recommendations delay a change.
    pub window: Span,
    /// Which policy applies.
    pub select: Select,
    /// Limits on the change per period.
    pub policies: Vec<Policy>,
}

/// Which of several policies applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// The maximum change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The change.
    pub amount: Amount,
    /// The period.
    pub period: Span,
}

/// The size of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Number of pods.
    Pods(i32),
    /// A percentage of the pods at the start of the period.
    Percent(i32),
}

impl Behavior {
    /// Kubernetes' defaults, with the controller's window for scaling down (usually 300 s).
    #[must_use]
    pub fn with_downscale_window(window: Span) -> Self {
        let period = Span::from_secs(15);
        let doubling = Policy { amount: Amount::Percent(100), period };
        let four = Policy { amount: Amount::Pods(4), period };
        Self {
            up: ScalingRules { window: Span::ZERO, select: Select::Max, policies: vec![four, doubling] },
            down: ScalingRules { window, select: Select::Max, policies: vec![doubling] },
        }
    }

    /// The periods of its policies, those for scaling up first.
    fn periods(&self) -> impl Iterator<Item = Span> {
        self.up.policies.iter().chain(&self.down.policies).map(|policy| policy.period)
    }
}

/// The history of an HPA with a behavior: only the part of the past that can still matter, so the cost of a sync does
/// not grow over time.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    behavior: Behavior,
    /// Minimum and maximum of the recommendations before stabilization.
    least: Peak<Reverse<i32>>,
    largest: Peak<i32>,
    /// Pods added and removed.
    ups: Changes,
    downs: Changes,
}

impl Memory {
    /// An empty history.
    pub(super) fn new(behavior: Behavior) -> Self {
        let changes = Changes::new(behavior.periods());
        Self { behavior, least: Peak::default(), largest: Peak::default(), ups: changes.clone(), downs: changes }
    }

    /// Adds a recommendation, and moves from `current` only as far as all recent recommendations agree: not above the
    /// minimum of the up window, not below the maximum of the down window. A recommendation exactly as old as the
    /// window no longer counts.
    ///
    /// Source: `stabilizeRecommendationWithBehaviors` in `horizontal.go`.
    pub(super) fn stabilize(&mut self, now: SimTime, current: i32, wanted: i32) -> i32 {
        let Reverse(least) = within(&mut self.least, now, Reverse(wanted), self.behavior.up.window);
        let largest = within(&mut self.largest, now, wanted, self.behavior.down.window);
        current.max(least).min(largest)
    }

    /// Adds a change of this many pods, up or down.
    pub(super) fn scaled(&mut self, now: SimTime, pods: i32) {
        let changes = if pods > 0 { &mut self.ups } else { &mut self.downs };
        changes.add(now, pods.saturating_abs());
    }

    /// Moves from `current` towards `wanted` as far as the policies of that direction allow, within [`min`, `max`].
    ///
    /// Source: `convertDesiredReplicasWithBehaviorRate` in `horizontal.go`.
    pub(super) fn limit_rate(&mut self, now: SimTime, current: i32, wanted: i32, (min, max): (i32, i32)) -> i32 {
        let (ups, downs) = (&mut self.ups, &mut self.downs);
        let mut start = |policy: usize| {
            f64::from(current) - f64::from(ups.within(policy, now)) + f64::from(downs.within(policy, now))
        };
        let (up, down) = (&self.behavior.up, &self.behavior.down);
        match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => {
                let allowed = up.policies.iter().enumerate().map(|(number, policy)| {
                    let start = start(number);
                    match policy.amount {
                        Amount::Pods(pods) => (start + f64::from(pods)) as i32,
                        Amount::Percent(percent) => (start * (1.0 + f64::from(percent) / 100.0)).ceil() as i32,
                    }
                });
                let limit = match up.select {
                    Select::Max => allowed.max(),
                    Select::Min => allowed.min(),
                    Select::Disabled => None,
                };
                wanted.min(limit.map_or(current, |limit| limit.max(current)).min(max))
            }
            std::cmp::Ordering::Less => {
                let allowed = down.policies.iter().enumerate().map(|(number, policy)| {
                    let start = start(up.policies.len() + number);
                    match policy.amount {
                        Amount::Pods(pods) => (start - f64::from(pods)) as i32,
                        Amount::Percent(percent) => (start * (1.0 - f64::from(percent) / 100.0)) as i32,
                    }
                });
                let limit = match down.select {
                    Select::Max => allowed.min(),
                    Select::Min => allowed.max(),
                    Select::Disabled => None,
                };
                wanted.max(limit.map_or(current, |limit| limit.min(current)).max(min))
            }
            std::cmp::Ordering::Equal => current,
        }
    }
}

/// Adds the value at `now`; returns the maximum of the values less than `window` old.
fn within<T: Copy + PartialOrd>(peak: &mut Peak<T>, now: SimTime, wanted: T, window: Span) -> T {
    match window.as_nanos().checked_sub(1) {
        Some(nanos) => peak.of(now, wanted, Span::from_nanos(nanos)),
        None => wanted,
    }
}

/// Changes of the number of pods, and their sums over periods that end now.
#[derive(Clone, Debug)]
struct Changes {
    /// Oldest first; those no longer in any period are dropped.
    changes: VecDeque<(SimTime, i32)>,
    /// How many were dropped.
    dropped: usize,
    sums: Vec<Sum>,
}

/// The sum of the changes of a period.
#[derive(Clone, Copy, Debug)]
struct Sum {
    period: Span,
    /// The index of its first change, counted from the start.
    first: usize,
    pods: i64,
}

impl Changes {
    fn new(periods: impl Iterator<Item = Span>) -> Self {
        let sums = periods.map(|period| Sum { period, first: 0, pods: 0 }).collect();
        Self { changes: VecDeque::new(), dropped: 0, sums }
    }

    fn add(&mut self, now: SimTime, pods: i32) {
        self.changes.push_back((now, pods));
        for number in 0..self.sums.len() {
            self.sums[number].pods += i64::from(pods);
            self.within(number, now);
        }
        let first = self.sums.iter().map(|sum| sum.first).min().unwrap_or(self.dropped + self.changes.len());
        self.changes.drain(..first - self.dropped);
        self.dropped = first;
    }

    /// The sum over the period with this index. A change exactly as old as the period no longer counts.
    fn within(&mut self, number: usize, now: SimTime) -> i32 {
        let sum = &mut self.sums[number];
        while let Some((at, pods)) = self.changes.get(sum.first - self.dropped)
            && *at + sum.period <= now
        {
            sum.pods -= i64::from(*pods);
            sum.first += 1;
        }
        i32::try_from(sum.pods).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(1_000 + secs)
    }

    fn defaults() -> Behavior {
        Behavior::with_downscale_window(Span::from_secs(300))
    }

    #[test]
    fn exactly_as_old_as_the_window_no_longer_counts() {
        let mut memory = Memory::new(defaults());
        memory.stabilize(at(0), 10, 10);
        assert_eq!(memory.stabilize(at(299), 10, 4), 10);
        assert_eq!(memory.stabilize(at(300), 10, 4), 4);
    }

    #[test]
    fn an_up_window_holds_the_least() {
        let mut behavior = defaults();
        behavior.up.window = Span::from_secs(60);
        let mut memory = Memory::new(behavior);
        memory.stabilize(at(0), 4, 5);
        memory.stabilize(at(30), 4, 9);
        assert_eq!(memory.stabilize(at(59), 4, 20), 5);
        assert_eq!(memory.stabilize(at(60), 4, 20), 9);
    }

    #[test]
    fn four_pods_or_double_from_the_start_of_the_period() {
        let mut memory = Memory::new(defaults());
        let bounds = (1, 100);
        assert_eq!(memory.limit_rate(at(0), 1, 20, bounds), 5);
        memory.scaled(at(0), 4);
        assert_eq!(memory.limit_rate(at(10), 5, 20, bounds), 5);
        assert_eq!(memory.limit_rate(at(15), 5, 20, bounds), 10);
        assert_eq!(memory.limit_rate(at(15), 5, 20, (1, 7)), 7);
    }

    #[test]
    fn the_slower_policy_on_the_way_down() {
        let period = Span::from_secs(60);
        let mut behavior = defaults();
        behavior.down.policies =
            vec![Policy { amount: Amount::Pods(2), period }, Policy { amount: Amount::Percent(10), period }];
        for (select, pods) in [(Select::Min, 28), (Select::Max, 27), (Select::Disabled, 30)] {
            behavior.down.select = select;
            assert_eq!(Memory::new(behavior.clone()).limit_rate(at(0), 30, 3, (1, 100)), pods, "{select:?}");
        }
    }

    #[test]
    fn sums_over_several_periods_are_what_adding_up_gives() {
        let periods = [1, 7, 30].map(Span::from_secs);
        let mut changes = Changes::new(periods.into_iter());
        let mut all: Vec<(SimTime, i32)> = Vec::new();
        for second in 0..100 {
            if second % 3 == 0 || second > 80 {
                changes.add(at(second), second as i32);
                all.push((at(second), second as i32));
            }
            for (number, period) in periods.into_iter().enumerate() {
                let expected: i32 = all.iter().filter(|(then, _)| *then + period > at(second)).map(|(_, n)| n).sum();
                assert_eq!(changes.within(number, at(second)), expected, "{period} at {second} s");
            }
        }
        assert!(changes.changes.len() <= 30);
    }
}
