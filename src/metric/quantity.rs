//! What the numbers of a metric are, and the numbers that it is held against.

use crate::time::Span;

/// The largest number that a metric is held against: what is shown of it, in percent for one, is a number too.
const VALUE_MAX: f64 = 1e15;

/// What a number measures, hence how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A length of time in seconds.
    Seconds,
    /// How many; also means of counts.
    Count,
    /// US dollars.
    Usd,
    /// A share between 0 and 1, written in percent.
    Ratio,
}

impl Quantity {
    /// What the metric of requests with this dotted key measures; a number where there is no such metric.
    #[must_use]
    pub fn of(key: &str) -> Self {
        match super::find(key) {
            Some(metric) => metric.quantity,
            None if key == super::MONTHLY_COST => Self::Usd,
            None if key.starts_with(super::WITHIN) => Self::Ratio,
            None => {
                let of_nodes = || super::component::of_nodes().iter().find(|metric| metric.key == key);
                super::component::find_of_batching(key).or_else(of_nodes).map_or(Self::Count, |metric| metric.quantity)
            }
        }
    }

    /// The unit as scientists write it: `s`, `USD`; `1`: there is none.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Usd => "USD",
            Self::Ratio | Self::Count => "1",
        }
    }

    /// Reads a value with its unit, as `800ms`, `1%` or `$5`, or a bare number in the unit of the metric.
    ///
    /// # Errors
    /// What to write instead.
    pub fn read(self, text: &str) -> Result<f64, &'static str> {
        number(text).map_or_else(|| self.read_with_unit(text), Ok)
    }

    /// Reads a value with its unit. What is counted has none.
    ///
    /// # Errors
    /// What to write instead.
    pub fn read_with_unit(self, text: &str) -> Result<f64, &'static str> {
        let text = text.trim();
        let value = match self {
            Self::Seconds => text.parse::<Span>().ok().map(Span::as_secs_f64),
            Self::Ratio => text.strip_suffix('%').and_then(number).map(|percent| percent / 100.0),
            Self::Usd => text.strip_prefix('$').and_then(number),
            Self::Count => number(text),
        };
        value.ok_or(match self {
            Self::Seconds => "write a duration, as in 800ms, or seconds, as in 0.8",
            Self::Ratio => "write a percentage, as in 1%, or a share, as in 0.01",
            Self::Usd => "write US dollars, as in 5 or $5",
            Self::Count => "write a number, as in 100",
        })
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.abs() <= VALUE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_unit_of_its_metric() {
        for (quantity, text, value) in [
            (Quantity::Seconds, "800ms", Some(0.8)),
            (Quantity::Seconds, " 1m30s ", Some(90.0)),
            (Quantity::Seconds, "0.8", Some(0.8)),
            (Quantity::Seconds, "1%", None),
            (Quantity::Ratio, "0.5 %", Some(0.005)),
            (Quantity::Ratio, "5s", None),
            (Quantity::Usd, "$5", Some(5.0)),
            (Quantity::Usd, "5%", None),
            (Quantity::Count, "100", Some(100.0)),
            (Quantity::Count, "100ms", None),
            (Quantity::Count, "NaN", None),
            (Quantity::Ratio, "1.7e308", None),
            (Quantity::Ratio, "1.7e308%", None),
            (Quantity::Usd, "$-1.7e308", None),
            (Quantity::Count, "", None),
        ] {
            assert_eq!(quantity.read(text).ok(), value, "{text}");
        }
        // Where it stands in quotes it says its unit, if there is one.
        for (quantity, text, value) in [
            (Quantity::Seconds, "800", None),
            (Quantity::Seconds, "800ms", Some(0.8)),
            (Quantity::Ratio, "0.5", None),
            (Quantity::Ratio, "0.5%", Some(0.005)),
            (Quantity::Usd, "5", None),
            (Quantity::Count, "100", Some(100.0)),
        ] {
            assert_eq!(quantity.read_with_unit(text).ok(), value, "{text}");
        }
    }
}
