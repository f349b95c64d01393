//! Numbers as people read them: units, separators, and no more digits than the interval allows.

use crate::measure::summary::Stat;
pub use crate::scenario::Quantity;

/// Stands where there is no number.
pub const NOTHING: &str = "—";

/// More decimal places than this say nothing to a reader.
const MOST_PLACES: usize = 6;
/// An interval narrower than this part of the mean is not shown: the digits of the mean already say as much.
const NARROWEST: f64 = 5e-5;

impl Quantity {
    /// `x` with three digits or so and its unit: `1.23 ms`, `12,345`, `$1,234.56`, `0.12 %`.
    #[must_use]
    pub fn text(self, x: f64) -> String {
        if !x.is_finite() {
            return NOTHING.to_owned();
        }
        match self {
            Self::Seconds => duration(x),
            Self::Count => count(x),
            Self::Usd => money(x),
            Self::Ratio => percent(x),
        }
    }

    /// `x` as written by hand, without digits that say nothing: `800 ms`, `1 s`, `13 min 20 s`, `0.1 %`.
    #[must_use]
    pub fn bound(self, x: f64) -> String {
        if !x.is_finite() {
            return NOTHING.to_owned();
        }
        if self == Self::Seconds && x >= 120.0 && x.fract() == 0.0 {
            return exactly(x);
        }
        let scale = self.scale(x);
        // Nine digits hide what binary fractions add.
        let digits = trimmed(&format!("{:.*}", decimals(x * scale.factor, 9), x * scale.factor));
        if self == Self::Usd { money(x) } else { format!("{}{}", grouped(&digits), scale.suffix) }
    }

    /// The mean and its interval, as many digits as the interval justifies: `612 ± 14 ms`. Money is budgeted by its range:
    /// `$12.40 ($12.10 to $12.70)`.
    ///
    /// Without an interval, the mean alone.
    #[must_use]
    pub fn stat(self, stat: &Stat) -> String {
        let Some(width) = width(stat) else {
            return self.text(stat.mean);
        };
        if self == Self::Usd {
            return with_range(self.text(stat.mean), &self.interval(stat));
        }
        let scale = self.scale(stat.mean.abs().max(width));
        let (mean, half) = (stat.mean * scale.factor, width * scale.factor);
        let places = decimals(half, 2);
        if places > MOST_PLACES {
            return format!("{} ± {}", self.text(stat.mean), self.text(width));
        }
        let (sign, mean) = if mean < 0.0 { ("-", -mean) } else { ("", mean) };
        let (mean, half) = (grouped(&format!("{mean:.places$}")), grouped(&format!("{half:.places$}")));
        format!("{sign}{}{mean} ± {half}{}", scale.prefix, scale.suffix)
    }

    /// The interval alone: `± 14 ms`, `$12.10 to $12.70`; empty without one.
    #[must_use]
    pub fn interval(self, stat: &Stat) -> String {
        match width(stat) {
            Some(_) if self == Self::Usd => {
                let (low, high) = stat.range().unwrap_or((stat.mean, stat.mean));
                self.range(low, high)
            }
            Some(half) => {
                let scale = self.scale(stat.mean.abs().max(half));
                let scaled = half * scale.factor;
                let places = decimals(scaled, 2);
                if places > MOST_PLACES {
                    return format!("± {}", self.text(half));
                }
                format!("± {}{}{}", scale.prefix, grouped(&format!("{scaled:.places$}")), scale.suffix)
            }
            None => String::new(),
        }
    }

    /// A range: `598 ms to 626 ms`, `$12.10 to $12.70`; the width decides on the digits of money. Empty if the ends look the
    /// same.
    #[must_use]
    pub fn range(self, low: f64, high: f64) -> String {
        let half = (high - low) / 2.0;
        let places = match low.abs().max(high.abs()) {
            most if most >= 1.0 => decimals(half, 2),
            most => decimals(half, 1).max(decimals(most, 3)),
        };
        let ends = [low, high].map(|end| match self {
            // From one dollar on, cents or none; below, as many digits as an amount has or as differ.
            Self::Usd if half > 0.0 && half.is_finite() && places <= MOST_PLACES => {
                let (sign, amount) = if end < 0.0 { ("-", -end) } else { ("", end) };
                let places = if low.abs().max(high.abs()) >= 1.0 && places > 0 { 2 } else { places };
                format!("{sign}${}", grouped(&format!("{amount:.places$}")))
            }
            _ => self.text(end),
        });
        if ends[0] == ends[1] { String::new() } else { ends.join(" to ") }
    }

