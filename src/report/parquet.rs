//! What all writers of Parquet share.

use std::io::{self, Write};

use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

/// Writes what is left, and hands the output back.
pub(super) fn finish<W: Write + Send>(writer: ArrowWriter<W>) -> io::Result<W> {
    let mut to = writer.into_inner().map_err(of_parquet)?;
    to.flush()?;
    Ok(to)
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
