//! What can be wrong with a trace.

use std::fmt;

/// A trace cannot be read, or says what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TraceError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; none where the file as a whole is meant.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to write or do instead.
    pub help: Option<String>,
    /// Whether the file could not be read at all, for which the scenario is not to blame.
    pub is_io: bool,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl TraceError {
    pub(super) fn new(file: &str, line: Option<u64>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into(), help: None, is_io: false }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// One more thing to do.
    pub(super) fn also(self, more: &str) -> Self {
        let help = self.help.map_or_else(|| more.to_owned(), |help| format!("{help}; {more}"));
        Self { help: Some(help), ..self }
    }

    pub(super) fn io(file: &str, line: Option<u64>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound, UnexpectedEof};
        // A wrong name or a file that is cut off is the fault of the input.
        let is_io = !matches!(error.kind(), InvalidData | IsADirectory | NotADirectory | NotFound | UnexpectedEof);
        Self { is_io, ..Self::new(file, line, format!("cannot be read: {error}")) }
    }
}

/// What a row that cannot be read does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnError {
    /// It ends the reading, with file and line.
    #[default]
    Fail,
    /// It is counted and left out.
    Skip,
}

/// Rows left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub rows: u64,
    /// Why the first one was.
    pub first: Option<TraceError>,
}

/// What the user of a trace should know although it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The file, as it was named.
    pub file: String,
    /// What it is.
    pub message: String,
    /// An example, with its line.
    pub example: Option<TraceError>,
}

impl Remark {
    pub(super) fn new(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), message: message.into(), example: None }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.message)
    }
}

/// So many rows, in words.
pub(super) fn many_rows(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

impl Skipped {
    /// What there is to say about it, if anything.
    pub(super) fn remark(&self, file: &str) -> Option<Remark> {
        let message = format!("{} left out, unreadable", many_rows(self.rows));
        (self.rows > 0).then(|| Remark { example: self.first.clone(), ..Remark::new(file, message) })
    }

    /// Adds what was left out of another file.
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.first = self.first.take().or(other.first);
    }

    /// Counts a wrong row, or hands its error on.
    pub(super) fn take(&mut self, on_error: OnError, error: TraceError) -> Result<(), TraceError> {
        if on_error == OnError::Fail || error.is_io {
            return Err(error);
        }
        self.rows += 1;
        self.first.get_or_insert(error);
        Ok(())
    }
}
