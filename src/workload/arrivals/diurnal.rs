//! Non-homogeneous Poisson with a daily wave. Where many requests come in a period, `dense_diurnal` takes its place.

use std::f64::consts::TAU;

use rand::RngExt as _;
use rand_distr::Exp1;

use super::moment;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Duration, PositiveDuration, Rate, RateOrZero, Share};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// Poisson with a sinusoidal rate: `rate` with `amplitude`, or `low` with `peak`.
    pub struct DiurnalSpec {
        /// Mean rate.
        optional rate: Rate,
        /// 0 (flat) to 1 (down to nothing at night).
        optional amplitude: Share,
        /// Lowest rate, half a period from the peak.
        optional low: RateOrZero,
        /// Highest rate.
        optional peak: Rate,
        /// From peak to peak.
        default period: PositiveDuration = DAY,
        /// Time of the peak within the period.
        default peak_at: Duration = Span::ZERO,
    }
}

/// What a day has.
const DAY: Span = Span::from_secs(86_400);

impl DiurnalSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let mean = [("rate", self.rate.is_some()), ("amplitude", self.amplitude.is_some())];
        let ends = [("low", self.low.is_some()), ("peak", self.peak.is_some())];
        if check.either(&[&mean, &ends]).is_none() {
            return;
        }
        if let (Some(low), Some(peak)) = (self.low, self.peak)
            && low > peak
        {
            check.wrong_with("low", format!("({low}/s) is above `peak` ({peak}/s)"), "swap them");
        } else if self.peak_at >= self.period {
            check.wrong("peak-at", format!("({}) must lie within the period ({})", self.peak_at, self.period));
        }
    }
}

impl Process for DiurnalSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let (rate, amplitude) = match (self.rate.zip(self.amplitude), self.low.zip(self.peak)) {
            (Some(mean), _) => mean,
            (None, ends) => ends.map(|(low, peak)| ((low + peak) / 2.0, (peak - low) / (peak + low)))?,
        };
        Some(ArrivalSpec::Diurnal { rate, amplitude, period: self.period, peak_at: self.peak_at })
    }
}

/// By inversion: the integral of the rate from one request to the next is Exp(1) (Çinlar 1975). Unlike thinning it
/// takes a trough of any depth and length at one step.
///
/// Time is an angle, 2 pi to the period, and the integral is measured in the same unit: it is
/// x + a (sin(x - p) + sin p) at angle x with the peak at p.
pub(super) struct Diurnal {
    /// What a request costs on average.
    mean_gap: f64,
    amplitude: f64,
    peak: f64,
    /// sin p.
    sin_peak: f64,
    period_ns: u64,
    /// When the current round began, ns.
    round: u64,
    /// The integral from there to the last request, and its angle.
    integral: f64,
    angle: f64,
    last: u64,
    stream: Stream,
}

impl Diurnal {
    /// `rate` per second; above 0.
    pub(super) fn new(rate: f64, amplitude: f64, period: Span, peak_at: Span, stream: Stream) -> Self {
        let period_ns = period.as_nanos().max(1);
        let peak = TAU * ((peak_at.as_nanos() % period_ns) as f64 / period_ns as f64);
        Self {
            mean_gap: TAU * NANOS_PER_SECOND as f64 / (rate * period_ns as f64),
            amplitude: amplitude.clamp(0.0, 1.0),
            peak,
            sin_peak: peak.sin(),
            period_ns,
            round: 0,
            integral: 0.0,
            angle: 0.0,
            last: 0,
            stream,
        }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.integral += self.mean_gap * self.stream.sample::<f64, _>(Exp1);
        if self.integral >= TAU {
            let rounds = (self.integral / TAU).floor();
            self.round = self.round.saturating_add((rounds as u64).saturating_mul(self.period_ns));
            self.integral %= TAU;
            self.angle = 0.0;
        }
        self.angle = self.angle_at(self.integral);
        let at = self.round.saturating_add((self.angle / TAU * self.period_ns as f64) as u64);
        self.last = self.last.max(at); // rounding must not let time fall
        moment(self.last)
    }

