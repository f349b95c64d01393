//! The request log: one row for each request at its end, written as it happens, in bounded memory.
//!
//! | column | what |
//! |---|---|
//! | `source`, `number` | where the request came from, and its place there from 0 |
//! | `function`, `instance` | who served it; no instance if nobody did |
//! | `born_s`, `assigned_s`, `started_s`, `ended_s` | points in simulated time; equal to `ended_s` where it never came to it |
//! | `latency_s` = `wait_s` + `execution_s` | T_exec = T_wait + T_func |
//! | `wait_s` = `queueing_s` + `cold_start_s` | T_wait and its parts |
//! | `cold`, `cold_affected` | an instance was created for it; it waited for one that was being created |
//! | `outcome` | completed, rejected, queue-timed-out, timed-out, failed, unfinished |

mod csv;
#[cfg(feature = "parquet")]
mod parquet;

use std::io::{self, Write};
use std::mem::replace;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::engine::{Finished, Observer, Outcome};
use crate::time::Span;

/// Rows collected before they are handed over.
const BATCH: usize = 1 << 12;
/// Batches handed over and not yet written: beyond, the simulation waits. With [`BATCH`], what bounds the memory.
const AHEAD: usize = 4;

/// An observer that writes a row for each request that ends.
///
/// Rows are formatted and written by a thread of its own, in the order in which requests end, while the simulation goes on.
/// After the first error of the output nothing more is written, and [`RequestLog::finish`] returns it.
pub struct RequestLog<W> {
    batch: Vec<Finished>,
    full: SyncSender<Vec<Finished>>,
    /// Batches that were written come back, to be filled again.
    emptied: Receiver<Vec<Finished>>,
    writer: JoinHandle<io::Result<W>>,
}

