//! Decimal numbers without an exponent, which nearly all numbers of traces are, read exactly and fast.

use crate::time::Span;

/// A number of whole billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    whole: u64,
    billionths: u64,
}

/// What the last of so many digits behind the point stands for, in billionths.
const POWERS: [u64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

impl Decimal {
    /// Reads digits, perhaps with a point; none: anything else, or more than 19 digits before the point.
    #[inline]
    pub(super) fn read(field: &[u8]) -> Option<Self> {
        let mut whole = 0_u64;
        let mut place = 0;
        while let Some(digit) = digit(field, place) {
            whole = whole.wrapping_mul(10).wrapping_add(digit);
            place += 1;
        }
        let digits = place;
        if digits > 19 {
            return None;
        }
        let mut billionths = 0;
        if field.get(place) == Some(&b'.') {
            place += 1;
            let first = place;
            while place - first < POWERS.len() - 1
                && let Some(digit) = digit(field, place)
            {
                billionths = 10 * billionths + digit;
                place += 1;
            }
            billionths *= POWERS[place - first];
            // The tenth digit rounds, the others say nothing.
            billionths += u64::from(digit(field, place).is_some_and(|tenth| tenth >= 5));
            while digit(field, place).is_some() {
                place += 1;
            }
        }
        let is_number = place == field.len() && place > usize::from(digits != place);
        is_number.then_some(Self { whole: whole + billionths / 1_000_000_000, billionths: billionths % 1_000_000_000 })
    }

    /// What stands before the point.
    pub(super) const fn whole(self) -> u64 {
        self.whole
    }

    /// So many units of `nanos` nanoseconds, rounded; none: more than the clock holds.
    #[inline]
    pub(super) fn times(self, nanos: u64) -> Option<u64> {
        let part = (self.billionths * nanos.min(1_000_000_000) + 500_000_000) / 1_000_000_000;
        let part = if nanos > 1_000_000_000 {
            let part = u128::from(self.billionths) * u128::from(nanos) + 500_000_000;
            (part / 1_000_000_000) as u64
        } else {
            part
        };
        let total = self.whole.checked_mul(nanos)?.checked_add(part)?;
        (total <= Span::MAX_WRITTEN.as_nanos()).then_some(total)
    }
}

#[inline]
fn digit(field: &[u8], place: usize) -> Option<u64> {
    field.get(place).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10).map(u64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(text: &str) -> Option<u64> {
        Decimal::read(text.as_bytes()).and_then(|number| number.times(1_000_000_000))
    }

    #[test]
    fn decimals_are_exact_and_the_tenth_digit_rounds() {
        assert_eq!(nanos("0"), Some(0));
        assert_eq!(nanos("1709287202.123456789"), Some(1_709_287_202_123_456_789));
        assert_eq!(nanos("0.1"), Some(100_000_000));
        assert_eq!(nanos("1.99999999949"), Some(1_999_999_999));
        assert_eq!(nanos("1.9999999995"), Some(2_000_000_000));
        assert_eq!(nanos("5."), Some(5_000_000_000));
        assert_eq!(nanos(".5"), Some(500_000_000));
        for text in ["", ".", "-1", "+1", "1e3", "1 ", "x", "9999999999", "12345678901234567890"] {
            assert_eq!(nanos(text), None, "{text}");
        }
        let millis = |text: &str| Decimal::read(text.as_bytes()).and_then(|number| number.times(1_000_000));
        assert_eq!((millis("1709287200000"), millis("0.0000005")), (Some(1_709_287_200_000_000_000), Some(1)));
        let minutes = |text: &str| Decimal::read(text.as_bytes()).and_then(|number| number.times(60_000_000_000));
        assert_eq!((minutes("2"), minutes("0.25")), (Some(120_000_000_000), Some(15_000_000_000)));
    }

    proptest! {
        #[test]
        fn the_same_as_by_floating_point(number in 0.0..1e6f64, digits in 0..9usize) {
            let text = format!("{number:.digits$}");
            prop_assert_eq!(nanos(&text), Some((text.parse::<f64>().unwrap() * 1e9).round() as u64));
        }
    }
}
