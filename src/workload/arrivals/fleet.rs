//! Devices that report at regular intervals, and connect again all at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt as _;

use super::moment;
use super::scatter::Scatter;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, PositiveDuration};
use crate::time::{SimTime, Span};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// Devices that report at regular intervals, each at its own random time within the interval.
    pub struct FleetSpec {
        /// How many.
        required devices: Count<1, MAX_DEVICES>,
        /// Time between two reports of a device.
        required period: PositiveDuration,
        /// Each report is late by a uniform random time below this; delays do not accumulate.
        default jitter: Duration = Span::ZERO,
        /// All devices lose their connection at the same moment, and reconnect.
        optional reconnect: ReconnectSpec,
    }
}

parameters! {
    /// All devices lose their connection at the same moment, and report when they have connected again, and every `period`
    /// from then on.
    pub struct ReconnectSpec {
        /// Time of the disconnection.
        required at: Duration,
        /// How long no device can connect; missed reports are not sent later.
        default down: Duration = Span::ZERO,
        /// They reconnect at random times within this period; 0s: all at the same moment.
        required within: Duration,
    }
}

/// Devices of a fleet.
const MAX_DEVICES: u32 = 1_000_000_000;

/// Reports that may be late at the same time: each is kept until it comes.
const MAX_LATE: f64 = 1e7;

impl FleetSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.jitter > self.period {
            let what = format!("({}) must not be longer than `period` ({})", self.jitter, self.period);
            check.wrong("jitter", what);
        }
        if let Some(reconnect) = self.reconnect.as_ref().filter(|reconnect| reconnect.within > self.period) {
            let what = format!("({}) must not be longer than `period` ({})", reconnect.within, self.period);
            check.wrong_with("reconnect.within", what, "a device would report again before others have connected");
        }
        let dense = self.reconnect.as_ref().map_or(self.period, |reconnect| reconnect.within.min(self.period));
        let late = f64::from(self.devices) * (self.jitter.as_secs_f64() / dense.as_secs_f64()).min(1.0);
        if self.jitter > Span::ZERO && late > MAX_LATE {
            let what = format!("makes {late:.1e} reports late at the same time: at most {MAX_LATE:.0e} can be");
            check.wrong_with("jitter", what, "write fewer devices, or no jitter: their moments are random without it");
        }
    }
}

impl Process for FleetSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let reconnect = self.reconnect.as_ref().map(|reconnect| {
            let ReconnectSpec { at, down, within } = *reconnect;
            Reconnect { lost: SimTime::from(at), back: SimTime::from(at) + down, within }
        });
        let fleet = Fleet { devices: self.devices, period: self.period, jitter: self.jitter, reconnect };
        Some(ArrivalSpec::Fleet(fleet))
    }
}

/// Devices that report at regular intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fleet {
    /// How many.
    pub devices: u32,
    /// Time between two reports of a device.
    pub period: Span,
    /// How late a report is at most.
    pub jitter: Span,
    /// When all lose their connection, if they do.
    pub reconnect: Option<Reconnect>,
}

/// All devices lose their connection, and connect again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    /// From here on nothing is sent.
    pub lost: SimTime,
    /// From here on they connect.
    pub back: SimTime,
    /// All of them within this.
    pub within: Span,
}

/// A part of a run in which each device reports once in each period, first at a random moment of `width` from `start` on.
#[derive(Clone, Copy)]
struct Phase {
    start: u64,
    width: u64,
    /// From here on nothing is sent.
    end: u64,
}

impl Fleet {
    fn phases(&self) -> [Option<Phase>; 2] {
        let end = self.reconnect.map_or(u64::MAX, |reconnect| reconnect.lost.as_nanos());
        let first = Phase { start: 0, width: self.period.as_nanos(), end };
        let second = self.reconnect.map(|reconnect| Phase {
            start: reconnect.back.as_nanos(),
            width: reconnect.within.as_nanos(),
            end: u64::MAX,
        });
        [Some(first), second]
    }

    /// Requests that are expected before a moment.
    pub(in crate::workload) fn expected_before(&self, until: SimTime) -> f64 {
        let of = |phase: &Phase| {
            let (period, jitter) = (self.period.as_nanos().max(1), self.jitter.as_nanos());
            let passed = until.as_nanos().min(phase.end).saturating_sub(phase.start);
            // Of earlier periods all have come; those of the last ones may be under way.
            let whole = passed.saturating_sub(phase.width + jitter) / period;
            let open = (whole..=passed / period).map(|number| share(passed - number * period, phase.width, jitter));
            whole as f64 + open.sum::<f64>()
        };
        f64::from(self.devices) * self.phases().iter().flatten().map(of).sum::<f64>()
    }

