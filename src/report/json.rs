//! What scripts read: `summary.json`, `comparison.json`, `plan.json`, `charts.json`, `manifest.json`.

use super::stored::Charts;
use crate::measure::comparison::Comparison;
use crate::measure::plan::Plan;
use crate::measure::summary::Summary;
use crate::measure::{Manifest, RunResult};

/// The text of `summary.json`: two spaces, keys in the order of the interface, a newline at the end; NaN is null.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    pretty(summary)
}

/// The text of `comparison.json`, written like the summary.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    pretty(comparison)
}

/// The text of `plan.json`, written like the summary.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    pretty(plan)
}

/// The text of `charts.json`: what the charts of a run are drawn from, beyond the other files.
#[must_use]
pub fn charts(result: &RunResult) -> String {
    // For charts, not for people: bins in lines of their own would be four times as long.
    serde_json::to_string(&Charts::of(result)).expect("keys are strings and writing to memory cannot fail") + "\n"
}

/// The text of `manifest.json`.
#[must_use]
pub fn manifest(manifest: &Manifest) -> String {
    pretty(manifest)
}

fn pretty(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("keys are strings and writing to memory cannot fail");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_text_reads_back_and_has_no_nan() {
        let mut result = sample::result(3, 24);
        result.summary.total.instances.lifespan_mean_s.mean = f64::NAN;
        let text = summary(&result.summary);
        assert!(text.ends_with("}\n") && !text.contains("NaN"));
        let back: Summary = serde_json::from_str(&text).unwrap();
        assert!(back.total.instances.lifespan_mean_s.mean.is_nan());
        assert_eq!(back.functions, result.summary.functions);
    }
}
