//! A key of the scenario with the values that a sweep or a plan can give it.

use std::fmt;

use crate::schema::diagnostic::SourceSpan;
use crate::schema::quantity::{parse_rate_per_s, parse_size_mb};
use crate::schema::tree::{Node, Value};
use crate::time::Span;

/// A dotted key and its candidate values.
#[derive(Clone)]
pub struct Axis {
    /// The dotted key, or `variant`.
    pub key: String,
    /// What its numbers measure; `None`: its values are texts.
    pub unit: Option<Unit>,
    pub(super) place: SourceSpan,
    pub(super) candidates: Candidates,
}

/// What the numbers of an axis measure, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time in seconds.
    Seconds,
    /// Memory in MB (1 GB = 1024 MB).
    Megabytes,
    /// A rate per second.
    PerSecond,
    /// Whole numbers.
    Count,
    /// Other numbers.
    Number,
}

/// One value of an axis.
#[derive(Clone)]
pub struct Level {
    /// As written in a scenario: `512MB`.
    pub text: String,
    /// In the base unit of its axis; `None` if it is not a number.
    pub number: Option<f64>,
    pub(super) node: Node,
}

#[derive(Clone)]
pub(super) enum Candidates {
    /// All values.
    Levels(Vec<Level>),
    /// Any value of a range.
    Range(Range),
}

impl Axis {
    /// The individual values; `None` if any value of a range can be taken.
    #[must_use]
    pub fn levels(&self) -> Option<&[Level]> {
        match &self.candidates {
            Candidates::Levels(levels) => Some(levels),
            Candidates::Range(_) => None,
        }
    }

    /// The value at a share (0 to 1) of the axis: on the scale of a range, or the listed value whose equal part
    /// contains the share. `samples`: how many values will be requested, and so how finely they differ.
    #[must_use]
    pub fn at(&self, share: f64, samples: u32) -> Level {
        match &self.candidates {
            Candidates::Levels(levels) => levels[place_among(share, levels.len())].clone(),
            Candidates::Range(range) => range.between(share, f64::from(samples.clamp(1, FINE))),
        }
    }
}

// Omits the places in the file: scenarios that say the same print the same.
impl fmt::Debug for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Axis");
        shown.field("key", &self.key).field("unit", &self.unit);
        match &self.candidates {
            Candidates::Levels(levels) => shown.field("levels", levels),
            Candidates::Range(range) => shown.field("range", &[range.between(0.0, 1.0), range.between(1.0, 1.0)]),
        };
        shown.finish()
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Which of `parts` equal parts of the range from 0 to 1 contains a share.
pub(super) fn place_among(share: f64, parts: usize) -> usize {
    ((share * parts as f64) as usize).min(parts - 1)
}

impl Level {
    /// A listed value and what it measures, if it is a number.
    pub(super) fn of(node: &Node) -> (Self, Option<Unit>) {
        let text = node.text().map_or_else(|| node.value.to_toml(), str::to_owned);
        let (number, unit) = match &node.value {
            Value::Integer(Some(number)) => (Some(*number as f64), Some(Unit::Count)),
            Value::Float(number) if number.is_finite() => (Some(*number), Some(Unit::Number)),
            Value::Text(text) => {
                Form::of_text(text).map_or((None, None), |(form, decimal)| (form.number(decimal), Some(form.unit())))
            }
            _ => (None, None),
        };
        (Self { text, number, node: node.clone() }, unit)
    }

    /// A value that can only be a text.
    pub(super) fn word(word: &str, place: SourceSpan) -> Self {
        Self { text: word.to_owned(), number: None, node: Node::at(place, Value::from_text(word)) }
    }
}

/// A decimal number: `digits` / 10^`places`, so that steps of 0.1 are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decimal {
    pub(super) digits: i128,
    pub(super) places: u32,
}

/// Values drawn from a range have the digits needed for this many, even if there are more.
const FINE: u32 = 100;

