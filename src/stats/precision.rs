//! Stopping rule for a target precision.
//!
//! Stopping as soon as an interval is narrow enough tends to stop where the sample happens to vary little, and the
//! interval is then too narrow: with looks at 5, 8, 12 ... values, a 95 % interval covers the true value in 92 to 93 %
//! of cases (a loss that vanishes only in the limit: Chow and Robbins 1965). So the looks are few, planned in advance
//! and a factor of 1.5 apart, and a run stops only if the interval was narrow enough at two consecutive looks, so that
//! the last third of the values is independent of the decision. A test below measures the remaining loss.

/// Factor between consecutive looks.
const GROWTH: f64 = 1.5;
/// Consecutive looks at which the interval must be narrow enough.
const IN_SUCCESSION: u32 = 2;

/// Numbers of values at which to look: `first` (at least 2), then 1.5 times as many and so on, the last at `most`.
#[must_use]
pub fn looks(first: u32, most: u32) -> Vec<u32> {
    let first = first.max(2);
    let next = |size: &u32| Some(((f64::from(*size) * GROWTH).ceil()) as u32);
    let mut sizes: Vec<u32> = std::iter::successors(Some(first), next).take_while(|size| *size < most).collect();
    sizes.push(most.max(first));
    sizes
}

/// Whether enough looks in succession have found all intervals narrow enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience(u32);

impl Patience {
    /// After another look: whether to stop.
    pub fn is_over(&mut self, is_narrow: bool) -> bool {
        self.0 = if is_narrow { self.0 + 1 } else { 0 };
        self.0 >= IN_SUCCESSION
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_distr::{Exp1, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::stats::interval::mean_half_width;

    #[test]
    fn looks_grow_by_half_up_to_the_limit() {
        assert_eq!(looks(10, 60), [10, 15, 23, 35, 53, 60]);
        assert_eq!(looks(10, 10), [10]);
        assert_eq!(looks(10, 3), [10], "what is asked for first is done");
        assert_eq!(looks(1, 2), [2], "one value has no interval");
    }

    #[test]
    fn two_looks_in_succession_are_needed() {
        let mut patience = Patience::default();
        let found: Vec<bool> = [true, false, true, true].map(|narrow| patience.is_over(narrow)).into();
        assert_eq!(found, [false, false, false, true]);
    }

    /// In how many of 4,000 experiments the interval at the end holds the mean, 0.
    fn coverage(needed: f64, patient: bool, law: fn(&mut Xoshiro256PlusPlus) -> f64) -> f64 {
        const EXPERIMENTS: u64 = 4_000;
        let target = 1.96 / needed.sqrt();
        let holds = (0..EXPERIMENTS).filter(|seed| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(*seed);
            let (mut values, mut patience, mut half) = (Vec::new(), Patience::default(), f64::INFINITY);
            for size in looks(10, 400) {
                values.extend((values.len() as u32..size).map(|_| law(&mut rng)));
                half = mean_half_width(&values).expect("values");
                if patience.is_over(half <= target) || (!patient && half <= target) {
                    break;
                }
            }
            (values.iter().sum::<f64>() / values.len() as f64).abs() <= half
        });
        holds.count() as f64 / EXPERIMENTS as f64
    }

    /// The interval at the end keeps its 95 %, whatever number of values it takes: 93.5 to 96.5 % are allowed.
    #[test]
    fn stopping_keeps_the_coverage() {
        let normal: fn(&mut Xoshiro256PlusPlus) -> f64 = |rng| rng.sample(StandardNormal);
        // Sixteen exponentials: as skewed as the means of small replications are.
        let skewed: fn(&mut Xoshiro256PlusPlus) -> f64 =
            |rng| (0..16).map(|_| rng.sample::<f64, _>(Exp1) - 1.0).sum::<f64>() / 4.0;
        for (name, law) in [("normal", normal), ("skewed", skewed)] {
            for needed in [6.0, 12.0, 25.0, 60.0] {
                let found = coverage(needed, true, law);
                assert!((0.935..=0.965).contains(&found), "{name}, {needed}: {found}");
            }
        }
        let hasty = coverage(12.0, false, normal);
        assert!(hasty < 0.945, "{hasty}: stopping at once would do as well, so the test can tell nothing");
    }
}
