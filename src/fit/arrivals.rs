//! How requests arrive: whether the rate is constant, whether gaps are those of a Poisson process, and what else.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use super::laws::{self, Family, plain};

/// Bins over which the rate is looked at.
const BINS: (usize, usize) = (5, 240);
/// Requests that a bin should have on average.
const PER_BIN: usize = 20;
/// Below this probability something is not said to be by chance.
const CHANCE: f64 = 0.01;
/// Fewer requests tell nothing about a process.
const FEW: usize = 20;

/// A process of arrivals.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A Poisson process of constant rate.
    Poisson,
    /// Equal gaps.
    Constant,
    /// Independent gaps of a gamma or Weibull law, with its shape.
    Renewal(Family, f64),
    /// A rate that changes.
    Varying,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Arrivals {
    /// Which process.
    pub kind: Kind,
    /// Requests.
    pub count: usize,
    /// Requests a second, on average.
    pub rate: f64,
    /// Half of the 95 % interval of the rate, as far as the number of requests tells.
    pub half_width: f64,
    /// How long it was looked at, in seconds.
    pub length_s: f64,
    /// Times (seconds from the first request) and rates of bins.
    pub rates: Vec<(f64, f64)>,
    /// Gaps between requests, sorted, in seconds; thinned.
    pub gaps: Vec<f64>,
    /// Variance of the counts of bins over their mean; 1 for a Poisson process of constant rate.
    pub dispersion: f64,
    /// What the tests said, in sentences.
    pub evidence: Vec<String>,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Poisson => f.write_str("Poisson, constant rate"),
            Self::Constant => f.write_str("equal gaps"),
            Self::Renewal(family, shape) => write!(f, "independent {} gaps of shape {}", family.name(), plain(*shape)),
            Self::Varying => f.write_str("Poisson, changing rate"),
        }
    }
}

impl Arrivals {
    /// Looks at the times of requests, sorted, in seconds, within a time of observation.
    #[must_use]
    pub fn of_times(times: &[f64], whole_seconds: bool) -> Option<Self> {
        let (first, last) = (*times.first()?, *times.last()?);
        let count = times.len();
        // One gap more than there are: the process did not end with its last request.
        let length = (last - first) * count as f64 / (count as f64 - 1.0).max(1.0);
        if count < 2 || length <= 0.0 {
            return None;
        }
        let rate = count as f64 / length;
        let bins = (count / PER_BIN).clamp(BINS.0, BINS.1);
        let width = length / bins as f64;
        let mut counts = vec![0_u32; bins];
        for time in times {
            counts[(((time - first) / width) as usize).min(bins - 1)] += 1;
        }
        let rates = counts
            .iter()
            .enumerate()
            .map(|(bin, count)| ((bin as f64 + 0.5) * width, f64::from(*count) / width))
            .collect();
        let mean = count as f64 / bins as f64;
        let statistic = counts.iter().map(|count| (f64::from(*count) - mean).powi(2) / mean).sum::<f64>();
        let dispersion = statistic / (bins - 1) as f64;
        let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        let half_width = 1.96 * (count as f64).sqrt() / length;
        let mut found = Self {
            kind: Kind::Poisson,
            count,
            rate,
            half_width,
            length_s: length,
            rates,
            gaps,
            dispersion,
            evidence: Vec::new(),
        };
        if count < FEW {
            found.evidence.push(format!("{count} requests are too few to identify a process: Poisson is assumed"));
            return Some(found);
        }
        found.decide(statistic, &counts, whole_seconds);
        found.thin();
        Some(found)
    }

    /// From counts or rates of intervals: times and requests a second.
    #[must_use]
    pub fn of_rates(points: &[(f64, f64)], step: f64) -> Option<Self> {
        let first = points.first()?.0;
        let length = points.last()?.0 - first + step;
        let total: f64 = points.iter().map(|(_, rate)| rate * step).sum();
        let rate = total / length;
        if rate <= 0.0 || !length.is_finite() {
            return None;
        }
        let rates: Vec<(f64, f64)> = resampled(points, first, length, step);
        let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / rates.len() as f64;
        let width = length / rates.len() as f64;
        let variance =
            rates.iter().map(|(_, rate)| (rate - mean).powi(2)).sum::<f64>() / (rates.len() as f64 - 1.0).max(1.0);
        let dispersion = variance * width / mean.max(1e-12);
        let is_varying = rates.len() > 1 && dispersion > 1.0 + 3.0 * (2.0 / (rates.len() as f64 - 1.0).max(1.0)).sqrt();
        let kind = if is_varying { Kind::Varying } else { Kind::Poisson };
        let half_width = 1.96 * total.sqrt() / length;
        let evidence = vec![
            format!("counts of intervals of {step} s: variance {dispersion:.2} times the mean"),
            "counts do not show gaps: arrivals within an interval are assumed to be a Poisson process".to_owned(),
        ];
        let count = total.round() as usize;
        Some(Self { kind, count, rate, half_width, length_s: length, rates, gaps: Vec::new(), dispersion, evidence })
    }

