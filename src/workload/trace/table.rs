//! CSV files with named columns, compressed or not.

use std::io;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memchr2};

use super::blocks::{BLOCK, Block, Blocks, Piece, WORD, quoted_row};
use super::decimal::{self, Decimal};
use super::error::TraceError;
use crate::time::Span;
use crate::workload::Input;

/// Rows of a file: a few megabytes of gzip can stand for thousands of millions.
pub(super) const ROWS_MAX: u64 = 100_000_000;

/// A CSV file being read.
pub(super) struct Table {
    blocks: Blocks,
    rows: Rows,
}

/// What all rows of a file have in common.
pub(super) struct Header {
    name: String,
    separator: u8,
    columns: Vec<String>,
}

/// The rows of a block.
pub(super) struct Rows {
    header: Arc<Header>,
    block: Block,
    /// Where the first row begins.
    begin: usize,
    /// Where the rows begin that are left.
    start: usize,
    fields: Vec<(usize, usize)>,
    /// The fields of a row with quotation marks, one after the other without them.
    unquoted: Vec<u8>,
    /// The line at `start`.
    line: u64,
    /// The row that was taken last: where its bytes are, and its line.
    row: (Found, u64),
    /// Rows taken, also from earlier blocks.
    taken: u64,
}

/// Where a row's bytes are.
#[derive(Clone, Copy)]
enum Found {
    /// In the block, from here.
    Plain(usize),
    /// Without quotation marks; in the block, the row begins here.
    Unquoted(usize),
}

impl Table {
    /// Opens a file and reads the names of its columns. gzip and zstd are recognised by their first bytes. Without a
    /// `separator`, a first line such as `sep=;` or the header tells it.
    pub(super) fn open(input: &Input, separator: Option<u8>) -> Result<Self, TraceError> {
        Self::open_in_blocks(input, separator, BLOCK)
    }

    /// The same, read in blocks of so many bytes.
    pub(super) fn open_in_blocks(input: &Input, separator: Option<u8>, length: usize) -> Result<Self, TraceError> {
        let mut blocks = Blocks::open(input, length).map_err(|error| TraceError::io(&input.name, None, &error))?;
        let line = begin(&mut blocks, separator);
        let header = Header { name: input.name.clone(), separator: blocks.separator, columns: Vec::new() };
        let mut table = Self { rows: Rows { line, ..Rows::new(&Arc::new(header)) }, blocks };
        let columns = table.next()?.map(|row| {
            let fields = row.rows.fields.iter().map(|&(from, to)| &row.bytes()[from..to]);
            fields.map(|column| String::from_utf8_lossy(column).trim().to_owned()).collect()
        });
        let columns = columns.ok_or_else(|| {
            TraceError::new(&input.name, None, "the file is empty").help("its first line must name the columns")
        })?;
        let Self { rows, blocks } = table;
        let header = Header { name: input.name.clone(), separator: blocks.separator, columns };
        Ok(Self { rows: Rows { header: Arc::new(header), begin: rows.start, taken: 0, ..rows }, blocks })
    }

    /// What all rows have in common.
    const fn header(&self) -> &Arc<Header> {
        &self.rows.header
    }

    pub(super) fn name(&self) -> &str {
        &self.header().name
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.header().columns
    }

