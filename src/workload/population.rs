//! An Azure-like population of functions of any size, drawn from published distributions.
//!
//! Shahrad et al., "Serverless in the Wild" (ATC 2020), describe the Azure Functions of July 2019: sizes of apps, rates of
//! apps, triggers, durations, memory. What they give as points of a distribution is joined by lines (rates: on a
//! logarithmic scale). Made up here, because nothing is published: how an app's requests fall on its functions (as 1, 1/2,
//! 1/3 ...), the spread of durations within a function, and the hour of its peak.

use rand::RngExt as _;
use rand_distr::{Distribution as _, Poisson, StandardNormal};

use super::{ArrivalSpec, Process};
use crate::dist::Dist;
use crate::rng::{Purpose, Stream, Streams};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Positive, Seed};
use crate::time::Span;

/// Functions of a population, at most.
pub const FUNCTIONS_MAX: u32 = 1_000_000;
const DAY_S: f64 = 86_400.0;
/// Share of apps with at most so many functions (ATC 2020, figure 1).
const APP_SIZES: [(f64, u32); 7] = [(0.54, 1), (0.70, 2), (0.80, 3), (0.88, 5), (0.95, 10), (0.9996, 100), (1.0, 400)];
/// Share of apps with at most so many requests a day (ATC 2020, figure 5): one an hour, one a minute, one a second. The
/// end of the tail is found from the wanted total.
const APP_RATES: [(f64, f64); 4] = [(0.0, 1.0), (0.45, 24.0), (0.81, 1_440.0), (0.97, 86_400.0)];
/// The busiest app there can be, requests a day.
const RATE_MAX: f64 = 1e10;
/// Trigger, share of functions, share of requests in percent (ATC 2020, figure 2).
const TRIGGERS: [(&str, f64, f64); 7] = [
    ("http", 55.0, 35.9),
    ("queue", 15.2, 33.5),
    ("event", 2.2, 24.7),
    ("orchestration", 6.9, 2.3),
    ("timer", 15.6, 2.0),
    ("storage", 2.8, 0.7),
    ("others", 2.2, 1.0),
];
/// More requests a day than this make a function busy: those carry nearly all requests.
const BUSY: f64 = 1_440.0;
/// Logarithm of a function's mean duration in seconds: mean and standard deviation (ATC 2020, figure 7).
const DURATION: (f64, f64) = (-0.38, 2.36);
/// Mean durations are brought into this range, s: the tail of the fit goes beyond every plan's timeout.
const DURATION_RANGE: (f64, f64) = (0.001, 300.0);
/// Standard deviation of the logarithm of durations within a function.
const DURATION_SPREAD: f64 = 0.5;
/// Memory of an app, MB: Burr XII with c, k and scale (ATC 2020, figure 8).
const MEMORY: (f64, f64, f64) = (11.652, 0.221, 107.083);
/// Half of the peak is there all day (ATC 2020, figure 4): (1 - a) / (1 + a) = 1/2.
const AMPLITUDE: f64 = 1.0 / 3.0;

parameters! {
    /// A population of functions like that of Azure, drawn from published distributions; it defines its own functions.
    pub struct PopulationSpec {
        /// Number of functions.
        required functions: Count<1, FUNCTIONS_MAX>,
        /// Requests per day, over all functions.
        required invocations_per_day: Positive,
        /// Seed of the population, independent of the simulation seed.
        default seed: Seed = 1,
    }
}

impl Process for PopulationSpec {
    /// It brings its functions.
    fn arrivals(&self) -> Option<ArrivalSpec> {
        None
    }
}

/// A function of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticFunction {
    /// Number of its app.
    pub app: u32,
    /// Its name.
    pub name: String,
    /// What calls it.
    pub trigger: &'static str,
    /// Memory, MB.
    pub memory_mb: u32,
    /// Mean duration, s.
    pub duration_mean_s: f64,
    /// Requests a day.
    pub per_day: f64,
    /// How far its rate swings about the mean in a day, 0 to 1; timers do not.
    pub amplitude: f64,
    /// When in the day its peak is.
    pub peak_at: Span,
}

impl PopulationSpec {
    /// Draws the functions, the same for the same specification.
    #[must_use]
    pub fn draw(&self) -> Vec<SyntheticFunction> {
        let mut stream = Streams::new(self.seed, 0).stream("population", Purpose::Population);
        let wanted = self.functions.clamp(1, FUNCTIONS_MAX) as usize;
        let mut apps: Vec<u32> = Vec::new();
        let mut left = wanted as u32;
        while left > 0 {
            let size = app_size(stream.random()).min(left);
            apps.push(size);
            left -= size;
        }
        let end = tail_end(self.invocations_per_day / apps.len() as f64);
        // One rate from each equal share of the distribution, in random order: even few apps have a tail.
        let mut rates: Vec<f64> = (0..apps.len())
            .map(|app| app_rate((app as f64 + stream.random::<f64>()) / apps.len() as f64, end))
            .collect();
        shuffle(&mut rates, &mut stream);
        let scale = self.invocations_per_day / rates.iter().sum::<f64>();
        let mut functions = Vec::with_capacity(wanted);
        for (app, (&size, rate)) in apps.iter().zip(rates).enumerate() {
            let memory_mb = memory(stream.random());
            let weights: f64 = (1..=size).map(|rank| 1.0 / f64::from(rank)).sum();
            for rank in 1..=size {
                let per_day = rate * scale / f64::from(rank) / weights;
                let number = functions.len();
                functions.push(function(app as u32, number, per_day, memory_mb, &mut stream));
            }
        }
        functions
    }
}