    /// The angle at which the integral is `target`: Newton's method from the last angle, kept between bounds that halve
    /// where it fails (in a trough that goes down to nothing).
    fn angle_at(&self, target: f64) -> f64 {
        let (mut low, mut high) = (self.angle, TAU);
        let mut x = low;
        for _ in 0..100 {
            let (sin, cos) = (x - self.peak).sin_cos();
            let above = x + self.amplitude * (sin + self.sin_peak) - target;
            let slope = 1.0 + self.amplitude * cos;
            if above > 0.0 {
                high = x;
            } else {
                low = x;
            }
            let step = above / slope;
            let next = x - step;
            if !(low..=high).contains(&next) {
                x = f64::midpoint(low, high);
                if x <= low || x >= high {
                    break;
                }
                continue;
            }
            x = next;
            // The error left is at most a step^2 / (2 slope), if the slope does not change much on the way.
            if self.amplitude * step * step <= 2.0 * f64::EPSILON * slope {
                break;
            }
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::workload::ArrivalSpec;

    #[test]
    fn waves_rescale_to_exponential_gaps() {
        // At the lower rate by inversion, at the higher one by thinning.
        let waves = [(0.0, 0.0), (0.6, 300.0), (1.0, 0.0), (1.0, 900.0)];
        for (rate, (amplitude, peak_at)) in [0.5, 30.0].iter().flat_map(|rate| waves.map(|wave| (*rate, wave))) {
            let period = 1000.0;
            let spec = ArrivalSpec::Diurnal {
                rate,
                amplitude,
                period: Span::from_secs(1000),
                peak_at: Span::from_secs_f64(peak_at).unwrap(),
            };
            // The integral of rate (1 + a cos(2 pi (t - peak) / period)), up to a constant.
            let w = TAU / period;
            let integral = |t: f64| rate * (t + amplitude / w * ((w * (t - peak_at)).sin() + (w * peak_at).sin()));
            let times = take(&spec, 21, 100_000);
            let rescaled: Vec<f64> = times.iter().map(|at| integral(*at)).collect();
            assert_exponential(&scaled_gaps(&rescaled, 1.0));
        }
    }

    #[test]
    fn the_peak_is_where_it_was_asked_for() {
        let day = Span::from_secs(86_400);
        let spec =
            ArrivalSpec::Diurnal { rate: 1.0, amplitude: 1.0, period: day, peak_at: Span::from_secs(3_600 * 14) };
        let times = until(&spec, 22, 86_400.0);
        // The share of the six hours about the peak: 1/4 + sin(pi/4)/pi.
        let near = times.iter().filter(|at| (39_600.0..61_200.0).contains(*at)).count() as f64;
        let share = 0.25 + (TAU / 8.0).sin() / (TAU / 2.0);
        let n = times.len() as f64;
        assert_near(near / n, share, (share * (1.0 - share) / n).sqrt());
        assert_near(n, 86_400.0, 86_400.0_f64.sqrt());
    }

    #[test]
    fn rare_requests_come_at_the_peak() {
        // Ten days apart, and by time of day as the wave: the share of the six hours about the peak, as above.
        let [day, noon] = [24, 12].map(|hours| Span::from_secs(3_600 * hours));
        let spec = ArrivalSpec::Diurnal { rate: 1.0 / 864_000.0, amplitude: 1.0, period: day, peak_at: noon };
        let times = take(&spec, 23, 2_000);
        let n = times.len() as f64;
        assert_near(times[1_999] / 864_000.0, n, n.sqrt());
        let near = times.iter().filter(|at| (32_400.0..54_000.0).contains(&(*at % 86_400.0))).count() as f64;
        let share = 0.25 + (TAU / 8.0).sin() / (TAU / 2.0);
        assert_near(near / n, share, (share * (1.0 - share) / n).sqrt());
    }
}
