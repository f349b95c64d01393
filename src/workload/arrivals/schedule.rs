//! Timers: at fixed intervals, or by a cron expression in a time zone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::RngExt as _;

use super::moment;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Duration, PositiveDuration, Text};
use crate::time::{SimTime, Span};
use crate::workload::calendar::{Calendar, Cron, Moments, part_before, zone_of};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// A timer, with an interval (`every`) or a `cron` expression.
    pub struct ScheduleSpec {
        /// Interval; the first occurrence is at the start of the run.
        optional every: PositiveDuration,
        /// Minute, hour, day of the month, month, day of the week, as in Unix: "*/5 * * * *"; or with the year as the
        /// sixth field, as in Amazon EventBridge: "0 10 ? * MON-FRI *". The run starts at `simulation.start`.
        optional cron: Text,
        /// Time zone of `cron`, by its name in the IANA database. Default: UTC. As with EventBridge Scheduler, times in
        /// an hour that clocks skip are omitted, and times in a repeated hour fire the first time only.
        optional time_zone: Text,
        /// Each occurrence is late by a uniform random time below this; use 1m for EventBridge, which is precise to the
        /// minute.
        default precision: Duration = Span::ZERO,
    }
}

/// A flexible time window of EventBridge Scheduler is a day at most.
const MAX_PRECISION: Span = Span::from_secs(86_400);

impl ScheduleSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let ways: [&[(&str, bool)]; 2] = [&[("every", self.every.is_some())], &[("cron", self.cron.is_some())]];
        if check.either(&ways).is_none() {
            return;
        }
        if let Some(Err(error)) = self.cron.as_ref().map(|cron| Cron::parse(cron)) {
            check.wrong("cron", format!("is not a cron expression: {error}"));
        }
        if let (Some(_), Some(_)) = (&self.every, &self.time_zone) {
            check.wrong_with("time-zone", "has no effect with `every`", "remove it, or write a `cron` expression");
        } else if let Some(Err(help)) = self.time_zone.as_ref().map(|zone| zone_of(zone)) {
            check.wrong_with("time-zone", "is not a time zone", help);
        }
        if let Some(every) = self.every.filter(|every| self.precision > *every) {
            check.wrong("precision", format!("({}) must not be longer than `every` ({every})", self.precision));
        } else if self.precision > MAX_PRECISION {
            check.wrong("precision", format!("must be at most {MAX_PRECISION}"));
        }
    }

    /// The process of a run that begins at `start`, in seconds since 1970 UTC; none where something is wrong.
    pub(crate) fn from(&self, start: i64) -> Option<ArrivalSpec> {
        let timer = match (&self.cron, self.every) {
            (Some(cron), _) => {
                let zone = zone_of(self.time_zone.as_deref().unwrap_or("UTC")).ok()?;
                Timer::Cron(Calendar::new(Cron::parse(cron).ok()?, zone, start))
            }
            (None, every) => Timer::Every(every?),
        };
        Some(ArrivalSpec::Schedule(Arc::new(Schedule { timer, precision: self.precision })))
    }
}

impl Process for ScheduleSpec {
    /// When the run begins is not among its parameters.
    fn arrivals(&self) -> Option<ArrivalSpec> {
        None
    }
}

/// When a timer fires.
#[derive(Clone, Debug)]
pub struct Schedule {
    timer: Timer,
    precision: Span,
}

#[derive(Clone, Debug)]
enum Timer {
    /// At 0 and every so often.
    Every(Span),
    Cron(Calendar),
}

/// Cron expressions fire at most once a minute.
const MINUTE: Span = Span::from_secs(60);

impl Schedule {
    /// How many requests are expected before each of these rising moments.
    pub(in crate::workload) fn expected_before_each(&self, mut ends: impl Iterator<Item = SimTime>) -> Vec<f64> {
        match &self.timer {
            Timer::Cron(calendar) => calendar.expected_before_each(ends, self.precision),
            Timer::Every(every) => {
                let before = |end: SimTime| {
                    // The last that is due before it, and the one before, whose delay may reach beyond it.
                    let Some(last) = end.as_nanos().checked_sub(1).map(|before| before / every.as_nanos()) else {
                        return 0.0;
                    };
                    let part =
                        |number: u64| part_before(SimTime::from_nanos(number * every.as_nanos()), end, self.precision);
                    match last.checked_sub(1) {
                        Some(before) => before as f64 + part(before) + part(last),
                        None => part(last),
                    }
                };
                ends.by_ref().map(before).collect()
            }
        }
    }

