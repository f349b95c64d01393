//! CSV files with named columns, compressed or not.

use std::io::{self, BufRead, BufReader, Read};

use memchr::{memchr, memchr2};

use super::decimal::{self, Decimal};
use super::error::TraceError;
use crate::time::Span;
use crate::workload::Input;

/// Bytes of a row, at most: what is longer is no trace, and must not fill the memory.
const ROW_MAX: usize = 16 << 20;
/// Rows of a file: a few megabytes of gzip can stand for thousands of millions.
pub(super) const ROWS_MAX: u64 = 100_000_000;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 18;
/// Bytes of a word, and bytes that follow those of the buffer, so that the last of them can be read by words.
const WORD: usize = 8;

/// A CSV file being read.
pub(super) struct Table {
    name: String,
    from: Box<dyn Read + Send>,
    /// What is read and not yet used lies in `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// What went wrong behind the bytes of the buffer.
    failed: Option<io::Error>,
    separator: u8,
    columns: Vec<String>,
    fields: Vec<(usize, usize)>,
    /// The fields of a row with quotation marks, one after the other without them.
    unquoted: Vec<u8>,
    /// The line at `start`.
    line: u64,
    /// The row that was read last: where its bytes are, and its line.
    row: (Found, u64),
    rows: u64,
}

/// Where a row's bytes are.
#[derive(Clone, Copy)]
enum Found {
    /// In the buffer, from here.
    Plain(usize),
    Unquoted,
}

