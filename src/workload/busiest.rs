//! How many requests may come in the busiest second.

use std::collections::HashMap;
use std::sync::Arc;

use super::trace::Request;
use super::{ArrivalSpec, Counts};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Standard deviations of a Poisson number that are added to its mean, and requests on top of that: with as much room a
/// bucket of one second's worth runs dry in none of 10^20 seconds.
const MARGIN: (f64, f64) = (10.0, 20.0);

/// One gap of ten is shorter than this part of the distribution says; of many gaps in a row it is next to none.
const SHORT_GAP: f64 = 0.1;

/// Requests of several processes in the busiest second, all of them together: no fewer than will ever come.
#[derive(Debug, Default)]
struct Busiest<'a> {
    /// Requests per second while it is busiest.
    rate: f64,
    /// Requests at one moment.
    at_once: f64,
    /// What is counted by the same intervals: its busiest interval is known.
    counts: HashMap<(Span, SimTime), Vec<&'a Counts>>,
}

/// More requests than ever come in one second from all of these processes together; infinite where only a trace knows.
#[must_use]
pub fn busiest_second<'a>(processes: impl Iterator<Item = &'a ArrivalSpec>) -> f64 {
    let mut busiest = Busiest::default();
    processes.for_each(|process| busiest.add(process, 1.0));
    let rate = busiest.rate + busiest.counts.values().map(|counts| busiest_interval(counts)).sum::<f64>();
    rate + MARGIN.0 * rate.sqrt() + MARGIN.1 + busiest.at_once
}

impl<'a> Busiest<'a> {
    /// Adds a process of which each request comes `times` times.
    fn add(&mut self, process: &'a ArrivalSpec, times: f64) {
        let (rate, at_once) = match process {
            ArrivalSpec::Constant { rate } | ArrivalSpec::Poisson { rate } => (*rate, 0.0),
            ArrivalSpec::Mmpp { states } => (states.iter().map(|state| state.rate).fold(0.0, f64::max), 0.0),
            ArrivalSpec::Piecewise { points, .. } => (points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max), 0.0),
            ArrivalSpec::Diurnal { rate, amplitude, .. } => (rate * (1.0 + amplitude), 0.0),
            ArrivalSpec::Burst { size, every, within, background, .. } => {
                let (size, every, within) = (f64::from(*size), seconds(*every), seconds(*within));
                if within > 1.0 {
                    (background + size / within * (within / every).ceil(), 0.0)
                } else {
                    (*background, size * (1.0 + ((1.0 + within) / every).floor()))
                }
            }
            ArrivalSpec::Renewal { gap } => (1.0 / seconds(gap.quantile(SHORT_GAP)), 0.0),
            // A request may be refused at once.
            ArrivalSpec::Closed { users, think } => {
                let users = f64::from(*users);
                (users / seconds(think.quantile(SHORT_GAP)), users)
            }
            ArrivalSpec::Schedule(schedule) => (0.0, schedule.most_within_a_second()),
            ArrivalSpec::Fleet(fleet) => fleet.busiest(),
            ArrivalSpec::Times { at } => (0.0, most_within_a_second(at, |at| *at) as f64),
            ArrivalSpec::Recorded { of, function } => {
                (0.0, most_within_a_second(of.kept(*function), Request::at) as f64)
            }
            ArrivalSpec::Counts(counts) if times == 1.0 => {
                self.counts.entry((counts.interval, counts.start)).or_default().push(Arc::as_ref(counts));
                return;
            }
            ArrivalSpec::Counts(counts) => (busiest_interval(&[counts]), 0.0),
            ArrivalSpec::Rows(_) => (f64::INFINITY, 0.0),
            ArrivalSpec::Repeated { of, factor } => return self.add(of, times * factor.ceil()),
        };
        self.rate += rate * times;
        self.at_once += at_once * times;
    }
}

fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}

/// Requests per second of the busiest interval, of counts by the same intervals.
fn busiest_interval(all: &[&Counts]) -> f64 {
    let intervals = all.iter().map(|counts| counts.intervals()).max().unwrap_or(0);
    let mut sums = vec![0.0; usize::try_from(intervals).unwrap_or(0)];
    for counts in all {
        counts.iter().zip(&mut sums).for_each(|(count, sum)| *sum += count * counts.scale);
    }
    let busiest = sums.into_iter().fold(0.0, f64::max);
    if busiest == 0.0 { 0.0 } else { busiest / all.first().map_or(0.0, |counts| seconds(counts.interval)) }
}

