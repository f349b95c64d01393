//! The hybrid histogram: keep an application warm when its own history says it will be used.
//!
//! Source: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, section 4.2. Where the paper gives no number (how
//! many idle times may be out of range, how many are needed at all), the defaults are those of its replications.

use std::collections::VecDeque;

use super::{AppKeepAlive, Policy, Window, Windows};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Number, PositiveDuration, Share};
use crate::time::Span;

parameters! {
    /// Each application is unloaded and reloaded according to a histogram of its idle times.
    pub struct HybridHistogramSpec {
        /// Bin width of the histogram.
        default bin: PositiveDuration = Span::from_secs(60),
        /// Idle times this long or longer are out of range; an application without a usable histogram is kept this
        /// long.
        default range: Duration = Span::from_secs(4 * 3600),
        /// Quantile of the idle times at which the application is reloaded.
        default head: Share = 0.05,
        /// Quantile at which it is unloaded.
        default tail: Share = 0.99,
        /// Margin added at both ends of the window between them, as a fraction.
        default margin: Share = 0.1,
        /// Smallest coefficient of variation of the bin counts for which the histogram is representative.
        default min_cv: Number = 2.0,
        /// Fraction of out-of-range idle times above which a forecast is used instead.
        default max_out_of_range: Share = 0.5,
        /// Smallest number of in-range idle times for which the histogram is used.
        default min_samples: Count<1, 1_000_000_000> = 10,
        /// Half-width of the window around a forecast, as a fraction of the forecast.
        default forecast_margin: Share = 0.15,
    }
}

/// Maximum number of bins of a histogram.
const BINS_MAX: u64 = 100_000;

impl HybridHistogramSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if !(1..=BINS_MAX).contains(&self.bins()) {
            let what = format!("is {} bins of {}: it must be 1 to {BINS_MAX}", self.bins(), self.bin);
            check.wrong("range", what);
        } else if self.head > self.tail {
            check.wrong("head", format!("({}) is above `tail` ({})", self.head, self.tail));
        } else if self.min_cv < 0.0 {
            check.wrong("min-cv", "must not be negative");
        }
    }

    /// The number of bins; longer idle times are out of range.
    fn bins(&self) -> u64 {
        self.range.as_nanos().div_ceil(self.bin.as_nanos())
    }
}

impl Policy for HybridHistogramSpec {
    fn build(&self, _: &dyn Fn() -> Stream) -> Window {
        Window::ByApp
    }

    fn build_for_app(&self) -> Option<Box<dyn AppKeepAlive>> {
        Some(Box::new(HybridHistogram::new(self.clone())))
    }

    fn is_by_app(&self) -> bool {
        true
    }
}

/// The idle times of one application: from the end of its last execution to its next invocation.
#[derive(Clone, Debug)]
struct HybridHistogram {
    spec: HybridHistogramSpec,
    counts: Vec<u32>,
    in_range: u32,
    out_of_range: u32,
    /// The newest idle times in seconds, for the forecast.
    recent: VecDeque<f64>,
    /// The decision that follows.
    decided: Windows,
}

/// Number of idle times that a forecast uses.
const MEMORY: usize = 64;

impl HybridHistogram {
    /// An application without a history.
    fn new(spec: HybridHistogramSpec) -> Self {
        let counts = vec![0; spec.bins() as usize];
        let (recent, decided) = (VecDeque::with_capacity(MEMORY), Windows::stay(Span::ZERO));
        let mut histogram = Self { spec, counts, in_range: 0, out_of_range: 0, recent, decided };
        histogram.decided = histogram.decide();
        histogram
    }

    /// The decision at the end of an execution.
    fn decide(&self) -> Windows {
        let seen = self.in_range + self.out_of_range;
        if f64::from(self.out_of_range) > self.spec.max_out_of_range * f64::from(seen) {
            self.around_forecast()
        } else if self.in_range < self.spec.min_samples || self.variation() < self.spec.min_cv {
            // The histogram is not usable: stay loaded for as long as its range.
            Windows::stay(self.edge(self.counts.len()))
        } else {
            self.around_histogram()
        }
    }

    fn around_histogram(&self) -> Windows {
        // The head is the lower edge of its bin, the tail the upper edge.
        let head = self.edge(self.quantile(self.spec.head)).as_secs_f64() * (1.0 - self.spec.margin);
        let tail = self.edge(self.quantile(self.spec.tail) + 1).as_secs_f64() * (1.0 + self.spec.margin);
        Windows { pre_warm: span(head), keep_alive: span(tail - head) }
    }

