//! Simultaneous intervals for many differences at several looks.
//!
//! A comparison of variants involves several differences, and stops as soon as they are clear. Both increase the
//! probability that some difference looks real but is not. So the 5 % error probability *over everything that is shown*
//! is split evenly: over the comparisons (Bonferroni; Dunn 1961, "Multiple comparisons among means") and over the
//! planned looks (few, because the number of replications doubles). The bound on the sum of probabilities holds under
//! any dependence, and there is dependence: a common baseline, common replications, common random numbers. Step-wise
//! methods such as Holm's are slightly more powerful, but give no simultaneous intervals, and the interval is what
//! matters to readers.

use super::interval::{mean_and_variance, student_t};

/// Error probability over all intervals and looks of a comparison.
pub const FAMILY_ALPHA: f64 = 0.05;

/// Number of replications considered out of reach.
const OUT_OF_REACH: f64 = 10_000.0;

/// The planned looks, and the level of each interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    sizes: Vec<u32>,
    comparisons: usize,
}

impl Looks {
    /// Looks after `first` replications (at least 2), after twice as many and so on, the last after `most`.
    #[must_use]
    pub fn new(comparisons: usize, first: u32, most: u32) -> Self {
        let first = first.max(2);
        let doubled = std::iter::successors(Some(first), |size| size.checked_mul(2));
        let mut sizes: Vec<u32> = doubled.take_while(|size| *size < most).collect();
        sizes.push(most.max(first));
        Self { sizes, comparisons: comparisons.max(1) }
    }

    /// Replications at each look, growing.
    #[must_use]
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Intervals that hold together.
    #[must_use]
    pub const fn comparisons(&self) -> usize {
        self.comparisons
    }

    /// Error probability of one interval at one look, so that the total is at most [`FAMILY_ALPHA`].
    #[must_use]
    pub fn alpha(&self) -> f64 {
        FAMILY_ALPHA / (self.comparisons * self.sizes.len()) as f64
    }
}

/// A level with its quantile for a number of pairs, which is looked up once and used often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    alpha: f64,
    pairs: usize,
    t: Option<f64>,
}

impl Level {
    /// Intervals from `pairs` pairs that miss with probability `alpha` (up to 0.5).
    #[must_use]
    pub fn new(alpha: f64, pairs: usize) -> Self {
        Self { alpha, pairs, t: quantile(alpha, pairs) }
    }

    /// What an interval misses.
    #[must_use]
    pub const fn alpha(&self) -> f64 {
        self.alpha
    }
}

/// The mean of the differences of pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The mean of `value - baseline`; NaN without pairs.
    pub mean: f64,
    /// Half of its interval; none with fewer than two pairs.
    pub half_width: Option<f64>,
    /// Pairs that were there.
    pub pairs: usize,
    /// What the interval misses.
    alpha: f64,
}

/// The mean of `value - baseline` for paired values, with the Student-t interval of the level.
///
/// Incomplete pairs (NaN) are ignored.
#[must_use]
pub fn paired(value: &[f64], baseline: &[f64], level: &Level) -> Difference {
    let both = value.iter().zip(baseline).map(|(value, baseline)| value - baseline);
    let differences: Vec<f64> = both.filter(|difference| difference.is_finite()).collect();
    let pairs = differences.len();
    let half_width = || {
        let (_, variance) = mean_and_variance(&differences)?;
        let t = if pairs == level.pairs { level.t } else { quantile(level.alpha, pairs) };
        Some(t? * (variance / pairs as f64).sqrt())
    };
    Difference {
        mean: differences.iter().sum::<f64>() / pairs as f64,
        half_width: half_width(),
        pairs,
        alpha: level.alpha,
    }
}

/// What an interval of a difference allows to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// All of it is below zero, and some of it matters.
    Lower,
    /// All of it is above zero, and some of it matters.
    Higher,
    /// All of it is within the tolerance: whatever the difference is, it does not matter.
    Alike,
    /// It holds zero, and is too wide to say that there is no difference.
    Open,
}

