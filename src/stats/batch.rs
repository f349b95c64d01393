//! Batch means: checks whether the batches of one long run are independent.

/// Correlation of the means of successive batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dependence {
    /// Autocorrelation at lag 1.
    pub lag1: f64,
    /// Mean square of successive differences over the variance: about 2 for independent values, less for positively
    /// correlated ones (von Neumann, Annals of Mathematical Statistics 12, 1941).
    pub von_neumann: f64,
    /// The same in standard deviations above independence: more than 1.645 happens once in twenty times by chance.
    pub z: f64,
}

/// Of independent values one in twenty is beyond this.
const TOO_FAR: f64 = 1.645;

impl Dependence {
    /// Of at least eight finite values that are not all alike; else there is nothing to say.
    ///
    /// With C = 1 - ratio / 2, independent values have mean 0 and variance (n - 2) / (n^2 - 1) for C, nearly normal from
    /// n = 8 on (Young, Annals of Mathematical Statistics 12, 1941).
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        if values.len() < 8 || !squares.is_finite() || squares <= f64::EPSILON * mean * mean {
            return None;
        }
        let pairs = || values.windows(2);
        let lag1 = pairs().map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>() / squares;
        let von_neumann = pairs().map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / squares * n / (n - 1.0);
        // In Young's statistic both sums are taken as they are.
        let c = 1.0 - von_neumann * (n - 1.0) / n / 2.0;
        Some(Self { lag1, von_neumann, z: c / ((n - 2.0) / (n * n - 1.0)).sqrt() })
    }

    /// Whether the values may be taken for independent.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.z <= TOO_FAR
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_distr::StandardNormal;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn by_hand() {
        // 1 to 8: squares about the mean 42, differences 7; lag 1: (8.75 + 3.75 + 0.75 - 0.25 + 0.75 + 3.75 + 8.75) / 42.
        let found = Dependence::of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).expect("values");
        assert!((found.lag1 - 26.25 / 42.0).abs() < 1e-12, "{found:?}");
        assert!((found.von_neumann - (7.0 / 7.0) / (42.0 / 8.0)).abs() < 1e-12, "{found:?}");
        assert!((found.z - (1.0 - 7.0 / 84.0) / (6.0_f64 / 63.0).sqrt()).abs() < 1e-12 && !found.is_harmless());
        assert_eq!(Dependence::of(&[1.0; 20]), None);
        assert_eq!(Dependence::of(&[1.0, 2.0]), None);
        assert_eq!(Dependence::of(&[f64::NAN; 20]), None);
    }

    #[test]
    fn independent_values_are_suspected_once_in_twenty_times() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut suspected = |weight: f64| {
            let is_suspected = |_: &u32| {
                let mut last = 0.0;
                let values: Vec<f64> = (0..25)
                    .map(|_| {
                        last = weight * last + rng.sample::<f64, _>(StandardNormal);
                        last
                    })
                    .collect();
                !Dependence::of(&values).expect("values").is_harmless()
            };
            (0..4_000).filter(is_suspected).count() as f64 / 4_000.0
        };
        // 3.9 standard errors are 0.013.
        let chance = suspected(0.0);
        assert!((chance - 0.05).abs() < 0.013, "{chance}");
        assert!(suspected(0.7) > 0.85);
    }
}