    /// A difference with its sign and interval: `+1.2 ± 0.1 ms`, `+$4.72 ($4.42 to $5.02)`; that of ratios in percentage
    /// points, `-0.97 ± 0.02 pp`.
    #[must_use]
    pub fn difference(self, stat: &Stat) -> String {
        let number = match width(stat).filter(|_| self == Self::Usd) {
            Some(half) => with_range(self.text(stat.mean), &self.range(stat.mean - half, stat.mean + half)),
            None => self.stat(stat),
        };
        let number = if self == Self::Ratio { number.replace(" %", " pp") } else { number };
        format!("{}{number}", if stat.mean > 0.0 { "+" } else { "" })
    }

    fn scale(self, x: f64) -> Scale {
        match self {
            Self::Seconds => time_unit(x),
            Self::Count => Scale { factor: 1.0, prefix: "", suffix: "" },
            Self::Usd => Scale { factor: 1.0, prefix: "$", suffix: "" },
            Self::Ratio => Scale { factor: 100.0, prefix: "", suffix: " %" },
        }
    }
}

/// An amount with its range, which is empty if both ends are written like the amount.
fn with_range(amount: String, range: &str) -> String {
    if range.is_empty() { amount } else { format!("{amount} ({range})") }
}

/// Half of the interval, if there is one that is more than the rounding of sums.
fn width(stat: &Stat) -> Option<f64> {
    let is_wide = |half: &f64| half.is_finite() && *half > NARROWEST * stat.mean.abs() && stat.mean.is_finite();
    stat.half_width.filter(is_wide)
}

/// A duration of `seconds` with three digits in a fitting unit: `850 µs`, `1.23 ms`, `2.50 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NOTHING.to_owned();
    }
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    let unit = time_unit(seconds);
    let x = seconds * unit.factor;
    format!("{}{}", grouped(&format!("{x:.*}", decimals(x, 3).min(3))), unit.suffix)
}

/// A configured duration, exactly: `6 h`, `5 h 30 min`, `1.5 s`.
///
/// Fractions of a second are only written below a minute.
#[must_use]
pub fn exactly(seconds: f64) -> String {
    if !(seconds >= 60.0 && seconds.is_finite()) {
        return Quantity::Seconds.bound(seconds);
    }
    let mut rest = seconds.round() as u64;
    let mut parts = Vec::new();
    for (length, unit) in [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")] {
        let number = rest / length;
        rest %= length;
        if number > 0 {
            parts.push(format!("{} {unit}", grouped(&number.to_string())));
        }
    }
    parts.join(" ")
}

/// How long something takes, as an estimate: `40 s`, `3 min`, `1.5 h`.
#[must_use]
pub fn roughly(time: std::time::Duration) -> String {
    match time.as_secs_f64().ceil() as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds.div_ceil(60)),
        seconds @ 3_600..172_800 => format!("{:.1} h", seconds as f64 / 3_600.0),
        seconds => format!("{} d", grouped(&(seconds as f64 / 86_400.0).round().to_string())),
    }
}

/// A multiple: `2.1x`. Three places tell apart the loads between which a limit was sought.
#[must_use]
pub fn times(multiple: f64) -> String {
    let places = if multiple < 10.0 { 3 } else { 0 };
    let text = format!("{multiple:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}x")
}

/// A number of things with thousands separators: `12,345`; three digits where it is a fraction.
#[must_use]
pub fn count(x: f64) -> String {
    if !x.is_finite() {
        return NOTHING.to_owned();
    }
    if x.abs() >= 1e15 {
        return format!("{x:.2e}");
    }
    if x == x.trunc() || x.abs() >= 1000.0 {
        return grouped(&format!("{x:.0}"));
    }
    if x.abs() < 1e-6 {
        return format!("{x:.1e}");
    }
    format!("{x:.*}", decimals(x, 3))
}

/// How many of something there are: `1 function`, `1,000 functions`.
#[must_use]
pub fn numbered(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number as f64), if number == 1 { "" } else { "s" })
}