    /// The place of the first of these columns that is there.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns().iter().position(|column| column.eq_ignore_ascii_case(name)))
    }

    /// The place of a column that must be there.
    pub(super) fn need(&self, names: &[&str]) -> Result<usize, TraceError> {
        self.column(names).ok_or_else(|| self.lacks(&format!("there is no column `{}`", shown(names[0]))))
    }

    /// An error in the header, with the columns that are there.
    pub(super) fn lacks(&self, message: &str) -> TraceError {
        let mut there = self.columns().iter().take(12).map(|column| format!("`{}`", shown(column))).collect::<Vec<_>>();
        if self.columns().len() > there.len() {
            there.push("...".to_owned());
        }
        TraceError::new(self.name(), Some(1), message).help(format!("the columns are {}", there.join(", ")))
    }

    /// The next row; none at the end. Empty lines are no rows.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, TraceError> {
        while !self.rows.advance()? {
            if !self.rows.read(&mut self.blocks).map_err(|error| self.header().failed(self.rows.line, &error))? {
                return Ok(None);
            }
        }
        Ok(Some(Row { rows: &self.rows }))
    }

    /// The rows that are read, and those that are not yet.
    pub(super) fn into_parts(self) -> (Rows, Blocks) {
        (self.rows, self.blocks)
    }
}

/// Skips what comes before the header, and determines what separates fields. Returns the line of the header.
fn begin(blocks: &mut Blocks, separator: Option<u8>) -> u64 {
    let beginning = blocks.beginning();
    let mut start = if beginning.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    let (mut line, mut wanted) = (1, separator);
    loop {
        while let Some(b'\n' | b'\r') = beginning.get(start) {
            line += u64::from(beginning[start] == b'\n');
            start += 1;
        }
        let rest = &beginning[start..];
        let first = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
        match first.strip_suffix(b"\r").unwrap_or(first) {
            // What Excel writes and wants, and Grafana too.
            [s, e, p, b'=', separator] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
                wanted = wanted.or(Some(*separator));
                start += rest.len().min(first.len() + 1);
                line += 1;
            }
            first => {
                let likely = || [b',', b';', b'\t', b'|'].into_iter().find(|likely| first.contains(likely));
                blocks.separator = wanted.or_else(likely).unwrap_or(b',');
                break;
            }
        }
    }
    blocks.skip(start);
    line
}

impl Header {
    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Fields that a row may have. Of a row that has more, not all need be found.
    const fn fields_max(&self) -> usize {
        if self.columns.is_empty() { usize::MAX } else { self.columns.len() }
    }

    /// An error in a line.
    pub(super) fn wrong(&self, line: u64, message: impl Into<String>) -> TraceError {
        TraceError::new(&self.name, Some(line), message)
    }

    /// The file cannot be read from this line on.
    pub(super) fn failed(&self, line: u64, error: &io::Error) -> TraceError {
        let cut = error.kind() == io::ErrorKind::UnexpectedEof;
        let error = TraceError::io(&self.name, Some(line), error);
        if cut { error.help("the file appears to be truncated") } else { error }
    }
}

impl Rows {
    /// No rows yet.
    pub(super) fn new(header: &Arc<Header>) -> Self {
        Self {
            header: Arc::clone(header),
            block: Block::default(),
            begin: 0,
            start: 0,
            fields: Vec::new(),
            unquoted: Vec::new(),
            line: 0,
            row: (Found::Plain(0), 0),
            taken: 0,
        }
    }

    /// Bytes of the block.
    pub(super) const fn length(&self) -> usize {
        self.block.end
    }

    /// The header of their file.
    pub(super) const fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Reads the next rows in place of these; false at the end.
    ///
    /// # Errors
    /// What cannot be read, once all before it has been.
    pub(super) fn read(&mut self, blocks: &mut Blocks) -> io::Result<bool> {
        let is_there = blocks.read(&mut self.block)?;
        if is_there {
            (self.begin, self.start) = (0, 0);
        }
        Ok(is_there)
    }

    /// Begins again with the first of these rows, as line 0 and after so many rows of earlier blocks.
    pub(super) const fn rewind(&mut self, taken: u64) {
        (self.start, self.line, self.taken) = (self.begin, 0, taken);
    }