    /// Requests per second where they are densest, and how many may come at one moment.
    pub(in crate::workload) fn busiest(&self) -> (f64, f64) {
        let devices = f64::from(self.devices);
        let of = |phase: &Phase| {
            let (width, period) = (phase.width as f64 / 1e9, self.period.as_secs_f64());
            if width > 1.0 { (devices / width, 0.0) } else { (0.0, devices * (1.0 + (2.0 / period).floor())) }
        };
        let busier = |(rate, at_once): (f64, f64), (other, others): (f64, f64)| (rate.max(other), at_once.max(others));
        self.phases().iter().flatten().map(of).fold((0.0, 0.0), busier)
    }
}

/// The part of the devices that have reported `since` after the beginning of their period: the distribution of the sum of two
/// independent uniform times, at `since`.
fn share(since: u64, width: u64, jitter: u64) -> f64 {
    let (long, short) = (width.max(jitter), width.min(jitter));
    if since == 0 {
        return 0.0;
    }
    if short == 0 {
        return if long == 0 { 1.0 } else { (since as f64 / long as f64).min(1.0) };
    }
    let (since, long, short) = (since as f64, long as f64, short as f64);
    let square = |x: f64| x.max(0.0).powi(2) / 2.0;
    if since >= long {
        1.0 - square(long + short - since) / (long * short)
    } else {
        (square(since) - square(since - short)) / (long * short)
    }
}

/// A fleet at work. Its devices are not told apart: the moments of all of them within a period are drawn in their order, and
/// again with the same random numbers in the next, so that each device keeps its own.
pub(super) struct Reporting {
    fleet: Fleet,
    phase: Phase,
    following: Option<Phase>,
    /// When the present period begins.
    period_start: u64,
    moments: Scatter,
    draws: Stream,
    /// The random numbers of every period.
    same: Stream,
    /// When the next report is due.
    due: Option<u64>,
    /// Reports that are late.
    late: BinaryHeap<Reverse<u64>>,
    delays: Stream,
}

impl Reporting {
    pub(super) fn new(fleet: &Fleet, stream: Stream) -> Self {
        let mut delays = stream.clone();
        delays.jump();
        let [first, following] = fleet.phases();
        let phase = first.unwrap_or(Phase { start: 0, width: 0, end: 0 });
        let mut all = Self {
            fleet: *fleet,
            phase,
            following,
            period_start: phase.start,
            moments: Scatter::new(phase.start, phase.width, u64::from(fleet.devices)),
            draws: stream.clone(),
            same: stream,
            due: None,
            late: BinaryHeap::new(),
            delays,
        };
        all.due = all.next_due();
        all
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        let jitter = self.fleet.jitter.as_nanos();
        if jitter == 0 {
            let due = self.due;
            self.due = self.next_due();
            return due.and_then(moment);
        }
        while let Some(due) = self.due.filter(|due| self.late.peek().is_none_or(|Reverse(first)| due <= first)) {
            let at = due.saturating_add(self.delays.random_range(0..jitter));
            // One that is late when the connection is lost is never sent.
            if at < self.phase.end {
                self.late.push(Reverse(at));
            }
            self.due = self.next_due();
        }
        self.late.pop().and_then(|Reverse(at)| moment(at))
    }

    fn next_due(&mut self) -> Option<u64> {
        loop {
            let due = match self.moments.next(&mut self.draws) {
                Some(due) => Some(due),
                None if self.period_start < self.phase.end => {
                    self.period_start = self.period_start.saturating_add(self.fleet.period.as_nanos().max(1));
                    self.begin_period();
                    continue;
                }
                None => None,
            };
            match due {
                Some(due) if due < self.phase.end => return Some(due),
                _ => {
                    self.phase = self.following.take()?;
                    self.period_start = self.phase.start;
                    self.same.long_jump();
                    self.begin_period();
                }
            }
        }
    }

