//! Quantities as people write them: sizes (`512MB`) and rates (`50/s`). Durations are [`Span`](crate::time::Span)s.

/// The units of a size with their length in MB. All are 1024-based, as the clouds bill.
const SIZE_UNITS: [(&str, f64); 4] = [("MB", 1.0), ("GB", 1024.0), ("MiB", 1.0), ("GiB", 1024.0)];

/// The units of a rate with their length in seconds.
const RATE_UNITS: [(&str, f64); 4] = [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantityError {
    /// A number without a unit.
    #[error("`{number}` has no unit: write {examples}")]
    NoUnit {
        /// What was written.
        number: String,
        /// It, with units.
        examples: String,
    },
    /// A unit that does not exist.
    #[error("`{unit}` is not a unit of {what}: write {examples}")]
    UnknownUnit {
        /// What was written.
        unit: String,
        /// Size or rate.
        what: &'static str,
        /// The number with units that exist.
        examples: String,
    },
    /// No number where one should stand.
    #[error("`{text}` is not a {what}: write a number and a unit, as in {example}")]
    NotANumber {
        /// What was written.
        text: String,
        /// Size or rate.
        what: &'static str,
        /// How one looks.
        example: &'static str,
    },
    /// A size between two megabytes.
    #[error("`{0}` is not a whole number of MB: write \"{1}MB\"")]
    NotWhole(String, u64),
    /// Less than nothing.
    #[error("a {0} cannot be negative")]
    Negative(&'static str),
    /// Beyond any machine.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// How people write units that are not ours, and ours.
const ALIASES: [(&str, &str); 33] = [
    ("hours", "h"),
    ("hour", "h"),
    ("hrs", "h"),
    ("hr", "h"),
    ("minutes", "m"),
    ("minute", "m"),
    ("mins", "m"),
    ("min", "m"),
    ("seconds", "s"),
    ("second", "s"),
    ("secs", "s"),
    ("sec", "s"),
    ("days", "d"),
    ("day", "d"),
    ("milliseconds", "ms"),
    ("millisecond", "ms"),
    ("msec", "ms"),
    ("microseconds", "us"),
    ("usec", "us"),
    ("µs", "us"),
    ("μs", "us"),
    ("rps", "/s"),
    ("req/s", "/s"),
    ("hz", "/s"),
    ("rpm", "/m"),
    ("mb", "MB"),
    ("m", "MB"),
    ("mi", "MB"),
    ("mib", "MiB"),
    ("gb", "GB"),
    ("g", "GB"),
    ("gi", "GB"),
    ("gib", "GiB"),
];

/// The quantity that was probably meant, with units that exist: "24 hours" is 24h, "5 rps" is 5/s.
pub fn with_known_units(text: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
    let (number, unit) = split(text);
    if number.is_empty() || unit.is_empty() {
        return None;
    }
    let lower = unit.to_lowercase();
    let (slash, word) = match lower.strip_prefix('/').or_else(|| lower.strip_prefix("per ")) {
        Some(word) => ("/", word.trim()),
        None => ("", lower.as_str()),
    };
    let (_, known) = ALIASES.iter().find(|(alias, _)| *alias == word)?;
    let meant = format!("{number}{slash}{known}");
    (is_known(&meant) && meant != text.trim()).then_some(meant)
}

/// Reads a size in whole megabytes (1 GB = 1024 MB).
///
/// # Errors
/// Refuses what has no unit or an unknown one, is negative, not whole, or beyond any machine.
pub fn parse_size_mb(text: &str) -> Result<u32, QuantityError> {
    let (number, unit) = split(text);
    let value = number_of(number, text, "size", "\"512MB\" or \"2GB\"")?;
    if unit.is_empty() {
        let examples = format!("\"{number}MB\" or \"{number}GB\"");
        return Err(QuantityError::NoUnit { number: number.to_owned(), examples });
    }
    let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        let giga = unit.to_lowercase().starts_with('g');
        let examples = format!("\"{number}{}\"", if giga { "GB" } else { "MB" });
        return Err(QuantityError::UnknownUnit { unit: unit.to_owned(), what: "size (MB GB MiB GiB)", examples });
    };
    let megabytes = value * factor;
    if megabytes > f64::from(u32::MAX) {
        return Err(QuantityError::TooLarge(text.trim().to_owned()));
    }
    if megabytes.fract() != 0.0 {
        return Err(QuantityError::NotWhole(text.trim().to_owned(), megabytes.ceil() as u64));
    }
    Ok(megabytes as u32)
}

/// Reads a rate, in events per second.
///
/// # Errors
/// Refuses what has no unit or an unknown one, and what is negative or infinite.
pub fn parse_rate_per_s(text: &str) -> Result<f64, QuantityError> {
    let (number, unit) = split(text);
    let value = number_of(number, text, "rate", "\"50/s\" or \"3/m\"")?;
    let examples = || format!("\"{number}/s\" (or /m, /h, /d)");
    if unit.is_empty() {
        return Err(QuantityError::NoUnit { number: number.to_owned(), examples: examples() });
    }
    let known = unit.strip_prefix('/').map(str::trim);
    let Some((_, seconds)) = RATE_UNITS.iter().find(|(name, _)| Some(*name) == known) else {
        return Err(QuantityError::UnknownUnit { unit: unit.to_owned(), what: "rate", examples: examples() });
    };
    Ok(value / seconds)
}

/// Reads a number with one of these units, each with what it stands for; none if there is another unit or none, and below 0.
#[must_use]
pub fn parse_with_units(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, unit) = split(text);
    let (_, factor) = units.iter().find(|(known, _)| *known == unit)?;
    let value = number.replace('_', "").parse::<f64>().ok()? * factor;
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// The number at the start of a text, and the unit after it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_');
    let mut end = text.find(|c: char| !digit(c)).unwrap_or(text.len());
    // An exponent, as in 1e6.
    if let Some(rest) = text[end..].strip_prefix(['e', 'E']) {
        let exponent = rest.find(|c: char| !digit(c)).unwrap_or(rest.len());
        if rest[..exponent].ends_with(|c: char| c.is_ascii_digit()) {
            end += 1 + exponent;
        }
    }
    (&text[..end], text[end..].trim())
}

fn number_of(number: &str, text: &str, what: &'static str, example: &'static str) -> Result<f64, QuantityError> {
    let not = || QuantityError::NotANumber { text: text.trim().to_owned(), what, example };
    let value: f64 = number.replace('_', "").parse().map_err(|_| not())?;
    if value < 0.0 {
        return Err(QuantityError::Negative(what));
    }
    if value.is_finite() { Ok(value) } else { Err(QuantityError::TooLarge(text.trim().to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_units_of_1024() {
        for (text, mb) in
            [("512MB", 512), ("1 GB", 1024), ("0.5GiB", 512), ("1.5GB", 1536), ("128MiB", 128), ("0MB", 0)]
        {
            assert_eq!(parse_size_mb(text), Ok(mb), "{text}");
        }
        for text in ["", "512", "512mb", "512 KB", "-1MB", "1.3MB", "1e30GB", "MB", "NaNMB", "infMB", "1.2.3MB"] {
            assert!(parse_size_mb(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_read_per_second() {
        for (text, rate) in [("50/s", 50.0), ("30/m", 0.5), ("1e3/s", 1e3), ("7200 / h", 2.0), ("86400/d", 1.0)] {
            assert_eq!(parse_rate_per_s(text), Ok(rate), "{text}");
        }
        for text in ["", "50", "50rps", "/s", "-1/s", "1e999/s", "50/ms", "50/10s", "NaN/s", "inf/s"] {
            assert!(parse_rate_per_s(text).is_err(), "{text}");
        }
    }

    #[test]
    fn advice_shows_the_number_with_a_unit() {
        let advice = |result: Result<u32, QuantityError>| result.map_err(|error| error.to_string());
        assert_eq!(advice(parse_size_mb("512")), Err("`512` has no unit: write \"512MB\" or \"512GB\"".to_owned()));
        assert_eq!(
            advice(parse_size_mb("2gb")),
            Err("`gb` is not a unit of size (MB GB MiB GiB): write \"2GB\"".to_owned())
        );
    }
}
