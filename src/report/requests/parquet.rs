//! The request log as Apache Parquet. Times are 64-bit floats in seconds, as the metadata of their fields says; names and
//! outcomes are dictionaries.

use std::io::{self, Write};

use parquet::basic::Encoding;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::schema::types::ColumnPath;

use super::{COLUMNS, CREATOR, OUTCOMES, TIMES, place, times};
use crate::engine::Finished;
use crate::report::parquet::{Field, Kind, Writer, properties};

/// Rows of a group, which are collected and then encoded column by column: what bounds the memory.
const GROUP: usize = 1 << 16;
/// The columns of names, which repeat.
const NAMES: [&str; 3] = ["source", "function", "outcome"];
/// The columns of whole numbers, which differ little from row to row.
const NUMBERS: [&str; 2] = ["number", "instance"];

pub(super) struct Rows<W: Write + Send> {
    to: Writer<W>,
    waiting: Vec<Finished>,
    sources: Vec<ByteArray>,
    functions: Vec<ByteArray>,
    outcomes: Vec<ByteArray>,
}

impl<W: Write + Send> Rows<W> {
    pub(super) fn new(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> io::Result<Self> {
        // A dictionary pays for names only: times hardly repeat, and looking for repetitions took more than half of the whole
        // and made the file larger.
        let mut properties = properties()?.set_created_by(CREATOR.to_owned()).set_dictionary_enabled(false);
        for column in NAMES {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), true);
        }
        for column in NUMBERS {
            properties = properties.set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
        }
        Ok(Self {
            to: Writer::new(to, &COLUMNS.map(field), properties)?,
            waiting: Vec::with_capacity(GROUP),
            sources: names(sources),
            functions: names(functions),
            outcomes: names(&OUTCOMES),
        })
    }

    pub(super) fn write(&mut self, mut requests: &[Finished]) -> io::Result<()> {
        while !requests.is_empty() {
            let (now, later) = requests.split_at(requests.len().min(GROUP - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            if self.waiting.len() == GROUP {
                self.write_group()?;
            }
            requests = later;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        let Self { to, waiting, sources, functions, outcomes } = self;
        let rows = || waiting.iter();
        let mut group = to.group()?;
        group.column::<ByteArrayType>(rows().map(|row| sources[row.source.index()].clone()))?;
        group.column::<Int64Type>(rows().map(|row| row.number.cast_signed()))?;
        group.column::<ByteArrayType>(rows().map(|row| functions[row.function.index()].clone()))?;
        group.optional::<Int64Type>(rows().map(|row| Some(row.instance?.0.cast_signed())))?;
        for column in 0..TIMES {
            group.column::<DoubleType>(rows().map(|row| times(row)[column].as_secs_f64()))?;
        }
        group.column::<BoolType>(rows().map(|row| row.cold))?;
        group.column::<BoolType>(rows().map(|row| row.cold_affected))?;
        group.column::<ByteArrayType>(rows().map(|row| outcomes[place(row.outcome)].clone()))?;
        group.close()?;
        waiting.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.waiting.is_empty() {
            self.write_group()?;
        }
        self.to.finish()
    }
}

fn field(name: &'static str) -> Field<'static> {
    let kind = match name {
        words if NAMES.contains(&words) => Kind::Name,
        number if NUMBERS.contains(&number) => Kind::UInt64,
        "cold" | "cold_affected" => Kind::Bool,
        _ => Kind::Float64,
    };
    let unit = if kind == Kind::Float64 { "s" } else { "" };
    Field { name, kind, is_optional: name == "instance", unit }
}

fn names(names: &[impl AsRef<str>]) -> Vec<ByteArray> {
    names.iter().map(|name| ByteArray::from(name.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    use super::*;
    use crate::report::requests::tests as sample;

    /// More rows than a group, and then a page, holds.
    const MANY: usize = GROUP + 30_000;

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