impl Difference {
    /// The verdict. Differences up to `tolerance` do not matter: with common random numbers, nearly every change makes
    /// some certain difference (Schuirmann 1987, two one-sided tests of equivalence).
    ///
    /// None without an interval.
    #[must_use]
    pub fn finding(&self, tolerance: f64) -> Option<Finding> {
        let half = self.half_width?;
        Some(match self.mean {
            mean if mean.abs() + half <= tolerance => Finding::Alike,
            mean if mean + half < 0.0 => Finding::Lower,
            mean if mean - half > 0.0 => Finding::Higher,
            _ => Finding::Open,
        })
    }

    /// About how many more pairs decide an open finding: until the interval leaves zero or is within the tolerance,
    /// whichever comes first. None if that is out of reach.
    #[must_use]
    pub fn more(&self, tolerance: f64) -> Option<u32> {
        let size = self.mean.abs();
        self.more_for(size.max(tolerance - size))
    }

    /// About how many more pairs make half of the interval as short as `target`; none if that is out of reach.
    #[must_use]
    pub fn more_for(&self, target: f64) -> Option<u32> {
        let half = self.half_width?;
        if half <= target {
            return Some(0);
        }
        let error = half / quantile(self.alpha, self.pairs)? * (self.pairs as f64).sqrt();
        // With more pairs the quantile shrinks too, and so a few rounds are needed: from above, each is closer.
        let mut needed = (half / target).powi(2) * self.pairs as f64;
        for _ in 0..8 {
            if needed > OUT_OF_REACH || !needed.is_finite() {
                return None;
            }
            needed = (error * quantile(self.alpha, needed.ceil() as usize)? / target).powi(2).max(2.0);
        }
        Some((needed.ceil() as u32).saturating_sub(self.pairs as u32).max(1))
    }
}

