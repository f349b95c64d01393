//! Durations: percentiles and a mean for each function.

use std::collections::HashMap;

use super::{Findings, Key};
use crate::dist::{Dist, DistError};
use crate::time::Span;
use crate::workload::Input;
use crate::workload::trace::error::{Remark, Skipped, TraceError, many_rows};
use crate::workload::trace::table::{Row, Table};

const PERCENTILES: [u32; 7] = [0, 1, 25, 50, 75, 99, 100];
/// The files have whole milliseconds.
const ROUNDING: Span = Span::from_millis(1);

/// The laws of the durations, each with how often it was measured.
#[derive(Default)]
pub(super) struct Durations {
    laws: HashMap<Key, Law>,
    files: usize,
}

struct Law {
    dist: Dist,
    count: f64,
    /// The file it is from, by number; of several, the last.
    file: usize,
}

/// Where the columns are.
struct Columns {
    app: usize,
    function: usize,
    average: Option<usize>,
    count: Option<usize>,
    percentiles: [Option<usize>; 7],
}

/// A row's law; a field of it that could not be used.
type Found = (Dist, Option<TraceError>);

impl Durations {
    /// The law of a function, if it is known.
    pub(super) fn of(&self, key: &Key) -> Option<Dist> {
        self.laws.get(key).map(|law| law.dist.clone())
    }

    /// Reads a file more.
    pub(super) fn read(&mut self, input: &Input, findings: &mut Findings<'_>) -> Result<(), TraceError> {
        let mut table = Table::open(input, None)?;
        let columns = Columns {
            app: table.need(&["HashApp"])?,
            function: table.need(&["HashFunction"])?,
            average: table.column(&["Average"]),
            count: table.column(&["Count"]),
            percentiles: PERCENTILES.map(|p| table.column(&[&format!("percentile_Average_{p}")])),
        };
        self.files += 1;
        let file = self.files;
        let (mut skipped, mut unused, mut merged) = (Skipped::default(), Skipped::default(), 0);
        while let Some(row) = table.next()? {
            let read = || -> Result<_, TraceError> {
                let key: Key = (Box::from(row.text(columns.app)?), Box::from(row.text(columns.function)?));
                let count = columns.count.map(|column| row.any_number(column)).transpose()?.flatten();
                Ok((key, columns.law(&row)?, count.unwrap_or(0.0)))
            };
            let (key, (dist, wrong), count) = match read() {
                Ok(read) => read,
                Err(error) => {
                    skipped.take(findings.on_error, error)?;
                    continue;
                }
            };
            if let Some(wrong) = wrong {
                unused.rows += 1;
                unused.first.get_or_insert(wrong);
            }
            let law = Law { dist, count, file };
            match self.laws.get_mut(&key) {
                Some(before) => {
                    merged += u64::from(before.file == file);
                    *before = before.merged(&law);
                }
                None => drop(self.laws.insert(key, law)),
            }
        }
        let unused = (unused.rows > 0).then(|| {
            let message = format!("{} with an invalid field: the other fields are used", many_rows(unused.rows));
            Remark { example: unused.first, ..Remark::new(table.name(), message) }
        });
        let merged = (merged > 0).then(|| {
            let message =
                format!("{} of a function that already has a row: merged, weighted by Count", many_rows(merged));
            Remark::new(table.name(), message)
        });
        findings.close(skipped, unused.into_iter().chain(merged), table.name());
        Ok(())
    }
}

impl Law {
    /// Of two, one that stands for both.
    fn merged(&self, other: &Self) -> Self {
        let (Self { dist: a, count: m, .. }, Self { dist: b, count: n, file }) = (self, other);
        // Without counts, both weigh the same.
        let merged = Dist::merged([(a, *m), (b, *n)]).or_else(|_| Dist::merged([(a, 1.0), (b, 1.0)]));
        Self { dist: merged.unwrap_or_else(|_| a.clone()), count: m + n, file: *file }
    }
}

impl Columns {
    /// The law of a row, from what can be used of it.
    fn law(&self, row: &Row<'_>) -> Result<Found, TraceError> {
        let mut wrong = None;
        let mut span = |column: usize| -> Result<Option<Span>, TraceError> {
            let read = row.number(column).map(|millis| Span::from_secs_f64(millis / 1e3).ok());
            Ok(match read {
                Ok(span) => span,
                Err(error) => {
                    row.field(column)?; // a row of another length is wrong as a whole
                    wrong.get_or_insert(error);
                    None
                }
            })
        };
        let mut points: Vec<(f64, Span)> = Vec::new();
        for (p, column) in PERCENTILES.iter().zip(self.percentiles) {
            let Some(at) = column.map(&mut span).transpose()?.flatten() else { continue };
            // Percentiles of averages, rounded, do not always rise.
            let at = points.last().map_or(at, |(_, before)| at.max(*before));
            points.push((f64::from(*p) / 100.0, at));
        }
        let average = self.average.map(span).transpose()?.flatten();
        let made = match (average, &points[..]) {
            (Some(average), [_, _, ..]) => with_mean(&points, average),
            (None, [_, _, ..]) => Dist::percentiles(&points).map(|dist| (dist, false)),
            (Some(average), _) => Ok((Dist::Constant(average), false)),
            (None, [(_, only)]) => Ok((Dist::Constant(*only), false)),
            (None, _) => {
                return Err(wrong.unwrap_or_else(|| row.wrong("neither `Average` nor percentiles give its duration")));
            }
        };
        let (dist, contradicts) = made.map_err(|error| row.wrong(error.to_string()))?;
        if let (true, Some(column)) = (contradicts, self.average) {
            let error = row.wrong_field(column, row.text(column)?, "does not fit the percentiles");
            wrong.get_or_insert(error);
        }
        Ok((dist, wrong))
    }
}

/// The law of percentiles and a mean; without the mean where the two contradict each other by more than rounding, and
/// whether they do.
fn with_mean(points: &[(f64, Span)], mean: Span) -> Result<(Dist, bool), DistError> {
    match Dist::percentiles_with_mean(points, mean) {
        Err(DistError::MeanBeyondPoints { low, high, .. }) => {
            let near = mean.clamp(low, high);
            if near.max(mean) - near.min(mean) <= ROUNDING {
                return Dist::percentiles_with_mean(points, near).map(|dist| (dist, false));
            }
            Dist::percentiles(points).map(|dist| (dist, true))
        }
        made => made.map(|dist| (dist, false)),
    }
}