    /// The line after the row that was taken last.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// Rows taken, also from earlier blocks.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// The next row, if there is one in this block. Empty lines are no rows.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, TraceError> {
        Ok(if self.advance()? { Some(Row { rows: self }) } else { None })
    }

    /// Takes the next row, if there is one.
    #[inline]
    fn advance(&mut self) -> Result<bool, TraceError> {
        while self.start < self.block.end {
            let Block { bytes, end, has_quotes } = &self.block;
            let (from, rest) = (self.start, &bytes[self.start..*end]);
            let found = if *has_quotes { memchr2(b'\n', b'"', rest) } else { memchr(b'\n', rest) };
            if found.is_some_and(|place| rest[place] == b'"') {
                let line = self.line;
                if self.quoted() {
                    return self.count(Found::Unquoted(from), line);
                }
                continue;
            }
            let to = found.map_or(*end, |place| from + place);
            self.start = (to + 1).min(*end);
            self.line += 1;
            let to = if to > from && bytes[to - 1] == b'\r' { to - 1 } else { to };
            if from < to {
                self.split(from, to);
                return self.count(Found::Plain(from), self.line - 1);
            }
        }
        Ok(false)
    }

    #[inline]
    fn count(&mut self, found: Found, line: u64) -> Result<bool, TraceError> {
        self.row = (found, line);
        self.taken += 1;
        if self.taken > ROWS_MAX { Err(Row { rows: self }.is_one_too_many()) } else { Ok(true) }
    }

    /// Takes a row with quotation marks. Says whether there is anything in it.
    fn quoted(&mut self) -> bool {
        let (fields, unquoted) = (&mut self.fields, &mut self.unquoted);
        fields.clear();
        unquoted.clear();
        let (mut begin, mut lines, fields_max) = (0, 0, self.header.fields_max());
        let rest = &self.block.bytes[self.start..self.block.end];
        let length = quoted_row(rest, self.header.separator, |piece| match piece {
            Piece::Byte(byte) => {
                lines += u64::from(byte == b'\n');
                unquoted.push(byte);
            }
            Piece::FieldEnd if fields.len() > fields_max => {}
            Piece::FieldEnd => {
                fields.push((begin, unquoted.len()));
                begin = unquoted.len();
            }
        });
        fields.push((begin, unquoted.len()));
        // The last line of a file need not end.
        self.line += lines + u64::from(length.is_some());
        self.start += length.unwrap_or(rest.len());
        !unquoted.is_empty() || fields.len() > 1
    }

    /// Splits a line without quotation marks. Places are counted from its beginning.
    #[inline]
    fn split(&mut self, from: usize, to: usize) {
        self.fields.clear();
        let (mut begin, mut chunk) = (from, from);
        while chunk < to && self.fields.len() <= self.header.fields_max() {
            let next = to.min(chunk + u64::BITS as usize);
            let mut separators =
                places_of(self.header.separator, &self.block.bytes[chunk..next + WORD]) & !0 >> (chunk + 64 - next);
            while separators != 0 {
                let place = chunk + separators.trailing_zeros() as usize;
                self.fields.push((begin - from, place - from));
                begin = place + 1;
                separators &= separators - 1;
            }
            chunk = next;
        }
        self.fields.push((begin - from, to - from));
    }
}

/// One row: the one that was taken last.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    rows: &'a Rows,
}

impl<'a> Row<'a> {
    /// Its line in the file.
    pub(super) const fn line(&self) -> u64 {
        self.rows.row.1
    }

