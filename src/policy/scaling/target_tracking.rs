//! Target tracking of provisioned concurrency, as AWS Application Auto Scaling does it, with scheduled bounds.
//!
//! Source: the AWS documentation of target tracking for `LambdaProvisionedConcurrencyUtilization`. It says that scaling
//! in is more gradual than scaling out, but not by how much. The step here is proportional in both directions.

mod tracker;

use std::collections::VecDeque;

use super::replay::Gauge;
use super::{Governs, MANY, Pause, Policy, Scaling};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Flag, Number};
use crate::time::{SimTime, Span};
use tracker::Tracker;

/// A datapoint of the metric covers this long; the alarms are evaluated once per datapoint.
const DATAPOINT_PERIOD: Span = Span::from_secs(60);

parameters! {
    /// Target tracking of provisioned instances, as with AWS Application Auto Scaling.
    pub struct TargetTrackingSpec {
        /// Target utilization of provisioned instances (TargetValue).
        default target: Number = 0.7,
        /// Minimum number of provisioned instances (MinCapacity).
        default min_capacity: Count<0, MANY> = 1,
        /// Maximum number of provisioned instances (MaxCapacity).
        required max_capacity: Count<0, MANY>,
        /// Consecutive minutes above the target before it scales out.
        default out_datapoints: Count<1, 1440> = 3,
        /// Consecutive minutes below `in-fraction` of the target before it scales in; a minute without requests has no
        /// datapoint.
        default in_datapoints: Count<1, 1440> = 15,
        /// See `in-datapoints`.
        default in_fraction: Number = 0.9,
        /// Time after scaling out in which it does not scale out again (ScaleOutCooldown).
        default scale_out_cooldown: Duration = Span::ZERO,
        /// Time after scaling in which it does not scale in (ScaleInCooldown).
        default scale_in_cooldown: Duration = Span::ZERO,
        /// Whether it never scales in (DisableScaleIn).
        default disable_scale_in: Flag = false,
        /// Scheduled actions that change the bounds at given times.
        default schedule: List<BoundsSpec, 0, 1000> = Vec::new(),
    }
}

parameters! {
    /// Bounds from a given time on.
    pub struct BoundsSpec {
        /// When, from the start of the run.
        required at: Duration,
        /// Interval of repetition, such as "24h". Default: once.
        optional every: Pause,
        /// Minimum number of provisioned instances. Default: unchanged.
        optional min_capacity: Count<0, MANY>,
        /// Maximum number of provisioned instances. Default: unchanged.
        optional max_capacity: Count<0, MANY>,
    }
}

impl TargetTrackingSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if !(0.1..=0.9).contains(&self.target) {
            check.refused("target", format!("must be from 0.1 to 0.9, not {}", self.target), "AWS Lambda");
        }
        if !(0.0..=1.0).contains(&self.in_fraction) {
            check.wrong("in-fraction", format!("must be from 0 to 1, not {}", self.in_fraction));
        }
        at_most(check, self.min_capacity, self.max_capacity);
    }
}

impl BoundsSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        at_most(check, self.min_capacity.unwrap_or(0), self.max_capacity.unwrap_or(u32::MAX));
    }
}

fn at_most(check: &mut Check<'_, '_, '_>, min: u32, max: u32) {
    if min > max {
        let what = format!("({min}) must not be more than `max-capacity` ({max})");
        check.refused("min-capacity", what, "Application Auto Scaling");
    }
}

impl Policy for TargetTrackingSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(Tracker::new(self.clone())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        &[Gauge::Concurrency, Gauge::ConcurrencyPerPod]
    }

    fn governs(&self) -> Governs {
        Governs::Provisioned
    }

    fn most_ordered(&self) -> u32 {
        let scheduled = self.schedule.iter().flat_map(|bounds| [bounds.min_capacity, bounds.max_capacity]).flatten();
        scheduled.fold(self.max_capacity.max(self.min_capacity), u32::max)
    }

    fn pause(&self) -> Option<Span> {
        self.schedule.iter().filter_map(|bounds| bounds.every).chain([DATAPOINT_PERIOD]).min()
    }
}

/// The state of a scaling policy: the last datapoints and the last scaling activities.
#[derive(Clone, Debug)]
struct TargetTracking {
    spec: TargetTrackingSpec,
    datapoints: VecDeque<Option<f64>>,
    scaled_out: Option<SimTime>,
    scaled: Option<SimTime>,
}