    fn decide(&mut self, statistic: f64, counts: &[u32], whole_seconds: bool) {
        let bins = counts.len();
        let chance = ChiSquared::new((bins - 1) as f64).map_or(1.0, |law| law.sf(statistic));
        self.evidence.push(format!(
            "counts of {bins} intervals: variance {:.2} times the mean, which a constant Poisson rate exceeds with probability {}",
            self.dispersion,
            shown(chance)
        ));
        let root = (self.gaps.len() as f64).sqrt();
        let mean = self.gaps.iter().sum::<f64>() / self.gaps.len() as f64;
        let cv = (self.gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / self.gaps.len() as f64).sqrt() / mean;
        if whole_seconds && mean < 20.0 {
            self.evidence.push("times are in whole seconds, so gaps cannot be tested".to_owned());
            self.kind = if chance < CHANCE { Kind::Varying } else { Kind::Poisson };
            return;
        }
        let n = self.gaps.len() as f64;
        let share = |gap: f64| -(-gap / mean).exp_m1();
        let distance = self.gaps.iter().enumerate().fold(0.0, |worst: f64, (place, gap)| {
            worst.max((share(*gap) - place as f64 / n).abs()).max((share(*gap) - (place + 1) as f64 / n).abs())
        });
        // Of an exponential whose mean is estimated: 1 % are beyond 1.308 (Stephens 1974).
        let is_exponential = distance * root < 1.308;
        self.evidence.push(format!(
            "gaps: coefficient of variation {cv:.2}, largest distance from an exponential {distance:.4} ({})",
            if is_exponential { "consistent with chance" } else { "more than chance" }
        ));
        if cv < 0.05 {
            self.kind = Kind::Constant;
            return;
        }
        if chance >= CHANCE && is_exponential {
            self.kind = Kind::Poisson;
            return;
        }
        // Counts that vary as much as independent gaps of this kind make them, one after the other without memory.
        let mean_count = counts.iter().map(|count| f64::from(*count)).sum::<f64>() / bins as f64;
        let pairs = counts
            .windows(2)
            .map(|pair| (f64::from(pair[0]) - mean_count) * (f64::from(pair[1]) - mean_count))
            .sum::<f64>();
        let all = counts.iter().map(|count| (f64::from(*count) - mean_count).powi(2)).sum::<f64>();
        let correlation = if all > 0.0 { pairs / all } else { 0.0 };
        let is_renewal = correlation.abs() < 2.6 / (bins as f64).sqrt()
            && self.dispersion < 1.5 * (cv * cv).max(1.0)
            && !is_exponential;
        let best = laws::fit(self.gaps.iter().copied()).and_then(|found| {
            found.fitted.into_iter().find(|fitted| matches!(fitted.law.family, Family::Gamma | Family::Weibull))
        });
        self.kind = match best.filter(|_| is_renewal || chance >= CHANCE) {
            Some(best) => Kind::Renewal(best.law.family, best.law.parameters[1]),
            None => {
                self.evidence
                    .push(format!("counts of adjacent intervals are correlated ({correlation:.2}): the rate changes"));
                Kind::Varying
            }
        };
    }

    fn thin(&mut self) {
        let step = self.gaps.len().div_ceil(20_000).max(1);
        self.gaps = self.gaps.iter().copied().step_by(step).collect();
    }

