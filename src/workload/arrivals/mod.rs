//! Arrival processes at work: from an [`ArrivalSpec`] to one request after the other.
//!
//! Every process gives moments that never fall, in whole nanoseconds, and ends when the clock does. None of them grows
//! with the number of requests. What is left over below the nanosecond is carried on, so that no rate is biased.

mod burst;
mod counted;
mod dense_diurnal;
mod diurnal;
mod fleet;
mod modulated;
mod piecewise;
mod point;
mod poisson;
mod recorded;
mod renewal;
mod repeated;
mod scatter;
mod schedule;
#[cfg(test)]
mod testing;

pub(super) use burst::BurstSpec;
pub(super) use diurnal::DiurnalSpec;
pub use fleet::Fleet;
pub(super) use fleet::FleetSpec;
pub(super) use modulated::MmppSpec;
pub(super) use piecewise::PiecewiseSpec;
pub(super) use point::{ConstantRate, TimesSpec};
pub(super) use poisson::PoissonRate;
pub use renewal::ClosedUsers;
pub(super) use renewal::{ClosedSpec, GammaGaps, RenewalSpec, WeibullGaps};
pub use schedule::Schedule;
pub(super) use schedule::ScheduleSpec;

use super::ArrivalSpec;
use super::trace::{RowReader, TraceError};
use crate::rng::{Purpose, Streams};
use crate::time::{SimTime, Span};

/// One request as it comes out of a source.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When.
    pub at: SimTime,
    /// Its function's place among the trace's names.
    pub function: u32,
    /// Its duration, if the trace brings it.
    pub duration: Option<Span>,
}

/// A running arrival process: an iterator over its requests.
pub struct Arrivals(Process);

/// The one that is everywhere lies in place, the others in a box, so that a source stays small.
enum Process {
    Poisson(poisson::Poisson),
    Constant(Box<point::Constant>),
    Times(Box<point::Times>),
    Scheduled(Box<schedule::Scheduled>),
    Reporting(Box<fleet::Reporting>),
    Mmpp(Box<modulated::Mmpp>),
    Piecewise(Box<piecewise::Piecewise>),
    Diurnal(Box<diurnal::Diurnal>),
    DenseDiurnal(Box<dense_diurnal::DenseDiurnal>),
    Burst(Box<burst::Burst>),
    Renewal(Box<renewal::Renewal>),
    Counted(Box<counted::Counted>),
    CountedPoisson(Box<counted::CountedPoisson>),
    Rows(Box<RowReader>),
    Recorded(Box<recorded::Recorded>),
    Repeated(Box<repeated::Repeated>),
    Never,
}

impl Arrivals {
    /// Starts the process that `spec` describes, drawing from the stream of `owner`, the source's name.
    ///
    /// # Errors
    /// Only of traces, if the file cannot be read.
    pub fn new(spec: &ArrivalSpec, streams: &Streams, owner: &str) -> Result<Self, TraceError> {
        let stream = streams.stream(owner, Purpose::Arrivals);
        Ok(Self(match spec {
            ArrivalSpec::Poisson { rate } if *rate > 0.0 => Process::Poisson(poisson::Poisson::new(*rate, stream)),
            ArrivalSpec::Constant { rate } if *rate > 0.0 => Process::Constant(Box::new(point::Constant::new(*rate))),
            ArrivalSpec::Poisson { .. } | ArrivalSpec::Constant { .. } => Process::Never,
            ArrivalSpec::Times { at } => Process::Times(Box::new(point::Times::new(at))),
            ArrivalSpec::Schedule(schedule) => Process::Scheduled(Box::new(schedule::Scheduled::new(schedule, stream))),
            ArrivalSpec::Fleet(fleet) => Process::Reporting(Box::new(fleet::Reporting::new(fleet, stream))),
            ArrivalSpec::Mmpp { states } => Process::Mmpp(Box::new(modulated::Mmpp::new(states, stream))),
            ArrivalSpec::Piecewise { points, period } => {
                Process::Piecewise(Box::new(piecewise::Piecewise::new(points, *period, stream)))
            }
            ArrivalSpec::Diurnal { rate, amplitude, period, peak_at }
                if dense_diurnal::DenseDiurnal::fits(*rate, *period) =>
            {
                let process = dense_diurnal::DenseDiurnal::new(*rate, *amplitude, *period, *peak_at, stream);
                Process::DenseDiurnal(Box::new(process))
            }
            ArrivalSpec::Diurnal { rate, amplitude, period, peak_at } => {
                Process::Diurnal(Box::new(diurnal::Diurnal::new(*rate, *amplitude, *period, *peak_at, stream)))
            }
            ArrivalSpec::Burst { size, every, first, within, background } => {
                Process::Burst(Box::new(burst::Burst::new(*size, *every, *first, *within, *background, stream)))
            }
            ArrivalSpec::Renewal { gap } => Process::Renewal(Box::new(renewal::Renewal::new(gap.clone(), stream))),
            ArrivalSpec::Counts(counts) => match counts.spread {
                super::Spread::Poisson => {
                    Process::CountedPoisson(Box::new(counted::CountedPoisson::new(counts, stream)))
                }
                _ => Process::Counted(Box::new(counted::Counted::new(counts, stream))),
            },
            ArrivalSpec::Rows(trace) => Process::Rows(Box::new(trace.read()?)),
            ArrivalSpec::Recorded { of, function } => {
                Process::Recorded(Box::new(recorded::Recorded::new(of, *function)))
            }
            ArrivalSpec::Repeated { of, factor } => {
                Process::Repeated(Box::new(repeated::Repeated::new(Self::new(of, streams, owner)?, *factor)))
            }
            ArrivalSpec::Closed { .. } => Process::Never,
        }))
    }