    /// What the places of its fields are counted in.
    #[inline]
    fn bytes(&self) -> &'a [u8] {
        match self.rows.row.0 {
            Found::Plain(from) => &self.rows.block.bytes[from..],
            Found::Unquoted(_) => &self.rows.unquoted,
        }
    }

    /// An error in this row.
    pub(super) fn wrong(&self, message: impl Into<String>) -> TraceError {
        self.rows.header.wrong(self.line(), message)
    }

    /// An error about a field: its column, what stands there, and why that is wrong.
    pub(super) fn wrong_field(&self, column: usize, text: &str, why: &str) -> TraceError {
        self.wrong(format!("`{}`: \"{}\" {why}", shown(&self.rows.header.columns[column]), shown(text)))
    }

    /// A field, without spaces around it. A row must have as many as the header.
    #[inline]
    pub(super) fn field(&self, column: usize) -> Result<&'a [u8], TraceError> {
        let (fields, columns) = (&self.rows.fields, &self.rows.header.columns);
        match fields.get(column) {
            Some(&(from, to)) if fields.len() == columns.len() => Ok(self.bytes()[from..to].trim_ascii()),
            _ => Err(self.has_other_fields()),
        }
    }

    #[cold]
    fn has_other_fields(&self) -> TraceError {
        let (found, wanted) = (self.count_fields(), self.rows.header.columns.len());
        let word = if found == 1 { "field" } else { "fields" };
        self.wrong(format!("the row has {found} {word}, the header {wanted}"))
    }

    /// How many fields the row has.
    fn count_fields(&self) -> usize {
        let Rows { header, block, row, .. } = self.rows;
        let mut separators = 0;
        match row.0 {
            Found::Plain(from) => {
                let rest = &block.bytes[from..block.end];
                let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
                separators += memchr_iter(header.separator, line).count();
            }
            Found::Unquoted(from) => {
                quoted_row(&block.bytes[from..block.end], header.separator, |piece| {
                    separators += usize::from(matches!(piece, Piece::FieldEnd));
                });
            }
        }
        separators + 1
    }

    #[cold]
    fn is_one_too_many(&self) -> TraceError {
        let message = format!("the file has more than {} million rows", ROWS_MAX / 1_000_000);
        self.wrong(message).help("split it, or count the requests by interval and use a rate trace")
    }

    /// A field that is text.
    pub(super) fn text(&self, column: usize) -> Result<&'a str, TraceError> {
        let text = std::str::from_utf8(self.field(column)?);
        text.map_err(|_| self.wrong(format!("`{}` is not text in UTF-8", shown(&self.rows.header.columns[column]))))
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
            .map_err(|error| self.wrong(format!("`{}`: {error}", shown(&self.rows.header.columns[column]))))
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

    #[test]
    fn of_a_row_with_too_many_fields_only_the_number_is_known() {
        for (row, fields) in
            [("a".to_owned(), 1), ("a,".repeat(1_000), 1_001), (format!("\"a\",{}\r", ",".repeat(998)), 1_000)]
        {
            let text = format!("x,y\n{row}\n");
            let mut table = Table::open(&Input::of_bytes("x", text.into_bytes()), None).unwrap();
            let row = table.next().unwrap().unwrap();
            assert!(row.rows.fields.len() < 100);
            let word = if fields == 1 { "field" } else { "fields" };
            assert_eq!(
                row.field(0).unwrap_err().to_string(),
                format!("x:2: the row has {fields} {word}, the header 2")
            );
        }
    }

    proptest! {
        /// Also fields that are longer than what is looked at in one go.
        #[test]
        fn a_line_is_split_at_each_separator(
            lines in prop::collection::vec("([a-z+-~é]{0,12};){0,12}[a-z+-~é]{1,150}", 1..6),
            separator in prop::sample::select(vec![b';', b',', b'|', 0xc3]),
        ) {
            // More columns than a row has fields.
            let text = [&[separator; 500][..], format!("\n{}\n", lines.join("\n")).as_bytes()].concat();
            let mut table = Table::open(&Input::of_bytes("x", text), Some(separator)).unwrap();
            for line in &lines {
                let row = table.next().unwrap().unwrap();
                let fields = row.rows.fields.iter().map(|&(from, to)| row.bytes()[from..to].to_vec());
                let wanted = line.as_bytes().split(|byte| *byte == separator).map(<[u8]>::to_vec);
                prop_assert_eq!(fields.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
            }
            prop_assert!(table.next().unwrap().is_none());
        }
    }
}
