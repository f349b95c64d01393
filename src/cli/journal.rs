//! The points of a sweep that are done, one record each, written as they come: what a killed sweep goes on from.
//!
//! A line of JSON says what is swept; records of one length follow, each with a checksum. What was cut off or damaged is
//! not there, and everything after it is not either.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::hash::fnv1a;
use crate::measure::sweep::Row;

/// How the name of a journal begins that is not yet one. A killed program leaves it behind.
pub(super) const TEMPORARY: &str = ".journal-";

/// How often rows are flushed to disk, so that even a power cut loses little.
const SYNC: Duration = Duration::from_secs(1);
/// Larger than any header.
const MAX_HEADER: u64 = 1 << 16;
/// Size of a number in bytes.
const WORD: usize = 8;

/// Identifies a sweep. Configurations with the same identity belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Version of forewarm.
    pub(super) version: String,
    /// Name of the scenario.
    pub(super) scenario: String,
    /// Hash of the resolved scenario, its sweep included.
    pub(super) hash: String,
    /// Random seed.
    pub(super) seed: u64,
    /// Number of configurations.
    pub(super) points: u64,
}

impl Identity {
    /// A description of the difference from another one; none if they are equal.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.version != other.version {
            return Some(format!("it was written by forewarm {}, this is {}", other.version, self.version));
        }
        if self.scenario != other.scenario {
            return Some(format!("its scenario is \"{}\", not \"{}\"", other.scenario, self.scenario));
        }
        if self.seed != other.seed {
            return Some(format!("its seed is {}, not {}", other.seed, self.seed));
        }
        if self.points != other.points {
            return Some(format!("it has {} configurations, not {}", other.points, self.points));
        }
        (self.hash != other.hash).then(|| "the scenario or the options have changed".to_owned())
    }
}

/// Why a journal cannot be resumed.
#[derive(Debug)]
pub(super) enum Unfit {
    /// An error of the operating system.
    Io(io::Error),
    /// Another process holds it.
    InUse,
    /// It belongs to another sweep.
    Different(String),
    /// It is not a journal.
    Foreign,
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Bytes before the first record.
    start: u64,
    /// Number of values in a row.
    width: usize,
    /// For each configuration, the number of its record, from 1; 0 if it is not done.
    records: Vec<u32>,
    written: u32,
    done: u64,
    synced: Instant,
}

impl Journal {
    /// Creates a journal. The file gets its final name once its header is complete.
    pub(super) fn create(path: &Path, identity: &Identity, width: usize) -> Result<Self, Unfit> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
        write_header(file.as_file(), identity, width)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(io::Error::from)?;
        Self::open(path, identity, width)
    }

    /// A journal in a temporary file, deleted when closed.
    #[cfg(feature = "parquet")]
    pub(super) fn unnamed(folder: &Path, identity: &Identity, width: usize) -> Result<Self, Unfit> {
        let file = tempfile::tempfile_in(folder)?;
        write_header(&file, identity, width)?;
        Self::read(file, identity, width)
    }

    /// Opens an existing journal.
    pub(super) fn open(path: &Path, identity: &Identity, width: usize) -> Result<Self, Unfit> {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Self::read(file, identity, width),
            Err(TryLockError::WouldBlock) => Err(Unfit::InUse),
            // Some file systems do not support locks.
            Err(TryLockError::Error(_)) => Self::read(file, identity, width),
        }
    }

    fn read(mut file: File, identity: &Identity, width: usize) -> Result<Self, Unfit> {
        file.rewind()?;
        let mut reader = BufReader::with_capacity(1 << 18, &file);
        let mut header = Vec::new();
        reader.by_ref().take(MAX_HEADER).read_until(b'\n', &mut header)?;
        let found: Header = serde_json::from_slice(&header).map_err(|_| Unfit::Foreign)?;
        if let Some(difference) = identity.difference(&found.sweep) {
            return Err(Unfit::Different(difference));
        }
        if found.width != width {
            return Err(Unfit::Different("its columns differ".to_owned()));
        }
        let points = usize::try_from(identity.points).unwrap_or(usize::MAX);
        let (mut records, mut written, mut done) = (vec![0; points], 0, 0);
        let mut record = vec![0; record_len(width)];
        while reader.read_exact(&mut record).is_ok() {
            let Some(number) = decode(&record).map(|row| row.number).filter(|number| *number < identity.points) else {
                break;
            };
            written += 1;
            let place = &mut records[number as usize];
            done += u64::from(*place == 0);
            *place = written;
        }
        let start = header.len() as u64;
        drop(reader);
        // A truncated record would hide those after it.
        file.set_len(start + u64::from(written) * record.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, start, width, records, written, done, synced: Instant::now() })
    }

    /// Whether a configuration is done.
    pub(super) fn has(&self, number: u64) -> bool {
        self.records[number as usize] > 0
    }

    /// Number of finished configurations.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Appends the row of a configuration.
    pub(super) fn append(&mut self, row: &Row) -> io::Result<()> {
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&encode(row))?;
        self.written += 1;
        let place = &mut self.records[row.number as usize];
        self.done += u64::from(*place == 0);
        *place = self.written;
        if self.synced.elapsed() > SYNC {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Flushes everything to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The row of a finished configuration.
    pub(super) fn row(&mut self, number: u64) -> io::Result<Row> {
        let mut record = vec![0; record_len(self.width)];
        let before = u64::from(self.records[number as usize]).checked_sub(1).ok_or(io::ErrorKind::NotFound)?;
        self.file.seek(SeekFrom::Start(self.start + before * record.len() as u64))?;
        self.file.read_exact(&mut record)?;
        decode(&record).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// The content of the first line.
#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(flatten)]
    sweep: Identity,
    width: usize,
}

fn write_header(mut file: &File, identity: &Identity, width: usize) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Header { sweep: identity.clone(), width })?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Number, values, checksum.
fn record_len(width: usize) -> usize {
    WORD * (width + 2)
}

