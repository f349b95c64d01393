//! The request log as Apache Parquet. Times are 64-bit floats in seconds; names and outcomes are dictionaries.

use std::io::{self, Write};
use std::mem::take;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{COLUMNS, OUTCOMES, place, times};
use crate::engine::Finished;

/// Rows collected before they are encoded.
const BATCH: usize = 1 << 13;
/// Rows encoded before they are written: what bounds the memory.
const GROUP: usize = 1 << 17;

pub(super) struct Rows<W: Write + Send> {
    to: ArrowWriter<W>,
    schema: Arc<Schema>,
    sources: Arc<StringArray>,
    functions: Arc<StringArray>,
    outcomes: Arc<StringArray>,
    batch: Batch,
}

/// The columns of the rows collected.
#[derive(Default)]
struct Batch {
    source: Vec<i32>,
    number: Vec<u64>,
    function: Vec<i32>,
    instance: Vec<Option<u64>>,
    times: [Vec<f64>; 9],
    cold: Vec<bool>,
    cold_affected: Vec<bool>,
    outcome: Vec<i32>,
}

impl<W: Write + Send> Rows<W> {
    pub(super) fn new(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> io::Result<Self> {
        let schema = Arc::new(schema());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP))
            .build();
        let to = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties)).map_err(of_parquet)?;
        let outcomes = Arc::new(StringArray::from(OUTCOMES.to_vec()));
        Ok(Self { to, schema, sources: names(sources), functions: names(functions), outcomes, batch: Batch::default() })
    }

    pub(super) fn write(&mut self, request: &Finished) -> io::Result<()> {
        let batch = &mut self.batch;
        batch.source.push(request.source.0.cast_signed());
        batch.number.push(request.number);
        batch.function.push(request.function.0.cast_signed());
        batch.instance.push(request.instance.map(|instance| instance.0));
        for (column, time) in batch.times.iter_mut().zip(times(request)) {
            column.push(time.as_secs_f64());
        }
        batch.cold.push(request.cold);
        batch.cold_affected.push(request.cold_affected);
        batch.outcome.push(place(request.outcome) as i32);
        if batch.number.len() >= BATCH { self.empty() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.empty()?;
        let mut to = self.to.into_inner().map_err(of_parquet)?;
        to.flush()?;
        Ok(to)
    }

    fn empty(&mut self) -> io::Result<()> {
        let Batch { source, number, function, instance, times, cold, cold_affected, outcome } = take(&mut self.batch);
        let mut columns: Vec<ArrayRef> = vec![
            named(source, &self.sources)?,
            Arc::new(UInt64Array::from(number)),
            named(function, &self.functions)?,
            Arc::new(UInt64Array::from(instance)),
        ];
        columns.extend(times.map(|time| Arc::new(Float64Array::from(time)) as ArrayRef));
        columns.push(Arc::new(BooleanArray::from(cold)));
        columns.push(Arc::new(BooleanArray::from(cold_affected)));
        columns.push(named(outcome, &self.outcomes)?);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(of_arrow)?;
        self.to.write(&batch).map_err(of_parquet)
    }
}

fn schema() -> Schema {
    let name = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = COLUMNS.map(|column| {
        let kind = match column {
            "source" | "function" | "outcome" => name.clone(),
            "number" | "instance" => DataType::UInt64,
            "cold" | "cold_affected" => DataType::Boolean,
            _ => DataType::Float64,
        };
        Field::new(column, kind, column == "instance")
    });
    Schema::new(fields.to_vec())
}

fn names(names: &[impl AsRef<str>]) -> Arc<StringArray> {
    Arc::new(StringArray::from_iter_values(names))
}

fn named(keys: Vec<i32>, names: &Arc<StringArray>) -> io::Result<ArrayRef> {
    let names = Arc::clone(names);
    let array = DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), names).map_err(of_arrow)?;
    Ok(Arc::new(array))
}

/// The error of the output where there is one inside.
fn of_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}

fn of_arrow(error: ArrowError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    use super::*;
    use crate::report::requests::tests as sample;

    #[test]
    fn it_reads_back() {
        let mut rows = Rows::new(tempfile::tempfile().unwrap(), &["web"], &["a", "b"]).unwrap();
        for _ in 0..BATCH {
            rows.write(&sample::served()).unwrap();
        }
        rows.write(&sample::rejected()).unwrap();
        let reader = SerializedFileReader::new(rows.finish().unwrap()).unwrap();
        let read: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(read.len(), BATCH + 1);
        let names: Vec<_> = read[0].get_column_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, COLUMNS);
        let (served, rejected) = (&read[0], &read[BATCH]);
        assert_eq!(served.get_string(0).map(String::as_str).ok(), Some("web"));
        assert_eq!(served.get_string(2).map(String::as_str).ok(), Some("b"));
        assert_eq!(served.get_ulong(3).ok(), Some(12_345));
        assert_eq!(served.get_double(8).ok(), Some(86_398.999_999_999));
        assert_eq!(served.get_bool(13).ok(), Some(true));
        assert_eq!(rejected.get_ulong(1).ok(), Some(u64::MAX));
        assert!(rejected.get_ulong(3).is_err(), "no instance");
        assert_eq!(rejected.get_string(15).map(String::as_str).ok(), Some("rejected"));
    }
}
