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

use crate::engine::{Finished, Observer, Outcome};
use crate::time::Span;

/// An observer that writes a row for each request that ends.
///
/// The first error of the output is kept, what follows is not written, and [`RequestLog::finish`] returns it.
pub struct RequestLog<W: Write + Send> {
    rows: Rows<W>,
    error: Option<io::Error>,
}

enum Rows<W: Write + Send> {
    Csv(csv::Rows<W>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::Rows<W>>),
}

impl<W: Write + Send> RequestLog<W> {
    /// A log as CSV, with the names of sources and functions in the order of their ids.
    pub fn csv(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> Self {
        Self { rows: Rows::Csv(csv::Rows::new(to, sources, functions)), error: None }
    }

    /// A log as Apache Parquet, with the names of sources and functions in the order of their ids.
    ///
    /// # Errors
    /// What `to` answers.
    #[cfg(feature = "parquet")]
    pub fn parquet(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> io::Result<Self> {
        Ok(Self { rows: Rows::Parquet(Box::new(parquet::Rows::new(to, sources, functions)?)), error: None })
    }

    /// Writes what is still to be written and returns the output.
    ///
    /// # Errors
    /// The first error that the output had.
    pub fn finish(self) -> io::Result<W> {
        match (self.error, self.rows) {
            (Some(error), _) => Err(error),
            (None, Rows::Csv(rows)) => rows.finish(),
            #[cfg(feature = "parquet")]
            (None, Rows::Parquet(rows)) => rows.finish(),
        }
    }
}

impl<W: Write + Send> Observer for RequestLog<W> {
    fn needs_order(&self) -> bool {
        true
    }

    fn finished(&mut self, request: &Finished) {
        if self.error.is_none() {
            let written = match &mut self.rows {
                Rows::Csv(rows) => rows.write(request),
                #[cfg(feature = "parquet")]
                Rows::Parquet(rows) => rows.write(request),
            };
            self.error = written.err();
        }
    }
}

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

/// The nine columns of time, from `born_s` on.
fn times(request: &Finished) -> [Span; 9] {
    let Finished { born, assigned, started, ended, .. } = *request;
    [
        Span::from_nanos(born.as_nanos()),
        Span::from_nanos(assigned.as_nanos()),
        Span::from_nanos(started.as_nanos()),
        Span::from_nanos(ended.as_nanos()),
        ended.since(born),
        started.since(born),
        assigned.since(born),
        started.since(assigned),
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
        Outcome::Unfinished => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{FnId, InstanceId, SourceId};
    use crate::time::SimTime;

    /// A request that met a cold start.
    pub(super) fn served() -> Finished {
        Finished {
            source: SourceId(0),
            number: 7,
            function: FnId(1),
            instance: Some(InstanceId(12_345)),
            born: SimTime::from_nanos(1_000_000_001),
            assigned: SimTime::from_nanos(1_500_000_001),
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

    #[test]
    fn a_full_disk_is_reported_at_the_end() {
        let names = ["web", "f"];
        let logs = [
            RequestLog::csv(Disk { room: 100_000 }, &names, &names),
            #[cfg(feature = "parquet")]
            RequestLog::parquet(Disk { room: 100_000 }, &names, &names).unwrap(),
        ];
        for mut log in logs {
            for number in 0..200_000_u64 {
                // Numbers that do not compress.
                log.finished(&Finished { number: number.wrapping_mul(0x9E37_79B9_7F4A_7C15), ..served() });
            }
            assert_eq!(log.finish().err().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
        }
    }
}
