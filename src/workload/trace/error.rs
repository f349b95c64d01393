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
    /// Whether `message` and `help` may quote what is in the file.
    quotes: bool,
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
        Self { file: file.to_owned(), line, message: message.into(), help: None, is_io: false, quotes: true }
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
        let message = format!("cannot be read: {error}");
        Self { is_io: is_of_environment(error), quotes: false, ..Self::new(file, line, message) }
    }

    /// The error of a part of the file that stands behind so many lines.
    pub(super) fn behind(self, lines: u64) -> Self {
        Self { line: self.line.map(|line| line + lines), ..self }
    }

    /// The error without anything that is in the file, if that is confidential.
    #[must_use]
    pub fn about(self, is_confidential: bool) -> Self {
        if !is_confidential || !self.quotes {
            return self;
        }
        Self { help: Some(CONFIDENTIAL.to_owned()), ..Self::new(&self.file, self.line, "is not valid") }
    }
}

/// Said in place of what is in a file.
pub(crate) const CONFIDENTIAL: &str =
    "its content is not shown, because the file is outside the folder of the scenario";

/// Whether an error of reading is that of the machine: a wrong name, a file that is cut off and what a decoder finds wrong
/// are faults of the input.
pub(crate) fn is_of_environment(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    let is_of_name = matches!(error.kind(), InvalidInput | IsADirectory | NotADirectory | NotFound);
    error.raw_os_error().is_some() && !is_of_name
}

/// What to do with a row that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnError {
    /// It ends the reading, with file and line.
    #[default]
    Fail,
    /// The row is counted and skipped.
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
        let message = format!("{} skipped, unreadable", many_rows(self.rows));
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

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn only_the_machine_is_to_blame_for_what_the_system_answers() {
        const EIO: i32 = 5;
        assert!(TraceError::io("x", None, &io::Error::from_raw_os_error(EIO)).is_io);
        for kind in [ErrorKind::InvalidInput, ErrorKind::InvalidData, ErrorKind::UnexpectedEof, ErrorKind::Other] {
            assert!(!TraceError::io("x", None, &io::Error::new(kind, "corrupt deflate stream")).is_io, "{kind}");
        }
        assert!(!TraceError::io("x", None, &io::Error::from(ErrorKind::NotFound)).is_io);
    }

    #[test]
    fn what_is_confidential_is_not_quoted() {
        let error = TraceError::new("x", Some(3), "\"secret\" is not a number").help("secret");
        assert!(error.clone().about(false).to_string().contains("secret"));
        let hidden = error.about(true).to_string();
        assert!(hidden.starts_with("x:3: ") && !hidden.contains("secret"), "{hidden}");
        let missing = TraceError::io("x", None, &io::Error::new(ErrorKind::NotFound, "no such file"));
        assert_eq!(missing.clone().about(true), missing, "nothing of the file is in it");
    }
}
