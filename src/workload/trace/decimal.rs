//! Decimal numbers without an exponent, which nearly all numbers of traces are, read exactly and fast.

use crate::time::{NANOS_PER_SECOND, Span};

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
    #[inline(always)]
    pub(super) fn read(field: &[u8]) -> Option<Self> {
        let (mut whole, mut digits) = run(field, 0);
        while digits % WORD == 0
            && let (more, found @ 1..) = run(field, digits)
        {
            whole = whole.wrapping_mul(POWERS[9 - found]).wrapping_add(more);
            digits += found;
        }
        if digits > 19 {
            return None;
        }
        let (mut place, mut billionths) = (digits, 0);
        if field.get(place) == Some(&b'.') {
            place += 1;
            let (first, found) = run(field, place);
            place += found;
            billionths = first * POWERS[found];
            if found == WORD {
                billionths += digit(field, place).unwrap_or(0);
                // The tenth digit rounds, the others say nothing.
                billionths += u64::from(digit(field, place + 1).is_some_and(|tenth| tenth >= 5));
                while digit(field, place).is_some() {
                    place += 1;
                }
            }
        }
        let is_number = place == field.len() && place > usize::from(digits != place);
        let is_next = billionths == NANOS_PER_SECOND;
        is_number
            .then_some(Self { whole: whole + u64::from(is_next), billionths: if is_next { 0 } else { billionths } })
    }

    /// What stands before the point.
    pub(super) const fn whole(self) -> u64 {
        self.whole
    }

    /// So many units of `nanos` nanoseconds, rounded; none: more than the clock holds.
    #[inline]
    pub(super) fn times(self, nanos: u64) -> Option<u64> {
        let part = match nanos {
            NANOS_PER_SECOND => self.billionths,
            0..NANOS_PER_SECOND => (self.billionths * nanos + 500_000_000) / 1_000_000_000,
            _ => ((u128::from(self.billionths) * u128::from(nanos) + 500_000_000) / 1_000_000_000) as u64,
        };
        let total = self.whole.checked_mul(nanos)?.checked_add(part)?;
        (total <= Span::MAX_WRITTEN.as_nanos()).then_some(total)
    }
}

/// A whole number of at most eight digits; none: anything else.
#[inline]
pub(super) fn short(field: &[u8]) -> Option<u32> {
    let (number, digits) = run(field, 0);
    (digits == field.len() && digits > 0).then_some(number as u32)
}

/// Digits that are read at once.
const WORD: usize = 8;

/// The number that stands at a place, of eight digits at most, and how many digits it has.
#[inline]
fn run(field: &[u8], place: usize) -> (u64, usize) {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let rest = &field[place..];
    // The first byte is the lowest one; zeros stand for those that are not there.
    let word = match (rest.first_chunk(), field.last_chunk()) {
        (Some(word), _) => u64::from_le_bytes(*word),
        (None, Some(word)) => u64::from_le_bytes(*word).checked_shr(8 * (WORD - rest.len()) as u32).unwrap_or(0),
        (None, None) => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let values = word ^ u64::from_ne_bytes([b'0'; WORD]);
    let others = (((values & !HIGH) + u64::from_ne_bytes([0x80 - 10; WORD])) | values) & HIGH;
    let digits = others.trailing_zeros() as usize / 8;
    // Zeros before them, then neighbors are put together: to two digits, four, eight.
    let values = values.checked_shl(u64::BITS - 8 * digits as u32).unwrap_or(0);
    let values = values.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let values = values.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    (values.wrapping_mul(10_000 << 32 | 1) >> 32, digits)
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

    /// By the numbers of the standard library.
    fn slowly(text: &str) -> Option<(u64, u64)> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_digits || text.is_empty() || text == "." || whole.len() > 19 {
            return None;
        }
        let tenths = format!("{part:0<10}")[..10].parse::<u64>().ok()?;
        let billionths = (tenths + 5) / 10;
        let whole = format!("0{whole}").parse::<u64>().ok()?;
        Some((whole + billionths / 1_000_000_000, billionths % 1_000_000_000))
    }

    proptest! {
        #[test]
        fn digits_read_at_once_are_those_read_one_by_one(text in "[0-9]{0,20}(\\.[0-9]{0,20})?|[0-9./:x\\x00é-]{0,12}") {
            let read = Decimal::read(text.as_bytes()).map(|number| (number.whole, number.billionths));
            prop_assert_eq!(read, slowly(&text));
        }

        #[test]
        fn a_few_digits_are_a_whole_number(text in "[0-9]{0,10}|[0-9.+e-]{0,5}") {
            let is_short = text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(short(text.as_bytes()), text.parse().ok().filter(|_| is_short));
        }

        #[test]
        fn the_same_as_by_floating_point(number in 0.0..1e6f64, digits in 0..9usize) {
            let text = format!("{number:.digits$}");
            prop_assert_eq!(nanos(&text), Some((text.parse::<f64>().unwrap() * 1e9).round() as u64));
        }
    }
}
