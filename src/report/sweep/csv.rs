//! `sweep.csv`: one row for each point.

use std::io::Write;

use super::{Column, Kind};
use crate::measure::sweep::Row;
use crate::scenario::sweep::Point;

/// Writes the rows of a sweep as CSV.
pub struct Rows<W: Write> {
    to: csv::Writer<W>,
    columns: Vec<Column>,
}

impl<W: Write> Rows<W> {
    /// Writes the names of the columns.
    ///
    /// # Errors
    /// What `to` answers.
    pub fn new(to: W, columns: Vec<Column>) -> csv::Result<Self> {
        let mut to = csv::Writer::from_writer(to);
        to.write_record(columns.iter().map(|column| column.name.as_str()))?;
        Ok(Self { to, columns })
    }

    /// Writes the row of a point.
    ///
    /// # Errors
    /// What the output answers.
    pub fn write(&mut self, point: &Point, row: &Row) -> csv::Result<()> {
        let number = |x: f64| if x.is_finite() { x.to_string() } else { String::new() };
        let (mut levels, mut values) = (point.levels.iter(), row.values[2..].iter());
        for column in &self.columns {
            let text = match column.kind {
                Kind::Point => (point.number + 1).to_string(),
                Kind::Text => levels.next().map_or_else(String::new, |level| level.text.clone()),
                Kind::Whole | Kind::Number => {
                    levels.next().and_then(|level| level.number).map_or_else(String::new, number)
                }
                Kind::Replications => row.replications().to_string(),
                Kind::Met => row.met().map_or_else(String::new, |met| met.to_string()),
                Kind::Found => values.next().copied().map_or_else(String::new, number),
            };
            self.to.write_field(text)?;
        }
        self.to.write_record(None::<&[u8]>)
    }

    /// Writes what is held back and returns the output.
    ///
    /// # Errors
    /// What the output answers.
    pub fn finish(self) -> std::io::Result<W> {
        self.to.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
