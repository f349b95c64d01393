//! CSV files with named columns, compressed or not.

mod row;

use std::io;
use std::sync::Arc;

use memchr::{memchr, memchr2};

use super::blocks::{BLOCK, Block, Blocks, CHUNK, Piece, quoted_row};
use super::error::TraceError;
use crate::workload::Input;
pub(super) use row::Row;

/// Rows of a file: a few megabytes of gzip can stand for thousands of millions.
pub(super) const ROWS_MAX: u64 = 100_000_000;
/// Columns of a file, for which each of the blocks that are read at the same time has room.
const COLUMNS_MAX: usize = 100_000;

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
    /// The line at `start`.
    line: u64,
    /// Up to here separators and ends of lines have been looked for; it may be behind the end of the block.
    looked: usize,
    /// Those found in the last [`CHUNK`] bytes before `looked`, one bit for each byte: from `start` to the end of the block.
    marks: u64,
    row: Taken,
    /// Rows taken, also from earlier blocks.
    taken: u64,
}

/// The row that was taken last.
#[derive(Default)]
struct Taken {
    /// Where it begins.
    start: usize,
    line: u64,
    /// How many fields it has.
    fields: usize,
    /// Where its fields begin, each one byte after the end of the one before, and where one more would. There is room for as
    /// many as the header has.
    begins: Vec<usize>,
    /// Whether it has quotation marks: then its fields stand in `unquoted`, and not in the block.
    is_quoted: bool,
    /// The fields of a row with quotation marks, without them.
    unquoted: Vec<u8>,
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
        // Once for the number of columns, and once more with room for them.
        let Some(row) = table.next()? else {
            let error = TraceError::new(&input.name, None, "the file is empty");
            return Err(error.help("its first line must name the columns"));
        };
        let fields = row.rows.row.fields;
        if fields > COLUMNS_MAX {
            let error = row.wrong(format!("the header has {fields} columns"));
            return Err(error.help(format!("at most {COLUMNS_MAX} are read")));
        }
        table.rows.again();
        let row = table.next()?.expect("the same row");
        let columns = (0..fields).map(|place| String::from_utf8_lossy(row.written(place)).trim().to_owned()).collect();
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

/// Whether a byte can separate fields: it is no part of numbers, names and lines.
pub(super) const fn may_separate(byte: u8) -> bool {
    let is_taken = byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'\n' | b'\r' | b'.' | b'-' | b'+');
    byte.is_ascii() && !is_taken
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
            [s, e, p, b'=', separator] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && may_separate(*separator) => {
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
            line: 0,
            looked: 0,
            marks: 0,
            row: Taken { begins: vec![0; header.columns.len() + 1], ..Taken::default() },
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
            self.begin = 0;
            self.go_to(0);
        }
        Ok(is_there)
    }

    /// Begins again with the first of these rows, as line 0 and after so many rows of earlier blocks.
    pub(super) const fn rewind(&mut self, taken: u64) {
        self.go_to(self.begin);
        (self.line, self.taken) = (0, taken);
    }

    /// Begins again with the row that was taken last, with room for all its fields.
    fn again(&mut self) {
        self.row.begins.resize(self.row.fields + 1, 0);
        self.line = self.row.line;
        self.go_to(self.row.start);
    }

    /// Goes on with the row that begins here.
    const fn go_to(&mut self, start: usize) {
        (self.start, self.looked, self.marks) = (start, start, 0);
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
            (self.row.start, self.row.line) = (self.start, self.line);
            let is_row = if self.next_is_quoted() { self.quoted() } else { self.plain() };
            if is_row {
                self.taken += 1;
                return if self.taken > ROWS_MAX { Err(Row { rows: self }.is_one_too_many()) } else { Ok(true) };
            }
        }
        Ok(false)
    }

    /// Whether the next line has a quotation mark.
    #[inline]
    fn next_is_quoted(&self) -> bool {
        let Block { bytes, end, has_quotes } = &self.block;
        *has_quotes && {
            let rest = &bytes[self.start..*end];
            memchr2(b'\n', b'"', rest).is_some_and(|place| rest[place] == b'"')
        }
    }

    /// Takes a line without quotation marks. Says whether there is anything in it.
    #[inline]
    fn plain(&mut self) -> bool {
        let Block { bytes, end, .. } = &self.block;
        let mut fields = Fields::new(&mut self.row.begins, self.start);
        let (mut begin, mut looked, mut marks) = (self.start, self.looked, self.marks);
        let line_end = loop {
            while marks == 0 && looked < *end {
                marks = marks_of(self.header.separator, &bytes[looked..]);
                looked += CHUNK;
                // What is behind the end is not part of the block.
                if looked > *end {
                    marks &= !0 >> (looked - end);
                }
            }
            if marks == 0 {
                break *end;
            }
            let place = looked - CHUNK + marks.trailing_zeros() as usize;
            marks &= marks - 1;
            if bytes[place] == b'\n' {
                break place;
            }
            begin = place + 1;
            fields.next_begins(begin);
        };
        let ends_with_return = line_end > begin && bytes[line_end - 1] == b'\r';
        let to = line_end - usize::from(ends_with_return);
        fields.next_begins(to + 1);
        let is_empty = to == self.start;
        (self.row.fields, self.row.is_quoted) = (fields.count, false);
        (self.start, self.looked, self.marks) = (line_end + 1, looked, marks);
        self.line += 1;
        !is_empty
    }

    /// Takes a row with quotation marks. Says whether there is anything in it.
    // Not inlined beside `plain`, whose registers it would take.
    #[inline(never)]
    fn quoted(&mut self) -> bool {
        let Taken { begins, unquoted, .. } = &mut self.row;
        unquoted.clear();
        let (separator, mut lines, mut fields) = (self.header.separator, 0, Fields::new(begins, 0));
        let rest = &self.block.bytes[self.start..self.block.end];
        let length = quoted_row(rest, separator, |piece| match piece {
            Piece::Byte(byte) => {
                lines += u64::from(byte == b'\n');
                unquoted.push(byte);
            }
            Piece::FieldEnd => {
                unquoted.push(separator);
                fields.next_begins(unquoted.len());
            }
        });
        fields.next_begins(unquoted.len() + 1);
        let is_empty = unquoted.is_empty();
        (self.row.fields, self.row.is_quoted) = (fields.count, true);
        // The last line of a file need not end.
        self.line += lines + u64::from(length.is_some());
        self.go_to(self.start + length.unwrap_or(rest.len()));
        !is_empty
    }
}

