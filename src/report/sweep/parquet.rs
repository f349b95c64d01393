//! `sweep.parquet` and the parts that shards leave: one row for each point, with units in the metadata of the fields.
//!
//! A part also says what it is a part of, and has a checksum over its numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt32Builder, UInt64Builder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::{Column, Kind};
use crate::hash::Fnv1a;
use crate::measure::sweep::Row;
use crate::report::parquet::{finish, of_parquet};
use crate::scenario::sweep::Point;

/// Rows handed to the encoder at once. The bytes of the file depend on it, so it is the same for everybody.
const BATCH: usize = 1 << 10;
/// Rows of a group: what bounds the memory.
const GROUP: usize = 1 << 14;
/// The key of the file's metadata under which a part says what it is.
const PART: &str = "forewarm.part";
/// The key of the file's metadata with the checksum of the rows.
const CHECKSUM: &str = "forewarm.checksum";

/// Writes the rows of a sweep as Parquet.
pub struct Rows<W: Write + Send> {
    to: ArrowWriter<W>,
    columns: Vec<Column>,
    schema: Arc<Schema>,
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
        let schema = Arc::new(schema(&columns));
        let to = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties().map_err(of_parquet)?));
        let (to, waiting) = (to.map_err(of_parquet)?, Vec::with_capacity(BATCH));
        Ok(Self { to, columns, schema, waiting, label, checksum: Checksum::default() })
    }

    /// Writes the row of a point.
    ///
    /// # Errors
    /// What the output answers.
    pub fn write(&mut self, point: Point, row: Row) -> io::Result<()> {
        self.checksum.add(&row);
        self.waiting.push((point, row));
        if self.waiting.len() == BATCH { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> io::Result<()> {
        let (mut axis, mut value) = (0, 2);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            arrays.push(array(column.kind, &self.waiting, axis, value));
            match column.kind {
                Kind::Text | Kind::Whole | Kind::Number => axis += 1,
                Kind::Found => value += 1,
                Kind::Point | Kind::Replications | Kind::Met => {}
            }
        }
        self.waiting.clear();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(io::Error::other)?;
        self.to.write(&batch).map_err(of_parquet)
    }

    /// Writes the end of the file and returns the output.
    ///
    /// # Errors
    /// What the output answers.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.waiting.is_empty() {
            self.write_batch()?;
        }
        if let Some(label) = self.label {
            self.to.append_key_value_metadata(KeyValue::new(PART.to_owned(), label));
            self.to.append_key_value_metadata(KeyValue::new(CHECKSUM.to_owned(), self.checksum.text()));
        }
        finish(self.to)
    }
}

/// A column of some rows: `axis` and `value` say which value it is of those that rows have several of.
fn array(kind: Kind, rows: &[(Point, Row)], axis: usize, value: usize) -> ArrayRef {
    macro_rules! column {
        ($builder:expr, |$point:ident, $row:ident| $value:expr) => {{
            let mut builder = $builder;
            for ($point, $row) in rows {
                builder.append_option($value);
            }
            Arc::new(builder.finish())
        }};
    }
    let there = |x: f64| x.is_finite().then_some(x);
    match kind {
        Kind::Point => column!(UInt64Builder::new(), |point, _row| Some(point.number + 1)),
        Kind::Text => column!(StringBuilder::new(), |point, _row| Some(point.levels[axis].text.as_str())),
        Kind::Whole => column!(Int64Builder::new(), |point, _row| point.levels[axis].number.map(|x| x as i64)),
        Kind::Number => column!(Float64Builder::new(), |point, _row| point.levels[axis].number),
        Kind::Replications => column!(UInt32Builder::new(), |_point, row| Some(row.replications())),
        Kind::Met => column!(BooleanBuilder::new(), |_point, row| row.met()),
        Kind::Found => column!(Float64Builder::new(), |_point, row| there(row.values[value])),
    }
}