fn quantile(alpha: f64, pairs: usize) -> Option<f64> {
    student_t(pairs.checked_sub(1)? as f64, alpha)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }

    #[test]
    fn looks_double_up_to_the_limit() {
        let sizes = |first, most| Looks::new(1, first, most).sizes().to_vec();
        assert_eq!(sizes(8, 64), [8, 16, 32, 64]);
        assert_eq!(sizes(8, 50), [8, 16, 32, 50]);
        assert_eq!(sizes(8, 8), [8]);
        assert_eq!(sizes(8, 3), [8], "what is asked for first is done");
        assert_eq!(sizes(1, 1), [2], "one pair has no interval");
        near(Looks::new(10, 8, 64).alpha(), 0.05 / 40.0, 1e-15);
    }

    #[test]
    fn a_paired_interval_by_hand() {
        // Differences 1, 2, 3, 4: mean 2.5, variance 5/3, error sqrt(5/12). t(3) is 3.182 at 95 % and 5.841 at 99 %
        // (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
        let (value, baseline) = ([11.0, 22.0, 33.0, 44.0], [10.0, 20.0, 30.0, 40.0]);
        let error = (5.0_f64 / 12.0).sqrt();
        for (alpha, t) in [(0.05, 3.182), (0.01, 5.841)] {
            let found = paired(&value, &baseline, &Level::new(alpha, 4));
            assert_eq!((found.mean, found.pairs), (2.5, 4));
            near(found.half_width.expect("four pairs"), t * error, 5e-4);
        }
        // Five comparisons in one look: each interval of 99 %, and 2.5 is no longer outside of them.
        assert_eq!(Looks::new(5, 4, 4).alpha(), 0.01);
        let plain = paired(&value, &baseline, &Level::new(0.05, 4));
        let adjusted = paired(&value, &baseline, &Level::new(0.01, 4));
        assert_eq!(plain.finding(0.0), Some(Finding::Higher));
        assert!(matches!(adjusted.finding(0.0), Some(Finding::Open)));
        assert_eq!(paired(&baseline, &value, &Level::new(0.05, 4)).finding(0.0), Some(Finding::Lower));
    }

    #[test]
    fn values_that_are_not_there_are_left_out() {
        let level = Level::new(0.05, 3);
        let found = paired(&[1.0, f64::NAN, 3.0], &[0.0, 0.0, 1.0], &level);
        assert_eq!((found.mean, found.pairs), (1.5, 2));
        near(found.half_width.expect("two pairs"), 12.706 * 0.5, 1e-3);
        let none = paired(&[f64::NAN; 3], &[0.0; 3], &level);
        assert!(none.mean.is_nan() && none.half_width.is_none() && none.finding(1.0).is_none());
    }

    #[test]
    fn what_an_interval_allows_to_say() {
        let of = |mean, half_width| Difference { mean, half_width: Some(half_width), pairs: 8, alpha: 0.05 };
        assert_eq!(of(-2.0, 1.0).finding(0.0), Some(Finding::Lower));
        assert_eq!(of(2.0, 1.0).finding(2.5), Some(Finding::Higher), "it may matter");
        assert_eq!(of(2.0, 1.0).finding(3.0), Some(Finding::Alike), "certain, but small");
        assert_eq!(of(0.0, 0.0).finding(0.0), Some(Finding::Alike), "the same in every pair");
        assert_eq!(of(0.5, 1.0).finding(1.5), Some(Finding::Alike));
        assert_eq!(of(0.0, 1.0).finding(0.0), Some(Finding::Open));
        assert_eq!(of(0.0, 1.0).more(0.0), None, "it would never end");
        // Half as wide: not four times the pairs but 25 of them, because t shrinks from t(7) = 2.365 to t(24) = 2.064.
        assert_eq!(of(0.5, 1.0).finding(0.1), Some(Finding::Open));
        assert_eq!(of(0.5, 1.0).more(0.1), Some(25 - 8));
        assert_eq!(of(0.5, 1.0).more_for(1.0), Some(0));
    }

    type Law = fn(&mut Xoshiro256PlusPlus) -> f64;

    /// One comparison of `variants` with a baseline to which they are equal in law, with independent random draws:
    /// whether any verdict at any look is wrong. Stops, as the program does, at the first look at which the first
    /// metric is decided.
    fn is_misled(seed: u64, variants: usize, law: Law, is_adjusted: bool) -> bool {
        const METRICS: usize = 6;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let looks = Looks::new(variants * METRICS, 8, 64);
        // Metrics of one replication depend on each other: half of the randomness is common to the replication.
        let mut contender = || -> Vec<Vec<f64>> {
            let mut columns = vec![Vec::new(); METRICS];
            for _ in 0..64 {
                let common = law(&mut rng);
                columns.iter_mut().for_each(|column| column.push(common + law(&mut rng)));
            }
            columns
        };
        let all: Vec<_> = (0..=variants).map(|_| contender()).collect();
        for size in looks.sizes().iter().map(|size| *size as usize) {
            let level = Level::new(if is_adjusted { looks.alpha() } else { FAMILY_ALPHA }, size);
            let found: Vec<Finding> = all[1..]
                .iter()
                .flat_map(|variant| variant.iter().zip(&all[0]))
                .filter_map(|(value, baseline)| paired(&value[..size], &baseline[..size], &level).finding(0.05))
                .collect();
            if found.iter().any(|finding| matches!(finding, Finding::Lower | Finding::Higher)) {
                return true;
            }
            if found.iter().step_by(METRICS).all(|finding| *finding == Finding::Alike) {
                return false;
            }
        }
        false
    }

    /// Six hundred comparisons without any difference may find one in 5 % of them; with 3.9 standard errors on top the
    /// test fails by chance once in 20,000 seeds.
    #[test]
    fn false_verdicts_stay_below_what_is_promised() {
        const RUNS: u32 = 600;
        let most = 0.05 + 3.9 * (0.05 * 0.95 / f64::from(RUNS)).sqrt();
        let laws: [(&str, Law); 3] = [
            ("normal, nearly", |rng| (0..12).map(|_| rng.random::<f64>()).sum()),
            ("skewed", |rng| -rng.random::<f64>().ln_1p().recip().ln()),
            ("small counts", |rng| f64::from((0..6).map(|_| u8::from(rng.random::<f64>() < 0.2)).sum::<u8>())),
        ];
        for (name, law) in laws {
            let rate = |is_adjusted| {
                let misled = (0..RUNS).filter(|seed| is_misled(u64::from(*seed), 3, law, is_adjusted));
                misled.count() as f64 / f64::from(RUNS)
            };
            let found = rate(true);
            assert!(found <= most, "{name}: {found} of the comparisons find what is not there");
            let plain = rate(false);
            assert!(plain > 0.3, "{name}: {plain} without the adjustment, so the test can tell nothing");
        }
    }
}
