//! `kpa_bucket_vectors.json`: window averages and the scale-down delay.

use forewarm::policy::scaling::knative::delay::DelayWindow;
use forewarm::policy::scaling::knative::settings::Aggregation;
use forewarm::policy::scaling::knative::window::Window;
use forewarm::time::Span;
use serde::Deserialize;

use super::{Comparison, aggregation, at, load};

const FILE: &str = "kpa_bucket_vectors.json";

#[derive(Deserialize)]
struct File {
    buckets: Vec<Buckets>,
    max_windows: Vec<MaxWindow>,
}

#[derive(Deserialize)]
struct Buckets {
    id: u64,
    name: String,
    kind: String,
    window_ms: u64,
    granularity_ms: u64,
    smoothing_coeff: Option<f64>,
    ops: Vec<Op>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Op {
    Record { t_ms: u64, v: f64 },
    Avg { t_ms: u64, avg: f64 },
    Empty { t_ms: u64, empty: bool },
    Resize { t_ms: u64, window_ms: u64 },
}

#[derive(Deserialize)]
struct MaxWindow {
    id: u64,
    duration_ms: u64,
    granularity_ms: u64,
    ops: Vec<MaxOp>,
}

#[derive(Deserialize)]
struct MaxOp {
    t_ms: u64,
    v: i32,
    current: i32,
}

#[test]
fn vectors_of_window_averages() {
    let mut comparison = Comparison::new(FILE, "window averages");
    for sequence in load::<File>(FILE).buckets {
        comparison.sequences += 1;
        let name = format!("{} {} {}", sequence.id, sequence.kind, sequence.name);
        let kind = aggregation(&sequence.kind);
        let granularity = Span::from_millis(sequence.granularity_ms);
        let mut window = Window::new(kind, Span::from_millis(sequence.window_ms), granularity);
        if let Some(expected) = sequence.smoothing_coeff {
            comparison.close(&name, 0, window.smoothing_coefficient().unwrap_or(f64::NAN), expected);
        }
        for (number, op) in sequence.ops.iter().enumerate() {
            match *op {
                Op::Record { t_ms, v } => window.record(at(t_ms), v),
                Op::Resize { t_ms, window_ms } => window.resize(at(t_ms), Span::from_millis(window_ms)),
                Op::Empty { t_ms, empty } => comparison.equal(&name, number, &window.is_empty(at(t_ms)), &empty),
                Op::Avg { t_ms, avg } => match kind {
                    Aggregation::Linear => comparison.equal(&name, number, &window.average(at(t_ms)), &avg),
                    Aggregation::WeightedExponential => {
                        comparison.close(&name, number, window.average(at(t_ms)), avg);
                    }
                },
            }
        }
    }
    comparison.finish();
}

#[test]
fn vectors_of_delay_windows() {
    let mut comparison = Comparison::new(FILE, "delay windows");
    for sequence in load::<File>(FILE).max_windows {
        comparison.sequences += 1;
        let (delay, slot) = (Span::from_millis(sequence.duration_ms), Span::from_millis(sequence.granularity_ms));
        let mut window = DelayWindow::new(delay, slot);
        for (number, op) in sequence.ops.iter().enumerate() {
            let name = format!("max window {}", sequence.id);
            comparison.equal(&name, number, &window.record(at(op.t_ms), op.v), &op.current);
        }
    }
    comparison.finish();
}