fn schema(columns: &[Column]) -> Schema {
    let field = |column: &Column| {
        let (kind, is_nullable) = match column.kind {
            Kind::Point => (DataType::UInt64, false),
            Kind::Text => (DataType::Utf8, false),
            Kind::Whole => (DataType::Int64, false),
            Kind::Number => (DataType::Float64, false),
            Kind::Replications => (DataType::UInt32, false),
            Kind::Met => (DataType::Boolean, true),
            Kind::Found => (DataType::Float64, true),
        };
        let unit = (!column.unit.is_empty()).then(|| ("unit".to_owned(), column.unit.to_owned()));
        Field::new(&column.name, kind, is_nullable).with_metadata(unit.into_iter().collect::<HashMap<_, _>>())
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(GROUP));
    Ok(properties.build())
}

/// The part of a shard, read again.
pub struct Shard {
    /// What it says about itself.
    pub label: String,
    /// How many rows it says it has.
    pub rows: u64,
    reader: ParquetRecordBatchReader,
    /// Numbers of a row.
    width: usize,
    /// Where the numbers begin among the columns.
    first: usize,
    expected: String,
    checksum: Checksum,
    batch: Option<(RecordBatch, usize)>,
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
        let damaged = |error: ParquetError| ShardError::Damaged(error.to_string());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let metadata = builder.metadata().file_metadata();
        let value = |key: &str| {
            let pairs = metadata.key_value_metadata()?;
            pairs.iter().find(|pair| pair.key == key)?.value.clone()
        };
        let label = value(PART).ok_or(ShardError::Foreign)?;
        let expected = value(CHECKSUM).ok_or(ShardError::Foreign)?;
        let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
        let first = columns.iter().position(|column| column.kind == Kind::Replications).unwrap_or(0);
        let width = columns.len() - first;
        let reader = builder.with_batch_size(BATCH).build().map_err(damaged)?;
        Ok(Self { label, rows, reader, width, first, expected, checksum: Checksum::default(), batch: None })
    }

    /// The next row; none at the end, where the checksum has been found right.
    ///
    /// # Errors
    /// What is damaged.
    pub fn next_row(&mut self) -> Result<Option<Row>, ShardError> {
        let damaged = |what: &str| ShardError::Damaged(what.to_owned());
        if self.batch.as_ref().is_none_or(|(batch, at)| *at == batch.num_rows()) {
            match self.reader.next() {
                Some(Ok(batch)) if batch.num_columns() == self.first + self.width => self.batch = Some((batch, 0)),
                Some(Ok(_)) => return Err(damaged("its columns differ")),
                Some(Err(error)) => return Err(damaged(&error.to_string())),
                None if self.checksum.text() == self.expected => return Ok(None),
                None => return Err(damaged("its checksum is wrong")),
            }
        }
        let Some((batch, at)) = &mut self.batch else { return Ok(None) };
        let row = row(batch, *at, self.first, self.width).ok_or_else(|| damaged("its columns differ"))?;
        *at += 1;
        self.checksum.add(&row);
        Ok(Some(row))
    }
}

/// A row of a batch; none if its columns are not those of a part.
fn row(batch: &RecordBatch, at: usize, first: usize, width: usize) -> Option<Row> {
    let number = batch.column(0).as_primitive_opt::<UInt64Type>()?.value(at).checked_sub(1)?;
    let mut values = Vec::with_capacity(width);
    values.push(f64::from(batch.column(first).as_primitive_opt::<UInt32Type>()?.value(at)));
    let met = batch.column(first + 1).as_boolean_opt()?;
    values.push(if met.is_null(at) { f64::NAN } else { f64::from(u8::from(met.value(at))) });
    for column in &batch.columns()[first + 2..] {
        let column = column.as_primitive_opt::<Float64Type>()?;
        values.push(if column.is_null(at) { f64::NAN } else { column.value(at) });
    }
    Some(Row { number, values })
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
