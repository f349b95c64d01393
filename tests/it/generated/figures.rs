//! What the numbers of a summary mean together, whatever they are.

use serde_json::Value;

/// Quantiles in their order.
const QUANTILES: [&str; 6] = ["p50", "p90", "p95", "p99", "p999", "max"];

/// Tries all statistics of a summary.
///
/// # Errors
/// What cannot be.
pub(super) fn hold(summary: &Value) -> Result<(), String> {
    statistics("", summary)?;
    shape("total", &summary["total"])?;
    for (name, function) in summary["functions"].as_object().into_iter().flatten() {
        shape(name, function)?;
    }
    for (name, source) in summary["sources"].as_object().into_iter().flatten() {
        adds_up(name, &source["requests"], "arrived", &["succeeded", "failed", "unfinished"])?;
    }
    Ok(())
}

fn shape(name: &str, shape: &Value) -> Result<(), String> {
    let outcomes = ["completed", "rejected", "timed_out", "failed", "unfinished"];
    adds_up(name, &shape["requests"], "arrived", &outcomes)?;
    adds_up(name, &shape["instances"], "mean", &["busy_mean", "idle_mean", "starting_mean"])?;
    let parts: Vec<&str> = shape["cost_usd"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let parts: Vec<&str> = parts.into_iter().filter(|key| *key != "total" && !key.starts_with("per_million")).collect();
    adds_up(name, &shape["cost_usd"], "total", &parts)?;
    for (mean, peak) in [("instances", "instances"), ("concurrency", "concurrency"), ("queue", "queue")] {
        let [mean, peak] = [number(&shape[mean]["mean"]), number(&shape[peak]["peak"])];
        if mean > peak * (1.0 + 1e-9) {
            return Err(format!("{name}: a mean of {mean} and a peak of {peak}"));
        }
    }
    let no_more = [("cold", "started"), ("cold", "cold_affected"), ("cold_affected", "started")];
    for (less, more) in no_more {
        let [less_is, more_is] = [less, more].map(|key| number(&shape["invocations"][key]));
        if less_is > more_is + 1e-9 {
            return Err(format!("{name}: {less} {less_is}, {more} {more_is}"));
        }
    }
    Ok(())
}

fn number(stat: &Value) -> f64 {
    stat["mean"].as_f64().unwrap_or(f64::NAN)
}

/// The parts make up the whole.
fn adds_up(name: &str, group: &Value, whole: &str, parts: &[&str]) -> Result<(), String> {
    let [all, sum] = [number(&group[whole]), parts.iter().map(|part| number(&group[*part])).sum()];
    if (all - sum).abs() <= 1e-9 * all.abs() + 1e-9 || all.is_nan() && sum.is_nan() {
        return Ok(());
    }
    Err(format!("{name}: {whole} {all}, but {} make {sum}: {group}", parts.join(" + ")))
}

/// Every statistic is a number that can be, and quantiles do not fall.
fn statistics(at: &str, value: &Value) -> Result<(), String> {
    let Some(table) = value.as_object() else { return Ok(()) };
    if let Some(mean) = table.get("mean").filter(|mean| mean.is_number() && table.contains_key("half_width")) {
        let mean = mean.as_f64().unwrap_or(f64::NAN);
        if mean < 0.0 || (at.ends_with("_ratio") && mean > 1.0 + 1e-12) {
            return Err(format!("{at} is {mean}"));
        }
        if table["half_width"].as_f64().is_some_and(|half| half < 0.0) {
            return Err(format!("{at} has an interval of {}", table["half_width"]));
        }
    }
    let quantiles: Vec<f64> = QUANTILES.iter().map(|key| table.get(*key).map_or(f64::NAN, number)).collect();
    let falls = quantiles.windows(2).any(|pair| pair[0] > pair[1] * (1.0 + 1e-9));
    if falls || number(&table.get("mean").cloned().unwrap_or_default()) > quantiles[5] * (1.0 + 1e-9) {
        return Err(format!("{at}: mean and quantiles are not in order: {value}"));
    }
    table.iter().try_for_each(|(key, value)| statistics(&format!("{at}.{key}"), value))
}
