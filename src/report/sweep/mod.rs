//! A sweep as people and scripts read it.
//!
//! | file | makes |
//! |---|---|
//! | `csv`, `parquet` | one row for each point, both with the same [`columns`] |
//! | `digest` | what charts and tables need of all rows |
//! | `chart` | metrics against parameters, trade-offs, sensitivities |

pub mod chart;
pub mod csv;
pub mod digest;
#[cfg(feature = "parquet")]
pub mod parquet;

use std::io::{self, Write};

use digest::Digest;

use super::{Artefact, read_back};
use crate::measure::sweep::{Columns, Row};
use crate::scenario::Scenario;
use crate::scenario::axis::Unit;
use crate::scenario::sweep::{Point, Sweep};

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
    for (name, quantity) in columns.columns() {
        let unit = quantity.unit();
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

/// A sweep.
#[derive(Clone, Debug)]
pub struct SweepReport {
    /// The scenario that was swept.
    pub scenario: Scenario,
    /// What charts and tables need of all points.
    pub digest: Digest,
    /// The tables with a row for each point; empty where they were written elsewhere, because they may be long.
    pub tables: Vec<Artefact>,
}

/// The files with a row for each point, written row by row.
pub struct Tables<W: Write + Send> {
    csv: csv::Rows<W>,
    #[cfg(feature = "parquet")]
    parquet: parquet::Rows<W>,
}

/// The file that could not be written, and why.
pub type Failed = (&'static str, io::Error);

#[cfg(feature = "parquet")]
const PARQUET: &str = "sweep.parquet";

impl<W: Write + Send> Tables<W> {
    /// Opens each file with `create` and writes how it begins.
    ///
    /// # Errors
    /// What the output answers.
    pub fn new(table: &[Column], create: impl Fn(&'static str) -> io::Result<W>) -> Result<Self, Failed> {
        let csv = create(read_back::SWEEP).and_then(|to| Ok(csv::Rows::new(to, table.to_vec())?));
        #[cfg(feature = "parquet")]
        let parquet = create(PARQUET).and_then(|to| parquet::Rows::new(to, table.to_vec(), None));
        Ok(Self {
            csv: csv.map_err(|error| (read_back::SWEEP, error))?,
            #[cfg(feature = "parquet")]
            parquet: parquet.map_err(|error| (PARQUET, error))?,
        })
    }

    /// Writes the row of a point.
    ///
    /// # Errors
    /// What the output answers.
    #[cfg_attr(not(feature = "parquet"), expect(clippy::needless_pass_by_value, reason = "Parquet keeps them"))]
    pub fn write(&mut self, point: Point, row: Row) -> Result<(), Failed> {
        self.csv.write(&point, &row).map_err(|error| (read_back::SWEEP, error.into()))?;
        #[cfg(feature = "parquet")]
        self.parquet.write(point, row).map_err(|error| (PARQUET, error))?;
        Ok(())
    }

    /// Writes how each file ends, and hands back the outputs by name.
    ///
    /// # Errors
    /// What the output answers.
    pub fn finish(self) -> Result<Vec<(&'static str, W)>, Failed> {
        Ok(vec![
            (read_back::SWEEP, self.csv.finish().map_err(|error| (read_back::SWEEP, error))?),
            #[cfg(feature = "parquet")]
            (PARQUET, self.parquet.finish().map_err(|error| (PARQUET, error))?),
        ])
    }
}
