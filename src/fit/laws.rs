//! Laws of durations: each fitted by maximum likelihood, the best chosen by Akaike's criterion, corrected for small samples.

use statrs::function::gamma::{digamma, gamma_lr, ln_gamma};

/// Values that a fit looks at; of more, evenly spaced ones in the order of size are taken.
const ENOUGH: usize = 20_000;
/// How far the fitted law may be from the data in any share of them, if there are many, before quantiles are taken instead.
const TOLERANCE: f64 = 0.03;
/// Values below this are taken for it, in seconds: logarithms need something.
const LEAST: f64 = 1e-6;

/// A family of laws that a scenario knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Always the same.
    Constant,
    /// Memoryless.
    Exponential,
    /// Skewed.
    LogNormal,
    /// Gamma.
    Gamma,
    /// Weibull.
    Weibull,
    /// Bell-shaped.
    Normal,
    /// Burr XII.
    Burr,
    /// A mixture of two exponentials.
    HyperExponential,
}

/// All that are tried.
const FAMILIES: [Family; 7] = [
    Family::Exponential,
    Family::LogNormal,
    Family::Gamma,
    Family::Weibull,
    Family::Normal,
    Family::Burr,
    Family::HyperExponential,
];

impl Family {
    /// Its name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Exponential => "exponential",
            Self::LogNormal => "log-normal",
            Self::Gamma => "gamma",
            Self::Weibull => "weibull",
            Self::Normal => "normal",
            Self::Burr => "burr",
            Self::HyperExponential => "hyper-exponential",
        }
    }

    /// How many parameters are fitted.
    const fn parameters(self) -> usize {
        match self {
            Self::Constant | Self::Exponential => 1,
            Self::LogNormal | Self::Gamma | Self::Weibull | Self::Normal => 2,
            Self::Burr | Self::HyperExponential => 3,
        }
    }
}

/// A fitted law. Parameters, in seconds where they are times: constant value; exponential mean; log-normal median, sigma;
/// gamma mean, shape; Weibull scale, shape; normal mean, sd; Burr scale, c, k; hyper-exponential probability, mean, mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// The family.
    pub family: Family,
    /// The parameters; those that the family does not have are 0.
    pub parameters: [f64; 3],
    /// Half of the 95 % interval of each, where it is known.
    pub half_widths: [Option<f64>; 3],
}

/// A law with how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// The law.
    pub law: Law,
    /// Akaike's criterion, corrected; less is better.
    pub aic: f64,
    /// The greatest distance of the shares below any value (Kolmogorov and Smirnov).
    pub distance: f64,
}

/// What was found for a set of durations.
#[derive(Clone, Debug)]
pub struct Found {
    /// Values, sorted, in seconds; thinned if there are very many.
    pub values: Vec<f64>,
    /// How many there were.
    pub count: usize,
    /// Their mean.
    pub mean_s: f64,
    /// Every law that was fitted, the best first.
    pub fitted: Vec<Fitted>,
    /// Whether the best law is good enough. If not, quantiles stand for the data.
    pub is_good: bool,
    /// Percentiles that somebody else made, where there are no values.
    pub percentiles: Vec<(f64, f64)>,
}

impl Law {
    fn new(family: Family, parameters: [f64; 3]) -> Self {
        Self { family, parameters, half_widths: [None; 3] }
    }

    /// The logarithm of the density.
    fn ln_density(&self, x: f64) -> f64 {
        let [a, b, c] = self.parameters;
        match self.family {
            Family::Constant => 0.0,
            Family::Exponential => -x / a - a.ln(),
            Family::LogNormal => {
                let z = (x / a).ln() / b;
                -0.5 * z * z - (x * b).ln() - 0.5 * std::f64::consts::TAU.ln()
            }
            Family::Gamma => {
                let scale = a / b;
                (b - 1.0) * x.ln() - x / scale - b * scale.ln() - ln_gamma(b)
            }
            Family::Weibull => (b / a).ln() + (b - 1.0) * (x / a).ln() - (x / a).powf(b),
            Family::Normal => {
                let z = (x - a) / b;
                -0.5 * z * z - b.ln() - 0.5 * std::f64::consts::TAU.ln()
            }
            Family::Burr => {
                let y = x / a;
                (b * c / a).ln() + (b - 1.0) * y.ln() - (c + 1.0) * y.powf(b).ln_1p()
            }
            Family::HyperExponential => {
                let part = |probability: f64, mean: f64| probability / mean * (-x / mean).exp();
                (part(a, b) + part(1.0 - a, c)).max(f64::MIN_POSITIVE).ln()
            }
        }
    }

