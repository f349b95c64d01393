//! Non-homogeneous Poisson with a rate that is linear between points.

use rand::RngExt as _;
use rand_distr::Exp1;

use super::moment;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::limits::MAX_POINTS;
use crate::schema::scalars::{Duration, PositiveDuration, RateOrZero};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};
use crate::workload::{ALL_ZERO, ArrivalSpec, Process};

parameters! {
    /// Poisson with a rate that is linear between points.
    pub struct PiecewiseSpec {
        /// Times in increasing order, with rates. The rate is constant before the first and after the last point.
        required points: List<PointSpec, 1, MAX_POINTS>,
        /// Period after which the pattern repeats.
        optional period: PositiveDuration,
    }
}

parameters! {
    /// A time with its rate.
    pub struct PointSpec {
        /// Time from the start.
        required at: Duration,
        /// Requests per unit of time; may be "0/s".
        required rate: RateOrZero,
    }
}

impl PiecewiseSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let last = self.points.last().map_or(Span::ZERO, |point| point.at);
        if let Some(place) = self.points.windows(2).position(|pair| pair[0].at >= pair[1].at) {
            let (before, at) = (SimTime::from(self.points[place].at), SimTime::from(self.points[place + 1].at));
            let place = check.span(&format!("points.{}.at", place + 2));
            let what = format!("{at} does not come after {before}");
            check.fault_in(place, "points", what, Some("the points must be in increasing order of time"));
        } else if self.points.iter().all(|point| point.rate == 0.0) {
            check.fault("points", ALL_ZERO);
        } else if let Some(period) = self.period.filter(|period| *period < last) {
            let what = format!("({period}) is shorter than the time of the last point ({})", SimTime::from(last));
            check.wrong_with("period", what, "all points must lie within the period");
        }
    }
}

impl Process for PiecewiseSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let points = self.points.iter().map(|point| (SimTime::from(point.at), point.rate)).collect();
        Some(ArrivalSpec::Piecewise { points, period: self.period })
    }
}

/// By inversion: the integral of the rate from one request to the next is Exp(1) (Çinlar 1975).
pub(super) struct Piecewise {
    segments: Box<[Segment]>,
    /// The integral over all segments; infinite if the last goes on for ever.
    total: f64,
    period: Option<u64>,
    /// When the current round began.
    round: u64,
    current: usize,
    /// The integral from the start of the current segment to the last request.
    done: f64,
    last: u64,
    stream: Stream,
}

/// From one point to the next. Times in nanoseconds, rates per nanosecond.
struct Segment {
    start: u64,
    length: f64,
    rate: f64,
    slope: f64,
    area: f64,
    /// The areas of all segments before.
    before: f64,
}

