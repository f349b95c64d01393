//! Parameters fitted to measurements.

use super::{Knob, rows};
use crate::fit::observed::Observed;
use crate::measure::RunResult;
use crate::study::StudyError;

/// Simulates with some keys set.
pub(super) type Simulate<'a> = dyn Fn(&[(String, String)]) -> Result<RunResult, StudyError> + 'a;

/// Coordinate by coordinate, each on a grid that becomes finer around the best.
pub(super) fn search(
    knobs: &[Knob],
    target: &Observed,
    run: &Simulate<'_>,
) -> Result<Vec<(String, String)>, StudyError> {
    const GRID: usize = 6;
    let middle =
        |knob: &Knob| if knob.low > 0.0 { (knob.low * knob.high).sqrt() } else { 0.5 * (knob.low + knob.high) };
    let mut values: Vec<f64> = knobs.iter().map(middle).collect();
    let settings = |values: &[f64]| -> Vec<(String, String)> {
        knobs.iter().zip(values).map(|(knob, value)| (knob.key.clone(), knob.value(*value))).collect()
    };
    for round in 0..2 {
        for (place, knob) in knobs.iter().enumerate() {
            let (low, high) = match round {
                0 => (knob.low, knob.high),
                _ if knob.low > 0.0 => {
                    let factor = (knob.high / knob.low).powf(1.0 / (GRID - 1) as f64);
                    ((values[place] / factor).max(knob.low), (values[place] * factor).min(knob.high))
                }
                _ => {
                    let width = (knob.high - knob.low) / (GRID - 1) as f64;
                    ((values[place] - width).max(knob.low), (values[place] + width).min(knob.high))
                }
            };
            let mut best = (f64::INFINITY, values[place]);
            for step in 0..GRID {
                let part = step as f64 / (GRID - 1) as f64;
                let value = if low > 0.0 { low * (high / low).powf(part) } else { low + part * (high - low) };
                let mut tried = values.clone();
                tried[place] = value;
                let cost = distance(target, &run(&settings(&tried))?);
                if cost < best.0 {
                    best = (cost, value);
                }
            }
            values[place] = best.1;
        }
    }
    Ok(settings(&values))
}

/// The sum of squared logarithms of ratios over all metrics.
fn distance(target: &Observed, result: &RunResult) -> f64 {
    rows(target, result)
        .iter()
        .map(|row| {
            let least = 1e-4 * row.measured.abs().max(row.simulated.mean.abs()).max(1e-9);
            ((row.simulated.mean.max(least)) / (row.measured.max(least))).ln().powi(2)
        })
        .sum()
}