    /// The share of values up to `x`.
    #[must_use]
    pub fn share(&self, x: f64) -> f64 {
        let [a, b, c] = self.parameters;
        if x <= 0.0 {
            return 0.0;
        }
        match self.family {
            Family::Constant => f64::from(u8::from(x >= a)),
            Family::Exponential => -(-x / a).exp_m1(),
            Family::LogNormal => normal_share((x / a).ln() / b),
            Family::Gamma => gamma_lr(b, x * b / a),
            Family::Weibull => -(-(x / a).powf(b)).exp_m1(),
            Family::Normal => normal_share((x - a) / b),
            Family::Burr => 1.0 - (-c * (x / a).powf(b).ln_1p()).exp(),
            Family::HyperExponential => 1.0 - a * (-x / b).exp() - (1.0 - a) * (-x / c).exp(),
        }
    }

    /// The value below which a share lies.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        if self.family == Family::Constant {
            return self.parameters[0];
        }
        let (mut low, mut high) = (0.0, 1e-6);
        while self.share(high) < share && high < 1e9 {
            high *= 4.0;
        }
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if self.share(middle) < share { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// The law as an inline table of a scenario.
    #[must_use]
    pub fn toml(&self) -> String {
        let [a, b, c] = self.parameters;
        let s = seconds;
        let inner = match self.family {
            Family::Constant => format!("value = {}", s(a)),
            Family::Exponential => format!("mean = {}", s(a)),
            Family::LogNormal => format!("median = {}, sigma = {}", s(a), plain(b)),
            Family::Gamma => format!("mean = {}, shape = {}", s(a), plain(b)),
            Family::Weibull => format!("scale = {}, shape = {}", s(a), plain(b)),
            Family::Normal => format!("mean = {}, sd = {}", s(a), s(b)),
            Family::Burr => format!("scale = {}, c = {}, k = {}", s(a), plain(b), plain(c)),
            Family::HyperExponential => {
                let first = (a * 1e6).round() / 1e6;
                let second = 1.0 - first;
                format!(
                    "branches = [{{ probability = {first}, mean = {} }}, {{ probability = {second:.6}, mean = {} }}]",
                    s(b),
                    s(c)
                )
            }
        };
        format!("{{ {} = {{ {inner} }} }}", self.family.name())
    }

    /// The names of its parameters.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self.family {
            Family::Constant => &["value"],
            Family::Exponential => &["mean"],
            Family::LogNormal => &["median", "sigma"],
            Family::Gamma => &["mean", "shape"],
            Family::Weibull => &["scale", "shape"],
            Family::Normal => &["mean", "sd"],
            Family::Burr => &["scale", "c", "k"],
            Family::HyperExponential => &["probability", "mean", "mean"],
        }
    }
}

/// A duration as TOML, with four digits or more.
pub(super) fn seconds(seconds: f64) -> String {
    let nanos = (if seconds.is_finite() { seconds.clamp(1e-9, 1e8) } else { 1.0 } * 1e9).round();
    let text = match nanos {
        _ if nanos >= 1e9 => format!("{}s", round(nanos / 1e9)),
        _ if nanos >= 1e6 => format!("{}ms", round(nanos / 1e6)),
        _ if nanos >= 1e3 => format!("{}us", round(nanos / 1e3)),
        _ => format!("{nanos}ns"),
    };
    format!("\"{text}\"")
}

/// Five significant digits.
fn round(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    let factor = 10_f64.powi(4 - number.abs().log10().floor() as i32);
    (number * factor).round() / factor
}

/// A number as TOML.
pub(super) fn plain(number: f64) -> String {
    format!("{}", round(if number.is_finite() { number.clamp(1e-9, 1e9) } else { 1.0 }))
}

fn normal_share(z: f64) -> f64 {
    0.5 * statrs::function::erf::erfc(-z / std::f64::consts::SQRT_2)
}