impl TargetTracking {
    /// A policy without history.
    fn new(spec: TargetTrackingSpec) -> Self {
        Self { spec, datapoints: VecDeque::new(), scaled_out: None, scaled: None }
    }

    /// A scheduled action: new bounds from now on; returns the capacity, moved within them.
    fn set_bounds(&mut self, min: u32, max: u32, current: u32) -> u32 {
        self.spec.min_capacity = min;
        self.spec.max_capacity = max.max(min);
        self.clamp(f64::from(current))
    }

    /// The datapoint of the period that ends at `now`: the utilization of `current` provisioned environments, or `None`
    /// without data, in which case it never scales. Returns the capacity from now on.
    fn observe(&mut self, now: SimTime, utilization: Option<f64>, current: u32) -> u32 {
        self.datapoints.push_back(utilization.filter(|value| value.is_finite()));
        while self.datapoints.len() > self.spec.out_datapoints.max(self.spec.in_datapoints).max(1) as usize {
            self.datapoints.pop_front();
        }
        let Some(Some(latest)) = self.datapoints.back().copied() else { return current };
        let target = self.spec.target;
        let proportional = self.clamp((f64::from(current) * latest / target).ceil());
        let over = self.in_a_row(self.spec.out_datapoints, |value| value > target);
        let under = self.in_a_row(self.spec.in_datapoints, |value| value < target * self.spec.in_fraction);
        if over && proportional > current && is_over(self.scaled_out, self.spec.scale_out_cooldown, now) {
            self.scaled_out = Some(now);
            self.scaled = Some(now);
            proportional
        } else if under
            && !self.spec.disable_scale_in
            && proportional < current
            && is_over(self.scaled, self.spec.scale_in_cooldown, now)
        {
            self.scaled = Some(now);
            proportional
        } else {
            current
        }
    }

    /// Whether the last `count` datapoints all exist and satisfy a condition.
    fn in_a_row(&self, count: u32, holds: impl Fn(f64) -> bool) -> bool {
        self.datapoints.len() >= count as usize
            && self.datapoints.iter().rev().take(count as usize).all(|value| value.is_some_and(&holds))
    }

    fn clamp(&self, capacity: f64) -> u32 {
        (capacity as u32).clamp(self.spec.min_capacity, self.spec.max_capacity.max(self.spec.min_capacity))
    }
}

fn is_over(since: Option<SimTime>, cooldown: Span, now: SimTime) -> bool {
    since.is_none_or(|since| since + cooldown <= now)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The capacity after each datapoint, one per minute, starting from `current`.
    fn run(spec: TargetTrackingSpec, mut current: u32, datapoints: &[Option<f64>]) -> Vec<u32> {
        let mut policy = TargetTracking::new(spec);
        let minute = |n: usize| SimTime::ZERO + Span::from_secs(60 * n as u64);
        let mut step = |(n, datapoint): (usize, &Option<f64>)| {
            current = policy.observe(minute(n + 1), *datapoint, current);
            current
        };
        datapoints.iter().enumerate().map(&mut step).collect()
    }

    pub(in crate::policy::scaling) fn spec() -> TargetTrackingSpec {
        TargetTrackingSpec {
            target: 0.7,
            min_capacity: 2,
            max_capacity: 50,
            out_datapoints: 3,
            in_datapoints: 15,
            in_fraction: 0.9,
            scale_out_cooldown: Span::ZERO,
            scale_in_cooldown: Span::ZERO,
            disable_scale_in: false,
            schedule: Vec::new(),
        }
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
        let slow = TargetTrackingSpec { scale_out_cooldown: Span::from_secs(120), ..spec() };
        assert_eq!(run(slow, 10, &[Some(0.9); 5]), [10, 10, 13, 13, 17]); // 13 * 0.9 / 0.7 = 16.7
        let only_out = TargetTrackingSpec { disable_scale_in: true, ..spec() };
        assert_eq!(run(only_out, 10, &[Some(0.1); 20]), [10; 20]);
        let mut policy = TargetTracking::new(TargetTrackingSpec { scale_in_cooldown: Span::from_secs(3600), ..spec() });
        let outs: Vec<_> =
            (1..=4).map(|n| policy.observe(SimTime::ZERO + Span::from_secs(60 * n), Some(0.9), 10)).collect();
        assert_eq!(outs, [10, 10, 13, 13], "a cooldown on the way in does not hold the way out");
    }
}
