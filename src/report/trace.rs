//! What is in a trace, for the terminal.

use std::fmt::Write as _;

use super::format::{count, duration, numbered, percent};
use super::phrases::sanitize;
use crate::workload::trace::stats::{Durations, TraceStats};

/// Columns of the line that shows the rate over time.
const COLUMNS: usize = 72;
/// From nothing to the most.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A statistic has so many characters for its name.
const LABEL: usize = 16;

/// A text of at most 80 columns.
#[must_use]
pub fn render(name: &str, stats: &TraceStats) -> String {
    let mut text = String::new();
    let functions = match (stats.functions, stats.apps) {
        (0, _) => String::new(),
        (functions, None) => format!("{}, ", numbered(functions, "function")),
        (functions, Some(apps)) => format!("{} in {}, ", numbered(functions, "function"), numbered(apps, "app")),
    };
    let requests = numbered(stats.invocations, "request");
    line(&mut text, &format!("{name}: {functions}{requests} in {}\n", duration(stats.span_s)));
    if let Some(rate) = stats.rate_mean {
        let peak = stats.peak.invocations as f64 / stats.peak.interval_s;
        let at = if stats.peak.at_s > 0.0 { duration(stats.peak.at_s) } else { "the start".to_owned() };
        // A short trace may end before its busiest interval does.
        let at_most = if peak < rate { String::new() } else { format!("; {}/s at most, at {at}", count(peak)) };
        row(&mut text, "Rate", &format!("{}/s on average{at_most}", count(rate)));
    }
    if let Some(dispersion) = stats.dispersion {
        let interval = duration(stats.peak.interval_s);
        let about = format!("variance over mean of the requests per {interval}: {} (Poisson: 1)", count(dispersion));
        row(&mut text, "Burstiness", &about);
    }
    if let Some(cv) = stats.interarrival_cv {
        row(&mut text, "", &format!("coefficient of variation of the gaps: {} (Poisson: 1)", count(cv)));
    }
    if let Some(durations) = &stats.duration_s {
        durations_row(&mut text, durations);
    }
    if stats.functions > 0 {
        let (one, ten) = (percent(stats.top_1_percent_share), percent(stats.top_10_percent_share));
        row(&mut text, "Busiest", &format!("1 % of the functions get {one} of the requests, 10 % get {ten}"));
        let (hour, minute) = (percent(stats.at_most_hourly_share), percent(stats.at_most_minutely_share));
        row(&mut text, "Rarely called", &format!("{hour} at most once an hour, {minute} at most once a minute"));
    }
    series(&mut text, stats);
    if !stats.busiest.is_empty() {
        line(&mut text, "\nBusiest functions                                      requests    share");
        for busy in &stats.busiest {
            let name: String = busy.name.chars().take(44).collect();
            line(&mut text, &format!("  {name:<44} {:>17} {:>8}", count(busy.invocations as f64), percent(busy.share)));
        }
    }
    if !stats.triggers.is_empty() {
        line(&mut text, "\nTriggers                              functions        requests    share");
        for trigger in &stats.triggers {
            let share = trigger.invocations as f64 / stats.invocations.max(1) as f64;
            let (functions, requests) = (count(trigger.functions as f64), count(trigger.invocations as f64));
            line(
                &mut text,
                &format!(
                    "  {:<34} {functions:>10} {requests:>15} {:>8}",
                    sanitize(&trigger.trigger, 34),
                    percent(share)
                ),
            );
        }
    }
    if !stats.remarks.is_empty() {
        line(&mut text, "");
    }
    stats.remarks.iter().for_each(|remark| line(&mut text, remark));
    if let Some(first) = &stats.skipped_first {
        line(&mut text, &format!("first skipped row: {first}"));
    }
    text
}

fn durations_row(text: &mut String, durations: &Durations) {
    let Durations { mean, p1, p25, p50, p75, p95, p99, max } = *durations;
    let [mean, p1, p25, p50, p75, p95, p99, max] = [mean, p1, p25, p50, p75, p95, p99, max].map(duration);
    row(text, "Duration", &format!("mean {mean}; p1 {p1}, p25 {p25}, p50 {p50}, p75 {p75}"));
    row(text, "", &format!("p95 {p95}, p99 {p99}, longest {max}"));
}

/// The rate over time as one line of bars.
fn series(text: &mut String, stats: &TraceStats) {
    let counts = &stats.series.counts;
    if counts.len() < 2 {
        return;
    }
    let per_column = counts.len().div_ceil(COLUMNS);
    let columns: Vec<f64> =
        counts.chunks(per_column).map(|bars| bars.iter().sum::<u64>() as f64 / bars.len() as f64).collect();
    let most = columns.iter().copied().fold(0.0, f64::max);
    let level = |value: f64| match (value / most * (LEVELS.len() - 1) as f64).round() {
        _ if value == 0.0 => ' ',
        step => LEVELS[step as usize],
    };
    let drawn: String = columns.iter().map(|value| level(*value)).collect();
    let width = duration(per_column as f64 * stats.series.bar_s);
    line(text, &format!("\nRate over time, {width} per column; full height: {}/s", count(most / stats.series.bar_s)));
    line(text, &format!("  {drawn}"));
}

fn row(text: &mut String, label: &str, about: &str) {
    line(text, &format!("{label:<LABEL$}{about}"));
}

fn line(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Input;
    use crate::workload::trace::{RowFormat, RowOptions, RowTrace};

    fn first_lines(rows: &str) -> Vec<String> {
        let input = Input::of_bytes("x", format!("time_s,function\n{rows}").into_bytes());
        let trace = RowTrace::scan(&input, RowFormat::Forewarm, RowOptions::default()).unwrap();
        let text = render("x", &TraceStats::of_rows(&trace).unwrap());
        text.lines().filter(|line| !line.is_empty()).take(2).map(str::to_owned).collect()
    }

    #[test]
    fn one_is_singular_and_the_highest_rate_is_not_below_the_mean() {
        assert_eq!(first_lines("1,a\n"), ["x: 1 function, 1 request in 1.00 s", "Rate            1/s on average"]);
        let rows = (0..=120).map(|at| format!("{at},{}\n", if at < 60 { "a" } else { "b" })).collect::<String>();
        assert_eq!(
            first_lines(&(rows + "120,a\n".repeat(99).as_str())),
            ["x: 2 functions, 220 requests in 2.00 min", "Rate            1.83/s on average"]
        );
        let busy = "30,a\n".repeat(300) + "600,b\n";
        assert_eq!(first_lines(&busy)[1], "Rate            0.502/s on average; 5/s at most, at the start");
    }
}
