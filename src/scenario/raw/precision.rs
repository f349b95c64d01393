//! The precision of results, and the source of intervals.

use serde_json::json;

use crate::scenario::limits::{MAX_FUNCTIONS, MAX_REPLICATIONS};
use crate::scenario::model::Tolerance;
use crate::schema::declare::*;
use crate::schema::diagnostic::Problem;
use crate::schema::scalars::Count;

table! {
    /// Adds replications until the 95 % interval of every metric named here is narrow enough.
    struct PrecisionTable {
        /// Metrics of the total (in quotes) and the largest half-width of their interval: a percentage of the mean, as
        /// in "latency_s.p99" = "5%", or a number in the unit of the metric, as in "cold_start_ratio" = 0.001.
        default metrics: Map<HalfWidth, 100> = Vec::new(),
        /// The same for individual functions, as in functions.checkout = { "latency_s.p99" = "5%" }.
        default functions: Map<Map<HalfWidth, 100>, MAX_FUNCTIONS> = Vec::new(),
        /// Initial number of replications. Default: 10. With fewer, final intervals are slightly too narrow.
        optional min_replications: Count<2, MAX_REPLICATIONS>,
        /// Maximum number of replications.
        default max_replications: Count<2, MAX_REPLICATIONS> = 200,
    }
}

choice! {
    /// The source of confidence intervals.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::scenario) enum Intervals {
        "replications" => Replications, "Independent replications.";
        "batch-means" => BatchMeans, "Successive batches of one long run.";
    }
}

/// Maximum half-width of an interval.
#[derive(Debug)]
pub(in crate::scenario) struct HalfWidth;

impl Field for HalfWidth {
    type Value = Tolerance;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a percentage such as \"5%\", or a number above 0",
        quoted: false,
        schema: || {
            json!({"oneOf": [
                {"type": "string", "pattern": r"^\s*[0-9][0-9.]*\s*%\s*$"}, {"type": "number", "exclusiveMinimum": 0}
            ]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Tolerance> {
        let size = match node.value {
            Value::Integer(Some(number)) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => None,
        };
        match (size, node.text().map(str::parse)) {
            (Some(size), _) if size.is_finite() && size > 0.0 => return Some(Tolerance::Absolute(size)),
            (None, Some(Ok(tolerance @ Tolerance::Relative(_)))) => return Some(tolerance),
            (None, Some(Ok(Tolerance::Absolute(size)))) => {
                let message = format!("`{}`: \"{size}\" has no unit", reader.path());
                let help = format!(
                    "write \"{size}%\" for a percentage of the mean, or {size} without quotes for the metric's \
                             unit"
                );
                reader.problems.push(Problem::error(node.place, message).help(help));
            }
            _ => reader.refuse(node, Self::SHAPE),
        }
        None
    }
    fn write(value: &Tolerance) -> Value {
        match value {
            Tolerance::Relative(_) => Value::from_text(value.to_string()),
            Tolerance::Absolute(size) => Value::Float(*size),
        }
    }
}