/// Fits every family to durations in seconds.
#[must_use]
pub fn fit(values: impl IntoIterator<Item = f64>) -> Option<Found> {
    let mut values: Vec<f64> =
        values.into_iter().filter(|value| value.is_finite() && *value >= 0.0).map(|value| value.max(LEAST)).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len();
    if count == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    if count > ENOUGH {
        let step = (count - 1) as f64 / (ENOUGH - 1) as f64;
        values = (0..ENOUGH).map(|place| values[(place as f64 * step).round() as usize]).collect();
    }
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    let mut fitted: Vec<Fitted> = Vec::new();
    if sd <= 1e-3 * mean || count < 3 {
        let law = if count < 3 && sd > 1e-3 * mean {
            Law::new(Family::Exponential, [mean, 0.0, 0.0])
        } else {
            Law::new(Family::Constant, [mean, 0.0, 0.0])
        };
        fitted.push(Fitted { law, aic: 0.0, distance: 0.0 });
        return Some(Found { values, count, mean_s: mean, fitted, is_good: true, percentiles: Vec::new() });
    }
    for family in FAMILIES {
        let Some(parameters) = estimate(family, &values, mean, sd) else { continue };
        if parameters.iter().any(|parameter| !parameter.is_finite()) {
            continue;
        }
        let mut law = Law::new(family, parameters);
        law.half_widths = half_widths(&law, sd, count as f64);
        let likelihood: f64 = values.iter().map(|value| law.ln_density(*value)).sum();
        let (n, k) = (values.len() as f64, family.parameters() as f64);
        let correction = if n > k + 1.0 { 2.0 * k * (k + 1.0) / (n - k - 1.0) } else { f64::INFINITY };
        let aic = 2.0 * k - 2.0 * likelihood + correction;
        if aic.is_finite() {
            fitted.push(Fitted { law, aic, distance: distance(&law, &values) });
        }
    }
    fitted.sort_by(|a, b| a.aic.total_cmp(&b.aic));
    let allowed = TOLERANCE.max(1.2 / (count as f64).sqrt());
    let is_good = fitted.first().is_some_and(|best| best.distance <= allowed);
    Some(Found { values, count, mean_s: mean, fitted, is_good, percentiles: Vec::new() })
}

/// A law through known percentiles (share, seconds), of which there may be none, with a mean, which may be unknown.
#[must_use]
pub fn through(shares: &[(f64, f64)], mean: f64) -> Found {
    let at = |share: f64| shares.iter().find(|(known, _)| (known - share).abs() < 1e-9).map(|(_, value)| *value);
    let law = match (at(0.5), at(0.99)) {
        (Some(median), Some(p99)) if shares.len() == 2 && p99 > median && median > 0.0 => {
            // The 99th percentile of a standard normal.
            Some(Law::new(Family::LogNormal, [median, (p99 / median).ln() / 2.326_347_874, 0.0]))
        }
        _ if shares.is_empty() => Some(Law::new(Family::Exponential, [mean, 0.0, 0.0])),
        _ => None,
    };
    // Without a known mean, the median or another quantile has to do.
    let mean = if mean.is_finite() {
        mean
    } else {
        at(0.5).unwrap_or_else(|| shares.iter().map(|(_, value)| *value).fold(0.0, f64::max))
    };
    let values = if shares.is_empty() { vec![mean] } else { shares.iter().map(|(_, value)| *value).collect() };
    let fitted = law.map(|law| Fitted { law, aic: 0.0, distance: 0.0 }).into_iter().collect::<Vec<_>>();
    let is_good = !fitted.is_empty();
    Found { values, count: 0, mean_s: mean, fitted, is_good, percentiles: shares.to_vec() }
}

impl Found {
    /// The value below which a share of the data lies.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let place = (share * (self.values.len() - 1) as f64).clamp(0.0, (self.values.len() - 1) as f64);
        let (low, part) = (place.floor() as usize, place.fract());
        let high = (low + 1).min(self.values.len() - 1);
        self.values[low] * (1.0 - part) + self.values[high] * part
    }

    /// The best law.
    #[must_use]
    pub fn best(&self) -> Option<&Fitted> {
        self.fitted.first()
    }

    /// As an inline table of a scenario: the best law, or quantiles where none is good.
    #[must_use]
    pub fn toml(&self) -> String {
        match self.best().filter(|_| self.is_good) {
            Some(best) => best.law.toml(),
            None => self.quantiles(),
        }
    }

    fn quantiles(&self) -> String {
        let shares = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];
        let most = 1.0 - 1.0 / self.count.max(1) as f64;
        let of_data =
            || shares.into_iter().filter(|share| *share <= most).map(|share| (share, self.quantile(share))).collect();
        let known: Vec<(f64, f64)> = if self.percentiles.is_empty() { of_data() } else { self.percentiles.clone() };
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (share, value) in known {
            // Percentiles have to rise.
            if points.last().is_none_or(|(_, last)| value > last * 1.000_1) {
                points.push((share, value));
            }
        }
        if points.len() < 2 {
            return Law::new(Family::Constant, [self.mean_s, 0.0, 0.0]).toml();
        }
        let points: Vec<String> =
            points.iter().map(|(p, value)| format!("{{ p = {p}, value = {} }}", seconds(*value))).collect();
        format!("{{ percentiles = {{ points = [{}] }} }}", points.join(", "))
    }
}