    fn around_forecast(&self) -> Windows {
        let recent: Vec<f64> = self.recent.iter().copied().collect();
        let next = forecast(&recent);
        let margin = self.spec.forecast_margin;
        Windows { pre_warm: span(next * (1.0 - margin)), keep_alive: span(next * 2.0 * margin) }
    }

    /// The lower edge of a bin.
    fn edge(&self, bin: usize) -> Span {
        Span::from_nanos(self.spec.bin.as_nanos().saturating_mul(bin as u64))
    }

    /// The bin below whose upper edge a fraction `q` of the in-range idle times lie.
    fn quantile(&self, q: f64) -> usize {
        let wanted = q * f64::from(self.in_range);
        let mut below = 0;
        let found = self.counts.iter().position(|count| {
            below += count;
            below > 0 && f64::from(below) >= wanted
        });
        found.unwrap_or(self.counts.len() - 1)
    }

    /// Standard deviation over mean of the bin counts.
    fn variation(&self) -> f64 {
        let bins = self.counts.len() as f64;
        let mean = f64::from(self.in_range) / bins;
        let squares: f64 = self.counts.iter().map(|count| (f64::from(*count) - mean).powi(2)).sum();
        if mean > 0.0 { (squares / bins).sqrt() / mean } else { 0.0 }
    }
}

impl AppKeepAlive for HybridHistogram {
    fn observe_idle(&mut self, idle: Span) {
        let bin = idle.as_nanos() / self.spec.bin.as_nanos().max(1);
        match usize::try_from(bin).ok().and_then(|bin| self.counts.get_mut(bin)) {
            Some(count) => {
                *count += 1;
                self.in_range += 1;
            }
            None => self.out_of_range += 1,
        }
        if self.recent.len() == MEMORY {
            self.recent.pop_front();
        }
        self.recent.push_back(idle.as_secs_f64());
        self.decided = self.decide();
    }

    fn windows(&self) -> Windows {
        self.decided
    }

    fn range(&self) -> Span {
        self.edge(self.counts.len())
    }
}

fn span(secs: f64) -> Span {
    Span::from_secs_f64(secs.max(0.0)).unwrap_or(Span::MAX_WRITTEN)
}

