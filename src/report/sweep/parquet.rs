//! `sweep.parquet` and the parts that shards leave: one row for each point, with units in the metadata of the fields.
//!
//! A part also says what it is a part of, and has a checksum over its numbers.

use std::fs::File;
use std::io::{self, Write};

use parquet::column::reader::ColumnReader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::{Column, Kind};
use crate::hash::Fnv1a;
use crate::measure::sweep::Row;
use crate::report::parquet::{self as to_parquet, Field, Writer, properties};
use crate::scenario::sweep::Point;

/// Rows of a group: what bounds the memory. The bytes of the file depend on it, so it is the same for everybody.
const GROUP: usize = 1 << 13;
/// The key of the file's metadata under which a part says what it is.
const PART: &str = "forewarm.part";
/// The key of the file's metadata with the checksum of the rows.
const CHECKSUM: &str = "forewarm.checksum";

/// Writes the rows of a sweep as Parquet.
pub struct Rows<W: Write + Send> {
    to: Writer<W>,
    columns: Vec<Column>,
    waiting: Vec<(Point, Row)>,
    /// What a part says about itself.
    label: Option<String>,
    checksum: Checksum,
}

impl<W: Write + Send> Rows<W> {
    /// A file with these columns; a part has a label.
    ///
    /// # Errors
    /// An error of `to`.
    pub fn new(to: W, columns: Vec<Column>, label: Option<String>) -> io::Result<Self> {
        let fields: Vec<_> = columns.iter().map(field).collect();
        let to = Writer::new(to, &fields, properties()?)?;
        Ok(Self { to, columns, waiting: Vec::new(), label, checksum: Checksum::default() })
    }

    /// Writes the row of a point.
    ///
    /// # Errors
    /// What the output answers.
    pub fn write(&mut self, point: Point, row: Row) -> io::Result<()> {
        self.checksum.add(&row);
        self.waiting.push((point, row));
        if self.waiting.len() == GROUP { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> io::Result<()> {
        // Of those that rows have several of: which one it is.
        let (mut axis, mut value) = (0, 2);
        let there = |x: f64| x.is_finite().then_some(x);
        let rows = || self.waiting.iter();
        let mut group = self.to.group()?;
        for column in &self.columns {
            match column.kind {
                Kind::Point => group.column::<Int64Type>(rows().map(|(point, _)| (point.number + 1).cast_signed()))?,
                Kind::Text => group.column::<ByteArrayType>(
                    rows().map(|(point, _)| ByteArray::from(point.levels[axis].text.as_str())),
                )?,
                Kind::Whole => group.column::<Int64Type>(
                    rows().map(|(point, _)| point.levels[axis].number.expect("its axis has numbers") as i64),
                )?,
                Kind::Number => group.column::<DoubleType>(
                    rows().map(|(point, _)| point.levels[axis].number.expect("its axis has numbers")),
                )?,
                Kind::Replications => {
                    group.column::<Int32Type>(rows().map(|(_, row)| row.replications().cast_signed()))?;
                }
                Kind::Met => group.optional::<BoolType>(rows().map(|(_, row)| row.met()))?,
                Kind::Found => group.optional::<DoubleType>(rows().map(|(_, row)| there(row.values[value])))?,
            }
            match column.kind {
                Kind::Text | Kind::Whole | Kind::Number => axis += 1,
                Kind::Found => value += 1,
                Kind::Point | Kind::Replications | Kind::Met => {}
            }
        }
        group.close()?;
        self.waiting.clear();
        Ok(())
    }

    /// Writes the end of the file and returns the output.
    ///
    /// # Errors
    /// What the output answers.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.waiting.is_empty() {
            self.write_group()?;
        }
        if let Some(label) = self.label {
            self.to.describe(PART, label);
            self.to.describe(CHECKSUM, self.checksum.text());
        }
        self.to.finish()
    }
}

fn field(column: &Column) -> Field<'_> {
    let (kind, is_optional) = match column.kind {
        Kind::Point => (to_parquet::Kind::UInt64, false),
        Kind::Text => (to_parquet::Kind::Text, false),
        Kind::Whole => (to_parquet::Kind::Int64, false),
        Kind::Number => (to_parquet::Kind::Float64, false),
        Kind::Replications => (to_parquet::Kind::UInt32, false),
        Kind::Met => (to_parquet::Kind::Bool, true),
        Kind::Found => (to_parquet::Kind::Float64, true),
    };
    Field { name: &column.name, kind, is_optional, unit: column.unit }
}

/// The part of a shard, read again.
pub struct Shard {
    /// What it says about itself.
    pub label: String,
    /// How many rows it says it has.
    pub rows: u64,
    reader: SerializedFileReader<File>,
    /// Numbers of a row.
    width: usize,
    /// Where the numbers begin among the columns.
    first: usize,
    expected: String,
    checksum: Checksum,
    /// The next row group.
    next: usize,
    /// The rows of the last one that are still to come, last first.
    group: Vec<Row>,
}