impl Table {
    /// Opens a file and reads the names of its columns. gzip and zstd are recognised by their first bytes. Without a
    /// `separator`, a first line such as `sep=;` or the header tells it.
    pub(super) fn open(input: &Input, separator: Option<u8>) -> Result<Self, TraceError> {
        let name = input.name.clone();
        let io = |error: &io::Error| TraceError::io(&name, None, error);
        let mut raw = BufReader::with_capacity(1 << 16, input.open().map_err(|error| io(&error))?);
        let start = raw.fill_buf().map_err(|error| io(&error))?;
        let from: Box<dyn Read + Send> = if start.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::bufread::MultiGzDecoder::new(raw))
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Box::new(zstd::Decoder::with_buffer(raw).map_err(|error| io(&error))?)
        } else {
            Box::new(raw)
        };
        let mut table = Self {
            name,
            from,
            buffer: vec![0; BLOCK + WORD],
            start: 0,
            end: 0,
            at_end: false,
            failed: None,
            separator: separator.unwrap_or(b','),
            columns: Vec::new(),
            fields: Vec::new(),
            unquoted: Vec::new(),
            line: 1,
            row: (Found::Unquoted, 1),
            rows: 0,
        };
        table.header(separator)?;
        Ok(table)
    }

    fn header(&mut self, separator: Option<u8>) -> Result<(), TraceError> {
        self.fill();
        if self.buffer[..self.end].starts_with("\u{feff}".as_bytes()) {
            self.start = 3;
        }
        let mut wanted = separator;
        loop {
            while self.start < self.end && matches!(self.buffer[self.start], b'\n' | b'\r') {
                self.line += u64::from(self.buffer[self.start] == b'\n');
                self.start += 1;
            }
            let rest = &self.buffer[self.start..self.end];
            let first = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
            let first = first.strip_suffix(b"\r").unwrap_or(first);
            match first {
                // What Excel writes and wants, and Grafana too.
                [s, e, p, b'=', separator] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
                    wanted = wanted.or(Some(*separator));
                    self.start += memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                    self.line += 1;
                }
                _ => {
                    let likely = || [b',', b';', b'\t', b'|'].into_iter().find(|&likely| first.contains(&likely));
                    self.separator = wanted.or_else(likely).unwrap_or(b',');
                    break;
                }
            }
        }
        let columns = self.next()?.map(|row| {
            let fields = row.table.fields.iter().map(|&(from, to)| &row.bytes()[from..to]);
            fields.map(|column| String::from_utf8_lossy(column).trim().to_owned()).collect()
        });
        self.columns = columns.ok_or_else(|| {
            TraceError::new(&self.name, None, "the file is empty").help("its first line must name the columns")
        })?;
        self.rows = 0;
        Ok(())
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
        self.column(names).ok_or_else(|| self.lacks(&format!("there is no column `{}`", shown(names[0]))))
    }

    /// An error in the header, with the columns that are there.
    pub(super) fn lacks(&self, message: &str) -> TraceError {
        let mut there = self.columns.iter().take(12).map(|column| format!("`{}`", shown(column))).collect::<Vec<_>>();
        if self.columns.len() > there.len() {
            there.push("...".to_owned());
        }
        TraceError::new(&self.name, Some(1), message).help(format!("the columns are {}", there.join(", ")))
    }

    /// The next row; none at the end. Empty lines are no rows.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, TraceError> {
        Ok(if self.advance()? { Some(Row { table: self }) } else { None })
    }

    /// Takes the next row, if there is one.
    fn advance(&mut self) -> Result<bool, TraceError> {
        loop {
            let mut known = 0;
            let found = loop {
                match memchr2(b'\n', b'"', &self.buffer[self.start + known..self.end]) {
                    Some(place) => break Some(self.start + known + place),
                    None if self.is_over() => break None,
                    None => {
                        known = self.end - self.start;
                        self.more()?;
                    }
                }
            };
            let line = self.line;
            if found.is_some_and(|place| self.buffer[place] == b'"') {
                if self.quoted()? {
                    return self.count(Found::Unquoted, line);
                }
                continue;
            }
            let end = found.unwrap_or(self.end);
            if found.is_none()
                && let Some(error) = self.failed.take()
            {
                return Err(self.failed(&error));
            }
            let from = self.start;
            let to = if end > from && self.buffer[end - 1] == b'\r' { end - 1 } else { end };
            self.start = end + usize::from(found.is_some());
            self.line += 1;
            if from < to {
                self.split(from, to);
                return self.count(Found::Plain(from), line);
            }
            if found.is_none() {
                return Ok(false);
            }
        }
    }

    #[inline]
    fn count(&mut self, found: Found, line: u64) -> Result<bool, TraceError> {
        self.row = (found, line);
        self.rows += 1;
        if self.rows > ROWS_MAX { Err(Row { table: self }.is_one_too_many()) } else { Ok(true) }
    }

    /// Splits a line without quotation marks. Places are counted from its beginning.
    #[inline]
    fn split(&mut self, from: usize, to: usize) {
        self.fields.clear();
        let (mut begin, mut block) = (from, from);
        while block < to {
            let next = to.min(block + u64::BITS as usize);
            let mut separators =
                places_of(self.separator, &self.buffer[block..next + WORD]) & !0 >> (block + 64 - next);
            while separators != 0 {
                let place = block + separators.trailing_zeros() as usize;
                self.fields.push((begin - from, place - from));
                begin = place + 1;
                separators &= separators - 1;
            }
            block = next;
        }
        self.fields.push((begin - from, to - from));
    }

    /// Takes a row with quotation marks: a field may be in them, and then hold separators, lines and, doubled, themselves.
    /// Says whether there is anything in it.
    fn quoted(&mut self) -> Result<bool, TraceError> {
        'again: loop {
            self.fields.clear();
            self.unquoted.clear();
            let (mut begin, mut lines, mut in_quotes, mut was_quoted) = (0, 0, false, false);
            let mut is_whole = false;
            let mut place = self.start;
            loop {
                let Some(&byte) = self.buffer[..self.end].get(place) else {
                    if self.is_over() {
                        break;
                    }
                    self.more()?;
                    continue 'again;
                };
                place += 1;
                match byte {
                    b'"' if in_quotes => {
                        if place == self.end && !self.is_over() {
                            self.more()?;
                            continue 'again;
                        }
                        if place < self.end && self.buffer[place] == b'"' {
                            self.unquoted.push(b'"');
                            place += 1;
                        } else {
                            in_quotes = false;
                        }
                    }
                    b'"' if self.unquoted.len() == begin && !was_quoted => (in_quotes, was_quoted) = (true, true),
                    b'\n' if !in_quotes => {
                        lines += 1;
                        is_whole = true;
                        break;
                    }
                    _ if byte == self.separator && !in_quotes => {
                        self.fields.push((begin, self.unquoted.len()));
                        (begin, was_quoted) = (self.unquoted.len(), false);
                    }
                    b'\r' if !in_quotes => {}
                    _ => {
                        lines += u64::from(byte == b'\n');
                        self.unquoted.push(byte);
                    }
                }
            }
            if !is_whole && let Some(error) = self.failed.take() {
                return Err(self.failed(&error));
            }
            self.fields.push((begin, self.unquoted.len()));
            self.start = place;
            self.line += lines;
            return Ok(!self.unquoted.is_empty() || self.fields.len() > 1);
        }
    }

    /// Whether nothing comes behind the buffer.
    fn is_over(&self) -> bool {
        self.at_end || self.failed.is_some()
    }

    /// Reads on, where a row does not end in the buffer.
    fn more(&mut self) -> Result<(), TraceError> {
        if self.end - self.start > ROW_MAX {
            let message = format!("a row is longer than {ROW_MAX} bytes");
            return Err(self.failed(&io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end + WORD == self.buffer.len() {
            self.buffer.resize(2 * self.end + WORD, 0);
        }
        self.fill();
        Ok(())
    }

    /// Reads until the buffer is full or nothing is left.
    fn fill(&mut self) {
        while self.end + WORD < self.buffer.len() {
            let room = self.end..self.buffer.len() - WORD;
            match self.from.read(&mut self.buffer[room]) {
                Ok(0) => {
                    self.at_end = true;
                    return;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return;
                }
            }
        }
    }

    fn failed(&self, error: &io::Error) -> TraceError {
        let cut = error.kind() == io::ErrorKind::UnexpectedEof;
        let error = TraceError::io(&self.name, Some(self.line), error);
        if cut { error.help("the file appears to be truncated") } else { error }
    }
}

/// One row: the one that its table has read last.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
}

impl<'a> Row<'a> {
    /// Its line in the file.
    pub(super) const fn line(&self) -> u64 {
        self.table.row.1
    }

    /// What the places of its fields are counted in.
    #[inline]
    fn bytes(&self) -> &'a [u8] {
        match self.table.row.0 {
            Found::Plain(from) => &self.table.buffer[from..],
            Found::Unquoted => &self.table.unquoted,
        }
    }

    /// An error in this row.
    pub(super) fn wrong(&self, message: impl Into<String>) -> TraceError {
        TraceError::new(&self.table.name, Some(self.line()), message)
    }

    /// An error about a field: its column, what stands there, and why that is wrong.
    pub(super) fn wrong_field(&self, column: usize, text: &str, why: &str) -> TraceError {
        self.wrong(format!("`{}`: \"{}\" {why}", shown(&self.table.columns[column]), shown(text)))
    }

    /// A field, without spaces around it. A row must have as many as the header.
    #[inline]
    pub(super) fn field(&self, column: usize) -> Result<&'a [u8], TraceError> {
        let (fields, columns) = (&self.table.fields, &self.table.columns);
        match fields.get(column) {
            Some(&(from, to)) if fields.len() == columns.len() => Ok(self.bytes()[from..to].trim_ascii()),
            _ => Err(self.has_other_fields()),
        }
    }

    #[cold]
    fn has_other_fields(&self) -> TraceError {
        let (found, wanted) = (self.table.fields.len(), self.table.columns.len());
        let word = if found == 1 { "field" } else { "fields" };
        self.wrong(format!("the row has {found} {word}, the header {wanted}"))
    }

    #[cold]
    fn is_one_too_many(&self) -> TraceError {
        let message = format!("the file has more than {} million rows", ROWS_MAX / 1_000_000);
        self.wrong(message).help("split it, or count the requests by interval and use a rate trace")
    }

    /// A field that is text.
    pub(super) fn text(&self, column: usize) -> Result<&'a str, TraceError> {
        let text = std::str::from_utf8(self.field(column)?);
        text.map_err(|_| self.wrong(format!("`{}` is not text in UTF-8", shown(&self.table.columns[column]))))
    }

    /// A number that is not negative.
    #[inline]
    pub(super) fn number(&self, column: usize) -> Result<f64, TraceError> {
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
    pub(super) fn any_number(&self, column: usize) -> Result<Option<f64>, TraceError> {
        self.field(column)?;
        Ok(self.number(column).ok())
    }

    /// A time in seconds.
    #[inline]
    pub(super) fn seconds(&self, column: usize) -> Result<Span, TraceError> {
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
            .map_err(|error| self.wrong(format!("`{}`: {error}", shown(&self.table.columns[column]))))
    }
}