    /// What went wrong with a trace, if anything did.
    #[must_use]
    pub fn error(&self) -> Option<&TraceError> {
        match &self.0 {
            Process::Rows(reader) => reader.error(),
            Process::Repeated(repeated) => repeated.of.error(),
            _ => None,
        }
    }

    /// Draws the next requests into `places`, as many as there are places, but none after the first that does not come
    /// before `until`. Says how many: the same as one after the other, and faster.
    pub fn draw(&mut self, until: SimTime, places: &mut [Arrival]) -> usize {
        match &mut self.0 {
            Process::Poisson(process) => process.draw(until, places),
            Process::DenseDiurnal(process) => process.draw(until, places),
            Process::Recorded(process) => fill(until, places, || process.next()),
            _ => fill(until, places, || self.next()),
        }
    }

    fn next_rare(&mut self) -> Option<SimTime> {
        match &mut self.0 {
            Process::Poisson(process) => process.next(),
            Process::Constant(process) => process.next(),
            Process::Times(process) => process.next(),
            Process::Scheduled(process) => process.next(),
            Process::Reporting(process) => process.next(),
            Process::Mmpp(process) => process.next(),
            Process::Piecewise(process) => process.next(),
            Process::Diurnal(process) => process.next(),
            Process::DenseDiurnal(process) => process.next(),
            Process::Burst(process) => process.next(),
            Process::Renewal(process) => process.next(),
            Process::Counted(process) => process.next(),
            Process::CountedPoisson(process) => process.next(),
            Process::Rows(reader) => reader.next().map(|arrival| arrival.at),
            Process::Recorded(process) => process.next().map(|arrival| arrival.at),
            Process::Repeated(repeated) => repeated.next().map(|arrival| arrival.at),
            Process::Never => None,
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        let at = match &mut self.0 {
            Process::Poisson(process) => process.next()?,
            Process::Rows(reader) => return reader.next(),
            Process::Recorded(process) => return process.next(),
            Process::Repeated(repeated) => return repeated.next(),
            _ => self.next_rare()?,
        };
        Some(Arrival::at(at))
    }
}

impl Arrival {
    /// Of a process that has but one function, and knows no durations.
    #[inline]
    const fn at(at: SimTime) -> Self {
        Self { at, function: 0, duration: None }
    }
}

impl Default for Arrival {
    fn default() -> Self {
        Self::at(SimTime::NEVER)
    }
}

#[inline(always)]
fn fill(until: SimTime, places: &mut [Arrival], mut next: impl FnMut() -> Option<Arrival>) -> usize {
    for (drawn, place) in places.iter_mut().enumerate() {
        let Some(arrival) = next() else { return drawn };
        *place = arrival;
        if arrival.at >= until {
            return drawn + 1;
        }
    }
    places.len()
}

/// A clock that moves on by real numbers of nanoseconds: it shows whole ones and carries the rest.
#[derive(Clone, Copy, Default)]
struct Clock {
    nanos: u64,
    part: f64,
}

impl Clock {
    /// Moves on; none at the end of time, and from then on.
    #[inline]
    fn advance(&mut self, nanos: f64) -> Option<SimTime> {
        let gap = self.part + nanos;
        // Signed numbers are converted faster; what does not fit is the end of time either way.
        let whole = gap as i64;
        self.part = gap - whole as f64;
        self.nanos = if whole == i64::MAX { u64::MAX } else { self.nanos.saturating_add(whole as u64) };
        moment(self.nanos)
    }
}

/// The moment after so many nanoseconds; none at the end of the clock, where sums saturate.
#[inline]
fn moment(nanos: u64) -> Option<SimTime> {
    (nanos < u64::MAX).then_some(SimTime::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::dist::Dist;
    use crate::workload::{Counts, MmppState, Spread};

    #[test]
    fn a_source_stays_small() {
        assert!(size_of::<Arrivals>() <= 64, "{}", size_of::<Arrivals>());
    }

    fn rate() -> impl Strategy<Value = f64> {
        (-9.0..9.0f64).prop_map(|exponent| 10f64.powf(exponent))
    }

    fn rate_or_zero() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), rate()]
    }

    fn span() -> impl Strategy<Value = Span> {
        (0.0..18.0f64).prop_map(|exponent| Span::from_nanos(10f64.powf(exponent) as u64))
    }

    fn count() -> impl Strategy<Value = f64> {
        prop_oneof![4 => Just(0.0), 2 => (0..20u64).prop_map(|n| n as f64), 1 => 0.0..5.0f64, 1 => Just(1e12)]
    }

    fn spread() -> impl Strategy<Value = Spread> {
        prop::sample::select(vec![Spread::Uniform, Spread::Poisson, Spread::Equidistant, Spread::Timer, Spread::Auto])
    }

    prop_compose! {
        fn piecewise()(steps in prop::collection::vec((span(), rate_or_zero()), 1..8), after in prop::option::of(span()))
            -> ArrivalSpec {
            let mut at = SimTime::ZERO;
            let points: Vec<_> = steps.iter().map(|(step, rate)| { at = at + *step; (at, *rate) }).collect();
            ArrivalSpec::Piecewise { points: points.into(), period: after.map(|after| (at + after).since(SimTime::ZERO)) }
        }
    }

    prop_compose! {
        fn counts()(counts in prop::collection::vec(count(), 0..40), interval in span(), start in span(),
                    spread in spread(), scale in prop_oneof![Just(1.0), 0.0..3.0f64]) -> ArrivalSpec {
            ArrivalSpec::Counts(Arc::new(Counts::new(interval, start.into(), spread, scale, counts)))
        }
    }

    fn spec() -> impl Strategy<Value = ArrivalSpec> {
        let state = (rate_or_zero(), span()).prop_map(|(rate, stay)| MmppState { rate, stay });
        prop_oneof![
            rate().prop_map(|rate| ArrivalSpec::Constant { rate }),
            rate().prop_map(|rate| ArrivalSpec::Poisson { rate }),
            prop::collection::vec(state, 1..6).prop_map(|states| ArrivalSpec::Mmpp { states: states.into() }),
            piecewise(),
            (rate(), 0.0..=1.0f64, span(), span()).prop_map(|(rate, amplitude, period, peak_at)| {
                ArrivalSpec::Diurnal { rate, amplitude, period, peak_at }
            }),
            (1..50u32, span(), span(), 0.0..=1.0f64, rate_or_zero()).prop_map(
                |(size, every, first, part, background)| {
                    let within = Span::from_nanos((part * every.as_nanos() as f64) as u64);
                    ArrivalSpec::Burst { size, every, first, within, background }
                }
            ),
            span().prop_map(|min| ArrivalSpec::Renewal { gap: Dist::Uniform { min: Span::ZERO, max: min } }),
            counts(),
        ]
    }

    proptest! {
        /// 300 requests of anything come in order and in no time, or end for good.
        #[test]
        fn moments_never_fall_and_nothing_hangs(spec in spec(), seed in any::<u64>()) {
            let mut arrivals = Arrivals::new(&spec, &Streams::new(seed, 0), "s").expect("no trace");
            let mut before = SimTime::ZERO;
            let mut drawn = 0;
            while let Some(arrival) = arrivals.next().filter(|_| drawn < 300) {
                prop_assert!(arrival.at >= before, "{:?} after {before:?}", arrival.at);
                before = arrival.at;
                drawn += 1;
            }
            if drawn < 300 {
                prop_assert!(arrivals.next().is_none(), "goes on after its end");
            }
        }

        /// A block of requests is the same requests, up to the first that is too late.
        #[test]
        fn blocks_are_one_after_the_other(spec in spec(), seed in any::<u64>(), size in 1..40usize, until in span()) {
            let start = || Arrivals::new(&spec, &Streams::new(seed, 0), "s").expect("no trace");
            let (mut blocks, mut single, until) = (start(), start(), SimTime::ZERO + until);
            let mut places = vec![Arrival::default(); size];
            for _ in 0..10 {
                let drawn = blocks.draw(until, &mut places);
                for place in &places[..drawn] {
                    prop_assert_eq!(Some(place.at), single.next().map(|arrival| arrival.at));
                }
                prop_assert!(places[..drawn].iter().rev().skip(1).all(|place| place.at < until));
                match places[..drawn].last() {
                    Some(last) if last.at >= until => break,
                    _ if drawn < size => {
                        prop_assert!(single.next().is_none(), "ends too early");
                        break;
                    }
                    _ => {}
                }
            }
        }
    }
}
