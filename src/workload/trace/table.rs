//! CSV files with named columns, compressed or not.

use std::io::{self, BufRead, BufReader, Read};

use csv::ByteRecord;

use super::error::TraceError;
use crate::time::Span;
use crate::workload::Input;

/// Bytes of a row, at most: what is longer is no trace, and must not fill the memory.
const ROW_MAX: usize = 16 << 20;

/// A CSV file being read.
pub(super) struct Table {
    name: String,
    reader: csv::Reader<Guard>,
    columns: Vec<String>,
    record: ByteRecord,
}

impl Table {
    /// Opens a file and reads the names of its columns. gzip and zstd are recognised by their first bytes.
    pub(super) fn open(input: &Input) -> Result<Self, TraceError> {
        let name = input.name.clone();
        let io = |error: &std::io::Error| TraceError::io(&name, None, error);
        let mut raw = BufReader::with_capacity(1 << 16, input.open().map_err(|error| io(&error))?);
        let start = raw.fill_buf().map_err(|error| io(&error))?;
        let plain: Box<dyn Read + Send> = if start.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::bufread::MultiGzDecoder::new(raw))
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Box::new(zstd::Decoder::with_buffer(raw).map_err(|error| io(&error))?)
        } else {
            Box::new(raw)
        };
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.flexible(true).buffer_capacity(1 << 16);
        let mut reader = reader.from_reader(Guard { inner: plain, left: ROW_MAX });
        let header = reader.byte_headers().map_err(|error| failed(&name, None, &error))?.clone();
        if header.is_empty() {
            return Err(TraceError::new(&name, None, "the file is empty").help("its first line must name the columns"));
        }
        let columns = header.iter().map(|column| String::from_utf8_lossy(column).trim().to_owned()).collect();
        Ok(Self { name, reader, columns, record: ByteRecord::new() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The place of the first of these columns that is there.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))
    }

    /// The place of a column that must be there.
    pub(super) fn need(&self, names: &[&str]) -> Result<usize, TraceError> {
        self.column(names).ok_or_else(|| {
            let mut there =
                self.columns.iter().take(12).map(|column| format!("`{}`", shown(column))).collect::<Vec<_>>();
            if self.columns.len() > there.len() {
                there.push("...".to_owned());
            }
            TraceError::new(&self.name, Some(1), format!("there is no column `{}`", names[0]))
                .help(format!("the columns are {}", there.join(", ")))
        })
    }

    /// The next row and its line; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, TraceError> {
        self.reader.get_mut().left = ROW_MAX;
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let line = self.record.position().map_or(0, csv::Position::line);
                Ok(Some(Row { name: &self.name, line, record: &self.record, columns: &self.columns }))
            }
            // The row that could not be read begins here.
            Err(error) => Err(failed(&self.name, Some(self.reader.position().line()), &error)),
        }
    }
}

fn failed(name: &str, line: Option<u64>, error: &csv::Error) -> TraceError {
    match error.kind() {
        csv::ErrorKind::Io(error) => {
            let cut = error.kind() == std::io::ErrorKind::UnexpectedEof;
            let error = TraceError::io(name, line, error);
            if cut { error.help("the file seems to be cut off") } else { error }
        }
        _ => TraceError::new(name, line, error.to_string()),
    }
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    name: &'a str,
    line: u64,
    record: &'a ByteRecord,
    columns: &'a [String],
}

impl<'a> Row<'a> {
    /// An error in this row.
    pub(super) fn wrong(&self, message: impl Into<String>) -> TraceError {
        TraceError::new(self.name, Some(self.line), message)
    }

    /// A field, without spaces around it. A row must have as many as the header.
    pub(super) fn field(&self, column: usize) -> Result<&'a [u8], TraceError> {
        let (found, wanted) = (self.record.len(), self.columns.len());
        match self.record.get(column) {
            Some(field) if found == wanted => Ok(field.trim_ascii()),
            _ => {
                let word = if found == 1 { "field" } else { "fields" };
                Err(self.wrong(format!("the row has {found} {word}, the header {wanted}")))
            }
        }
    }

    /// A field that is text.
    pub(super) fn text(&self, column: usize) -> Result<&'a str, TraceError> {
        let text = std::str::from_utf8(self.field(column)?);
        text.map_err(|_| self.wrong(format!("`{}` is not text in UTF-8", shown(&self.columns[column]))))
    }

    /// A number that is not negative.
    pub(super) fn number(&self, column: usize) -> Result<f64, TraceError> {
        let text = self.text(column)?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
            parsed => {
                let why = match parsed {
                    Ok(number) if number < 0.0 => "is negative",
                    _ => "is not a number",
                };
                let column = shown(&self.columns[column]);
                Err(self.wrong(format!("`{column}`: \"{}\" {why}", shown(text))).help("write for example 0.25"))
            }
        }
    }

    /// A time in seconds.
    pub(super) fn seconds(&self, column: usize) -> Result<Span, TraceError> {
        self.span(self.number(column)?, column)
    }

    /// A number of seconds as a time.
    pub(super) fn span(&self, seconds: f64, column: usize) -> Result<Span, TraceError> {
        Span::from_secs_f64(seconds).map_err(|error| self.wrong(format!("`{}`: {error}", shown(&self.columns[column]))))
    }
}

/// Lets only so many bytes through for each row: a quotation mark that is never closed must not fill the memory.
struct Guard {
    inner: Box<dyn Read + Send>,
    left: usize,
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let message = format!("a row is longer than {ROW_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let room = buffer.len().min(self.left);
        let read = self.inner.read(&mut buffer[..room])?;
        self.left -= read;
        Ok(read)
    }
}

/// The beginning of a text that may be endless, without what a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(40).map(clean).collect();
    if text.chars().nth(40).is_some() { format!("{short}...") } else { short }
}
