//! Values of options: from what was typed to what is meant.

use std::num::NonZeroUsize;

use clap::builder::RangedI64ValueParser;
use clap::value_parser;

use crate::scenario::Tolerance;
use crate::scenario::limits::MAX_REPLICATIONS;
use crate::study::backtest::Knob;
use crate::time::Span;

/// Shards of a sweep; each costs a start of the program and a look at all points.
pub(super) const MAX_SHARDS: u32 = 100_000;
/// Multiples of a load that are simulated.
const MIN_LOAD: f64 = 1e-6;
const MAX_LOAD: f64 = 1e6;
/// More threads than this are a typing error.
const MAX_THREADS: usize = 1024;

/// As many replications as there may be, where intervals are asked for.
pub(super) fn replications() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(2..=i64::from(MAX_REPLICATIONS))
}

/// `KEY=VALUE`.
pub(super) fn change(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, as in function.checkout.memory=512MB".to_owned()),
    }
}

/// `5%`, `METRIC=5%` or `METRIC=VALUE`.
pub(super) fn precision(text: &str) -> Result<(Option<String>, Tolerance), String> {
    let (metric, value) = match text.split_once('=') {
        Some((metric, value)) => (Some(metric.trim().to_owned()), value.trim()),
        None => (None, text.trim()),
    };
    match (value.parse(), metric) {
        (Ok(part @ Tolerance::Relative(_)), metric) => Ok((metric, part)),
        (Ok(size), Some(metric)) => Ok((Some(metric), size)),
        _ => Err("write a percentage, as in 5%, or METRIC=VALUE, as in latency_s.p99=0.01".to_owned()),
    }
}

/// `METRIC=5%` or `METRIC=VALUE`.
pub(super) fn precision_of_metric(text: &str) -> Result<(String, Tolerance), String> {
    match precision(text) {
        Ok((Some(metric), tolerance)) => Ok((metric, tolerance)),
        _ => Err("write METRIC=5%, or METRIC=VALUE, as in latency_s.p99=0.01; both above zero".to_owned()),
    }
}

/// `0.1..100`: multiples of a load.
pub(super) fn loads(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match ends {
        Some((from, to)) if from >= MIN_LOAD && to <= MAX_LOAD && from < to => Ok((from, to)),
        _ => Err(format!("write FROM..TO with {MIN_LOAD} <= FROM < TO <= {MAX_LOAD}, as in 0.1..100")),
    }
}

/// `3/64`.
pub(super) fn shard(text: &str) -> Result<(u32, u32), String> {
    let numbers = text.split_once('/').and_then(|(shard, of)| Some((shard.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((shard, of)) if (1..=of).contains(&shard) && of <= MAX_SHARDS => Ok((shard, of)),
        _ => Err(format!("write K/N with K from 1 to N, as in 3/64; N may be {MAX_SHARDS} at most")),
    }
}

pub(super) fn requests(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(requests) if (1.0..=1e12).contains(&requests) => Ok(requests),
        _ => Err("write a number from 1 to 1e12".to_owned()),
    }
}

/// An amount of money.
pub(super) fn amount(text: &str) -> Result<f64, String> {
    let amount = text.trim().trim_start_matches('$').parse::<f64>().ok();
    amount.filter(|usd| usd.is_finite() && *usd >= 0.0).ok_or_else(|| "write US dollars, such as 12.50".to_owned())
}

/// Requests a second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (1e-6..=1e6).contains(&rate) => Ok(rate),
        _ => Err("write a number of requests per second, as in 300 or 0.5".to_owned()),
    }
}

/// A time above zero.
/// `KEY=LOW..HIGH`, both in one unit.
pub(super) fn knob(text: &str) -> Result<Knob, String> {
    let wrong = || "write KEY=LOW..HIGH in one unit, as in function.shop.keep-alive.fixed.window=60s..3600s".to_owned();
    let (key, range) = text.split_once('=').ok_or_else(wrong)?;
    let (low, high) = range.split_once("..").ok_or_else(wrong)?;
    let split = |text: &str| {
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        Some((text[..end].parse::<f64>().ok()?, text[end..].to_owned()))
    };
    let ((low, unit), (high, other)) = split(low).zip(split(high)).ok_or_else(wrong)?;
    if key.trim().is_empty() || unit != other || low >= high {
        return Err(wrong());
    }
    Ok(Knob { key: key.trim().to_owned(), low, high, unit })
}