/// The fields of a row that is being taken.
struct Fields<'a> {
    begins: &'a mut [usize],
    count: usize,
}

impl<'a> Fields<'a> {
    /// The first one begins here.
    #[inline]
    fn new(begins: &'a mut [usize], first: usize) -> Self {
        begins[0] = first;
        Self { begins, count: 0 }
    }

    /// One ends, and the next one begins here, or would. Of more fields than the header has, only the number is known.
    #[inline]
    fn next_begins(&mut self, place: usize) {
        self.count += 1;
        if let Some(begin) = self.begins.get_mut(self.count) {
            *begin = place;
        }
    }
}

/// Which of the first [`CHUNK`] bytes separate fields or end lines, one bit for each.
#[inline]
fn marks_of(separator: u8, bytes: &[u8]) -> u64 {
    let chunk = bytes.first_chunk::<CHUNK>().expect("a block has so many bytes more");
    let is_mark = chunk.map(|byte| u8::from((byte == separator) | (byte == b'\n')));
    // The lowest bits of eight bytes side by side.
    let words = is_mark.as_chunks().0.iter().enumerate();
    words.fold(0, |marks, (index, word)| {
        marks | (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index)
    })
}

/// The beginning of a text that may be endless, without what a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(40).map(clean).collect();
    if text.chars().nth(40).is_some() { format!("{short}...") } else { short }
}

#[cfg(test)]
mod tests;
