//! Uniform moments in rising order, one at a time.

use rand::RngExt as _;
use rand_distr::Exp1;

use crate::rng::Stream;

/// `left` independent uniform moments of an interval, in order, without storing them: the next of n has skipped each of
/// the others, so that -ln of the part of the interval still ahead grows by Exp(1) / n (Bentley and Saxe 1980).
pub(super) struct Scatter {
    start: u64,
    width: u64,
    left: u64,
    /// -ln of the part ahead.
    passed: f64,
}

impl Scatter {
    /// So many moments from `start` on (ns), before `start + width`; all at `start` if there is no width.
    pub(super) fn new(start: u64, width: u64, count: u64) -> Self {
        Self { start, width, left: count, passed: 0.0 }
    }

    /// The next moment in nanoseconds, saturating.
    pub(super) fn next(&mut self, stream: &mut Stream) -> Option<u64> {
        if self.left == 0 {
            return None;
        }
        self.passed += stream.sample::<f64, _>(Exp1) / self.left as f64;
        self.left -= 1;
        let share = -(-self.passed).exp_m1();
        let offset = ((share * self.width as f64) as u64).min(self.width.saturating_sub(1));
        Some(self.start.saturating_add(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::rng::{Purpose, Streams};

    fn draw(start: u64, width: u64, count: u64, stream: &mut Stream) -> Vec<u64> {
        let mut scatter = Scatter::new(start, width, count);
        std::iter::from_fn(|| scatter.next(stream)).collect()
    }

    #[test]
    fn moments_are_uniform_in_order_and_as_many_as_asked() {
        let mut stream = Streams::new(31, 0).stream("s", Purpose::Arrivals);
        let moments = draw(1_000, 1_000_000_000, 100_000, &mut stream);
        assert_eq!(moments.len(), 100_000);
        assert!(moments.is_sorted());
        let shares: Vec<f64> = moments.iter().map(|at| (*at - 1_000) as f64 / 1e9).collect();
        assert_uniform(&shares);
    }

    #[test]
    fn few_moments_have_the_right_order_statistics() {
        // The k-th of n uniforms has mean k / (n + 1) and variance k (n + 1 - k) / ((n + 1)^2 (n + 2)).
        let mut stream = Streams::new(32, 0).stream("s", Purpose::Arrivals);
        let (n, rounds) = (4, 20_000);
        let mut sums = [0.0; 4];
        for _ in 0..rounds {
            for (sum, at) in sums.iter_mut().zip(draw(0, 1_000_000_000_000, n, &mut stream)) {
                *sum += at as f64 / 1e12;
            }
        }
        for (k, sum) in (1u32..).zip(sums) {
            let k = f64::from(k);
            let variance = k * (5.0 - k) / (25.0 * 6.0);
            assert_near(sum / f64::from(rounds), k / 5.0, (variance / f64::from(rounds)).sqrt());
        }
    }

    #[test]
    fn narrow_intervals_are_kept() {
        let mut stream = Streams::new(33, 0).stream("s", Purpose::Arrivals);
        assert_eq!(draw(7, 0, 3, &mut stream), [7, 7, 7]);
        assert!(draw(7, 2, 1_000, &mut stream).iter().all(|at| *at == 7 || *at == 8));
        assert_eq!(draw(u64::MAX, 5, 1, &mut stream), [u64::MAX]);
    }
}
