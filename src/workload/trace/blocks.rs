//! A file in blocks of whole rows, so that each block can be read on its own.

use std::io::{self, BufRead, BufReader, Read};

use memchr::{memchr, memchr2, memrchr};

use crate::workload::Input;

/// Bytes of a row, without its end, at most: what is longer is no trace, and must not fill the memory.
const ROW_MAX: usize = 16 << 20;
/// Bytes of a block, unless a row is longer.
pub(super) const BLOCK: usize = 1 << 16;
/// Bytes that are looked at together, and that follow those of a block, so that this can be done with the last of them.
pub(super) const CHUNK: usize = 64;

/// A file being read.
pub(super) struct Blocks {
    from: Box<dyn Read + Send>,
    /// Bytes of a block, unless a row is longer.
    length: usize,
    /// What separates fields, which tells where quotation marks begin one.
    pub(super) separator: u8,
    /// What is read and not yet part of a block.
    rest: Vec<u8>,
    at_end: bool,
    /// What went wrong behind `rest`.
    failed: Option<io::Error>,
}

/// Whole rows.
#[derive(Default)]
pub(super) struct Block {
    /// The rows, and at least [`CHUNK`] bytes more.
    pub(super) bytes: Vec<u8>,
    /// Where the rows end.
    pub(super) end: usize,
    /// Whether a quotation mark is among them.
    pub(super) has_quotes: bool,
}