impl Piecewise {
    pub(super) fn new(points: &[(SimTime, f64)], period: Option<Span>, stream: Stream) -> Self {
        let period = period.map(Span::as_nanos);
        let (segments, total) = segments(points, period);
        Self { segments, total, period, round: 0, current: 0, done: 0.0, last: 0, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.done += self.stream.sample::<f64, _>(Exp1);
        if self.done >= self.segments.get(self.current)?.area {
            self.leave()?;
        }
        let segment = &self.segments[self.current];
        let at = self.round.saturating_add(segment.start).saturating_add(segment.reach(self.done) as u64);
        self.last = self.last.max(at); // rounding must not let time fall
        moment(self.last)
    }

    /// Moves to the segment in which the request lies; none if there is no more.
    fn leave(&mut self) -> Option<()> {
        let segment = &self.segments[self.current];
        // Measured from the start of the round.
        let mut target = segment.before + self.done;
        if target >= self.total {
            let rounds = (target / self.total).floor();
            let Some(period) = self.period.filter(|_| rounds.is_finite()) else {
                self.current = self.segments.len(); // the end
                return None;
            };
            self.round = self.round.saturating_add((rounds as u64).saturating_mul(period));
            target %= self.total;
        }
        // Of segments that begin at the same integral, the last: those before have no area.
        self.current = self.segments.partition_point(|segment| segment.before <= target).saturating_sub(1);
        self.done = target - self.segments[self.current].before;
        Some(())
    }
}

impl Segment {
    /// How far from its start the integral reaches `area`: the root of rate x + slope x^2 / 2 = area, in the form that
    /// does not cancel.
    fn reach(&self, area: f64) -> f64 {
        if area <= 0.0 {
            return 0.0;
        }
        let root = (self.rate * self.rate + 2.0 * self.slope * area).max(0.0).sqrt();
        (2.0 * area / (self.rate + root)).min(self.length)
    }
}

/// The segments of one round and their whole area.
fn segments(points: &[(SimTime, f64)], period: Option<u64>) -> (Box<[Segment]>, f64) {
    let corner = |(at, rate): &(SimTime, f64)| (at.as_nanos(), rate / NANOS_PER_SECOND as f64);
    let (Some(first), Some(last)) = (points.first().map(corner), points.last().map(corner)) else {
        return (Box::default(), 0.0);
    };
    let corners: Vec<(u64, f64)> = std::iter::once((0, first.1))
        .chain(points.iter().map(corner))
        .chain(period.map(|period| (period.max(last.0), last.1)))
        .collect();
    let mut total = 0.0;
    let mut segments: Vec<Segment> = Vec::with_capacity(corners.len());
    for pair in corners.windows(2) {
        let ((start, rate), (end, then)) = (pair[0], pair[1]);
        if end > start {
            let length = (end - start) as f64;
            let area = length * (rate + then) / 2.0;
            segments.push(Segment { start, length, rate, slope: (then - rate) / length, area, before: total });
            total += area;
        }
    }
    if period.is_none() {
        let area = if last.1 > 0.0 { f64::INFINITY } else { 0.0 };
        segments.push(Segment { start: last.0, length: f64::INFINITY, rate: last.1, slope: 0.0, area, before: total });
        total += area;
    }
    (segments.into(), total)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::workload::ArrivalSpec;

    fn spec(points: &[(u64, f64)], period: Option<u64>) -> ArrivalSpec {
        let points = points.iter().map(|(at, rate)| (SimTime::from(Span::from_secs(*at)), *rate)).collect();
        ArrivalSpec::Piecewise { points, period: period.map(Span::from_secs) }
    }

    /// Time-rescaling theorem (Brown and others 2002): the integral of the rate between requests is Exp(1).
    fn assert_rescales(times: &[f64], integral: impl Fn(f64) -> f64) {
        let rescaled: Vec<f64> = times.iter().map(|at| integral(*at)).collect();
        assert_exponential(&scaled_gaps(&rescaled, 1.0));
    }

    #[test]
    fn ramps_rescale_to_exponential_gaps() {
        // 2/s until 100 s, up to 12/s at 200 s, down to 0 at 400 s, nothing until 600 s, up to 50/s at 1000 s and on.
        let spec = spec(&[(100, 2.0), (200, 12.0), (400, 0.0), (600, 0.0), (1000, 50.0)], None);
        // The integral by hand.
        let integral = |t: f64| {
            2.0 * t.min(100.0)
                + ramp(t, 100.0, 2.0, 200.0, 12.0)
                + ramp(t, 200.0, 12.0, 400.0, 0.0)
                + ramp(t, 600.0, 0.0, 1000.0, 50.0)
                + 50.0 * (t - 1000.0).max(0.0)
        };
        let times = take(&spec, 11, 60_000);
        assert!(times.iter().all(|at| !(400.0..600.0).contains(at)));
        assert_rescales(&times, integral);
    }

    fn ramp(t: f64, from: f64, low: f64, to: f64, high: f64) -> f64 {
        let x = (t - from).clamp(0.0, to - from);
        low * x + (high - low) / (to - from) * x * x / 2.0
    }

    #[test]
    fn periods_repeat_and_empty_parts_are_skipped() {
        // 10/s falling to 0 from 20 s to 30 s of every 100 s, else nothing but 4/s before 20 s.
        let round = |t: f64| 4.0 * t.min(20.0) + ramp(t, 20.0, 4.0, 30.0, 0.0);
        let integral = |t: f64| (t / 100.0).floor() * round(100.0) + round(t % 100.0);
        let times = take(&spec(&[(20, 4.0), (30, 0.0)], Some(100)), 12, 60_000);
        assert!(times.iter().all(|at| at % 100.0 <= 30.0));
        assert_rescales(&times, integral);
    }

    #[test]
    fn rare_requests_skip_many_periods() {
        // 1/s for a millisecond (as a triangle of 2 ms) in every second: one in a thousand rounds.
        let points = [(0, 0.0), (1_000_000, 1.0), (2_000_000, 0.0)];
        let points = points.map(|(at, rate)| (SimTime::from_nanos(at), rate));
        let spec = ArrivalSpec::Piecewise { points: points.into(), period: Some(Span::from_secs(1)) };
        let times = take(&spec, 13, 20_000);
        assert_exponential(&scaled_gaps(&times, 1e-3));
        assert!(times.iter().all(|at| at.fract() <= 0.002));
    }

    #[test]
    fn what_has_ended_ends() {
        // A triangle of 100 requests.
        let spec = spec(&[(0, 0.0), (10, 10.0), (20, 0.0)], None);
        let found: Vec<f64> = (0..200).map(|seed| take(&spec, seed, 1_000).len() as f64).collect();
        assert_near(average(&found), 100.0, (100.0_f64 / 200.0).sqrt());
        assert!(take(&self::spec(&[(0, 0.0)], None), 1, 1).is_empty());
        assert!(take(&self::spec(&[(0, 0.0)], Some(10)), 1, 1).is_empty());
        assert!(take(&self::spec(&[], None), 1, 1).is_empty());
    }
}
