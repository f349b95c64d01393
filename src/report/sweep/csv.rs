//! `sweep.csv`: one row for each point.

use std::io::{Read, Write};

use super::{Column, Kind};
use crate::measure::sweep::Row;
use crate::report::csv::number;
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
    /// An error of `to`.
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

/// Reads a table back, row by row.
///
/// # Errors
/// Other columns than these, in words; so does each row that is not one.
pub fn read(from: impl Read, columns: Vec<Column>) -> Result<impl Iterator<Item = Result<Row, String>>, String> {
    let mut reader = csv::Reader::from_reader(from);
    let header = reader.headers().map_err(|error| error.to_string())?;
    if !header.iter().eq(columns.iter().map(|column| column.name.as_str())) {
        return Err("its columns are not those of this version of forewarm".to_owned());
    }
    let row = move |record: csv::Result<csv::StringRecord>| {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        row(&record, &columns).ok_or_else(|| format!("line {line} contains an invalid value"))
    };
    Ok(reader.into_records().map(row))
}

fn row(record: &csv::StringRecord, columns: &[Column]) -> Option<Row> {
    let (mut number, mut values) = (None, Vec::new());
    for (cell, column) in record.iter().zip(columns) {
        match (column.kind, cell) {
            (Kind::Point, _) => number = cell.parse::<u64>().ok()?.checked_sub(1),
            (Kind::Text | Kind::Whole | Kind::Number, _) => {}
            (Kind::Met | Kind::Found, "") => values.push(f64::NAN),
            (Kind::Met, _) => values.push(f64::from(u8::from(cell.parse::<bool>().ok()?))),
            (Kind::Replications | Kind::Found, _) => values.push(cell.parse().ok()?),
        }
    }
    Some(Row { number: number?, values })
}