impl Blocks {
    /// Opens a file. gzip and zstd are recognised by their first bytes.
    ///
    /// # Errors
    /// The file cannot be opened, or not even its beginning can be read.
    pub(super) fn open(input: &Input, length: usize) -> io::Result<Self> {
        // Smaller than a block, so that what is not compressed need not pass through this buffer.
        let mut raw = BufReader::with_capacity(1 << 12, input.open()?);
        let start = raw.fill_buf()?;
        let from: Box<dyn Read + Send> = if start.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::read::MultiGzDecoder::new(raw))
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Box::new(zstd::Decoder::new(raw)?)
        } else {
            Box::new(raw)
        };
        Ok(Self { from, length, separator: b',', rest: Vec::new(), at_end: false, failed: None })
    }

    /// The beginning of the file, before any block is read.
    pub(super) fn beginning(&mut self) -> &[u8] {
        let mut bytes = vec![0; self.length];
        let end = self.fill(&mut bytes, 0);
        bytes.truncate(end);
        self.rest = bytes;
        &self.rest
    }

    /// Leaves out so many bytes of the beginning.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.rest.drain(..bytes);
    }

    /// Reads the next rows in place of those of a block; false at the end.
    ///
    /// # Errors
    /// Once all rows before it have been read: what cannot be read, and a row that is too long.
    pub(super) fn read(&mut self, block: &mut Block) -> io::Result<bool> {
        let bytes = &mut block.bytes;
        (block.end, block.has_quotes) = (0, false);
        // What one long row has needed is not kept.
        let needed = self.length.max(self.rest.len()) + CHUNK;
        if bytes.len() != needed {
            *bytes = vec![0; needed];
        }
        bytes[..self.rest.len()].copy_from_slice(&self.rest);
        let mut end = self.rest.len();
        loop {
            let room = bytes.len() - CHUNK;
            end = self.fill(&mut bytes[..room], end);
            let read = &bytes[..end];
            let quote = memchr(b'"', read);
            let rows = if self.at_end { end } else { self.whole(read, quote) };
            if rows > 0 {
                self.rest.clear();
                self.rest.extend_from_slice(&read[rows..]);
                (block.end, block.has_quotes) = (rows, quote.is_some_and(|quote| quote < rows));
                return Ok(true);
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.at_end {
                return Ok(false);
            }
            if end > ROW_MAX {
                let message = format!("a row is longer than {ROW_MAX} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            bytes.resize((2 * end).min(ROW_MAX + 1) + CHUNK, 0);
        }
    }

    /// Where the last whole row ends; 0: there is none.
    fn whole(&self, bytes: &[u8], quote: Option<usize>) -> usize {
        let after_last = |bytes| memrchr(b'\n', bytes).map_or(0, |place| place + 1);
        let Some(quote) = quote else { return after_last(bytes) };
        let mut end = after_last(&bytes[..quote]);
        while let Some(row) = self.row(&bytes[end..]) {
            end += row;
        }
        end
    }

    /// The length of the first row, if it is whole.
    fn row(&self, bytes: &[u8]) -> Option<usize> {
        let found = memchr2(b'\n', b'"', bytes)?;
        if bytes[found] == b'\n' {
            return Some(found + 1);
        }
        quoted_row(bytes, self.separator, |_| {})
    }

    /// Reads behind `end` until `bytes` is full or nothing is left. Returns where it ends.
    fn fill(&mut self, bytes: &mut [u8], mut end: usize) -> usize {
        while end < bytes.len() && !self.at_end && self.failed.is_none() {
            match self.from.read(&mut bytes[end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        end
    }
}

/// A piece of a row with quotation marks.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// A byte of a field.
    Byte(u8),
    /// The field ends here, and another begins.
    FieldEnd,
}

/// Splits the first row into pieces: a field may be in quotation marks, and then hold separators, lines and, doubled, the marks
/// themselves. Returns its length; none: it is not whole. What is not whole at the end of a file is a row all the same.
#[inline]
pub(super) fn quoted_row(bytes: &[u8], separator: u8, mut each: impl FnMut(Piece)) -> Option<usize> {
    let (mut in_quotes, mut was_quoted, mut is_empty) = (false, false, true);
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        place += 1;
        match byte {
            b'"' if in_quotes => match bytes.get(place) {
                Some(b'"') => {
                    place += 1;
                    is_empty = false;
                    each(Piece::Byte(b'"'));
                }
                Some(_) => in_quotes = false,
                None => return None,
            },
            b'"' if is_empty && !was_quoted => (in_quotes, was_quoted) = (true, true),
            b'\n' if !in_quotes => return Some(place),
            _ if byte == separator && !in_quotes => {
                (is_empty, was_quoted) = (true, false);
                each(Piece::FieldEnd);
            }
            b'\r' if !in_quotes => {}
            _ => {
                is_empty = false;
                each(Piece::Byte(byte));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// Reads some bytes at a time, then fails if there is something to fail with.
    struct Slow(Vec<u8>, usize, Arc<Mutex<Option<io::Error>>>);

    impl Read for Slow {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let read = to.len().min(7_777).min(self.0.len() - self.1);
            to[..read].copy_from_slice(&self.0[self.1..self.1 + read]);
            self.1 += read;
            let failure = if read == 0 { self.2.lock().unwrap().take() } else { None };
            failure.map_or(Ok(read), Err)
        }
    }

    fn slow(text: &[u8], failure: Option<io::Error>) -> Blocks {
        let (text, failure) = (text.to_vec(), Arc::new(Mutex::new(failure)));
        let input = Input::new("x", move || Ok(Box::new(Slow(text.clone(), 0, Arc::clone(&failure)))));
        Blocks::open(&input, BLOCK).unwrap()
    }

    fn rows(blocks: &mut Blocks) -> io::Result<Vec<Vec<u8>>> {
        let (mut block, mut all) = (Block::default(), Vec::new());
        while blocks.read(&mut block)? {
            assert!(block.bytes.len() >= block.end + CHUNK);
            all.push(block.bytes[..block.end].to_vec());
        }
        Ok(all)
    }

    #[test]
    fn a_row_longer_than_a_block_is_one_block() {
        let text = format!("{}\n{}\n\"{}\"\nb\n", "a".repeat(BLOCK - 2), "x".repeat(3 * BLOCK), "\n".repeat(BLOCK));
        let all = rows(&mut slow(text.as_bytes(), None)).unwrap();
        assert_eq!(all.concat(), text.as_bytes());
        assert!(all.iter().all(|rows| rows.ends_with(b"\n")), "each ends with a row");
        assert_eq!(all[0].len(), BLOCK - 1);
        let longest = format!("{}\n", "x".repeat(ROW_MAX)).repeat(3);
        assert_eq!(rows(&mut slow(longest.as_bytes(), None)).unwrap().len(), 3);
        let longer = longest.replacen("x\n", "xx\n", 1);
        assert!(rows(&mut slow(longer.as_bytes(), None)).is_err());
        let endless = format!("\"{}", "\n".repeat(2 * ROW_MAX + 1));
        let error = rows(&mut slow(endless.as_bytes(), None)).unwrap_err();
        assert_eq!(error.to_string(), format!("a row is longer than {ROW_MAX} bytes"));
    }

    #[test]
    fn rows_before_a_failure_are_read_first() {
        let mut blocks = slow(b"a\nb\nc", Some(io::Error::other("gone")));
        let mut block = Block::default();
        assert!(blocks.read(&mut block).unwrap());
        assert_eq!(&block.bytes[..block.end], b"a\nb\n");
        assert_eq!(blocks.read(&mut block).unwrap_err().to_string(), "gone");
    }

    proptest! {
        /// Wherever a block ends.
        #[test]
        fn blocks_end_where_rows_do(lines in prop::collection::vec("[a\",\r\n]{0,9}", 0..20), fill in 0..40_usize) {
            let text = format!("{}\n{}", "x".repeat(BLOCK - 1 - fill), lines.join("\n"));
            let all = rows(&mut slow(text.as_bytes(), None)).unwrap();
            prop_assert_eq!(&all.concat(), &text.as_bytes());
            let last = all.len().saturating_sub(1);
            for block in all.iter().take(last) {
                let mut left = &block[..];
                while !left.is_empty() {
                    let row = match memchr2(b'\n', b'"', left) {
                        Some(place) if left[place] == b'\n' => Some(place + 1),
                        _ => quoted_row(left, b',', |_| {}),
                    };
                    prop_assert!(row.is_some(), "a row that is not whole");
                    left = &left[row.unwrap()..];
                }
            }
        }
    }
}