    fn begin_period(&mut self) {
        self.draws = self.same.clone();
        self.moments = Scatter::new(self.period_start, self.phase.width, u64::from(self.fleet.devices));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn fleet(devices: u32, period: u64, jitter: u64, reconnect: Option<(u64, u64, u64)>) -> ArrivalSpec {
        let reconnect = reconnect.map(|(at, down, within)| Reconnect {
            lost: SimTime::from(Span::from_secs(at)),
            back: SimTime::from(Span::from_secs(at + down)),
            within: Span::from_secs(within),
        });
        let [period, jitter] = [period, jitter].map(Span::from_secs);
        ArrivalSpec::Fleet(Fleet { devices, period, jitter, reconnect })
    }

    fn expected(spec: &ArrivalSpec, end: f64) -> f64 {
        spec.expected_before(SimTime::from(Span::from_secs_f64(end).expect("fits")), 0.0).expect("known")
    }

    #[test]
    fn each_device_reports_once_in_each_period_at_its_own_moment() {
        let spec = fleet(500, 60, 0, None);
        let times = until(&spec, 1, 600.0);
        assert_eq!(times.len(), 5_000);
        assert!(times.is_sorted());
        let first = &times[..500];
        for (number, period) in times.chunks(500).enumerate() {
            for (of_first, at) in first.iter().zip(period) {
                assert!((at - of_first - 60.0 * number as f64).abs() < 1e-9);
            }
        }
        assert_uniform(&first.iter().map(|at| at / 60.0).collect::<Vec<_>>());
        assert_eq!(expected(&spec, 600.0), 5_000.0);
        assert_eq!(expected(&spec, 90.0), 750.0);
        // N devices send N / period requests a second.
        assert!((spec.mean_rate(0.0, 600.0) - 500.0 / 60.0).abs() < 1e-12);
    }

    #[test]
    fn late_reports_are_as_many_and_in_order() {
        let spec = fleet(2_000, 60, 60, None);
        let times = until(&spec, 2, 6_000.0);
        assert!(times.is_sorted());
        // In the first period half of them are late into the second; then as many come in as go out.
        assert_eq!(expected(&spec, 60.0), 1_000.0);
        assert_eq!(expected(&spec, 6_000.0), 2_000.0 * 99.5);
        assert_near(times.len() as f64, 2_000.0 * 99.5, (2_000.0f64 / 4.0).sqrt());
        // The sum of a uniform time of 60 s and one of 20 s: at 10 s, 10^2 / 2 / 1200; at 70 s, all but that.
        let narrow = fleet(1_200, 60, 20, None);
        assert!((expected(&narrow, 10.0) - 50.0).abs() < 1e-9);
        assert!((expected(&narrow, 40.0) - 600.0).abs() < 1e-9);
        // And 70 s into the first period is 10 s into the second.
        assert!((expected(&narrow, 70.0) - (1_150.0 + 50.0)).abs() < 1e-9);
    }

    #[test]
    fn after_a_loss_all_connect_within_the_window_and_again_each_period() {
        let spec = fleet(1_000, 600, 0, Some((900, 300, 30)));
        let times = until(&spec, 3, 3_000.0);
        let between = |from: f64, to: f64| times.iter().filter(|at| (from..to).contains(*at)).count();
        assert_eq!(between(0.0, 600.0), 1_000);
        assert_near(between(600.0, 900.0) as f64, 500.0, 250f64.sqrt());
        assert_eq!(between(900.0, 1_200.0), 0);
        for storm in [1_200.0, 1_800.0, 2_400.0] {
            assert_eq!((between(storm, storm + 30.0), between(storm + 30.0, storm + 600.0)), (1_000, 0));
        }
        assert_eq!(expected(&spec, 1_200.0), 1_500.0);
        assert_eq!(expected(&spec, 1_215.0), 2_000.0);
        assert_eq!(expected(&spec, 3_000.0), 4_500.0);
        let at_once = fleet(7, 60, 0, Some((30, 0, 0)));
        let times = until(&at_once, 4, 120.0);
        assert_eq!(times[times.len() - 14..], [[30.0; 7], [90.0; 7]].concat());
        assert_eq!(expected(&at_once, 30.5) - expected(&at_once, 30.0), 7.0);
    }

    #[test]
    fn what_is_late_when_the_connection_is_lost_is_not_sent() {
        let spec = fleet(4_000, 100, 50, Some((200, 100, 10)));
        let times = until(&spec, 5, 300.0);
        assert!(times.iter().all(|at| *at < 200.0));
        // Of those of the second period half of those whose moment lies in its second half: a quarter.
        assert_eq!(expected(&spec, 300.0), 4_000.0 * 1.75);
        assert_near(times.len() as f64, 7_000.0, (4_000.0 * 0.25f64 * 0.75).sqrt());
    }
}