/// The greatest distance of shares.
fn distance(law: &Law, values: &[f64]) -> f64 {
    let n = values.len() as f64;
    values.iter().enumerate().fold(0.0, |worst: f64, (place, value)| {
        let share = law.share(*value);
        worst.max((share - place as f64 / n).abs()).max((share - (place + 1) as f64 / n).abs())
    })
}

/// Parameters of most likelihood.
fn estimate(family: Family, values: &[f64], mean: f64, sd: f64) -> Option<[f64; 3]> {
    let n = values.len() as f64;
    match family {
        Family::Constant => Some([mean, 0.0, 0.0]),
        Family::Exponential => Some([mean, 0.0, 0.0]),
        Family::LogNormal => {
            let mu = values.iter().map(|value| value.ln()).sum::<f64>() / n;
            let sigma = (values.iter().map(|value| (value.ln() - mu).powi(2)).sum::<f64>() / n).sqrt();
            (sigma > 1e-6).then(|| [mu.exp(), sigma, 0.0])
        }
        Family::Gamma => {
            let s = mean.ln() - values.iter().map(|value| value.ln()).sum::<f64>() / n;
            if s <= 1e-9 {
                return None;
            }
            let mut shape = (3.0 - s + ((s - 3.0).powi(2) + 24.0 * s).sqrt()) / (12.0 * s);
            for _ in 0..50 {
                let step = (shape.ln() - digamma(shape) - s) / (1.0 / shape - trigamma(shape));
                shape = (shape - step).max(shape / 10.0);
                if step.abs() < 1e-10 * shape {
                    break;
                }
            }
            Some([mean, shape, 0.0])
        }
        Family::Weibull => weibull(values, mean, sd),
        Family::Normal => (mean > 3.0 * sd).then_some([mean, sd, 0.0]),
        Family::Burr => burr(values),
        Family::HyperExponential => {
            if sd > 1.05 * mean {
                mixture(values, mean)
            } else {
                None
            }
        }
    }
}

fn weibull(values: &[f64], mean: f64, sd: f64) -> Option<[f64; 3]> {
    let n = values.len() as f64;
    let logs = values.iter().map(|value| (value / mean).ln()).sum::<f64>() / n;
    let mut shape = (sd / mean).powf(-1.086).clamp(0.05, 500.0);
    for _ in 0..100 {
        let (mut sum, mut with_log, mut with_square) = (0.0, 0.0, 0.0);
        for value in values {
            let log = (value / mean).ln();
            let power = (shape * log).exp();
            sum += power;
            with_log += power * log;
            with_square += power * log * log;
        }
        let ratio = with_log / sum;
        let error = ratio - 1.0 / shape - logs;
        let slope = with_square / sum - ratio * ratio + 1.0 / (shape * shape);
        let step = error / slope;
        if !step.is_finite() {
            return None;
        }
        shape = (shape - step).clamp(shape / 5.0, shape * 5.0);
        if step.abs() < 1e-10 * shape {
            break;
        }
    }
    let power = values.iter().map(|value| (shape * (value / mean).ln()).exp()).sum::<f64>() / n;
    Some([mean * power.powf(1.0 / shape), shape, 0.0])
}

