//! Numbers as tables write them, and the units that the names of their columns give.

/// Seconds of a unit of time.
pub(super) fn seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" | "nsec" | "nsecs" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1e-9,
        "us" | "\u{b5}s" | "\u{3bc}s" | "usec" | "usecs" | "micro" | "micros" | "microsecond" | "microseconds" => 1e-6,
        "ms" | "msec" | "msecs" | "milli" | "millis" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "day" | "days" => 86_400.0,
        _ => return None,
    })
}

/// What to call a unit of so many seconds.
pub(super) fn name(unit_s: f64) -> &'static str {
    match unit_s {
        _ if unit_s < 1e-8 => "nanoseconds",
        _ if unit_s < 1e-5 => "microseconds",
        _ if unit_s < 1e-2 => "milliseconds",
        _ if unit_s < 10.0 => "seconds",
        _ if unit_s < 1_000.0 => "minutes",
        _ if unit_s < 10_000.0 => "hours",
        _ => "days",
    }
}

/// The words of a name, in lower case: those of `durationMs`, `Duration (ms)` and `duration_ms` are the same.
pub(super) fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (place, c) in characters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(place + 1);
        let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        // The point of `p99.9`.
        let is_point = *c == '.' && is_digit(before.as_ref()) && is_digit(after);
        // `startTime` and `HTTPCode` have two words, `5XX` one.
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || before.is_alphanumeric() && after.is_some_and(|after| after.is_lowercase())
            });
        if (begins || !(c.is_alphanumeric() || is_point)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() || is_point {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The name of a column without its unit, as words with `_` between them, and the seconds of the unit.
pub(super) fn split(column: &str) -> (String, Option<f64>) {
    let mut words = words(column);
    let unit = words.last().and_then(|word| seconds(word));
    if unit.is_some() {
        words.pop();
    }
    (words.join("_"), unit)
}

/// A number of a table whose columns are separated by `separator`. With semicolons, a comma is a decimal one; else it stands
/// between groups of three digits.
pub(super) fn number(text: &str, separator: u8) -> Option<f64> {
    let text = text.trim();
    let plain = match text.contains(',') {
        false => text.parse().ok(),
        true if separator == b';' => {
            let is_decimal = text.matches(',').count() == 1 && !text.contains('.');
            if is_decimal { text.replace(',', ".").parse().ok() } else { None }
        }
        true => {
            let whole = text.split('.').next().unwrap_or_default();
            let mut groups = whole.trim_start_matches(['-', '+']).split(',');
            let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
            let is_first = |group: &str| (1..=3).contains(&group.len()) && is_digits(group) && !group.starts_with('0');
            let is_grouped = groups.next().is_some_and(is_first)
                && groups.all(|group| group.len() == 3 && is_digits(group))
                && text.matches(',').count() == whole.matches(',').count();
            if is_grouped { text.replace(',', "").parse().ok() } else { None }
        }
    };
    plain.filter(|number: &f64| number.is_finite())
}

/// A number and the seconds of the unit behind it, if there is one: `270.8ms`, `1.5 s`, `3`.
pub(super) fn duration(text: &str, separator: u8) -> Option<(f64, Option<f64>)> {
    let text = text.trim();
    let value = text.trim_end_matches(char::is_alphabetic);
    let unit = &text[value.len()..];
    let unit = if unit.is_empty() { None } else { Some(seconds(&unit.to_lowercase())?) };
    Some((number(value, separator)?, unit))
}

/// Whether a field says that there is no value.
pub(super) fn is_absent(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "" | "-" | "nan" | "null" | "none" | "n/a" | "na" | "undefined")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words_and_units() {
        for (column, base, unit) in [
            ("duration_us", "duration", Some(1e-6)),
            ("Duration (ms)", "duration", Some(1e-3)),
            ("durationMs", "duration", Some(1e-3)),
            ("start_ns", "start", Some(1e-9)),
            ("minute", "", Some(60.0)),
            ("endTime", "end_time", None),
            ("HTTPCode_Target_5XX_Count", "http_code_target_5xx_count", None),
            ("Latency p99.9", "latency_p99.9", None),
            ("latency \u{b5}s", "latency", Some(1e-6)),
        ] {
            assert_eq!(split(column), (base.to_owned(), unit), "{column}");
        }
    }

    #[test]
    fn commas_are_decimal_or_group_digits() {
        for (text, separator, expected) in [
            ("85.3", b',', Some(85.3)),
            ("1,234", b',', Some(1_234.0)),
            ("-1,234,567.5", b',', Some(-1_234_567.5)),
            ("85,3", b';', Some(85.3)),
            ("1,234", b';', Some(1.234)),
            ("85,3", b',', None),
            ("0,123", b',', None),
            ("1,23,456", b'\t', None),
            ("1,234.5", b';', None),
            ("1.5,000", b',', None),
            ("inf", b',', None),
            ("", b',', None),
        ] {
            assert_eq!(number(text, separator), expected, "{text}");
        }
        assert_eq!(duration("270.8ms", b','), Some((270.8, Some(1e-3))));
        assert_eq!(duration("1,5 s", b';'), Some((1.5, Some(1.0))));
        assert_eq!((duration("1e-3", b','), duration("3 x", b',')), (Some((1e-3, None)), None));
    }
}
