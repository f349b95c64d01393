//! One row, with readers for its fields.

use super::super::decimal::{self, Decimal};
use super::super::error::TraceError;
use super::{ROWS_MAX, Rows, shown};
use crate::time::Span;

/// One row: the one that was taken last.
#[derive(Clone, Copy)]
pub(in super::super) struct Row<'a> {
    pub(super) rows: &'a Rows,
}

impl<'a> Row<'a> {
    /// Its line in the file.
    pub(in super::super) const fn line(&self) -> u64 {
        self.rows.row.line
    }

    /// A field as it is written.
    #[inline]
    pub(super) fn written(&self, column: usize) -> &'a [u8] {
        let Rows { row, block, .. } = self.rows;
        let bytes = if row.is_quoted { &row.unquoted } else { &block.bytes };
        &bytes[row.begins[column]..row.begins[column + 1] - 1]
    }

    /// An error in this row.
    pub(in super::super) fn wrong(&self, message: impl Into<String>) -> TraceError {
        self.rows.header.wrong(self.line(), message)
    }

    /// An error about a field: its column, what stands there, and why that is wrong.
    pub(in super::super) fn wrong_field(&self, column: usize, text: &str, why: &str) -> TraceError {
        self.wrong(format!("`{}`: \"{}\" {why}", shown(&self.rows.header.columns[column]), shown(text)))
    }

    /// A field, without spaces around it. A row must have as many as the header.
    // A call for each field would take a tenth of the time of a scan.
    #[inline(always)]
    pub(in super::super) fn field(&self, column: usize) -> Result<&'a [u8], TraceError> {
        if self.rows.row.fields != self.rows.header.columns.len() {
            return Err(self.has_other_fields());
        }
        match self.written(column) {
            // As nearly all are.
            field @ [b'!'..=b'~', .., b'!'..=b'~'] => Ok(field),
            field => Ok(field.trim_ascii()),
        }
    }

    #[cold]
    fn has_other_fields(&self) -> TraceError {
        let (found, wanted) = (self.rows.row.fields, self.rows.header.columns.len());
        let word = if found == 1 { "field" } else { "fields" };
        self.wrong(format!("the row has {found} {word}, the header {wanted}"))
    }

    #[cold]
    pub(super) fn is_one_too_many(&self) -> TraceError {
        let message = format!("the file has more than {} million rows", ROWS_MAX / 1_000_000);
        self.wrong(message).help("split it, or count the requests by interval and use a rate trace")
    }

    /// A field that is text.
    pub(in super::super) fn text(&self, column: usize) -> Result<&'a str, TraceError> {
        let text = std::str::from_utf8(self.field(column)?);
        text.map_err(|_| self.wrong(format!("`{}` is not text in UTF-8", shown(&self.rows.header.columns[column]))))
    }

    /// A number that is not negative.
    #[inline]
    pub(in super::super) fn number(&self, column: usize) -> Result<f64, TraceError> {
        match decimal::short(self.field(column)?) {
            Some(number) => Ok(number.into()),
            None => self.other_number(column),
        }
    }

    /// A number that is not a few digits.
    fn other_number(&self, column: usize) -> Result<f64, TraceError> {
        let text = self.text(column)?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
            Ok(number) if number < 0.0 => Err(self.wrong_field(column, text, "is negative")),
            _ => Err(self.wrong_field(column, text, "is not a number")),
        }
        .map_err(|error| error.help("write for example 0.25"))
    }

    /// A number that is not negative, if there is one: what is not needed must not make the row wrong.
    pub(in super::super) fn any_number(&self, column: usize) -> Result<Option<f64>, TraceError> {
        self.field(column)?;
        Ok(self.number(column).ok())
    }

    /// A time in seconds.
    #[inline]
    pub(in super::super) fn seconds(&self, column: usize) -> Result<Span, TraceError> {
        match Decimal::read(self.field(column)?).and_then(|number| number.times(1_000_000_000)) {
            Some(nanos) => Ok(Span::from_nanos(nanos)),
            None => self.other_seconds(column),
        }
    }

    /// A time in seconds that is written otherwise, as with an exponent.
    #[cold]
    fn other_seconds(&self, column: usize) -> Result<Span, TraceError> {
        let seconds = self.number(column)?;
        Span::from_secs_f64(seconds)
            .map_err(|error| self.wrong(format!("`{}`: {error}", shown(&self.rows.header.columns[column]))))
    }
}
