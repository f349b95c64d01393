//! Target tracking of provisioned concurrency, as AWS Application Auto Scaling does it, with scheduled bounds.
//!
//! Source: the AWS documentation of target tracking for `LambdaProvisionedConcurrencyUtilization`; that in is gentler than
//! out is documented, the exact step is not. The step here is proportional in both directions.

pub mod tracker;

use std::collections::VecDeque;

use crate::time::{SimTime, Span};

/// One datapoint of the metric covers this long; the alarms are evaluated once for each.
pub const DATAPOINT_PERIOD: Span = Span::from_secs(60);

/// The parameters. [`Default`] is what AWS does for provisioned concurrency, at the usual target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetTrackingSpec {
    /// The utilization to hold, in (0, 1].
    pub target: f64,
    /// Fewest provisioned environments.
    pub min: u32,
    /// Most provisioned environments.
    pub max: u32,
    /// Datapoints in a row above the target before it scales out.
    pub out_datapoints: usize,
    /// Datapoints in a row below `in_fraction` of the target before it scales in.
    pub in_datapoints: usize,
    /// See `in_datapoints`.
    pub in_fraction: f64,
    /// How long after scaling out it does not scale out again.
    pub out_cooldown: Span,
    /// How long after scaling it does not scale in; scaling out is always allowed.
    pub in_cooldown: Span,
    /// Whether it only ever scales out.
    pub disable_scale_in: bool,
}

impl Default for TargetTrackingSpec {
    fn default() -> Self {
        Self {
            target: 0.7,
            min: 1,
            max: u32::MAX,
            out_datapoints: 3,
            in_datapoints: 15,
            in_fraction: 0.9,
            out_cooldown: Span::ZERO,
            in_cooldown: Span::ZERO,
            disable_scale_in: false,
        }
    }
}

/// The state of one scaling policy: the last datapoints and the last activities.
#[derive(Clone, Debug)]
pub struct TargetTracking {
    spec: TargetTrackingSpec,
    datapoints: VecDeque<Option<f64>>,
    scaled_out: Option<SimTime>,
    scaled: Option<SimTime>,
}

impl TargetTracking {
    /// A policy that has seen nothing.
    #[must_use]
    pub fn new(spec: TargetTrackingSpec) -> Self {
        Self { spec, datapoints: VecDeque::new(), scaled_out: None, scaled: None }
    }

    /// A scheduled action: other bounds from now on. The answer is the capacity, moved within them.
    pub fn set_bounds(&mut self, min: u32, max: u32, current: u32) -> u32 {
        self.spec.min = min;
        self.spec.max = max.max(min);
        self.clamp(f64::from(current))
    }

    /// The datapoint of the period that ends at `now`: the utilization of `current` provisioned environments, or nothing
    /// if there are no data (without data it never scales). The answer is the capacity from now on.
    pub fn observe(&mut self, now: SimTime, utilization: Option<f64>, current: u32) -> u32 {
        self.datapoints.push_back(utilization.filter(|value| value.is_finite()));
        while self.datapoints.len() > self.spec.out_datapoints.max(self.spec.in_datapoints).max(1) {
            self.datapoints.pop_front();
        }
        let Some(Some(latest)) = self.datapoints.back().copied() else { return current };
        let target = self.spec.target;
        let proportional = self.clamp((f64::from(current) * latest / target).ceil());
        let over = self.in_a_row(self.spec.out_datapoints, |value| value > target);
        let under = self.in_a_row(self.spec.in_datapoints, |value| value < target * self.spec.in_fraction);
        if over && proportional > current && is_over(self.scaled_out, self.spec.out_cooldown, now) {
            self.scaled_out = Some(now);
            self.scaled = Some(now);
            proportional
        } else if under
            && !self.spec.disable_scale_in
            && proportional < current
            && is_over(self.scaled, self.spec.in_cooldown, now)
        {
            self.scaled = Some(now);
            proportional
        } else {
            current
        }
    }

