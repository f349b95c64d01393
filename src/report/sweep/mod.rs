//! A sweep as people and scripts read it.
//!
//! | file | makes |
//! |---|---|
//! | `csv`, `parquet` | one row for each point, both with the same [`columns`] |
//! | `digest` | what charts and tables need of all rows |
//! | `chart` | metrics against parameters, trade-offs, sensitivities |
//! | `page` | `report.html`, and the answer on the terminal |

pub mod chart;
pub mod csv;
pub mod digest;
pub mod page;
#[cfg(feature = "parquet")]
pub mod parquet;

use crate::measure::sweep::Columns;
use crate::report::csv::metric_column;
use crate::report::number::Quantity;
use crate::scenario::axis::Unit;
use crate::scenario::sweep::Sweep;

/// A column of the table of points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// The unit of its numbers, as in `s`, `MB`, `1/s`, `USD`; `1`: they have none. Empty: it has no numbers.
    pub unit: &'static str,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The number of the point.
    Point,
    /// The value of an axis that is a text.
    Text,
    /// The value of an axis that is a whole number.
    Whole,
    /// The value of an axis that is a number.
    Number,
    /// How many replications there were.
    Replications,
    /// Whether all objectives are met; nothing without objectives.
    Met,
    /// A number that was found; nothing where nothing was there to measure.
    Found,
}

/// The columns of the table of points, in their order: number, axes, replications, whether the objectives are met, and two
/// for each metric, the mean and half of its 95 % interval.
#[must_use]
pub fn columns(sweep: &Sweep, columns: &Columns) -> Vec<Column> {
    let column = |name: String, kind, unit| Column { name, kind, unit };
    let mut all = vec![column("point".into(), Kind::Point, "1")];
    all.extend(sweep.axes().map(|axis| {
        let (kind, unit) = match axis.unit {
            None => (Kind::Text, ""),
            Some(Unit::Count) => (Kind::Whole, "1"),
            Some(unit) => (Kind::Number, symbol(unit)),
        };
        column(axis.key.clone(), kind, unit)
    }));
    all.push(column("replications".into(), Kind::Replications, "1"));
    all.push(column("objectives_met".into(), Kind::Met, ""));
    for (function, key) in columns.subjects() {
        let unit = Quantity::of(key).unit();
        let name = metric_column(function, key);
        all.push(column(name.clone(), Kind::Found, unit));
        all.push(column(name + "_half_width", Kind::Found, unit));
    }
    all
}

/// A unit as scientists write it.
fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Megabytes => "MB",
        Unit::PerSecond => "1/s",
        Unit::Count | Unit::Number => "1",
    }
}