/// The next value of a series, from the best of three small ARIMA models: a mean (0,0,0), a regression on the previous
/// value (1,0,0) and a random walk (0,1,0), compared by Akaike's criterion over the same residuals and refitted each
/// time.
///
/// The paper lets a library search the orders; on series this short, such a search ends with one of these three.
fn forecast(series: &[f64]) -> f64 {
    let (Some(last), [_, targets @ ..]) = (series.last(), series) else { return 0.0 };
    let count = targets.len() as f64;
    if targets.len() < 3 {
        return series.iter().sum::<f64>() / series.len() as f64;
    }
    let pairs = || series.iter().zip(targets);
    let (mean_before, mean) =
        (series[..targets.len()].iter().sum::<f64>() / count, targets.iter().sum::<f64>() / count);
    let spread: f64 = pairs().map(|(before, _)| (before - mean_before).powi(2)).sum();
    let joint: f64 = pairs().map(|(before, now)| (before - mean_before) * (now - mean)).sum();
    // The slope of a stationary process lies within (-1, 1).
    let slope = if spread > 0.0 { (joint / spread).clamp(-1.0, 1.0) } else { 0.0 };
    // Each model as now = intercept + slope * before, with its number of parameters.
    let models = [(mean, 0.0, 1.0), (mean - slope * mean_before, slope, 2.0), (0.0, 1.0, 0.0)];
    let criterion = |(intercept, slope, parameters): (f64, f64, f64)| {
        let squares: f64 = pairs().map(|(before, now)| (now - intercept - slope * before).powi(2)).sum();
        // A perfect fit counts like one with an error of a millionth of the mean.
        count * (squares / count).max((mean * 1e-6).powi(2)).ln() + 2.0 * parameters
    };
    let best = models.into_iter().min_by(|a, b| criterion(*a).total_cmp(&criterion(*b)));
    best.map_or(mean, |(intercept, slope, _)| intercept + slope * last).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper() -> HybridHistogramSpec {
        HybridHistogramSpec {
            bin: Span::from_secs(60),
            range: Span::from_secs(4 * 3600),
            head: 0.05,
            tail: 0.99,
            margin: 0.1,
            min_cv: 2.0,
            max_out_of_range: 0.5,
            min_samples: 10,
            forecast_margin: 0.15,
        }
    }

    fn minutes(minutes: f64) -> Span {
        span(minutes * 60.0)
    }

    fn learned(idle_minutes: impl IntoIterator<Item = f64>) -> HybridHistogram {
        let mut histogram = HybridHistogram::new(paper());
        for idle in idle_minutes {
            histogram.observe_idle(minutes(idle));
        }
        histogram
    }

    /// Equal to a microsecond: the windows are rounded from seconds in floating point.
    fn assert_windows(got: Windows, pre_warm: f64, keep_alive: f64) {
        for (got, expected) in [(got.pre_warm, pre_warm), (got.keep_alive, keep_alive)] {
            assert!((got.as_secs_f64() - expected * 60.0).abs() < 1e-6, "{got} is not {expected} min");
        }
    }

    const FOUR_HOURS: f64 = 240.0;

    #[test]
    fn without_a_history_it_stays_for_the_whole_range() {
        assert_windows(learned([]).windows(), 0.0, FOUR_HOURS);
        assert_windows(learned([30.0; 9]).windows(), 0.0, FOUR_HOURS);
    }

    #[test]
    fn a_peak_gives_a_window_around_it() {
        // All in the bin [30, 31): head 30 * 0.9, tail 31 * 1.1.
        assert_windows(learned([30.5; 20]).windows(), 27.0, 31.0 * 1.1 - 27.0);
    }

    #[test]
    fn head_and_tail_are_quantiles() {
        // 5 of 100 at [10, 11), 90 at [20, 21), 5 at [40, 41): the 5th percentile is reached in the first, the 99th in
        // the last.
        let idle = [vec![10.5; 5], vec![20.5; 90], vec![40.5; 5]].concat();
        assert_windows(learned(idle).windows(), 9.0, 41.0 * 1.1 - 9.0);
        // With 4 at [10, 11) the head moves to 20, with 1 at [40, 41) the tail to 21.
        let idle = [vec![10.5; 4], vec![20.5; 95], vec![40.5; 1]].concat();
        assert_windows(learned(idle).windows(), 18.0, 21.0 * 1.1 - 18.0);
    }

    #[test]
    fn short_idle_times_never_unload() {
        // Head in the first bin: its lower edge is 0.
        assert_windows(learned([0.2; 20]).windows(), 0.0, 1.1);
    }

    #[test]
    fn even_counts_are_not_representative() {
        // One in each of the 240 bins: the counts do not vary at all.
        let histogram = learned((0..240).map(|minute| f64::from(minute) + 0.5));
        assert_eq!(histogram.variation(), 0.0);
        assert_windows(histogram.windows(), 0.0, FOUR_HOURS);
        // All of n in one of 240 bins: sd / mean = sqrt(239).
        assert!((learned([1.5; 7]).variation() - 239.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn out_of_range_a_forecast_takes_over() {
        // 300 min each time: warm over [0.85, 1.15] of that.
        assert_windows(learned([300.0; 6]).windows(), 255.0, 90.0);
        // What is longer ago than the newest 64 is forgotten.
        let long_ago = [vec![300.0, 9_000.0], vec![300.0; 64]].concat();
        assert_windows(learned(long_ago).windows(), 255.0, 90.0);
        // Half of them out of range is not too many yet.
        let idle = [vec![300.0; 10], vec![30.5; 10]].concat();
        assert_windows(learned(idle).windows(), 27.0, 31.0 * 1.1 - 27.0);
    }

    #[test]
    fn the_forecast_finds_the_pattern() {
        assert_eq!(forecast(&[]), 0.0);
        assert_eq!(forecast(&[4.0, 8.0]), 6.0);
        assert_eq!(forecast(&[4.0, 8.0, 6.0]), 6.0);
        assert_eq!(forecast(&[5.0; 10]), 5.0);
        // About 1, 1, 2, 1 after 1, 1, 1, 2: squares of 3/4 about their mean of 5/4, 2/3 about a regression with the slope -1/3, 2
        // about the value before. 4 ln(3/4 / (2/3)) = 0.47 does not pay for the second parameter, which counts 2.
        assert_eq!(forecast(&[1.0, 1.0, 1.0, 2.0, 1.0]), 1.25);
        let alternating: Vec<f64> = (0..20).map(|i| if i % 2 == 0 { 300.0 } else { 500.0 }).collect();
        assert!((forecast(&alternating) - 300.0).abs() < 1e-6);
        // Two levels, one change: the last value predicts best.
        let walk: Vec<f64> = (0..20).map(|i| if i < 10 { 300.0 } else { 600.0 }).collect();
        assert_eq!(forecast(&walk), 600.0);
    }
}
