//! The scenario that was found, and what is said about it.

use std::fmt::Write as _;

use super::laws::Found;
use super::measured::Measured;
use super::{Counts, FittedFunction};

/// Memory sizes of AWS Lambda, MB.
const LAMBDA_MEMORY_MB: std::ops::RangeInclusive<u32> = 128..=10_240;

/// The scenario.
pub(super) fn scenario(name: &str, functions: &[FittedFunction], measured: &Measured) -> String {
    let mut out = "# Written by `forewarm fit` from:\n".to_owned();
    for (file, format, count) in &measured.read {
        let file: String = file.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(out, "#   {file} ({format}, {count} records)");
    }
    for line in &measured.assumed {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(out, "# ASSUMED: {line}");
    }
    let length = functions
        .iter()
        .filter_map(|function| function.arrivals.as_ref())
        .map(|arrivals| arrivals.length_s)
        .fold(0.0, f64::max);
    let horizon = if length > 0.0 { (length / 60.0).ceil() * 60.0 } else { 3_600.0 };
    let horizon = horizon.clamp(600.0, 30.0 * 86_400.0);
    let _ = write!(
        out,
        "\n[scenario]\nname = \"{name}\"\n\n[simulation]\nhorizon = \"{}\"\nwarm-up = \"0s\"\nseed = 1\nreplications = 5\n",
        crate::time::Span::from_secs(horizon as u64)
    );
    let is_lambda = measured.read.iter().any(|(_, format, _)| {
        format.contains("Lambda") || format.contains("Logs Insights") || format.contains("X-Ray")
    });
    if is_lambda {
        out.push_str("\n[platform]\npreset = \"aws-lambda\"\n");
    }
    for function in functions {
        let _ = write!(out, "\n[[function]]\nname = \"{}\"\n", function.name);
        match function.memory_mb {
            Some(memory) if is_lambda && !LAMBDA_MEMORY_MB.contains(&memory) => {
                let _ = writeln!(out, "# the logs have {memory} MB of memory, which AWS Lambda does not offer");
            }
            Some(memory) => {
                let _ = writeln!(out, "memory = \"{memory}MB\"");
            }
            None => {}
        }
        if is_lambda {
            out.push_str("timeout = \"15m\"                      # not in the logs: the platform's maximum\n");
        }
        match &function.durations {
            Some(found) => law(&mut out, "duration", found),
            None => {
                out.push_str(
                    "duration = { exponential = { mean = \"100ms\" } }  # ASSUMED: no durations in the data\n",
                );
            }
        }
        if let Some(found) = &function.cold_durations {
            law(&mut out, "cold-duration", found);
        }
        if let Some(found) = &function.inits {
            let _ = writeln!(out, "# {}", evidence(found));
            let _ = writeln!(out, "cold-start.phases.init = {}", found.toml());
        }
        if let Some(found) = function.keep_alive.filter(|found| found.is_good() || found.drawn.is_some()) {
            let _ = writeln!(
                out,
                "# instances were reused after {} idle times and not after {}; the window is between {} and {}; {} \
                 idle times do not fit",
                found.seen.0,
                found.seen.1,
                people(found.between_s.0),
                people(found.between_s.1),
                found.misfits
            );
            let window = crate::time::Span::from_secs(found.window_s.round().max(1.0) as u64);
            let _ = match found.drawn {
                Some((scale, shape)) => {
                    writeln!(
                        out,
                        "keep-alive.drawn.window = {{ weibull = {{ scale = {}, shape = {} }} }}",
                        super::laws::seconds(scale),
                        super::laws::plain(shape)
                    )
                }
                None => writeln!(out, "keep-alive.fixed.window = \"{window}\""),
            };
        }
        if let Some(found) = &function.cpu_bound {
            let sizes: Vec<String> = found
                .sizes
                .iter()
                .map(|(size, count, mean)| format!("{size} MB: {} ({count})", people(*mean)))
                .collect();
            let _ = writeln!(
                out,
                "# mean duration by memory: {}; for [plan]: cpu-bound-share = {:.2}",
                sizes.join(", "),
                found.share
            );
        }
    }
    for function in functions {
        let _ = write!(out, "\n[[source]]\nname = \"{0}\"\nfunction = \"{0}\"\n", function.name);
        match &function.arrivals {
            Some(arrivals) => {
                let _ = writeln!(
                    out,
                    "# {} requests in {}: {} per second",
                    arrivals.count,
                    people(arrivals.length_s),
                    with_interval(arrivals.rate, arrivals.half_width)
                );
                arrivals.evidence.iter().for_each(|line| {
                    let _ = writeln!(out, "# {line}");
                });
                let _ = writeln!(out, "arrivals = {}", arrivals.toml());
            }
            None => out.push_str("arrivals = { poisson = { rate = \"1/s\" } }  # ASSUMED: no timestamps in the data\n"),
        }
    }
    if functions.iter().any(|function| function.durations.is_none() || function.arrivals.is_none()) {
        out.push_str("\n[origin]\n");
        for function in functions {
            if function.durations.is_none() {
                let _ = writeln!(
                    out,
                    "\"function.{}.duration.exponential.mean\" = {{ assumed = \"no durations in the data\", value = \
                     \"100ms\" }}",
                    function.name
                );
            }
            if function.arrivals.is_none() {
                let _ = writeln!(
                    out,
                    "\"source.{}.arrivals.poisson.rate\" = {{ assumed = \"no timestamps in the data\", value = \"1/s\" \
                     }}",
                    function.name
                );
            }
        }
    }
    out
}