/// An amount as [`money`] writes it: whole cents from one dollar on. Differences of such amounts can be checked by readers.
#[must_use]
pub fn cents(usd: f64) -> f64 {
    if usd >= 1.0 { (usd * 100.0).round() / 100.0 } else { usd }
}

/// US dollars: cents from one dollar on, three digits below.
#[must_use]
pub fn money(usd: f64) -> String {
    if !usd.is_finite() {
        return NOTHING.to_owned();
    }
    let (sign, x) = if usd < 0.0 { ("-", -usd) } else { ("", usd) };
    if x >= 1e15 {
        return format!("{sign}${x:.2e}");
    }
    let places = if x >= 0.995 || x == 0.0 { 2 } else { decimals(x, 3).clamp(2, 9) };
    format!("{sign}${}", grouped(&format!("{x:.places$}")))
}

/// A share of one in percent with three digits; what is nearly all is not rounded to all.
#[must_use]
pub fn percent(ratio: f64) -> String {
    if !ratio.is_finite() {
        return NOTHING.to_owned();
    }
    let x = ratio * 100.0;
    if x == 0.0 {
        return "0 %".to_owned();
    }
    if (99.95..100.0).contains(&x) {
        return format!("{:.*} %", decimals(100.0 - x, 1).clamp(1, 9), x);
    }
    if x.abs() < 1e-6 {
        return format!("{x:.1e} %");
    }
    format!("{} %", grouped(&trimmed(&format!("{x:.*}", decimals(x, 3)))))
}

/// How a quantity is scaled before it is written, and what stands around it.
struct Scale {
    factor: f64,
    prefix: &'static str,
    suffix: &'static str,
}

/// The unit in which a duration is written: the largest that leaves a number of at least one (roughly).
fn time_unit(seconds: f64) -> Scale {
    let s = seconds.abs();
    let (factor, suffix) = match s {
        _ if s == 0.0 => (1.0, " s"),
        _ if s < 0.9995e-6 => (1e9, " ns"),
        _ if s < 0.9995e-3 => (1e6, " µs"),
        _ if s < 0.9995 => (1e3, " ms"),
        _ if s < 120.0 => (1.0, " s"),
        _ if s < 7_200.0 => (1.0 / 60.0, " min"),
        _ if s < 172_800.0 => (1.0 / 3_600.0, " h"),
        _ => (1.0 / 86_400.0, " d"),
    };
    Scale { factor, prefix: "", suffix }
}

/// Decimal places that show `digits` significant digits of `x`.
fn decimals(x: f64, digits: i32) -> usize {
    if x == 0.0 {
        return 0;
    }
    // Rounding first, so that 9.996 counts as 10.0.
    let rounded: f64 = format!("{x:.*e}", (digits - 1) as usize).parse().unwrap_or(x);
    (digits - 1 - rounded.abs().log10().floor() as i32).max(0) as usize
}