/// The places of a byte among the first 64, one bit for each. `bytes` may end [`WORD`] bytes later than what is of interest: only
/// whole words of it are looked at.
#[inline]
fn places_of(byte: u8, bytes: &[u8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut places = 0;
    for (index, word) in bytes.as_chunks::<WORD>().0.iter().take(WORD).enumerate() {
        let differs = u64::from_le_bytes(*word) ^ u64::from_ne_bytes([byte; WORD]);
        // The highest bit of each byte that is equal, then these bits side by side.
        let equal = !(((differs & LOW) + LOW) | differs | LOW);
        places |= (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (WORD * index);
    }
    places
}

/// The beginning of a text that may be endless, without what a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(40).map(clean).collect();
    if text.chars().nth(40).is_some() { format!("{short}...") } else { short }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Also fields that are longer than what is looked at in one go.
        #[test]
        fn a_line_is_split_at_each_separator(
            lines in prop::collection::vec("([a-z+-~é]{0,12};){0,12}[a-z+-~é]{1,150}", 1..6),
            separator in prop::sample::select(vec![b';', b',', b'|', 0xc3]),
        ) {
            let text = format!("head\n{}\n", lines.join("\n")).into_bytes();
            let mut table = Table::open(&Input::of_bytes("x", text), Some(separator)).unwrap();
            for line in &lines {
                let row = table.next().unwrap().unwrap();
                let fields = row.table.fields.iter().map(|&(from, to)| row.bytes()[from..to].to_vec());
                let wanted = line.as_bytes().split(|byte| *byte == separator).map(<[u8]>::to_vec);
                prop_assert_eq!(fields.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
            }
            prop_assert!(table.next().unwrap().is_none());
        }
    }
}