impl SyntheticFunction {
    /// When its requests come: timers at equal distances, the others with a daily rhythm.
    #[must_use]
    pub fn arrivals(&self) -> ArrivalSpec {
        let rate = self.per_day / DAY_S;
        if self.is_timer() {
            return ArrivalSpec::Constant { rate };
        }
        let day = Span::from_secs(86_400);
        ArrivalSpec::Diurnal { rate, amplitude: self.amplitude, period: day, peak_at: self.peak_at }
    }

    /// The law of its duration.
    #[must_use]
    pub fn duration(&self) -> Dist {
        let mean = Span::from_nanos_f64_saturating(self.duration_mean_s * 1e9);
        let median = self.duration_mean_s * (-DURATION_SPREAD * DURATION_SPREAD / 2.0).exp();
        Dist::log_normal_sigma(Span::from_nanos_f64_saturating(median * 1e9), DURATION_SPREAD)
            .unwrap_or(Dist::Constant(mean))
    }

    /// Its requests in each of `minutes` minutes from midnight on.
    pub fn counts<'a>(&'a self, minutes: u32, streams: &Streams) -> impl Iterator<Item = u64> + 'a {
        let mut stream = streams.stream(&self.name, Purpose::Arrivals);
        let per_minute = self.per_day / 1_440.0;
        let phase: f64 = stream.random();
        (0..minutes).map(move |minute| {
            if self.is_timer() {
                let until = |minute: u32| (f64::from(minute) * per_minute + phase).floor();
                return (until(minute + 1) - until(minute)) as u64;
            }
            let since_peak = (f64::from(minute) + 0.5) * 60.0 - self.peak_at.as_secs_f64();
            let swing = 1.0 + self.amplitude * (std::f64::consts::TAU * since_peak / DAY_S).cos();
            Poisson::new(per_minute * swing).map_or(0, |law| law.sample(&mut stream) as u64)
        })
    }

    fn is_timer(&self) -> bool {
        self.trigger == "timer"
    }
}

fn function(app: u32, number: usize, per_day: f64, memory_mb: u32, stream: &mut Stream) -> SyntheticFunction {
    let trigger = trigger(per_day > BUSY, stream.random());
    let (mu, sigma) = DURATION;
    let duration: f64 = (mu + sigma * stream.sample::<f64, _>(StandardNormal)).exp();
    // Peaks lie about the early afternoon.
    let hour = 14.0 + 3.0 * stream.sample::<f64, _>(StandardNormal);
    SyntheticFunction {
        app,
        name: format!("f{number:06}"),
        trigger,
        memory_mb,
        duration_mean_s: duration.clamp(DURATION_RANGE.0, DURATION_RANGE.1),
        per_day,
        amplitude: if trigger == "timer" { 0.0 } else { AMPLITUDE },
        peak_at: Span::from_nanos_f64_saturating(hour.rem_euclid(24.0) * 3.6e12),
    }
}

/// The size of an app at this share of all apps.
fn app_size(share: f64) -> u32 {
    let mut before = (0.0, 0);
    for (until, size) in APP_SIZES {
        if share < until {
            let part = (share - before.0) / (until - before.0);
            return before.1 + 1 + (part * f64::from(size - before.1)) as u32;
        }
        before = (until, size);
    }
    before.1
}

/// Requests a day of the app at this share of all apps, where the tail ends at `end`.
fn app_rate(share: f64, end: f64) -> f64 {
    let points = APP_RATES.iter().copied().chain([(1.0, end)]);
    let mut before = APP_RATES[0];
    for (until, rate) in points {
        if share <= until && until > before.0 {
            let part = (share - before.0) / (until - before.0);
            return before.1 * (rate / before.1).powf(part);
        }
        before = (until, rate);
    }
    end
}

/// Where the tail must end so that an app has `mean` requests a day on average; as near as it gets.
fn tail_end(mean: f64) -> f64 {
    let mean_with = |end: f64| {
        let points: Vec<(f64, f64)> = APP_RATES.iter().copied().chain([(1.0, end)]).collect();
        // The mean of what is linear on a logarithmic scale.
        let part = |pair: &[(f64, f64)]| {
            let ((p, a), (q, b)) = (pair[0], pair[1]);
            if b == a { (q - p) * a } else { (q - p) * (b - a) / (b / a).ln() }
        };
        points.windows(2).map(part).sum::<f64>()
    };
    let (mut low, mut high) = (APP_RATES[3].1, RATE_MAX);
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if mean_with(middle) < mean { low = middle } else { high = middle }
    }
    low
}

