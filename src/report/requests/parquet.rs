//! The request log as Apache Parquet. Times are 64-bit floats in seconds, as the metadata of their fields says; names and
//! outcomes are dictionaries.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::{COLUMNS, CREATOR, OUTCOMES, TIMES, place, times};
use crate::engine::Finished;
use crate::report::parquet::{finish, of_parquet};

/// Rows encoded before they are written: what bounds the memory.
const GROUP: usize = 1 << 17;
/// The columns of names, which repeat.
const NAMES: [&str; 3] = ["source", "function", "outcome"];
/// The columns of whole numbers, which differ little from row to row.
const NUMBERS: [&str; 2] = ["number", "instance"];

pub(super) struct Rows<W: Write + Send> {
    to: ArrowWriter<W>,
    schema: Arc<Schema>,
    sources: Arc<StringArray>,
    functions: Arc<StringArray>,
    outcomes: Arc<StringArray>,
}

impl<W: Write + Send> Rows<W> {
    pub(super) fn new(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> io::Result<Self> {
        let schema = Arc::new(schema());
        let properties = properties().map_err(of_parquet)?;
        let to = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties)).map_err(of_parquet)?;
        let outcomes = Arc::new(StringArray::from(OUTCOMES.to_vec()));
        Ok(Self { to, schema, sources: names(sources), functions: names(functions), outcomes })
    }

    pub(super) fn write(&mut self, requests: &[Finished]) -> io::Result<()> {
        let key = |key: fn(&Finished) -> i32| Int32Array::from_iter_values(requests.iter().map(key));
        let flag = |flag: fn(&Finished) -> bool| BooleanArray::from_iter(requests.iter().map(|r| Some(flag(r))));
        let mut columns: Vec<ArrayRef> = vec![
            named(key(|request| request.source.0.cast_signed()), &self.sources)?,
            Arc::new(UInt64Array::from_iter_values(requests.iter().map(|request| request.number))),
            named(key(|request| request.function.0.cast_signed()), &self.functions)?,
            Arc::new(UInt64Array::from_iter(
                requests.iter().map(|request| request.instance.map(|instance| instance.0)),
            )),
        ];
        for column in 0..TIMES {
            let seconds = requests.iter().map(|request| times(request)[column].as_secs_f64());
            columns.push(Arc::new(Float64Array::from_iter_values(seconds)));
        }
        columns.push(Arc::new(flag(|request| request.cold)));
        columns.push(Arc::new(flag(|request| request.cold_affected)));
        columns.push(named(key(|request| place(request.outcome) as i32), &self.outcomes)?);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(of_arrow)?;
        self.to.write(&batch).map_err(of_parquet)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        finish(self.to)
    }
}

/// How columns are encoded. A dictionary pays for names only: times hardly repeat, and looking for repetitions took more
/// than half of the whole and made the file larger. Ranges are kept for each group; a page is too short to be worth its own.
fn properties() -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATOR.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(GROUP));
    for column in NAMES {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), true);
    }
    for column in NUMBERS {
        properties = properties.set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}

fn schema() -> Schema {
    let name = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = COLUMNS.map(|column| {
        let kind = match column {
            words if NAMES.contains(&words) => name.clone(),
            number if NUMBERS.contains(&number) => DataType::UInt64,
            "cold" | "cold_affected" => DataType::Boolean,
            _ => DataType::Float64,
        };
        let unit = (kind == DataType::Float64).then(|| ("unit".to_owned(), "s".to_owned()));
        Field::new(column, kind, column == "instance").with_metadata(unit.into_iter().collect::<HashMap<_, _>>())
    });
    Schema::new(fields.to_vec())
}

fn names(names: &[impl AsRef<str>]) -> Arc<StringArray> {
    Arc::new(StringArray::from_iter_values(names))
}

fn named(keys: Int32Array, names: &Arc<StringArray>) -> io::Result<ArrayRef> {
    let names = Arc::clone(names);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, names).map_err(of_arrow)?))
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

    /// More rows than a page holds.
    const MANY: usize = 30_000;

    #[test]
    fn it_reads_back() {
        let mut rows = Rows::new(tempfile::tempfile().unwrap(), &["web"], &["a", "b"]).unwrap();
        rows.write(&vec![sample::served(); MANY]).unwrap();
        rows.write(&[sample::rejected()]).unwrap();
        let reader = SerializedFileReader::new(rows.finish().unwrap()).unwrap();
        let read: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(read.len(), MANY + 1);
        let names: Vec<_> = read[0].get_column_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, COLUMNS);
        let (served, rejected) = (&read[0], &read[MANY]);
        assert_eq!(served.get_string(0).map(String::as_str).ok(), Some("web"));
        assert_eq!(served.get_string(2).map(String::as_str).ok(), Some("b"));
        assert_eq!(served.get_ulong(3).ok(), Some(12_345));
        assert_eq!(served.get_double(8).ok(), Some(86_398.999_999_999));
        assert_eq!(served.get_bool(13).ok(), Some(true));
        assert_eq!(rejected.get_ulong(1).ok(), Some(u64::MAX));
        assert!(rejected.get_ulong(3).is_err(), "no instance");
        assert_eq!(rejected.get_string(15).map(String::as_str).ok(), Some("rejected"));
        let file = reader.metadata().file_metadata();
        assert_eq!(file.created_by(), Some(CREATOR));
        let schema = parquet::arrow::parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()).unwrap();
        let unit = |name: &str| schema.field_with_name(name).unwrap().metadata().get("unit").cloned();
        assert_eq!(
            (unit("born_s").as_deref(), unit("execution_s").as_deref(), unit("cold")),
            (Some("s"), Some("s"), None)
        );
    }
}
