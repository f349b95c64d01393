//! Writing Parquet: a schema, then row groups, column by column. Arrow's arrays are not used, because they would double the
//! time of a first build.

mod arrow_schema;

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

/// A column of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// Whether rows may have no value.
    pub(super) is_optional: bool,
    /// The unit of its numbers; empty: they have none.
    pub(super) unit: &'a str,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A text that repeats: readers that use Arrow see a dictionary.
    Name,
    Int64,
    UInt64,
    UInt32,
    Float64,
    Bool,
}

/// A file that is being written.
pub(super) struct Writer<W: Write + Send>(SerializedFileWriter<W>);

impl<W: Write + Send> Writer<W> {
    /// A file with these columns.
    pub(super) fn new(to: W, fields: &[Field<'_>], properties: WriterPropertiesBuilder) -> io::Result<Self> {
        let arrow = KeyValue::new("ARROW:schema".to_owned(), arrow_schema::encode(fields));
        let properties = properties.set_key_value_metadata(Some(vec![arrow])).build();
        let schema = schema(fields).map_err(of_parquet)?;
        Ok(Self(SerializedFileWriter::new(to, schema, Arc::new(properties)).map_err(of_parquet)?))
    }

    /// The next row group. All its columns have to be written, in order.
    pub(super) fn group(&mut self) -> io::Result<Group<'_, W>> {
        Ok(Group(self.0.next_row_group().map_err(of_parquet)?))
    }

    /// Adds an entry to the metadata of the file.
    pub(super) fn describe(&mut self, key: &str, value: String) {
        self.0.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Writes the end of the file, and hands the output back.
    pub(super) fn finish(self) -> io::Result<W> {
        let mut to = self.0.into_inner().map_err(of_parquet)?;
        to.flush()?;
        Ok(to)
    }
}

/// A row group that is being written.
pub(super) struct Group<'a, W: Write>(SerializedRowGroupWriter<'a, W>);

impl<W: Write + Send> Group<'_, W> {
    /// Writes the next column, which has a value in each row.
    pub(super) fn column<T: DataType>(&mut self, values: impl Iterator<Item = T::T>) -> io::Result<()> {
        self.write::<T>(&values.collect::<Vec<_>>(), None)
    }

    /// Writes the next column, which may have no value in some rows.
    pub(super) fn optional<T: DataType>(&mut self, values: impl Iterator<Item = Option<T::T>>) -> io::Result<()> {
        let mut levels = Vec::new();
        let values: Vec<T::T> = values.inspect(|value| levels.push(i16::from(value.is_some()))).flatten().collect();
        self.write::<T>(&values, Some(&levels))
    }

    fn write<T: DataType>(&mut self, values: &[T::T], levels: Option<&[i16]>) -> io::Result<()> {
        let mut write = || {
            let mut column = self.0.next_column()?.expect("a file has no more columns than its fields");
            column.typed::<T>().write_batch(values, levels, None)?;
            column.close()
        };
        write().map_err(of_parquet)
    }

    /// Ends the group.
    pub(super) fn close(self) -> io::Result<()> {
        self.0.close().map(|_| ()).map_err(of_parquet)
    }
}

/// What all files have in common: the fastest level of zstd, and ranges of values for each group; a page is too short to be
/// worth its own.
pub(super) fn properties() -> io::Result<WriterPropertiesBuilder> {
    let level = ZstdLevel::try_new(1).map_err(of_parquet)?;
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk))
}

fn schema(fields: &[Field<'_>]) -> Result<TypePtr, ParquetError> {
    let column = |field: &Field<'_>| {
        let (physical, logical) = match field.kind {
            Kind::Text | Kind::Name => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Int64 => (PhysicalType::INT64, None),
            Kind::UInt64 => (PhysicalType::INT64, Some(LogicalType::integer(64, false))),
            Kind::UInt32 => (PhysicalType::INT32, Some(LogicalType::integer(32, false))),
            Kind::Float64 => (PhysicalType::DOUBLE, None),
            Kind::Bool => (PhysicalType::BOOLEAN, None),
        };
        let repetition = if field.is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let column = Type::primitive_type_builder(field.name, physical);
        Ok(Arc::new(column.with_logical_type(logical).with_repetition(repetition).build()?))
    };
    let columns = fields.iter().map(column).collect::<Result<_, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(columns).build()?))
}

/// The error of the output where there is one inside.
pub(super) fn of_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}