impl<W: Write + Send + 'static> RequestLog<W> {
    /// A log as CSV, with the names of sources and functions in the order of their ids.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn csv(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> io::Result<Self> {
        Self::start(Rows::Csv(csv::Rows::new(to, sources, functions)))
    }

    /// A log as Apache Parquet, with the names of sources and functions in the order of their ids.
    ///
    /// # Errors
    /// An error of `to`, or if no thread can be started.
    #[cfg(feature = "parquet")]
    pub fn parquet(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> io::Result<Self> {
        Self::start(Rows::Parquet(Box::new(parquet::Rows::new(to, sources, functions)?)))
    }

    fn start(rows: Rows<W>) -> io::Result<Self> {
        let (full, batches) = sync_channel(AHEAD);
        let (back, emptied) = channel();
        let writer = Builder::new().name("request-log".to_owned()).spawn(move || rows.write_all(&batches, &back))?;
        Ok(Self { batch: Vec::with_capacity(BATCH), full, emptied, writer })
    }

    /// Writes what is still to be written and returns the output.
    ///
    /// # Errors
    /// The first error that the output had.
    pub fn finish(mut self) -> io::Result<W> {
        self.hand_over();
        // The writer ends when nothing more can come.
        drop(self.full);
        self.writer.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<W> RequestLog<W> {
    fn hand_over(&mut self) {
        let empty = self.emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
        // A writer that is gone has met an error, which `finish` returns: the rows are lost anyway.
        let _ = self.full.send(replace(&mut self.batch, empty));
    }
}

impl<W> Observer for RequestLog<W> {
    fn needs_order(&self) -> bool {
        true
    }

    #[inline]
    fn finished(&mut self, request: &Finished) {
        self.batch.push(*request);
        if self.batch.len() >= BATCH {
            self.hand_over();
        }
    }
}

enum Rows<W: Write + Send> {
    Csv(csv::Rows<W>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::Rows<W>>),
}

impl<W: Write + Send> Rows<W> {
    /// Writes all batches that come, gives them back empty, and ends the file.
    fn write_all(mut self, batches: &Receiver<Vec<Finished>>, back: &Sender<Vec<Finished>>) -> io::Result<W> {
        for mut batch in batches {
            match &mut self {
                Rows::Csv(rows) => rows.write(&batch)?,
                #[cfg(feature = "parquet")]
                Rows::Parquet(rows) => rows.write(&batch)?,
            }
            batch.clear();
            // Nobody takes it back at the end.
            let _ = back.send(batch);
        }
        match self {
            Rows::Csv(rows) => rows.finish(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.finish(),
        }
    }
}

/// Near the beginning or the end of each log, and of no other file.
pub const MARKS: [&str; 2] = ["source,number,function,instance,born_s,assigned_s,", CREATOR];
/// What a log in Parquet says about itself.
const CREATOR: &str = concat!("forewarm request log version ", env!("CARGO_PKG_VERSION"));

/// The columns, in order.
const COLUMNS: [&str; 16] = [
    "source",
    "number",
    "function",
    "instance",
    "born_s",
    "assigned_s",
    "started_s",
    "ended_s",
    "latency_s",
    "wait_s",
    "queueing_s",
    "cold_start_s",
    "execution_s",
    "cold",
    "cold_affected",
    "outcome",
];

/// How many columns of time there are.
const TIMES: usize = 9;

/// The columns of time, from `born_s` on.
fn times(request: &Finished) -> [Span; TIMES] {
    let Finished { born, assigned, started, ended, .. } = *request;
    [
        Span::from_nanos(born.as_nanos()),
        Span::from_nanos(assigned.as_nanos()),
        Span::from_nanos(started.as_nanos()),
        Span::from_nanos(ended.as_nanos()),
        ended.since(born),
        request.wait(),
        request.wait() - request.cold_start(),
        request.cold_start(),
        ended.since(started),
    ]
}

/// How outcomes are called.
const OUTCOMES: [&str; 6] = ["completed", "rejected", "queue-timed-out", "timed-out", "failed", "unfinished"];

/// The place of an outcome in [`OUTCOMES`].
fn place(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Completed => 0,
        Outcome::Rejected => 1,
        Outcome::QueueTimedOut => 2,
        Outcome::TimedOut => 3,
        Outcome::Failed => 4,
        // The others end requests, of which the log has none: it holds invocations.
        Outcome::Unfinished | Outcome::BreakerOpen | Outcome::NoBudget | Outcome::Expired | Outcome::TooLarge => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{InstanceId, LocalFn, LocalSource};
    use crate::time::SimTime;

    /// A request that met a cold start.
    pub(super) fn served() -> Finished {
        Finished {
            source: LocalSource(0),
            number: 7,
            function: LocalFn(1),
            instance: Some(InstanceId(12_345)),
            born: SimTime::from_nanos(1_000_000_001),
            assigned: SimTime::from_nanos(1_500_000_001),
            instance_ready: SimTime::from_nanos(1_500_000_000),
            started: SimTime::from_nanos(2_000_000_000),
            ended: SimTime::from_nanos(86_400_000_000_000),
            cold: true,
            cold_affected: true,
            provisioned: false,
            outcome: Outcome::Completed,
        }
    }

    /// A request that nobody served.
    pub(super) fn rejected() -> Finished {
        let at = SimTime::from_nanos(100);
        Finished {
            number: u64::MAX,
            instance: None,
            born: at,
            assigned: at,
            instance_ready: at,
            started: at,
            ended: at,
            cold: false,
            cold_affected: false,
            outcome: Outcome::Rejected,
            ..served()
        }
    }

    /// Takes `room` bytes, then is full.
    pub(super) struct Disk {
        pub(super) room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room);
            self.room -= fits;
            if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The bytes of a log of `number` requests.
    fn bytes(start: impl Fn(Vec<u8>) -> io::Result<RequestLog<Vec<u8>>>, number: u64) -> Vec<u8> {
        let mut log = start(Vec::new()).unwrap();
        (0..number).for_each(|number| log.finished(&Finished { number, ..served() }));
        log.finish().unwrap()
    }

    #[test]
    fn rows_come_in_order_and_the_same_each_time() {
        let names = ["web", "f"];
        let csv = |to| RequestLog::csv(to, &names, &names);
        for number in [0, 1, BATCH as u64, 20 * BATCH as u64 + 7] {
            let text = bytes(csv, number);
            let rows = text.split(|byte| *byte == b'\n').skip(1).filter(|row| !row.is_empty());
            let found = rows.map(|row| row.split(|byte| *byte == b',').nth(1).unwrap().to_vec());
            assert!(found.eq((0..number).map(|number| number.to_string().into_bytes())), "{number} rows");
            #[cfg(feature = "parquet")]
            {
                let parquet = |to| RequestLog::parquet(to, &names, &names);
                assert!(bytes(parquet, number) == bytes(parquet, number), "{number} rows");
            }
        }
    }

    #[test]
    fn a_full_disk_is_reported_at_the_end() {
        let names = ["web", "f"];
        let logs = [
            RequestLog::csv(Disk { room: 100_000 }, &names, &names).unwrap(),
            #[cfg(feature = "parquet")]
            RequestLog::parquet(Disk { room: 100_000 }, &names, &names).unwrap(),
        ];
        for mut log in logs {
            for number in 0..200_000_u64 {
                // Numbers that do not compress, nor do their differences.
                let number = (number * number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                log.finished(&Finished { number, ..served() });
            }
            assert_eq!(log.finish().err().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
        }
    }
}