/// Sets thousands separators into the whole part of a decimal number.
fn grouped(digits: &str) -> String {
    let (sign, unsigned) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_at(unsigned.find('.').unwrap_or(unsigned.len()));
    let mut text = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// Drops zeros at the end of a decimal fraction.
fn trimmed(digits: &str) -> String {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.').to_owned() } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (1.5e-9, "1.50 ns"),
            (850e-6, "850 µs"),
            (0.001234, "1.23 ms"),
            (0.9996, "1.00 s"),
            (0.0999999, "100 ms"),
            (12.34, "12.3 s"),
            (90.0, "90.0 s"),
            (150.0, "2.50 min"),
            (9_000.0, "2.50 h"),
            (86_400.0 * 30.0, "30.0 d"),
            (86_400.0 * 12_345.0, "12,345 d"),
            (f64::NAN, NOTHING),
            (f64::INFINITY, NOTHING),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn configured_durations_are_exact() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.25, "250 ms"),
            (1.5, "1.5 s"),
            (60.0, "1 min"),
            (7_800.0, "2 h 10 min"),
            (19_800.0, "5 h 30 min"),
            (86_400.0 * 30.0, "30 d"),
            (90_061.0, "1 d 1 h 1 min 1 s"),
            (f64::NAN, NOTHING),
        ] {
            assert_eq!(exactly(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn counts_money_percents() {
        for (x, text) in [
            (0.0, "0"),
            (1_234_567.0, "1,234,567"),
            (-1_234.0, "-1,234"),
            (12.345, "12.3"),
            (0.5, "0.500"),
            (999.96, "1000"),
            (1e-9, "1.0e-9"),
            (1.234e20, "1.23e20"),
        ] {
            assert_eq!(count(x), text, "{x}");
        }
        for (x, text) in [
            (0.0, "$0.00"),
            (1_234.564, "$1,234.56"),
            (0.999, "$1.00"),
            (0.5, "$0.500"),
            (0.000_123_4, "$0.000123"),
            (-2.5, "-$2.50"),
            (f64::NAN, NOTHING),
        ] {
            assert_eq!(money(x), text, "{x}");
        }
        for (x, text) in [
            (0.0, "0 %"),
            (0.1234, "12.3 %"),
            (0.001_200, "0.12 %"),
            (1.0, "100 %"),
            (0.999_9, "99.99 %"),
            (0.9996, "99.96 %"),
            (12.5, "1,250 %"),
        ] {
            assert_eq!(percent(x), text, "{x}");
        }
    }

    #[test]
    fn the_interval_chooses_the_digits() {
        let stat = |mean, half| Stat { mean, half_width: Some(half) };
        for (quantity, mean, half, text) in [
            (Quantity::Seconds, 0.612_34, 0.014_2, "612 ± 14 ms"),
            (Quantity::Seconds, 0.001_234_56, 0.000_056_7, "1.235 ± 0.057 ms"),
            (Quantity::Count, 1_234_567.0, 1_234.4, "1,234,567 ± 1,234"),
            (Quantity::Usd, 1_234.56, 12.3, "$1,234.56 ($1,222 to $1,247)"),
            (Quantity::Usd, 85.46, 0.06, "$85.46 ($85.40 to $85.52)"),
            (Quantity::Usd, 0.057_3, 0.003, "$0.0573 ($0.0543 to $0.0603)"),
            (Quantity::Usd, 1.0, 1.5, "$1.00 ($0.00 to $2.50)"),
            (Quantity::Usd, 1.04, 0.000_1, "$1.04"),
            (Quantity::Ratio, 0.005_2, 0.000_31, "0.520 ± 0.031 %"),
            (Quantity::Seconds, 0.0, 0.01, "0 ± 10 ms"),
            (Quantity::Count, 10.0, 0.0, "10"),
            (Quantity::Count, f64::NAN, 1.0, NOTHING),
        ] {
            assert_eq!(quantity.stat(&stat(mean, half)), text);
        }
        assert_eq!(Quantity::Seconds.stat(&Stat { mean: 0.5, half_width: None }), "500 ms");
    }

    #[test]
    fn differences_have_signs() {
        let stat = |mean, half| Stat { mean, half_width: Some(half) };
        for (quantity, mean, half, text) in [
            (Quantity::Usd, 4.72, 0.3, "+$4.72 ($4.42 to $5.02)"),
            (Quantity::Usd, -4.72, 0.3, "-$4.72 (-$5.02 to -$4.42)"),
            (Quantity::Usd, 0.1, 0.3, "+$0.100 (-$0.200 to $0.400)"),
            (Quantity::Ratio, -0.0097, 0.0002, "-0.970 ± 0.020 pp"),
            (Quantity::Seconds, 0.0012, 0.0001, "+1.20 ± 0.10 ms"),
            (Quantity::Count, 0.0, 0.0, "0"),
        ] {
            assert_eq!(quantity.difference(&stat(mean, half)), text);
        }
    }

    #[test]
    fn bounds_are_written_short() {
        assert_eq!(Quantity::Seconds.bound(0.8), "800 ms");
        assert_eq!(Quantity::Seconds.bound(1.0), "1 s");
        assert_eq!(Quantity::Seconds.bound(800.0), "13 min 20 s");
        assert_eq!(Quantity::Seconds.bound(7_200.0), "2 h");
        assert_eq!(Quantity::Seconds.bound(150.5), "2.50833333 min");
        assert_eq!(Quantity::Ratio.bound(0.001), "0.1 %");
        assert_eq!(Quantity::Usd.bound(500.0), "$500.00");
        assert_eq!(Quantity::Count.bound(12_000.0), "12,000");
    }
}