/// Why a part cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// It is cut short, or no Parquet at all.
    #[error("it is corrupted: {0}")]
    Damaged(String),
    /// It is Parquet, but not a part.
    #[error("it is not a shard of a sweep")]
    Foreign,
}

impl Shard {
    /// Opens a part with these columns: of another sweep it has others.
    ///
    /// # Errors
    /// What is not a part, or not whole.
    pub fn open(file: File, columns: &[Column]) -> Result<Self, ShardError> {
        let reader = SerializedFileReader::new(file).map_err(|error| damaged(&error))?;
        let metadata = reader.metadata().file_metadata();
        let value = |key: &str| {
            let pairs = metadata.key_value_metadata()?;
            pairs.iter().find(|pair| pair.key == key)?.value.clone()
        };
        let label = value(PART).ok_or(ShardError::Foreign)?;
        let expected = value(CHECKSUM).ok_or(ShardError::Foreign)?;
        let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
        let first = columns.iter().position(|column| column.kind == Kind::Replications).unwrap_or(0);
        let width = columns.len() - first;
        let checksum = Checksum::default();
        Ok(Self { label, rows, reader, width, first, expected, checksum, next: 0, group: Vec::new() })
    }

    /// The next row; none at the end, where the checksum has been found right.
    ///
    /// # Errors
    /// What is damaged.
    pub fn next_row(&mut self) -> Result<Option<Row>, ShardError> {
        while self.group.is_empty() {
            if self.next == self.reader.num_row_groups() {
                let is_whole = self.checksum.text() == self.expected;
                return if is_whole { Ok(None) } else { Err(damaged(&"its checksum is wrong")) };
            }
            self.group = self.read_group()?;
            self.next += 1;
        }
        let row = self.group.pop();
        row.iter().for_each(|row| self.checksum.add(row));
        Ok(row)
    }

    /// The rows of the next group, last first.
    fn read_group(&self) -> Result<Vec<Row>, ShardError> {
        let group = self.reader.get_row_group(self.next).map_err(|error| damaged(&error))?;
        if group.num_columns() != self.first + self.width {
            return Err(damaged(&OTHER_COLUMNS));
        }
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let reader = |index| group.get_column_reader(index).map_err(|error| damaged(&error));
        let points = values::<Int64Type>(reader(0)?, rows)?;
        let point = |number: Option<i64>| number?.cast_unsigned().checked_sub(1);
        let points = points.into_iter().map(|number| point(number).ok_or_else(|| damaged(&OTHER_COLUMNS)));
        let mut read = points
            .map(|number| Ok(Row { number: number?, values: Vec::with_capacity(self.width) }))
            .collect::<Result<Vec<_>, ShardError>>()?;
        let mut add = |column: Vec<f64>| read.iter_mut().zip(column).for_each(|(row, value)| row.values.push(value));
        add(numbers::<Int32Type>(reader(self.first)?, rows, |x| f64::from(x.cast_unsigned()))?);
        add(numbers::<BoolType>(reader(self.first + 1)?, rows, |x| f64::from(u8::from(x)))?);
        for index in self.first + 2..self.first + self.width {
            add(numbers::<DoubleType>(reader(index)?, rows, |x| x)?);
        }
        read.reverse();
        Ok(read)
    }
}

const OTHER_COLUMNS: &str = "its columns differ";

fn damaged(what: &impl ToString) -> ShardError {
    ShardError::Damaged(what.to_string())
}

/// The numbers of a column of a group, NaN where a row has none.
fn numbers<T: DataType>(reader: ColumnReader, rows: usize, number: fn(T::T) -> f64) -> Result<Vec<f64>, ShardError> {
    Ok(values::<T>(reader, rows)?.into_iter().map(|value| value.map_or(f64::NAN, number)).collect())
}

/// The values of a column of a group.
fn values<T: DataType>(reader: ColumnReader, rows: usize) -> Result<Vec<Option<T::T>>, ShardError> {
    let mut reader = T::get_column_reader(reader).ok_or_else(|| damaged(&OTHER_COLUMNS))?;
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let read = reader.read_records(rows, Some(&mut levels), None, &mut values).map_err(|error| damaged(&error))?;
    if read.0 != rows {
        return Err(damaged(&"it is too short"));
    }
    let mut values = values.into_iter();
    // Without levels each row has a value.
    if levels.is_empty() {
        return Ok(values.map(Some).collect());
    }
    Ok(levels.into_iter().map(|level| if level == 0 { None } else { values.next() }).collect())
}

/// A hash over rows. What is no number counts as nothing, as it is written.
#[derive(Default)]
struct Checksum(Fnv1a);

impl Checksum {
    fn add(&mut self, row: &Row) {
        let values = row.values.iter().map(|x| if x.is_finite() { x.to_bits() } else { f64::NAN.to_bits() });
        for word in [row.number].into_iter().chain(values) {
            self.0.add(word.to_le_bytes());
        }
    }

    fn text(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}
