//! How narrow the intervals of a comparison must be.

use std::fmt;

use crate::scenario::Tolerance;

/// Default relative difference from the baseline that does not matter.
pub const DEFAULT_PRECISION: f64 = 0.01;

/// The requested precision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Precision {
    /// For every metric; none: [`DEFAULT_PRECISION`], and it need not be reached where the verdict is clear before.
    pub general: Option<Tolerance>,
    /// For single metrics, by dotted key.
    pub by_metric: Vec<(String, Tolerance)>,
}

impl Precision {
    /// The requested value.
    pub(super) fn asked(&self, metric: &str) -> Option<Tolerance> {
        let named = self.by_metric.iter().rev().find(|(key, _)| key == metric).map(|(_, tolerance)| *tolerance);
        named.or(self.general)
    }

    /// In the unit of the metric.
    pub(super) fn tolerance(&self, metric: &str, baseline: f64) -> f64 {
        match self.asked(metric).unwrap_or(Tolerance::Relative(DEFAULT_PRECISION)) {
            Tolerance::Relative(part) if baseline.is_finite() => part * baseline.abs(),
            Tolerance::Relative(_) => 0.0,
            Tolerance::Absolute(value) => value,
        }
    }
}

impl fmt::Display for Precision {
    /// `1 % of the baseline, latency_s.p99 0.01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |tolerance: Tolerance| match tolerance {
            // Percentages that were typed, without what binary fractions add.
            Tolerance::Relative(part) => format!("{} % of the baseline", (part * 1e10).round() / 1e8),
            Tolerance::Absolute(value) => value.to_string(),
        };
        f.write_str(&text(self.general.unwrap_or(Tolerance::Relative(DEFAULT_PRECISION))))?;
        self.by_metric.iter().try_for_each(|(metric, tolerance)| write!(f, ", {metric}: {}", text(*tolerance)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_of_a_metric_goes_before_the_general_one() {
        let precision = Precision {
            general: Some(Tolerance::Relative(0.05)),
            by_metric: vec![("wait_s.mean".to_owned(), Tolerance::Absolute(0.01))],
        };
        assert_eq!(precision.tolerance("wait_s.mean", 100.0), 0.01);
        assert_eq!(precision.tolerance("latency_s.p99", -2.0), 0.1);
        assert_eq!(precision.tolerance("latency_s.p99", f64::NAN), 0.0);
        assert_eq!(Precision::default().tolerance("latency_s.p99", 2.0), 0.02);
        assert_eq!(precision.to_string(), "5 % of the baseline, wait_s.mean: 0.01");
    }
}