/// `N` or `NAME=N`.
pub(super) fn rate_of(text: &str) -> Result<(Option<String>, f64), String> {
    match text.split_once('=') {
        Some((name, number)) => Ok((Some(name.trim().to_owned()), rate(number)?)),
        None => Ok((None, rate(text)?)),
    }
}

pub(super) fn time(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(Span::ZERO) => Err("write a time above zero, as in 150ms".to_owned()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

/// A word that can stand between quotes.
pub(super) fn plain(text: &str) -> Result<String, String> {
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "._%$+- ".contains(c)) {
        true if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("write letters and digits only".to_owned()),
    }
}

/// The keys and values of an `[[objective]]`.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Slo(pub(in crate::cli) Vec<(&'static str, String)>);

/// `p99<800ms`, `METRIC<VALUE`, `METRIC>VALUE` or `SHARE<TIME`.
pub(super) fn slo(text: &str) -> Result<Slo, String> {
    let at = text.find(['<', '>']).ok_or("write METRIC<VALUE, as in p99<800ms")?;
    let (metric, value) = (plain(text[..at].trim())?, plain(text[at + 1..].trim())?);
    if metric.ends_with('%') && text[at..].starts_with('<') {
        return Ok(Slo(vec![("share", metric), ("within", value)]));
    }
    let bound = if text[at..].starts_with('<') { "below" } else { "above" };
    let is_quantile = metric.strip_prefix('p').is_some_and(|rest| rest.bytes().all(|digit| digit.is_ascii_digit()));
    let metric = if is_quantile { format!("latency_s.{metric}") } else { metric };
    Ok(Slo(vec![("metric", metric), (bound, value)]))
}

pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse() {
        Ok(threads) if threads <= NonZeroUsize::new(MAX_THREADS).unwrap_or(NonZeroUsize::MAX) => Ok(threads),
        _ => Err(format!("write a number from 1 to {MAX_THREADS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_relative_or_that_of_a_metric() {
        assert_eq!(precision("5%"), Ok((None, Tolerance::Relative(0.05))));
        assert_eq!(precision("a.b=2 %"), Ok((Some("a.b".to_owned()), Tolerance::Relative(0.02))));
        assert_eq!(precision("a.b=0.01"), Ok((Some("a.b".to_owned()), Tolerance::Absolute(0.01))));
        assert!(["5", "0%", "-1%", "x", "a=b", "inf%"].iter().all(|text| precision(text).is_err()));
    }

    #[test]
    fn an_objective_is_a_metric_and_a_bound() {
        let read = |text| slo(text).map(|slo| slo.0);
        let expected =
            |metric: &str, bound, value: &str| Ok(vec![("metric", metric.to_owned()), (bound, value.to_owned())]);
        assert_eq!(read("p99 < 800ms"), expected("latency_s.p99", "below", "800ms"));
        assert_eq!(read("cold_start_ratio<1%"), expected("cold_start_ratio", "below", "1%"));
        assert_eq!(read("requests.completed>1e6"), expected("requests.completed", "above", "1e6"));
        let share = vec![("share", "99.9%".to_owned()), ("within", "800ms".to_owned())];
        assert_eq!(read("99.9%<800ms"), Ok(share));
        assert!(["p99", "<1s", "p99<", "p99<\"", "a\nb<1"].iter().all(|text| slo(text).is_err()));
    }

    #[test]
    fn threads_and_changes_are_checked() {
        assert_eq!(threads("2").map(NonZeroUsize::get), Ok(2));
        assert!(threads("0").is_err() && threads("1025").is_err() && threads("x").is_err());
        assert_eq!(change("a.b=c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert!(change("=1").is_err() && change("a").is_err());
    }
}
