//! Mean and standard deviation of nanoseconds, in integers: exact, whatever the order and however many.

use crate::time::NANOS_PER_SECOND;

/// Count, sum and sum of squares of recorded nanoseconds.
///
/// Integers do not round, so merging in any order gives the same, and nothing cancels. The sum of squares holds 9 * 10^16
/// values of a minute, or 3,400 of ten years: beyond that it stays at its largest and `sd_s` is too small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    count: u64,
    sum: u128,
    squares: u128,
}

impl Moments {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value_ns: u64) {
        let value = u128::from(value_ns);
        self.count += 1;
        self.sum += value;
        self.squares = self.squares.saturating_add(value * value);
    }

    /// Counts this many zeros.
    pub fn add_zeros(&mut self, zeros: u64) {
        self.count += zeros;
    }

    /// Adds what another one recorded.
    pub fn merge(&mut self, other: &Self) {
        let Self { count, sum, squares } = *other;
        self.count += count;
        self.sum += sum;
        self.squares = self.squares.saturating_add(squares);
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, ns.
    #[must_use]
    pub fn sum_ns(&self) -> u128 {
        self.sum
    }

    /// Their mean, s; none without values.
    #[must_use]
    pub fn mean_s(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / NANOS_PER_SECOND as f64)
    }

    /// Their standard deviation, s (divided by n - 1); none with fewer than two values.
    ///
    /// About the whole nanosecond m below the mean: sum (x - m)^2 = squares - m (2 sum - n m), in integers; what the
    /// fraction of a nanosecond adds is small and taken off in floating point.
    #[must_use]
    pub fn sd_s(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let n = u128::from(self.count);
        let (whole, rest) = (self.sum / n, self.sum % n);
        // 2 sum - n m = sum + rest; both products stay below the squares, because m does not exceed the mean.
        let about_whole = self.squares.saturating_sub(whole.saturating_mul(self.sum + rest));
        let spread = about_whole as f64 - rest as f64 * (rest as f64 / n as f64);
        Some((spread.max(0.0) / (n - 1) as f64).sqrt() / NANOS_PER_SECOND as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.record(*value));
        moments
    }

    #[test]
    fn textbook_values() {
        // By hand: 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and sum of squares 32 about it.
        let moments = of(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!(moments.mean_s(), Some(5e-9));
        let sd = moments.sd_s().expect("values");
        assert!((sd - (32.0_f64 / 7.0).sqrt() * 1e-9).abs() < 1e-22, "{sd}");
        assert_eq!((of(&[]).mean_s(), of(&[]).sd_s(), of(&[7]).sd_s()), (None, None, None));
    }

    #[test]
    fn nothing_cancels() {
        // NIST StRD, data set NumAcc4 times ten: certified mean 100,000,002 and standard deviation exactly 1.
        let values: Vec<u64> = (0..1001).map(|i| 100_000_000 + [2, 1, 3][if i == 0 { 0 } else { 2 - i % 2 }]).collect();
        assert_eq!((of(&values).mean_s(), of(&values).sd_s()), (Some(0.100_000_002), Some(1e-9)));
        // A larger offset and a mean with a fraction: squares about it 2 (3/5)^2 + 3 (2/5)^2 = 6/5, over 4.
        let offset = 3_000_000_000_000_000_000;
        let sd = of(&[offset, offset + 1, offset, offset + 1, offset]).sd_s().expect("values");
        assert!((sd - 0.3_f64.sqrt() * 1e-9).abs() < 1e-21, "{sd}");
        assert_eq!(of(&[offset; 3]).sd_s(), Some(0.0));
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let moments = of(&[u64::MAX; 5]);
        assert_eq!(moments.mean_s(), Some(u64::MAX as f64 / 1e9));
        assert!(moments.sd_s().is_some_and(f64::is_finite));
    }

    #[test]
    fn merging_in_any_order_is_recording_all() {
        let (a, b, c) = (of(&[1, 5, 1 << 60]), of(&[]), of(&[77, 0, 3_000_000_000]));
        let mut forth = a;
        forth.merge(&b);
        forth.merge(&c);
        let mut back = c;
        back.merge(&b);
        back.merge(&a);
        assert_eq!(forth, back);
        assert_eq!(forth, of(&[77, 0, 3_000_000_000, 1, 5, 1 << 60]));
    }
}