    /// The most requests within a second.
    pub(in crate::workload) fn most_within_a_second(&self) -> f64 {
        let every = match self.timer {
            Timer::Every(every) => every,
            Timer::Cron(_) => MINUTE,
        };
        ((1.0 + self.precision.as_secs_f64()) / every.as_secs_f64()).floor() + 1.0
    }
}

/// When it fires next, by the timetable.
enum FireTimes {
    Every { every: u64, next: Option<u64> },
    Cron(Moments),
}

impl Iterator for FireTimes {
    type Item = SimTime;

    fn next(&mut self) -> Option<SimTime> {
        match self {
            Self::Every { every, next } => {
                let at = (*next)?;
                *next = at.checked_add(*every);
                moment(at)
            }
            Self::Cron(moments) => moments.next(),
        }
    }
}

/// A timer at work.
pub(super) struct Scheduled {
    due: FireTimes,
    /// The next by the timetable.
    next: Option<SimTime>,
    precision: u64,
    /// What is late, and not before the next by the timetable: no more than fit into the precision.
    late: BinaryHeap<Reverse<u64>>,
    stream: Stream,
}

impl Scheduled {
    pub(super) fn new(schedule: &Schedule, stream: Stream) -> Self {
        let mut due = match &schedule.timer {
            Timer::Every(every) => FireTimes::Every { every: every.as_nanos().max(1), next: Some(0) },
            Timer::Cron(calendar) => FireTimes::Cron(calendar.moments()),
        };
        let next = due.next();
        Self { due, next, precision: schedule.precision.as_nanos(), late: BinaryHeap::new(), stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        if self.precision == 0 {
            let next = self.next;
            self.next = self.due.next();
            return next;
        }
        // What is due no later than the first of those that are late may overtake it.
        while let Some(due) = self.next.map(SimTime::as_nanos)
            && self.late.peek().is_none_or(|Reverse(first)| due <= *first)
        {
            let delay = self.stream.random_range(0..self.precision);
            self.late.push(Reverse(due.saturating_add(delay)));
            self.next = self.due.next();
        }
        self.late.pop().and_then(|Reverse(at)| moment(at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const DAY: f64 = 86_400.0;

    fn spec(cron: &str, zone: &str, start: &str, precision: u64) -> ArrivalSpec {
        let start = start.parse::<jiff::Timestamp>().expect("a moment").as_second();
        let (cron, time_zone) = (Some(cron.to_owned()), Some(zone.to_owned()));
        let spec = ScheduleSpec { every: None, cron, time_zone, precision: Span::from_secs(precision) };
        spec.from(start).expect("right")
    }

    fn every(seconds: u64, precision: u64) -> ArrivalSpec {
        let [every, precision] = [seconds, precision].map(Span::from_secs);
        ScheduleSpec { every: Some(every), cron: None, time_zone: None, precision }.from(0).expect("right")
    }

    fn at(seconds: f64) -> SimTime {
        SimTime::from(Span::from_secs_f64(seconds).expect("fits"))
    }

    #[test]
    fn it_fires_by_the_clock_on_the_wall_when_clocks_change() {
        // Germany goes from UTC+1 to UTC+2 on 29 March 2026 at 1:00 UTC: 10:00 is 9:00 UTC before and 8:00 UTC from then on.
        let daily = spec("0 10 * * ? *", "Europe/Berlin", "2026-03-27T00:00:00Z", 0);
        let hours: Vec<f64> = take(&daily, 1, 4).iter().map(|at| at / 3600.0).collect();
        assert_eq!(hours, [9.0, 33.0, 56.0, 80.0]);
        // 2:30 does not exist on the 29th, and is left out.
        let skipped = spec("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 0);
        let hours: Vec<f64> = take(&skipped, 1, 3).iter().map(|at| at / 3600.0).collect();
        assert_eq!(hours, [1.5, 48.5, 72.5]);
        // On 25 October 2026 it comes twice, at 0:30 and 1:30 UTC: it fires the first time.
        let twice = spec("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 0);
        let hours: Vec<f64> = take(&twice, 1, 3).iter().map(|at| at / 3600.0).collect();
        assert_eq!(hours, [0.5, 24.5, 49.5]);
        // New York, on another date, the other way from UTC: 8 March 2026.
        let york = spec("0 9 * * 1-5", "America/New_York", "2026-03-06T00:00:00Z", 0);
        let hours: Vec<f64> = take(&york, 1, 2).iter().map(|at| at / 3600.0).collect();
        assert_eq!(hours, [14.0, 3.0 * 24.0 + 13.0]);
    }

    #[test]
    fn it_begins_within_a_day_and_ends_with_its_years() {
        let weekly = spec("0 12 ? * MON 2026", "UTC", "2026-12-21T12:00:00Z", 0);
        assert_eq!(until(&weekly, 1, 1e9), [0.0, 7.0 * DAY]);
        assert_eq!(take(&weekly, 1, 10).len(), 2);
        let from_half = spec("*/20 * * * *", "Asia/Kolkata", "2026-01-01T00:10:00Z", 0);
        // 5:40 in India.
        assert_eq!(take(&from_half, 1, 3), [0.0, 1200.0, 2400.0]);
    }

    #[test]
    fn intervals_begin_at_once() {
        assert_eq!(take(&every(300, 0), 1, 3), [0.0, 300.0, 600.0]);
    }

    #[test]
    fn each_comes_late_by_a_uniform_time_and_in_order() {
        for (schedule, gap) in [(every(60, 60), 60.0), (spec("* * * * *", "UTC", "2026-01-01T00:00:00Z", 60), 60.0)] {
            let times = take(&schedule, 5, 20_000);
            assert!(times.is_sorted());
            let mut shares: Vec<f64> = times.iter().enumerate().map(|(n, at)| (at - n as f64 * gap) / gap).collect();
            assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
            shares.sort_by(f64::total_cmp);
            assert_uniform(&shares);
        }
        // A window longer than the gap: what is due later may come earlier, and none is lost.
        let wide = spec("* * * * *", "UTC", "2026-01-01T00:00:00Z", 3600);
        let times = until(&wide, 6, DAY);
        assert!(times.is_sorted());
        let ArrivalSpec::Schedule(schedule) = &wide else { unreachable!() };
        let expected = schedule.expected_before_each([at(DAY)].into_iter())[0];
        // 1,380 of which all have come, and 60 which lie in the window.
        assert!((expected - (1440.0 - 60.0 + 60.0 * 0.508_333_333)).abs() < 1e-3, "{expected}");
        assert!((times.len() as f64 - expected).abs() < 20.0, "{}", times.len());
    }

    #[test]
    fn the_expected_number_is_that_of_the_moments() {
        let specs = [
            spec("*/7 3-22 * * *", "Europe/Berlin", "2026-03-25T10:10:10Z", 0),
            spec("0 0 1,15 * 5", "America/New_York", "2026-10-20T00:00:00Z", 0),
            spec("0 8 L * ? *", "UTC", "2026-01-31T08:00:00Z", 0),
            every(7, 0),
        ];
        for spec in specs {
            let horizon = 40.0 * DAY;
            let times = until(&spec, 1, horizon);
            let interval = 12_345.0;
            let each = spec.expected_by_interval(Span::from_secs(12_345), 279, 0.0).expect("known");
            let mut found = vec![0.0; 279];
            for time in times.iter().filter(|at| **at < 279.0 * interval) {
                found[(time / interval) as usize] += 1.0;
            }
            assert_eq!(each, found, "{spec:?}");
            for end in [0.0, 0.5, 1.0, 86_399.5, 86_400.0, 333_333.25, horizon] {
                let expected = spec.expected_before(at(end), 0.0).expect("known");
                assert_eq!(expected, times.iter().filter(|at| **at < end).count() as f64, "{spec:?} before {end}");
                if end > 0.0 {
                    assert_eq!(spec.mean_rate(0.0, end), expected / end);
                }
            }
        }
        // A minute late at most: of the request of minute 2, half have come by 2:30.
        let late = every(60, 60);
        let before = |end: f64| late.expected_before(at(end), 0.0).expect("known");
        assert_eq!([0.0, 30.0, 60.0, 150.0, 600.0].map(before), [0.0, 0.5, 1.0, 2.5, 10.0]);
    }
}
