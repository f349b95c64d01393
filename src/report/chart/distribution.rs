//! The distribution of latency, split into T_func, queueing and cold start.
//!
//! Drawn as the share of requests that took longer, both axes by factors: a density would hide the rare and slow ones,
//! which are what objectives are about.

use super::axis::{Axis, Scale};
use super::plot::{Mark, Panel, Plot, Shape, Tip};
use super::{BLUE, Dash, INK, ORANGE, Style, VERMILLION};
use crate::measure::RunResult;
use crate::measure::timeline::Bins;
use crate::report::format::{Quantity, duration, percent};
use crate::report::phrases;

/// The share of requests that took longer, over time on a log axis, for latency and each of its parts.
pub(super) fn distribution(result: &RunResult) -> Plot {
    let parts = &result.distributions;
    let curves = [
        ("T_func", Style::line(BLUE, Dash::Dashed, 2.0), &parts.execution),
        ("queueing", Style::line(ORANGE, Dash::Solid, 2.25), &parts.queueing),
        ("cold start", Style::line(VERMILLION, Dash::Dotted, 2.25), &parts.cold_start),
        ("T_exec (total)", Style::line(INK, Dash::Solid, 2.5), &parts.latency),
    ];
    let total = &result.summary.total;
    let p99 = total.latency_s.p99.mean;
    let title = if result.summary.is_on_path() {
        // The curves are of invocations there, and the statistics of the total of requests.
        "How long invocations took, counting each attempt separately".to_owned()
    } else if p99.is_finite() {
        let is_much = phrases::is_much(total.failure_ratio.mean);
        format!(
            "Half of {} take longer than {}, one in 100 longer than {}",
            if is_much { "the completed requests" } else { "all requests" },
            duration(total.latency_s.p50.mean),
            duration(p99)
        )
    } else {
        "Distribution of latency: no request was completed".to_owned()
    };
    let marks = curves.iter().map(|(name, style, bins)| {
        let name = match bins.zero {
            zero if zero > 0.0 => format!("{name} ({} have none)", percent(zero)),
            _ => (*name).to_owned(),
        };
        Mark::new(name, *style, Shape::Line(tail(bins)))
    });
    let marks: Vec<Mark> = marks.collect();
    let positive =
        curves.iter().flat_map(|(_, _, bins)| &bins.bins).filter(|(_, high, share)| *high > 0.0 && *share > 0.0);
    let (from, to) = positive
        .fold((f64::INFINITY, 0.0f64), |(from, to), (low, high, _)| (from.min(low.max(high * 1e-3)), to.max(*high)));
    let tips =
        if from < to { distribution_tips(from, to, &curves.map(|(name, _, bins)| (name, bins))) } else { Vec::new() };
    Plot {
        description: format!(
            "{title}. Means: T_func {}, queueing {}, cold start {}.",
            duration(total.execution_s.mean.mean),
            duration(total.queueing_s.mean.mean),
            duration(total.cold_start_s.mean.mean)
        ),
        title,
        x: Axis::new("latency", Quantity::Seconds, Scale::Log),
        panels: vec![Panel {
            y: Axis::new("requests that took longer", Quantity::Ratio, Scale::Log),
            height: 280.0,
            marks,
        }],
        tips,
    }
}

fn distribution_tips(from: f64, to: f64, curves: &[(&str, &Bins)]) -> Vec<Tip> {
    const STRIPS: i32 = 80;
    let edge = |n: i32| from * (to / from).powf(f64::from(n) / f64::from(STRIPS));
    let tip = |n: i32| {
        let x = (edge(n) * edge(n + 1)).sqrt();
        let lines = curves.iter().rev().map(|(name, bins)| format!("\n{name}: {}", percent(share_above(bins, x))));
        Tip {
            from: edge(n),
            to: edge(n + 1),
            text: format!("longer than {}{}", duration(x), lines.collect::<String>()),
        }
    };
    (0..STRIPS).map(tip).collect()
}

/// The share of values above each bin edge, for a line; the share that is zero lies left of everything.
pub(super) fn tail(bins: &Bins) -> Vec<(f64, f64)> {
    let mut above: f64 = bins.bins.iter().map(|(_, _, share)| share).filter(|share| share.is_finite()).sum();
    let mut points = Vec::new();
    for (low, high, share) in bins.bins.iter().filter(|(low, high, _)| *high > 0.0 && low <= high) {
        points.push((low.max(high * 1e-3), above));
        above -= share;
        // What is left after the last bin is rounding.
        points.push((*high, if above > 1e-9 { above } else { f64::NAN }));
    }
    points
}

/// The share of values above `x`, linear inside a bin.
pub(super) fn share_above(bins: &Bins, x: f64) -> f64 {
    let part = |(low, high, share): &(f64, f64, f64)| share * ((high - x) / (high - low)).clamp(0.0, 1.0);
    bins.bins.iter().map(part).filter(|share| share.is_finite()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_title_says_which_requests() {
        let mut result = sample::result(3, 288);
        for (failure_ratio, which) in [(0.0, "all requests"), (0.6, "the completed requests")] {
            result.summary.total.failure_ratio.mean = failure_ratio;
            let title = distribution(&result).title;
            assert!(title.starts_with(&format!("Half of {which} take longer than ")), "{title}");
        }
    }

    #[test]
    fn the_tail_starts_at_all_and_ends_open() {
        let bins = Bins { bins: vec![(0.0, 0.1, 0.25), (0.1, 0.2, 0.25), (0.4, 0.8, 0.5)], zero: 0.0 };
        let tail = tail(&bins);
        assert_eq!(tail[0].1, 1.0);
        assert_eq!((tail[3], tail[4]), ((0.2, 0.5), (0.4, 0.5)), "level where there is no bin");
        assert!(tail[5].1.is_nan(), "zero cannot stand on a log axis");
        assert!((share_above(&bins, 0.6) - 0.25).abs() < 1e-12, "half of the last bin");
    }
}