/// Of busy functions the triggers are as the shares of requests say, of the others so that all together are as the
/// shares of functions say, as far as they can be.
fn trigger(is_busy: bool, share: f64) -> &'static str {
    let weight = |functions: f64, requests: f64| {
        if is_busy { requests } else { (functions - 0.19 * requests).max(0.0) }
    };
    let total: f64 = TRIGGERS.iter().map(|(_, functions, requests)| weight(*functions, *requests)).sum();
    let mut left = share * total;
    for (name, functions, requests) in TRIGGERS {
        left -= weight(functions, requests);
        if left < 0.0 {
            return name;
        }
    }
    TRIGGERS[0].0
}

fn memory(share: f64) -> u32 {
    let (c, k, scale) = MEMORY;
    let mb = scale * ((1.0 - share).powf(-1.0 / k) - 1.0).powf(1.0 / c);
    mb.ceil().clamp(16.0, 16_384.0) as u32
}

/// Fisher and Yates.
fn shuffle(values: &mut [f64], stream: &mut Stream) {
    for place in (1..values.len()).rev() {
        values.swap(place, stream.random_range(0..=place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: PopulationSpec = PopulationSpec { functions: 45_000, invocations_per_day: 9e8, seed: 1 };

    /// The share of things that are so.
    fn share<T>(all: &[T], is: impl Fn(&T) -> bool) -> f64 {
        all.iter().filter(|one| is(one)).count() as f64 / all.len() as f64
    }

    #[test]
    fn the_population_is_as_published() {
        let functions = SPEC.draw();
        assert_eq!(functions.len(), 45_000);
        let total: f64 = functions.iter().map(|function| function.per_day).sum();
        assert!((total / 9e8 - 1.0).abs() < 1e-9, "{total}");
        let mut apps = vec![(0_u32, 0.0); functions.last().unwrap().app as usize + 1];
        for function in &functions {
            let app = &mut apps[function.app as usize];
            *app = (app.0 + 1, app.1 + function.per_day);
        }
        // Shares of about 14,000 apps: three standard errors are 0.013.
        for (size, expected) in [(1, 0.54), (2, 0.70), (3, 0.80), (5, 0.88), (10, 0.95)] {
            let found = share(&apps, |app| app.0 <= size);
            assert!((found - expected).abs() < 0.013, "{size}: {found}");
        }
        for (rate, expected) in [(24.0, 0.45), (1_440.0, 0.81), (86_400.0, 0.97)] {
            let found = share(&apps, |app| app.1 <= rate);
            assert!((found - expected).abs() < 0.01, "{rate}: {found}");
        }
        let busy: f64 = apps.iter().filter(|app| app.1 > 1_440.0).map(|app| app.1).sum();
        assert!(busy / total > 0.99, "{}", busy / total);
        let median = {
            let mut means: Vec<f64> = functions.iter().map(|function| function.duration_mean_s).collect();
            means.sort_by(f64::total_cmp);
            means[means.len() / 2]
        };
        assert!((median / 0.684 - 1.0).abs() < 0.05, "{median}");
        let http = share(&functions, |function| function.trigger == "http");
        assert!((http - 0.55).abs() < 0.03, "{http}");
        let median_memory = share(&functions, |function| function.memory_mb <= 140);
        assert!((median_memory - 0.5).abs() < 0.05, "{median_memory}");
    }

    #[test]
    fn any_size_can_be_had() {
        for (functions, invocations_per_day) in [(1, 1.0), (1, 1e12), (7, 100.0), (100, 1e6)] {
            let drawn = PopulationSpec { functions, invocations_per_day, seed: 3 }.draw();
            assert_eq!(drawn.len(), functions as usize);
            let total: f64 = drawn.iter().map(|function| function.per_day).sum();
            assert!((total / invocations_per_day - 1.0).abs() < 1e-9);
        }
        assert_eq!(SPEC.draw()[..100], SPEC.draw()[..100]);
    }

    #[test]
    fn a_day_of_counts_is_a_day_of_requests() {
        let functions = PopulationSpec { functions: 200, invocations_per_day: 1e6, seed: 1 }.draw();
        let streams = Streams::new(1, 0);
        let total: u64 = functions.iter().flat_map(|function| function.counts(1_440, &streams)).sum();
        // Poisson: a standard deviation of 1,000.
        assert!((total as f64 - 1e6).abs() < 4_000.0, "{total}");
        let timer = SyntheticFunction { trigger: "timer", per_day: 288.0, ..functions[0].clone() };
        let counts: Vec<u64> = timer.counts(1_440, &streams).collect();
        assert_eq!((counts.iter().sum::<u64>(), counts.iter().max()), (288, Some(&1)));
    }
}