/// The most of these requests, whose moments never fall, that lie within one second.
fn most_within_a_second<T>(requests: &[T], at: impl Fn(&T) -> SimTime) -> usize {
    let mut first = 0;
    let counts = requests.iter().enumerate().map(|(last, request)| {
        while at(request).since(at(&requests[first])).as_nanos() > NANOS_PER_SECOND {
            first += 1;
        }
        last + 1 - first
    });
    counts.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::Dist;
    use crate::workload::{MmppState, Spread};

    fn at(millis: u64) -> SimTime {
        SimTime::from(Span::from_millis(millis))
    }

    /// Without the margin: of a rate alone its root would have to be solved for, so both are told.
    fn parts(process: &ArrivalSpec) -> (f64, f64) {
        let mut busiest = Busiest::default();
        busiest.add(process, 1.0);
        (busiest.rate + busiest.counts.values().map(|counts| busiest_interval(counts)).sum::<f64>(), busiest.at_once)
    }

    #[test]
    fn the_busiest_second_of_each_process() {
        let secs = Span::from_secs;
        assert_eq!(parts(&ArrivalSpec::Poisson { rate: 7.0 }), (7.0, 0.0));
        let state = |rate| MmppState { rate, stay: secs(9) };
        assert_eq!(parts(&ArrivalSpec::Mmpp { states: [state(3.0), state(90.0), state(0.0)].into() }), (90.0, 0.0));
        let points = [(at(0), 5.0), (at(10_000), 40.0), (at(20_000), 1.0)];
        assert_eq!(parts(&ArrivalSpec::Piecewise { points: points.into(), period: None }), (40.0, 0.0));
        let day = ArrivalSpec::Diurnal { rate: 10.0, amplitude: 0.5, period: secs(86_400), peak_at: secs(0) };
        assert_eq!(parts(&day), (15.0, 0.0));
        let burst = |every, within| ArrivalSpec::Burst {
            size: 100,
            every: Span::from_millis(every),
            first: Span::ZERO,
            within: Span::from_millis(within),
            background: 2.0,
        };
        // At one moment; 50 a second for two seconds; and three bursts may touch one second at once.
        assert_eq!(parts(&burst(60_000, 0)), (2.0, 100.0));
        assert_eq!(parts(&burst(60_000, 2_000)), (52.0, 0.0));
        assert_eq!(parts(&burst(500, 0)), (2.0, 300.0));
        assert_eq!(parts(&ArrivalSpec::Renewal { gap: Dist::Constant(Span::from_millis(250)) }), (4.0, 0.0));
        assert_eq!(parts(&ArrivalSpec::Renewal { gap: Dist::Constant(Span::ZERO) }).0, f64::INFINITY);
        let users = ArrivalSpec::Closed { users: 10, think: Dist::Constant(secs(2)) };
        assert_eq!(parts(&users), (5.0, 10.0));
        let times = ArrivalSpec::Times { at: [at(0), at(900), at(1_000), at(1_900), at(1_901)].into() };
        // From 900 ms to 1,900 ms.
        assert_eq!(parts(&times), (0.0, 3.0));
        let twice = ArrivalSpec::Repeated { of: Box::new(times).into(), factor: 1.5 };
        assert_eq!(parts(&twice), (0.0, 6.0));
    }

    #[test]
    fn counts_by_the_same_intervals_are_added_interval_by_interval() {
        let counts = |start, scale, counts: [f64; 3]| {
            ArrivalSpec::Counts(Arc::new(Counts::new(Span::from_secs(60), at(start), Spread::Uniform, scale, counts)))
        };
        let busiest = |all: &[ArrivalSpec]| busiest_second(all.iter());
        let with_margin = |rate: f64| rate + 10.0 * rate.sqrt() + 20.0;
        let (one, other) = (counts(0, 1.0, [6_000.0, 60.0, 0.0]), counts(0, 0.5, [0.0, 6_000.0, 120.0]));
        // 100 a second in the first minute, 1 + 50 in the second: they are not busiest together.
        assert_eq!(busiest(&[one.clone(), other]), with_margin(100.0));
        // Of others than the same intervals that is not known.
        assert_eq!(busiest(&[one, counts(1, 1.0, [0.0, 6_000.0, 0.0])]), with_margin(200.0));
        assert_eq!(busiest(&[]), 20.0);
    }
}