    /// Whether each of the newest `count` datapoints is there and holds.
    fn in_a_row(&self, count: usize, holds: impl Fn(f64) -> bool) -> bool {
        self.datapoints.len() >= count
            && self.datapoints.iter().rev().take(count).all(|value| value.is_some_and(&holds))
    }

    fn clamp(&self, capacity: f64) -> u32 {
        (capacity as u32).clamp(self.spec.min, self.spec.max.max(self.spec.min))
    }
}

fn is_over(since: Option<SimTime>, cooldown: Span, now: SimTime) -> bool {
    since.is_none_or(|since| since + cooldown <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The capacity after each datapoint, one a minute, starting from `current`.
    fn run(spec: TargetTrackingSpec, mut current: u32, datapoints: &[Option<f64>]) -> Vec<u32> {
        let mut policy = TargetTracking::new(spec);
        let minute = |n: usize| SimTime::ZERO + Span::from_secs(60 * n as u64);
        let mut step = |(n, datapoint): (usize, &Option<f64>)| {
            current = policy.observe(minute(n + 1), *datapoint, current);
            current
        };
        datapoints.iter().enumerate().map(&mut step).collect()
    }

    fn spec() -> TargetTrackingSpec {
        TargetTrackingSpec { min: 2, max: 50, ..TargetTrackingSpec::default() }
    }

    #[test]
    fn out_after_three_datapoints_in_after_fifteen() {
        assert_eq!(run(spec(), 10, &[Some(0.9); 3]), [10, 10, 13]); // 10 * 0.9 / 0.7 = 12.86
        let gentle = run(spec(), 10, &[Some(0.35); 15]);
        assert_eq!(gentle[13..], [10, 5]); // 10 * 0.35 / 0.7
        // Between 90 % of the target and the target nothing happens.
        assert_eq!(run(spec(), 10, &[Some(0.64); 20]), [10; 20]);
    }

    #[test]
    fn one_datapoint_in_between_starts_the_count_again() {
        let spiky = [Some(0.9), Some(0.9), Some(0.5), Some(0.9), Some(0.9), Some(0.9)];
        assert_eq!(run(spec(), 10, &spiky), [10, 10, 10, 10, 10, 13]);
    }

    #[test]
    fn no_data_no_scale_in() {
        let mut datapoints = vec![Some(0.1); 14];
        datapoints.push(None);
        datapoints.extend([Some(0.1); 15]);
        let capacity = run(spec(), 10, &datapoints);
        assert_eq!((capacity[28], capacity[29]), (10, 2));
        assert_eq!(run(spec(), 10, &[None; 30]), [10; 30]);
    }

    #[test]
    fn bounds_and_schedules() {
        assert_eq!(run(spec(), 45, &[Some(1.0); 3])[2], 50);
        let mut policy = TargetTracking::new(spec());
        assert_eq!(policy.set_bounds(20, 40, 5), 20);
        assert_eq!(policy.set_bounds(0, 10, 20), 10);
    }

    #[test]
    fn cooldowns_and_the_flag() {
        let slow = TargetTrackingSpec { out_cooldown: Span::from_secs(120), ..spec() };
        assert_eq!(run(slow, 10, &[Some(0.9); 5]), [10, 10, 13, 13, 17]); // 13 * 0.9 / 0.7 = 16.7
        let only_out = TargetTrackingSpec { disable_scale_in: true, ..spec() };
        assert_eq!(run(only_out, 10, &[Some(0.1); 20]), [10; 20]);
        let mut policy = TargetTracking::new(TargetTrackingSpec { in_cooldown: Span::from_secs(3600), ..spec() });
        let outs: Vec<_> =
            (1..=4).map(|n| policy.observe(SimTime::ZERO + Span::from_secs(60 * n), Some(0.9), 10)).collect();
        assert_eq!(outs, [10, 10, 13, 13], "a cooldown on the way in does not hold the way out");
    }
}