fn law(out: &mut String, key: &str, found: &Found) {
    let _ = writeln!(out, "# {}", evidence(found));
    let _ = writeln!(out, "{key} = {}", found.toml());
}

/// How a law was chosen.
fn evidence(found: &Found) -> String {
    let Some(best) = found.best() else { return format!("through {} percentiles", found.percentiles.len()) };
    if found.count == 0 {
        return "from percentiles or a mean".to_owned();
    }
    let parameters = best.law.names().iter().zip(best.law.parameters).zip(best.law.half_widths);
    let intervals: Vec<String> = parameters
        .filter_map(|((name, value), half)| {
            let half = half.filter(|half| *half > 0.0)?;
            let is_number = matches!(*name, "sigma" | "shape");
            let value =
                if is_number { with_interval(value, half) } else { format!("{} ± {}", people(value), people(half)) };
            Some(format!("{name} {value}"))
        })
        .collect();
    let intervals = if intervals.is_empty() { String::new() } else { format!(", {}", intervals.join(", ")) };
    let chosen = match (found.is_good, found.fitted.get(1)) {
        (true, Some(second)) => format!(
            "{} (AIC {:.0} less than {}){intervals}",
            best.law.family.name(),
            second.aic - best.aic,
            second.law.family.name()
        ),
        (true, None) => best.law.family.name().to_owned(),
        (false, _) => format!(
            "quantiles: the best distribution, {}, is off by up to {:.1} %",
            best.law.family.name(),
            100.0 * best.distance
        ),
    };
    format!("{} values, mean {}: {chosen}", found.count, people(found.mean_s))
}

/// A number with half of its interval, of which two digits are given.
fn with_interval(value: f64, half: f64) -> String {
    let digits = if half > 0.0 { (1.0 - half.log10().floor()).clamp(0.0, 9.0) as usize } else { 3 };
    format!("{value:.digits$} ± {half:.digits$}")
}

/// A duration for people.
pub(super) fn people(time_s: f64) -> String {
    let (value, unit) = match time_s {
        _ if time_s >= 7_200.0 => (time_s / 3_600.0, "h"),
        _ if time_s >= 120.0 => (time_s / 60.0, "min"),
        _ if time_s >= 1.0 => (time_s, "s"),
        _ if time_s >= 1e-3 => (time_s * 1e3, "ms"),
        _ => (time_s * 1e6, "us"),
    };
    format!("{} {unit}", if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") })
}

/// What was found.
pub(super) fn report(functions: &[FittedFunction], measured: &Measured) -> String {
    let mut out = String::new();
    for (file, format, count) in &measured.read {
        let _ = writeln!(out, "{file}: {format}, {count} records");
    }
    if measured.skipped_count > 0 {
        let _ = writeln!(out, "{} records were skipped:", measured.skipped_count);
        for (file, line, why) in measured.skipped.iter().take(5) {
            let _ = writeln!(out, "  {file}:{line}: {why}");
        }
    }
    for line in &measured.assumed {
        let _ = writeln!(out, "Assumed: {line}");
    }
    for function in functions {
        let Counts { requests, known, cold, failed, timed_out, throttled } = function.counts;
        let _ = writeln!(out, "\n{}: {requests} requests", function.name);
        if let Some(arrivals) = &function.arrivals {
            let _ = writeln!(
                out,
                "  arrivals     {}: {} per second over {}",
                arrivals.kind,
                with_interval(arrivals.rate, arrivals.half_width),
                people(arrivals.length_s)
            );
        }
        for (what, found) in
            [("duration", &function.durations), ("cold duration", &function.cold_durations), ("init", &function.inits)]
        {
            if let Some(found) = found {
                let _ = writeln!(out, "  {what:12} {}", evidence(found));
            }
        }
        if known > 0 {
            let _ = writeln!(out, "  cold starts  {cold} of {known} ({:.2} %)", 100.0 * cold as f64 / known as f64);
        }
        if failed + timed_out + throttled > 0 {
            let _ = writeln!(out, "  unsuccessful: {failed} failed, {timed_out} timed out, {throttled} throttled");
        }
        if let Some(found) = &function.keep_alive {
            let _ = writeln!(
                out,
                "  keep-alive   between {} and {} ({} of {} idle times do not fit)",
                people(found.between_s.0),
                people(found.between_s.1),
                found.misfits,
                found.seen.0 + found.seen.1
            );
        }
        if let Some(found) = &function.cpu_bound {
            let _ = writeln!(out, "  CPU-bound    {:.0} % of the duration", 100.0 * found.share);
        }
        if !function.caveats.is_empty() {
            out.push_str("  What the data cannot show:\n");
            function.caveats.iter().for_each(|caveat| {
                let _ = writeln!(out, "  - {caveat}");
            });
        }
    }
    out
}