fn encode(row: &Row) -> Vec<u8> {
    let mut record = Vec::with_capacity(record_len(row.values.len()));
    record.extend(row.number.to_le_bytes());
    row.values.iter().for_each(|value| record.extend(value.to_le_bytes()));
    record.extend(fnv1a(&record).to_le_bytes());
    record
}

/// The row of a record; none if its checksum is wrong.
fn decode(record: &[u8]) -> Option<Row> {
    let (content, sum) = record.split_at_checked(record.len().checked_sub(WORD)?)?;
    if sum != fnv1a(content).to_le_bytes() {
        return None;
    }
    let mut words = content.chunks_exact(WORD).map(|word| word.try_into().unwrap_or([0; WORD]));
    let number = u64::from_le_bytes(words.next()?);
    Some(Row { number, values: words.map(f64::from_le_bytes).collect() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn identity() -> Identity {
        Identity { version: "1".into(), scenario: "x".into(), hash: "0".into(), seed: 7, points: 10 }
    }

    fn row(number: u64) -> Row {
        Row { number, values: vec![number as f64 + 0.1, f64::NAN, -0.0] }
    }

    #[test]
    fn what_was_written_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, &identity(), 3).unwrap();
        [3, 0, 9].iter().for_each(|number| journal.append(&row(*number)).unwrap());
        assert!(matches!(Journal::open(&path, &identity(), 3), Err(Unfit::InUse)));
        drop(journal);
        let mut journal = Journal::open(&path, &identity(), 3).unwrap();
        assert_eq!((journal.done(), journal.has(3), journal.has(4)), (3, true, false));
        journal.append(&row(4)).unwrap();
        for number in [4, 9, 0, 3] {
            assert_eq!(encode(&journal.row(number).unwrap()), encode(&row(number)));
        }
        assert!(journal.row(5).is_err());
    }

    #[test]
    fn wherever_it_is_cut_off_the_rest_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, &identity(), 3).unwrap();
        (0..3).for_each(|number| journal.append(&row(number)).unwrap());
        let start = usize::try_from(journal.start).unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for cut in start..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path, &identity(), 3).unwrap();
            assert_eq!(journal.done() as usize, (cut - start) / record_len(3), "cut at {cut}");
            journal.append(&row(7)).unwrap();
            assert_eq!(encode(&journal.row(7).unwrap()), encode(&row(7)));
        }
        // A flipped bit hides what follows.
        let mut bad = whole.clone();
        bad[start + record_len(3) + 11] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert_eq!(Journal::open(&path, &identity(), 3).unwrap().done(), 1);
        fs::write(&path, "something else\n").unwrap();
        assert!(matches!(Journal::open(&path, &identity(), 3), Err(Unfit::Foreign)));
    }

    #[test]
    fn another_sweep_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(Journal::create(&path, &identity(), 3).unwrap());
        let reason = |other: Identity| match Journal::open(&path, &other, 3) {
            Err(Unfit::Different(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(Identity { seed: 8, ..identity() }), "its seed is 7, not 8");
        assert!(reason(Identity { version: "2".into(), ..identity() }).contains("forewarm 1"));
        assert!(
            reason(Identity { hash: "1".into(), ..identity() }).contains("the scenario or the options have changed")
        );
    }
}
