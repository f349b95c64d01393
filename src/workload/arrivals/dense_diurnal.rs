//! Non-homogeneous Poisson with a daily wave, where many requests come in a period.

use std::f64::consts::TAU;

use rand::{Rng, RngExt as _};
use rand_distr::Exp1;

use super::{Arrival, fill, moment};
use crate::rng::{Block, Stream};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Parts of a period in which the rate hardly changes. A multiple of four, so that it is monotone in each.
const PARTS: u64 = 256;
/// From so many requests in a period on, thinning costs less than inversion.
const DENSE: f64 = 4.0 * PARTS as f64;

/// By thinning (Lewis and Shedler 1979), part by part: candidates come at the highest rate of the part and are kept with
/// probability rate / highest. As the rate of a part is nowhere below its lowest, nearly all are kept without computing it.
pub(super) struct DenseDiurnal {
    wave: Wave,
    stream: Stream,
}

struct Wave {
    /// Requests per nanosecond on average.
    rate: f64,
    amplitude: f64,
    period_ns: u64,
    /// From the last peak at or before time 0 to time 0.
    since_peak_ns: u64,
    /// The current part, counted from that peak, and its end as a time.
    part: u64,
    end_ns: u64,
    /// The last candidate: whole nanoseconds and what is left over.
    at_ns: u64,
    rest: f64,
    /// Mean gap of candidates in this part, ns.
    gap_ns: f64,
    /// Highest rate in this part over the average, and the lowest over the highest.
    highest: f64,
    surely_kept: f64,
}

impl DenseDiurnal {
    /// Whether this way is the better one; `rate` per second.
    pub(super) fn fits(rate: f64, period: Span) -> bool {
        rate * period.as_secs_f64() >= DENSE && period.as_nanos() >= PARTS * PARTS
    }

    /// `rate` per second; above 0.
    pub(super) fn new(rate: f64, amplitude: f64, period: Span, peak_at: Span, stream: Stream) -> Self {
        let period_ns = period.as_nanos();
        let since_peak_ns = (period_ns - peak_at.as_nanos() % period_ns) % period_ns;
        let mut wave = Wave {
            rate: rate / NANOS_PER_SECOND as f64,
            amplitude: amplitude.clamp(0.0, 1.0),
            period_ns,
            since_peak_ns,
            part: (u128::from(since_peak_ns) * u128::from(PARTS) / u128::from(period_ns)) as u64,
            end_ns: 0,
            at_ns: 0,
            rest: 0.0,
            gap_ns: 0.0,
            highest: 0.0,
            surely_kept: 0.0,
        };
        wave.enter();
        Self { wave, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.wave.next(&mut self.stream)
    }

    /// See [`super::Arrivals::draw`].
    pub(super) fn draw(&mut self, until: SimTime, places: &mut [Arrival]) -> usize {
        let wave = &mut self.wave;
        Block::<0>::lend(&mut self.stream, |stream| fill(until, places, || wave.next(stream).map(Arrival::at)))
    }
}

impl Wave {
    #[inline(always)]
    fn next(&mut self, stream: &mut impl Rng) -> Option<SimTime> {
        loop {
            let ahead = self.rest + self.gap_ns * stream.sample::<f64, _>(Exp1);
            // Signed numbers are converted faster.
            let whole = ahead as i64;
            // The gap forgets how long it has lasted: at the end of the part it begins anew.
            if whole as u64 >= self.end_ns - self.at_ns {
                self.at_ns = self.end_ns;
                self.rest = 0.0;
                if self.at_ns == u64::MAX {
                    return None;
                }
                self.part += 1;
                self.enter();
                continue;
            }
            self.rest = ahead - whole as f64;
            self.at_ns += whole as u64;
            let draw: f64 = stream.random();
            if draw < self.surely_kept || draw * self.highest < self.wave(self.at_ns) {
                return moment(self.at_ns);
            }
        }
    }

    /// Looks up the part that begins at `at_ns`.
    #[cold]
    fn enter(&mut self) {
        let of_part = |part: u64| 1.0 + self.amplitude * (TAU * (part % PARTS) as f64 / PARTS as f64).cos();
        let (begin, end) = (of_part(self.part), of_part(self.part + 1));
        self.highest = begin.max(end);
        self.surely_kept = if self.highest > 0.0 { begin.min(end) / self.highest } else { 0.0 };
        self.gap_ns = 1.0 / (self.rate * self.highest);
        let end = u128::from(self.part + 1) * u128::from(self.period_ns) / u128::from(PARTS);
        self.end_ns =
            u64::try_from(end.saturating_sub(u128::from(self.since_peak_ns))).unwrap_or(u64::MAX).max(self.at_ns);
    }

    /// The rate at a time, over the average.
    fn wave(&self, at_ns: u64) -> f64 {
        let since_peak = (u128::from(at_ns) + u128::from(self.since_peak_ns)) % u128::from(self.period_ns);
        1.0 + self.amplitude * (TAU * (since_peak as f64 / self.period_ns as f64)).cos()
    }
}
