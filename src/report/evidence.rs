//! How sure the numbers are, in words: for the terminal and the page.

use super::format::{Quantity, count, exactly};
use super::phrases::sanitize;
use crate::measure::evidence::{
    BatchMeans, EndedBy, FEW_BEYOND, MetricReached, PrecisionReached, Rare, SparseQuantile, WarmUp,
};
use crate::measure::summary::Summary;
use crate::path::quantity_of;

/// Something to say.
pub(super) struct Note {
    pub(super) text: String,
    /// Whether it requires action.
    pub(super) is_warning: bool,
}

/// Everything there is to say about how sure the numbers are.
pub(super) fn notes(summary: &Summary) -> Vec<Note> {
    let evidence = &summary.evidence;
    let mut notes = Vec::new();
    notes.extend(evidence.warm_up.as_ref().map(warm_up));
    notes.extend(evidence.batch_means.as_ref().and_then(batches));
    if let Some(found) = &evidence.precision {
        notes.push(ended(found));
        notes.extend(found.metrics.iter().map(reached));
    }
    notes.extend(evidence.rare.iter().map(rare));
    notes.extend(evidence.few.iter().map(few));
    notes
}

fn few(one: &SparseQuantile) -> Note {
    let source = one.source.as_ref().map(|source| format!("source {source}"));
    let subject = subject(&one.metric, one.function.as_deref().or(source.as_deref()));
    let beyond = count(one.beyond.round());
    let text = match one.independent {
        Some(independent) if one.beyond >= FEW_BEYOND => {
            let worth = if independent < 0.1 { "less than 0.1".to_owned() } else { format!("about {independent:.1}") };
            format!(
                "{subject}: about {beyond} requests of each replication lie beyond it, but they depend on each other and count as {worth} \
                 independent requests, so its interval may be too narrow; use a longer horizon"
            )
        }
        _ => format!(
            "{subject}: only about {beyond} requests of each replication lie beyond it, so its interval may be too narrow; \
             use a longer horizon"
        ),
    };
    Note { text, is_warning: true }
}

fn warm_up(found: &WarmUp) -> Note {
    let chosen = exactly(found.chosen_s);
    if found.is_settled {
        let text = format!("warm-up: {chosen}; the pilot run is steady after that (MSER-5)");
        return Note { text, is_warning: false };
    }
    let open = found.series.iter().filter(|series| series.truncation_s.is_none());
    let open: Vec<&str> = open.map(|series| series.name.as_str()).collect();
    let text = format!(
        "warm-up: {} did not become steady within half of the horizon, so the first {chosen} are discarded and the rest may \
         still depend on the start. Use a longer horizon; if the load exceeds capacity or follows the time of day, set the \
         warm-up yourself (see warm-up.svg)",
        open.join(" and ")
    );
    Note { text, is_warning: true }
}

fn batches(found: &BatchMeans) -> Option<Note> {
    let length = Quantity::Seconds.text(found.length_s);
    let suspicious: Vec<String> = found
        .checks
        .iter()
        .filter(|check| !check.is_independent)
        .map(|check| {
            format!("{} (lag-1 autocorrelation {:.2}, von Neumann {:.2})", check.metric, check.lag1, check.von_neumann)
        })
        .collect();
    (!suspicious.is_empty()).then(|| Note {
        text: format!(
            "batches of {length} are correlated: {}. The intervals are too narrow: use a longer horizon or fewer batches",
            suspicious.join(", ")
        ),
        is_warning: true,
    })
}

fn ended(found: &PrecisionReached) -> Note {
    let runs = count(f64::from(found.replications));
    let (text, is_warning) = match found.ended_by {
        EndedBy::Precision => (format!("precision: reached after {runs} replications"), false),
        EndedBy::MaxReplications => {
            (format!("precision: not reached after {runs} replications, which is the maximum"), true)
        }
        EndedBy::Interruption => (format!("precision: interrupted after {runs} replications"), true),
    };
    Note { text, is_warning }
}