/// Maximum number of digits read from a decimal number, so that sums fit in 128 bits.
const MOST_DIGITS: u32 = 24;

impl Decimal {
    /// Reads `12`, `-0.5`, `1e6`, `1_000`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().replace('_', "");
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text.as_str(), 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits: i128 = all.parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let number = if places < 0 {
            let factor = 10_i128.checked_pow(places.unsigned_abs())?;
            Self { digits: digits.checked_mul(factor)?, places: 0 }
        } else {
            Self { digits, places: places.unsigned_abs() }
        };
        let fits = number.digits.unsigned_abs() < 10_u128.pow(MOST_DIGITS) && number.places <= MOST_DIGITS;
        fits.then_some(number)
    }

    fn times(self, factor: i128) -> Option<Self> {
        Some(Self { digits: self.digits.checked_mul(factor)?, places: self.places })
    }

    /// The same number with more places.
    pub(super) fn with_places(self, places: u32) -> Option<i128> {
        self.digits.checked_mul(10_i128.checked_pow(places.checked_sub(self.places)?)?)
    }

    fn text(self) -> String {
        let digits = self.digits.unsigned_abs().to_string();
        let sign = if self.digits < 0 { "-" } else { "" };
        let places = self.places as usize;
        if places == 0 {
            return format!("{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

/// How the values of a range are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a duration, in this unit (ns).
    Duration,
    /// As a size, in this unit (MB).
    Size,
    /// As a rate, in events per this unit.
    Rate(&'static str),
    Whole,
    Number,
}

/// The units of a rate, and how many of each make a day.
const RATES: [(&str, i128); 4] = [("s", 86_400), ("m", 1_440), ("h", 24), ("d", 1)];

impl Form {
    /// What a text measures, and its number in the unit of its form.
    pub(super) fn of_text(text: &str) -> Option<(Self, Decimal)> {
        let text = text.trim();
        let whole = |digits: i128| Decimal { digits, places: 0 };
        if let Some(span) = text.parse::<Span>().ok().filter(|span| *span != Span::FOREVER) {
            return Some((Self::Duration, whole(span.as_nanos().into())));
        }
        if let Ok(mb) = parse_size_mb(text) {
            return Some((Self::Size, whole(mb.into())));
        }
        parse_rate_per_s(text).ok()?;
        let (number, unit) = text.split_once('/')?;
        let (unit, _) = RATES.iter().find(|(name, _)| *name == unit.trim())?;
        Some((Self::Rate(unit), Decimal::parse(number)?))
    }

    /// The form of a value of a scenario, and its number.
    pub(super) fn of(value: &Value) -> Option<(Self, Decimal)> {
        match value {
            Value::Integer(Some(number)) => Some((Self::Whole, Decimal::parse(&number.to_string())?)),
            // The shortest text that reads back as the same number.
            Value::Float(number) if number.is_finite() => Some((Self::Number, Decimal::parse(&format!("{number:?}"))?)),
            Value::Text(text) => Self::of_text(text),
            _ => None,
        }
    }

    /// A form for both values, and their numbers in it; `None` if they measure different things.
    pub(super) fn common(a: (Self, Decimal), b: (Self, Decimal)) -> Option<(Self, Decimal, Decimal)> {
        let per_day = |unit: &str| RATES.iter().find(|(name, _)| *name == unit).map_or(1, |(_, factor)| *factor);
        match (a.0, b.0) {
            (Self::Rate(one), Self::Rate(other)) if one != other => {
                Some((Self::Rate("d"), a.1.times(per_day(one))?, b.1.times(per_day(other))?))
            }
            (Self::Whole, Self::Number) | (Self::Number, Self::Whole) => Some((Self::Number, a.1, b.1)),
            (one, other) => (one == other).then_some((one, a.1, b.1)),
        }
    }

    pub(super) fn unit(self) -> Unit {
        match self {
            Self::Duration => Unit::Seconds,
            Self::Size => Unit::Megabytes,
            Self::Rate(_) => Unit::PerSecond,
            Self::Whole => Unit::Count,
            Self::Number => Unit::Number,
        }
    }

    /// The number in the base unit.
    fn number(self, decimal: Decimal) -> Option<f64> {
        let text = decimal.text();
        match self {
            Self::Duration => Some(Span::from_nanos(u64::try_from(decimal.digits).ok()?).as_secs_f64()),
            Self::Rate(unit) => parse_rate_per_s(&format!("{text}/{unit}")).ok(),
            Self::Size | Self::Whole | Self::Number => text.parse().ok(),
        }
    }

    fn level(self, decimal: Decimal, place: SourceSpan) -> Level {
        let text = match self {
            Self::Duration => Span::from_nanos(u64::try_from(decimal.digits).unwrap_or(u64::MAX)).to_string(),
            Self::Size => format!("{}MB", decimal.text()),
            Self::Rate(unit) => format!("{}/{unit}", decimal.text()),
            Self::Whole | Self::Number => decimal.text(),
        };
        let number = self.number(decimal);
        let value = match self {
            Self::Whole => Value::Integer(Some(decimal.digits)),
            Self::Number => Value::Float(number.unwrap_or(f64::NAN)),
            _ => Value::from_text(text.as_str()),
        };
        Level { text, number, node: Node::at(place, value) }
    }

    /// Whether there is nothing between two neighbors.
    fn is_whole(self) -> bool {
        matches!(self, Self::Duration | Self::Size | Self::Whole)
    }
}

/// From one number to another, both as multiples of 10^-`places` in the unit of `form`.
#[derive(Clone)]
pub(super) struct Range {
    pub(super) form: Form,
    pub(super) places: u32,
    pub(super) from: i128,
    pub(super) to: i128,
    /// Whether equal shares of the range are equal factors. Then `from` is above zero.
    pub(super) is_log: bool,
    pub(super) place: SourceSpan,
}

impl Range {
    /// The values at intervals of `step` from `from` on; `step` is above zero.
    pub(super) fn steps(&self, step: i128) -> Vec<Level> {
        let last = (self.to - self.from) / step;
        (0..=last).map(|number| self.level(self.from + number * step, self.places)).collect()
    }

    /// How many values have this step.
    pub(super) fn count_steps(&self, step: i128) -> i128 {
        (self.to - self.from) / step + 1
    }

    /// This many values from `from` to `to`, or fewer if there are not enough whole numbers.
    pub(super) fn points(&self, count: u32) -> Vec<Level> {
        let last = f64::from(count.max(2) - 1);
        let mut levels: Vec<Level> = (0..count).map(|number| self.between(f64::from(number) / last, last)).collect();
        levels.dedup_by(|a, b| a.text == b.text);
        levels
    }

    /// The value at a share of the range, with only the digits needed to tell it from its neighbors if there are
    /// `parts`.
    fn between(&self, share: f64, parts: f64) -> Level {
        if share <= 0.0 {
            return self.level(self.from, self.places);
        }
        if share >= 1.0 {
            return self.level(self.to, self.places);
        }
        let (from, to) = (self.from as f64, self.to as f64);
        // In units of 10^-`places`.
        let (value, distance) = if self.is_log {
            let value = from * (to / from).powf(share);
            (value, value * (to / from).ln() / parts)
        } else {
            (from + (to - from) * share, (to - from) / parts)
        };
        if distance <= 0.0 {
            return self.level(self.from, self.places);
        }
        // A thousandth of the distance, as a power of ten. Coarse enough to be rounded to the same on all machines.
        let digit = (distance.log10() - 3.0).floor() as i32;
        if digit >= 0 || self.form.is_whole() {
            let unit = 10_f64.powi(digit.max(0));
            let rounded = ((value / unit).round() * unit) as i128;
            return self.level(rounded.clamp(self.from, self.to), self.places);
        }
        let more = digit.unsigned_abs().min(MOST_DIGITS.saturating_sub(self.places));
        self.level((value * 10_f64.powi(more as i32)).round() as i128, self.places + more)
    }

    fn level(&self, digits: i128, places: u32) -> Level {
        self.form.level(Decimal { digits, places }, self.place)
    }
}

/// Parts of keys that add nothing to the others: families of distributions, arrivals and policies.
const DULL: [&str; 18] = [
    "arrivals",
    "burst",
    "concurrency",
    "constant",
    "diurnal",
    "exponential",
    "fixed",
    "gamma",
    "log-normal",
    "mmpp",
    "normal",
    "piecewise",
    "poisson",
    "scaling",
    "uniform",
    "value",
    "weibull",
    "window",
];

/// Short names of keys: `memory`, `keep-alive`, `duration median`; with the names of functions and sources if they
/// would not be unique otherwise: `checkout memory`.
#[must_use]
pub fn short_names(keys: &[&str]) -> Vec<String> {
    let named = |key: &str| match key.split('.').collect::<Vec<_>>().as_slice() {
        // `function.NAME.key`, `platform.key`.
        ["platform" | "simulation", rest @ ..] => (None, words(rest)),
        [_, name, rest @ ..] if !rest.is_empty() => (Some((*name).to_owned()), words(rest)),
        all => (None, words(all)),
    };
    let all: Vec<(Option<String>, String)> = keys.iter().map(|key| named(key)).collect();
    let is_clear = |places: &[usize]| {
        places.iter().all(|one| places.iter().all(|other| one == other || all[*one].1 != all[*other].1))
    };
    let places: Vec<usize> = (0..all.len()).collect();
    let names: Vec<&String> = all.iter().filter_map(|(name, _)| name.as_ref()).collect();
    let is_of_one = names.windows(2).all(|pair| pair[0] == pair[1]);
    let short = |(name, words): &(Option<String>, String)| match name {
        Some(name) if !(is_clear(&places) && is_of_one) => format!("{name} {words}"),
        _ => words.clone(),
    };
    all.iter().map(short).collect()
}

/// The last informative parts of a key.
fn words(parts: &[&str]) -> String {
    let telling: Vec<&str> = parts.iter().copied().filter(|part| !DULL.contains(part)).collect();
    match telling.as_slice() {
        [] => parts.last().copied().unwrap_or_default().to_owned(),
        [.., before, last] => format!("{before} {last}"),
        [one] => (*one).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_tell_keys_apart() {
        let short = |keys: &[&str]| short_names(keys).join(", ");
        assert_eq!(
            short(&[
                "function.thumbnail.memory",
                "function.thumbnail.duration.log-normal.median",
                "function.thumbnail.keep-alive.fixed.window"
            ]),
            "memory, duration median, keep-alive"
        );
        assert_eq!(short(&["function.a.concurrency.provisioned"]), "provisioned");
        assert_eq!(
            short(&["function.a.concurrency.provisioned", "function.b.concurrency.provisioned"]),
            "a provisioned, b provisioned"
        );
        assert_eq!(
            short(&["source.web.arrivals.poisson.rate", "platform.concurrency.account-limit"]),
            "rate, account-limit"
        );
        assert_eq!(short(&["variant"]), "variant");
        assert_eq!(short(&["function.a.step.db.client.retry.max-attempts"]), "retry max-attempts");
    }

    fn range(from: &str, to: &str, is_log: bool) -> Range {
        let of = |text: &str| {
            Form::of_text(text).unwrap_or_else(|| {
                let form = if text.contains('.') { Form::Number } else { Form::Whole };
                (form, Decimal::parse(text).expect("a number"))
            })
        };
        let (form, from, to) = Form::common(of(from), of(to)).expect("they measure the same");
        let places = from.places.max(to.places);
        let digits = |decimal: Decimal| decimal.with_places(places).expect("small");
        Range { form, places, from: digits(from), to: digits(to), is_log, place: SourceSpan::default() }
    }

    fn texts(levels: &[Level]) -> String {
        levels.iter().map(|level| level.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_are_exact() {
        assert_eq!(texts(&range("0", "50", false).steps(10)), "0 10 20 30 40 50");
        assert_eq!(texts(&range("0.1", "1.0", false).steps(3)), "0.1 0.4 0.7 1");
        assert_eq!(texts(&range("128MB", "0.5GB", false).steps(128)), "128MB 256MB 384MB 512MB");
        assert_eq!(texts(&range("500ms", "2s", false).steps(500_000_000)), "500ms 1s 1s500ms 2s");
        // Tenths are not sums of binary fractions.
        let tenths = range("0.1", "1.0", false).steps(1);
        assert_eq!(tenths[2].number, Some(0.3));
        assert_eq!(tenths.len(), 10);
    }

    #[test]
    fn points_lie_evenly_or_by_factors() {
        assert_eq!(texts(&range("0", "3", false).points(10)), "0 1 2 3");
        assert_eq!(texts(&range("0.0", "1.0", false).points(5)), "0 0.25 0.5 0.75 1");
        assert_eq!(texts(&range("0.0", "1.0", false).points(4)), "0 0.3333 0.6667 1");
        let rates = range("10/s", "1000/s", true).points(7);
        assert_eq!(texts(&rates), "10/s 21.54/s 46.42/s 100/s 215.4/s 464.2/s 1000/s");
        assert_eq!(texts(&range("128MB", "2GB", true).points(5)), "128MB 256MB 512MB 1024MB 2048MB");
        assert_eq!(texts(&range("1s", "100s", true).points(3)), "1s 10s 1m40s");
        assert_eq!(texts(&range("60/m", "2/s", false).points(3)), "86400/d 129600/d 172800/d");
        // However close, they differ.
        assert_eq!(texts(&range("1000001.0", "1000001.2", true).points(3)), "1000001 1000001.1 1000001.2");
    }

    #[test]
    fn shares_fall_into_values() {
        let (levels, _): (Vec<_>, Vec<_>) =
            ["a", "b", "c"].map(|word| (Level::word(word, SourceSpan::default()), ())).into_iter().unzip();
        let axis =
            Axis { key: "x".into(), unit: None, place: SourceSpan::default(), candidates: Candidates::Levels(levels) };
        let at = |share| axis.at(share, 10).text;
        assert_eq!([0.0, 0.33, 0.34, 0.99, 1.0].map(at).join(""), "aabcc");
    }

    #[test]
    fn listed_values_are_numbers_in_base_units() {
        let of = |text: &str| {
            let (level, unit) = Level::of(&Node::at(SourceSpan::default(), Value::from_text(text)));
            (level.number, unit)
        };
        assert_eq!(of("2GB"), (Some(2048.0), Some(Unit::Megabytes)));
        assert_eq!(of("1m30s"), (Some(90.0), Some(Unit::Seconds)));
        assert_eq!(of("30/m"), (Some(0.5), Some(Unit::PerSecond)));
        assert_eq!(of("forever"), (None, None));
        assert_eq!(of("a/b"), (None, None));
    }

    #[test]
    fn decimals_are_read_as_written() {
        let parse = |text| Decimal::parse(text).map(Decimal::text);
        assert_eq!(parse("1e3").as_deref(), Some("1000"));
        assert_eq!(parse("-0.50").as_deref(), Some("-0.5"));
        assert_eq!(parse("1.5e-3").as_deref(), Some("0.0015"));
        assert_eq!([parse("1e99"), parse("x"), parse(""), parse("1e-99"), parse("nan")], [const { None }; 5]);
    }
}