/// Expectation and maximization, from a split at twice the mean.
fn mixture(values: &[f64], mean: f64) -> Option<[f64; 3]> {
    let (mut p, mut short, mut long) = (0.8, 0.5 * mean, 3.0 * mean);
    for _ in 0..300 {
        let (mut weight, mut in_short, mut in_long) = (0.0, 0.0, 0.0);
        for value in values {
            let a = p / short * (-value / short).exp();
            let b = (1.0 - p) / long * (-value / long).exp();
            let part = if a + b > 0.0 { a / (a + b) } else { 0.0 };
            weight += part;
            in_short += part * value;
            in_long += (1.0 - part) * value;
        }
        let n = values.len() as f64;
        if weight < 1e-3 * n || weight > 0.999 * n {
            return None;
        }
        let before = p;
        (p, short, long) = (weight / n, in_short / weight, in_long / (n - weight));
        if (p - before).abs() < 1e-9 {
            break;
        }
    }
    Some([p, short, long])
}

/// Nelder and Mead on the logarithms of scale, c and k.
fn burr(values: &[f64]) -> Option<[f64; 3]> {
    // It is slow, and needs no more than this.
    let step = values.len().div_ceil(2_000);
    let thinned: Vec<f64> = values.iter().copied().step_by(step).collect();
    let median = thinned[thinned.len() / 2];
    let cost = |point: &[f64; 3]| {
        if point.iter().any(|part| part.abs() > 25.0) {
            return f64::INFINITY;
        }
        let law = Law::new(Family::Burr, point.map(f64::exp));
        let likelihood: f64 = thinned.iter().map(|value| law.ln_density(*value)).sum();
        if likelihood.is_finite() { -likelihood } else { f64::INFINITY }
    };
    let start = [median.ln(), 1.0, 0.0];
    let mut simplex: Vec<([f64; 3], f64)> = (0..4)
        .map(|corner| {
            let mut point = start;
            if corner > 0 {
                point[corner - 1] += 0.5;
            }
            (point, cost(&point))
        })
        .collect();
    for _ in 0..300 {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        if (simplex[3].1 - simplex[0].1).abs() < 1e-7 {
            break;
        }
        let centre: [f64; 3] =
            std::array::from_fn(|axis| simplex[..3].iter().map(|(point, _)| point[axis]).sum::<f64>() / 3.0);
        let along = |factor: f64| -> [f64; 3] {
            std::array::from_fn(|axis| centre[axis] + factor * (simplex[3].0[axis] - centre[axis]))
        };
        let reflected = along(-1.0);
        let value = cost(&reflected);
        if value < simplex[0].1 {
            let further = along(-2.0);
            let more = cost(&further);
            simplex[3] = if more < value { (further, more) } else { (reflected, value) };
        } else if value < simplex[2].1 {
            simplex[3] = (reflected, value);
        } else {
            let nearer = along(0.5);
            let less = cost(&nearer);
            if less < simplex[3].1 {
                simplex[3] = (nearer, less);
            } else {
                let best = simplex[0].0;
                for corner in &mut simplex[1..] {
                    let point: [f64; 3] = std::array::from_fn(|axis| 0.5 * (corner.0[axis] + best[axis]));
                    *corner = (point, cost(&point));
                }
            }
        }
    }
    simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    let [scale, c, k] = simplex[0].0.map(f64::exp);
    // Beyond this it is nearly a Weibull or a Pareto, which have fewer parameters.
    (c > 0.05 && c < 200.0 && k > 0.02 && k < 200.0).then_some([scale, c, k])
}

/// Half of the 95 % interval of each parameter, from the Fisher information.
fn half_widths(law: &Law, sd: f64, n: f64) -> [Option<f64>; 3] {
    let [a, b, _] = law.parameters;
    let root = n.sqrt();
    let z = 1.96;
    match law.family {
        Family::Constant => [Some(0.0), None, None],
        Family::Exponential => [Some(z * a / root), None, None],
        Family::LogNormal => [Some(z * a * b / root), Some(z * b / (2.0 * n).sqrt()), None],
        Family::Gamma => [Some(z * sd / root), Some(z * (b / (n * (b * trigamma(b) - 1.0))).sqrt()), None],
        Family::Weibull => [Some(z * 1.053 * a / (b * root)), Some(z * 0.78 * b / root), None],
        Family::Normal => [Some(z * b / root), Some(z * b / (2.0 * n).sqrt()), None],
        Family::Burr | Family::HyperExponential => [None; 3],
    }
}

/// The derivative of digamma.
fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 8.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    sum + 1.0 / x + square / 2.0 + square / x * (1.0 / 6.0 - square * (1.0 / 30.0 - square / 42.0))
}

#[cfg(test)]
mod tests;
