//! Memory, by app or by function.

use std::collections::HashMap;

use super::{Findings, Key};
use crate::workload::Input;
use crate::workload::trace::error::{Remark, Skipped, TraceError, many_rows};
use crate::workload::trace::rows::whole_mb;
use crate::workload::trace::table::Table;

/// What was measured, the function being empty where it is for the whole app.
#[derive(Default)]
pub(super) struct Memory {
    known: HashMap<Key, Measured>,
    files: usize,
}

/// The sum of measured megabytes, and how many there are.
struct Measured {
    mb: f64,
    samples: f64,
    file: usize,
}

impl Memory {
    /// What a function has, if it is known.
    pub(super) fn of(&self, key: &Key) -> Option<u32> {
        let of_app = (key.0.clone(), Box::from(""));
        self.known.get(key).or_else(|| self.known.get(&of_app)).map(|measured| whole_mb(measured.mb / measured.samples))
    }

    /// Reads a file more.
    pub(super) fn read(&mut self, input: &Input, findings: &mut Findings<'_>) -> Result<(), TraceError> {
        let mut table = Table::open(input, None)?;
        let (app, function) = (table.need(&["HashApp"])?, table.column(&["HashFunction"]));
        let average = table.need(&["AverageAllocatedMb"])?;
        let samples = table.column(&["SampleCount"]);
        let (mut skipped, mut merged) = (Skipped::default(), 0);
        self.files += 1;
        while let Some(row) = table.next()? {
            let read = || -> Result<_, TraceError> {
                let function = function.map(|column| row.text(column)).transpose()?.unwrap_or_default();
                let samples = samples.map(|column| row.any_number(column)).transpose()?.flatten();
                Ok(((Box::from(row.text(app)?), Box::from(function)), row.any_number(average)?, samples))
            };
            let (key, mb, samples): (Key, _, _) = match read() {
                Ok(read) => read,
                Err(error) => {
                    skipped.take(findings.on_error, error)?;
                    continue;
                }
            };
            let samples = samples.unwrap_or(1.0).max(1.0);
            // Without a number, nothing is known.
            let Some(mb) = mb else { continue };
            let file = self.files;
            let measured = self.known.entry(key).or_insert(Measured { mb: 0.0, samples: 0.0, file: 0 });
            merged += u64::from(measured.file == file);
            *measured = Measured { mb: measured.mb + mb * samples, samples: measured.samples + samples, file };
        }
        let merged = (merged > 0).then(|| {
            let message =
                format!("{} of an app that already has a row: averaged, weighted by SampleCount", many_rows(merged));
            Remark::new(table.name(), message)
        });
        findings.close(skipped, merged, table.name());
        Ok(())
    }
}
