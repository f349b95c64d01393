//! Metrics minute by minute, under the names that monitoring services give them: as CSV, or as OpenMetrics for Prometheus.
//!
//! | platform | names |
//! |---|---|
//! | Knative | `revision_request_count`, `revision_request_latencies`, `autoscaler_actual_pods` ... (knative.dev, serving metrics) |
//! | Azure | those of Azure Monitor: `Microsoft.Web/sites`; of queues and streams like those of Azure `Microsoft.ServiceBus`, `Microsoft.Storage`, `Microsoft.EventHub` |
//! | Google | those of Cloud Monitoring: `run.googleapis.com`, `cloudfunctions.googleapis.com`; of queues like Google's `pubsub`, `cloudtasks` |
//! | every other | those of Amazon CloudWatch: `AWS/Lambda`, `AWS/SQS`, `AWS/Kinesis`, `AWS/SNS`, `AWS/ApiGateway` |
//!
//! A value is that of the minute that ends then, of the measured part of the first replication. Memory grows with the number of
//! minutes, never with the number of requests; runs of more than 15 days have periods of 5 minutes, of more than 63 days of an hour, as
//! long as CloudWatch keeps each.

mod names;
mod open;

use std::io::{self, Write};

use super::epoch::Epoch;
use crate::measure::monitor::{Interval, Monitor, Periods, Watch};
use crate::scenario::Scenario;
use crate::time::{SimTime, Span};
use names::{Series, Vocabulary};

/// At the beginning of each CSV file, and in the first line of each OpenMetrics file.
pub const MARKS: [&str; 2] = ["timestamp,time_s,", open::MARK];

/// How a file of metrics is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row for each period, a column for each metric.
    Csv,
    /// The text format of OpenMetrics, with timestamps.
    OpenMetrics,
}

impl Form {
    /// That of a file of this name: OpenMetrics if it ends in `.om`, `.txt` or `.prom`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let is_open = [".om", ".txt", ".prom", ".openmetrics"].iter().any(|end| name.ends_with(end));
        if is_open { Self::OpenMetrics } else { Self::Csv }
    }
}

/// Days, and the length of the periods of runs that are longer, s.
const PERIODS: [(u64, u64); 2] = [(63, 3_600), (15, 300)];
const MINUTE_S: u64 = 60;

/// How long periods are.
fn period(horizon: Span) -> Span {
    let days = horizon.as_nanos() / 1_000_000_000 / 86_400;
    let seconds = PERIODS.iter().find(|(than, _)| days >= *than).map_or(MINUTE_S, |(_, seconds)| *seconds);
    Span::from_secs(seconds)
}

/// The values of all series, period by period, while the run goes on.
pub struct Table<W: Write> {
    to: W,
    form: Form,
    epoch: Epoch,
    series: Vec<Series>,
    /// For each watch, the places of its series.
    of_watches: Vec<Vec<usize>>,
    /// Of the current period; all periods where the form needs them together.
    row: Vec<Option<f64>>,
    rows: Vec<(SimTime, Vec<Option<f64>>)>,
    error: Option<io::Error>,
}

/// The observer that writes metrics.
pub type MetricsLog<W> = Monitor<Table<W>>;

/// A file of metrics of a scenario.
pub fn log<W: Write>(to: W, form: Form, scenario: &Scenario) -> MetricsLog<W> {
    let vocabulary = Vocabulary::of(scenario);
    let period = period(scenario.simulation.horizon);
    let (mut watches, mut series, mut of_watches) = (Vec::new(), Vec::new(), Vec::new());
    for (subject, own) in vocabulary.series(scenario) {
        watches.push(Watch { subject, period });
        of_watches.push((series.len()..series.len() + own.len()).collect());
        series.extend(own);
    }
    let mut table = Table {
        to,
        form,
        epoch: Epoch::of(scenario),
        row: vec![None; series.len()],
        series,
        of_watches,
        rows: Vec::new(),
        error: None,
    };
    if form == Form::Csv {
        table.head();
    }
    Monitor::new(scenario, &watches, table)
}

/// Writes what is still to be written and returns the output.
///
/// # Errors
/// The first error that the output had.
pub fn finish<W: Write>(log: MetricsLog<W>) -> io::Result<W> {
    let mut table = log.finish();
    if let Some(error) = table.error {
        return Err(error);
    }
    if table.form == Form::OpenMetrics {
        open::write(&mut table.to, table.epoch, &table.series, &table.rows)?;
    }
    table.to.flush()?;
    Ok(table.to)
}

impl<W: Write> Table<W> {
    fn head(&mut self) {
        let names = self.series.iter().map(|series| field(&series.column));
        let line: Vec<String> = ["timestamp", "time_s"].map(str::to_owned).into_iter().chain(names).collect();
        self.line(&line.join(","));
    }

    fn line(&mut self, line: &str) {
        if self.error.is_none() {
            self.error = writeln!(self.to, "{line}").err();
        }
    }

    /// The period is over for every watch.
    fn end_row(&mut self, end: SimTime) {
        let row = std::mem::replace(&mut self.row, vec![None; self.series.len()]);
        match self.form {
            Form::OpenMetrics => self.rows.push((end, row)),
            Form::Csv => {
                let seconds = end.since(SimTime::ZERO).as_secs_f64();
                let values = row.iter().map(|value| value.map_or_else(String::new, |value| value.to_string()));
                let first = [self.epoch.rfc3339(end), seconds.to_string()];
                let line: Vec<String> = first.into_iter().chain(values).collect();
                self.line(&line.join(","));
            }
        }
    }
}

impl<W: Write> Periods for Table<W> {
    fn ended(&mut self, watch: usize, _: u64, end: SimTime, interval: &Interval) {
        for place in &self.of_watches[watch] {
            let Series { signal, factor, .. } = &self.series[*place];
            let factor = if self.form == Form::Csv { *factor } else { 1.0 };
            self.row[*place] = interval.value(*signal).map(|value| value * factor);
        }
        if watch + 1 == self.of_watches.len() {
            self.end_row(end);
        }
    }
}

/// A field of CSV.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_says_the_form() {
        for (name, form) in [
            ("a.csv", Form::Csv),
            ("a", Form::Csv),
            ("a.om", Form::OpenMetrics),
            ("a.TXT", Form::OpenMetrics),
            ("a.prom", Form::OpenMetrics),
        ] {
            assert_eq!(Form::of(name), form, "{name}");
        }
    }

    #[test]
    fn long_runs_have_long_periods() {
        let days = |days: u64| period(Span::from_secs(days * 86_400));
        assert_eq!([14, 15, 63].map(days), [60, 300, 3_600].map(Span::from_secs));
    }
}