fn reached(one: &MetricReached) -> Note {
    let quantity = quantity_of(&one.metric);
    let half =
        |half: Option<f64>| half.map_or_else(|| "no interval".to_owned(), |half| format!("± {}", quantity.text(half)));
    let asked = match one.asked.strip_suffix('%') {
        Some(part) => format!("{part} % of the mean, {}", half(one.asked_half_width)),
        None => half(one.asked_half_width),
    };
    let word = if one.met { "" } else { ", not reached" };
    let subject = subject(&one.metric, one.function.as_deref());
    Note {
        text: format!("precision of {subject}: {} (requested: {asked}){word}", half(one.half_width)),
        is_warning: !one.met,
    }
}

fn rare(one: &Rare) -> Note {
    let subject = subject(&one.metric, one.function.as_deref());
    let (seen, of) = (count(one.seen as f64), count(one.of as f64));
    let (low, high) = (Quantity::Ratio.text(one.low), Quantity::Ratio.text(one.high));
    let text = if one.seen == 0 {
        format!("{subject}: 0 of {of}, so below {high} (95 % CI, if independent)")
    } else {
        format!("{subject}: {seen} of {of}, so {low} to {high} (95 % CI, if independent)")
    };
    Note { text, is_warning: false }
}

fn subject(metric: &str, function: Option<&str>) -> String {
    function.map_or_else(|| metric.to_owned(), |function| format!("{metric} of {}", sanitize(function, 32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::evidence::{BatchCheck, PilotSeries};
    use crate::report::sample;
    use crate::report::text::{WIDTH, wrapped};

    /// Requests of one backlog are said to be fewer than they are.
    #[test]
    fn few_requests_and_few_independent_ones_are_told_apart() {
        let told = |beyond, independent| {
            let (metric, function) = ("latency_s.p99".to_owned(), Some("f".to_owned()));
            few(&SparseQuantile { metric, function, source: None, beyond, independent }).text
        };
        assert!(told(12.4, Some(9.0)).contains("only about 12 requests"), "{}", told(12.4, Some(9.0)));
        assert!(told(40.0, Some(0.04)).contains("count as less than 0.1 independent"), "{}", told(40.0, Some(0.04)));
        assert!(told(40.0, Some(0.31)).contains("count as about 0.3 independent"), "{}", told(40.0, Some(0.31)));
        assert!(told(12.0, None).contains("only about 12 requests"), "{}", told(12.0, None));
    }

    #[test]
    fn everything_is_said_in_words() {
        let mut summary = sample::result(1, 1).summary;
        let metric = |metric: &str, asked: &str, wanted, half_width, met| MetricReached {
            metric: metric.into(),
            function: None,
            asked: asked.into(),
            asked_half_width: wanted,
            half_width,
            met,
        };
        let rare =
            |seen, low, high| Rare { metric: "cold_start_ratio".into(), function: None, seen, of: 120_000, low, high };
        summary.evidence.precision = Some(PrecisionReached {
            looks: vec![10, 15],
            replications: 15,
            ended_by: EndedBy::MaxReplications,
            metrics: vec![
                metric("latency_s.p99", "5%", Some(0.031), Some(0.024), true),
                metric("instances.lifespan_mean_s", "5", None, None, false),
            ],
        });
        summary.evidence.rare = vec![rare(0, 0.0, 2.5e-5), rare(3, 5.2e-6, 7.3e-5)];
        let series = |name: &str, truncation_s| PilotSeries { name: name.into(), truncation_s, values: Vec::new() };
        summary.evidence.warm_up = Some(WarmUp {
            chosen_s: 43_200.0,
            is_settled: false,
            interval_s: 300.0,
            replications: 5,
            series: vec![series("instances", None), series("latency_s.p95", Some(600.0))],
        });
        let check =
            BatchCheck { metric: "latency_s.mean".into(), lag1: 0.6, von_neumann: 0.8, z: 3.0, is_independent: false };
        summary.evidence.batch_means =
            Some(BatchMeans { count: 25, length_s: 3_384.0, is_independent: false, checks: vec![check] });
        let lines: Vec<String> = notes(&summary).iter().flat_map(|note| wrapped(&note.text, WIDTH)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