    /// As an inline table of a scenario.
    #[must_use]
    pub fn toml(&self) -> String {
        let rate = |rate: f64| format!("\"{}/s\"", plain(rate));
        match &self.kind {
            Kind::Poisson => format!("{{ poisson = {{ rate = {} }} }}", rate(self.rate)),
            Kind::Constant => format!("{{ constant = {{ rate = {} }} }}", rate(self.rate)),
            Kind::Renewal(family, shape) => {
                format!("{{ {} = {{ rate = {}, shape = {} }} }}", family.name(), rate(self.rate), plain(*shape))
            }
            Kind::Varying => {
                let mut points: Vec<(String, f64)> =
                    self.rates.iter().map(|(at, rate)| (laws::seconds(at.max(1e-3)), *rate)).collect();
                // What lies beyond the longest time that is written has the same text: the first point stands for the rest.
                points.dedup_by(|later, earlier| later.0 == earlier.0);
                let point = |(at, value): &(String, f64)| {
                    let value = if *value > 0.0 { rate(*value) } else { "\"0/s\"".to_owned() };
                    format!("    {{ at = {at}, rate = {value} }},\n")
                };
                let points: String = points.iter().map(point).collect();
                format!("{{ piecewise = {{ points = [\n{points}] }} }}")
            }
        }
    }
}

/// Rates over a manageable number of bins; an interval that is absent had no requests.
fn resampled(points: &[(f64, f64)], first: f64, length: f64, step: f64) -> Vec<(f64, f64)> {
    let wanted = ((length / step).round() as usize).clamp(1, BINS.1);
    let width = length / wanted as f64;
    let mut sums = vec![0.0; wanted];
    for (at, rate) in points {
        sums[(((at - first) / width) as usize).min(wanted - 1)] += rate * step;
    }
    sums.iter().enumerate().map(|(bin, sum)| ((bin as f64 + 0.5) * width, sum / width)).collect()
}

/// A probability for people.
fn shown(chance: f64) -> String {
    if chance < 0.001 { "below 0.1 %".to_owned() } else { format!("{:.1} %", 100.0 * chance) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::Dist;
    use crate::rng::{Purpose, Streams};
    use crate::time::Span;

    fn times(gap: &Dist, count: usize, seed: u64) -> Vec<f64> {
        let mut stream = Streams::new(seed, 0).stream("x", Purpose::Arrivals);
        let mut at = 0.0;
        (0..count)
            .map(|_| {
                at += gap.sample(&mut stream).as_secs_f64();
                at
            })
            .collect()
    }

    #[test]
    fn processes_are_told_apart() {
        let s = |seconds: f64| Span::from_secs_f64(seconds).unwrap();
        let poisson = Arrivals::of_times(&times(&Dist::exponential(s(0.1)).unwrap(), 5_000, 3), false).unwrap();
        assert_eq!(poisson.kind, Kind::Poisson, "{:?}", poisson.evidence);
        assert!((poisson.rate - 10.0).abs() < 1.5 * poisson.half_width, "{}", poisson.rate);
        let even = Arrivals::of_times(&times(&Dist::Constant(s(0.1)), 500, 3), false).unwrap();
        assert_eq!(even.kind, Kind::Constant);
        let bursty = Arrivals::of_times(&times(&Dist::gamma(s(0.1), 0.4).unwrap(), 5_000, 3), false).unwrap();
        assert!(
            matches!(bursty.kind, Kind::Renewal(Family::Gamma, shape) if (shape - 0.4).abs() < 0.05),
            "{:?} {:?}",
            bursty.kind,
            bursty.evidence
        );
        let mut rising = times(&Dist::exponential(s(0.1)).unwrap(), 5_000, 3);
        rising.iter_mut().for_each(|at| *at = (*at * 100.0).sqrt());
        let rising = Arrivals::of_times(&rising, false).unwrap();
        assert_eq!(rising.kind, Kind::Varying, "{:?}", rising.evidence);
        assert!(rising.rates.last().unwrap().1 > 5.0 * rising.rates.first().unwrap().1);
    }

    #[test]
    fn a_poisson_process_is_seldom_taken_for_something_else() {
        let gap = Dist::exponential(Span::from_secs_f64(1.0).unwrap()).unwrap();
        let wrong = (0..100)
            .filter(|seed| Arrivals::of_times(&times(&gap, 400, 50 + seed), false).unwrap().kind != Kind::Poisson)
            .count();
        assert!(wrong <= 6, "{wrong} of 100");
    }

    #[test]
    fn intervals_that_are_absent_had_no_requests() {
        let found = Arrivals::of_rates(&[(0.0, 2.0), (60.0, 2.0), (600.0, 2.0)], 60.0).unwrap();
        assert!((found.rate - 6.0 / 11.0).abs() < 1e-9, "{}", found.rate);
        assert_eq!(found.rates.len(), 11);
    }
}
