//! The formats of measurements: a file each, and a line in [`READERS`].

mod access_log;
mod alb;
mod api_gateway;
mod cloudwatch;
mod csv_metrics;
mod decisions;
mod jmeter;
mod k6;
mod lambda_log;
mod locust;
mod logs_insights;
mod otlp;
mod prometheus;
mod rows;
mod xray;

use std::borrow::Cow;

use serde_json::Value;

use super::measured::Measured;
use super::units;
use super::when::Clock;

/// A text, looked at once.
pub(super) struct Content<'a> {
    /// The name of its file.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// All of it, if it is one JSON value.
    pub(super) json: Option<Value>,
    /// The first value, if each line is one.
    pub(super) first: Option<Value>,
    /// The columns, if it begins like CSV.
    pub(super) columns: Vec<String>,
    /// What separates them.
    separator: u8,
}

impl<'a> Content<'a> {
    pub(super) fn of(name: &'a str, text: &'a str) -> Self {
        let start = text.trim_start();
        let looks_like_json = start.starts_with(['{', '[']);
        let json = if looks_like_json { serde_json::from_str(text).ok() } else { None };
        let line = start.lines().next().unwrap_or_default();
        let first = if looks_like_json && json.is_none() { serde_json::from_str(line).ok() } else { None };
        let separator = separator(line);
        let columns = if looks_like_json { Vec::new() } else { columns(line, separator) };
        Self { name, text, json, first, columns, separator }
    }

    /// Whether it has these columns.
    fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|wanted| self.columns.iter().any(|column| column.eq_ignore_ascii_case(wanted)))
    }

    /// The values of a text of which each line is one, or of its list, with their lines.
    fn each(&self, measured: &mut Measured, mut take: impl FnMut(&Value, &mut Measured) -> Option<()>) {
        match &self.json {
            Some(Value::Array(values)) => {
                for (number, value) in values.iter().enumerate() {
                    if take(value, measured).is_none() {
                        measured.skip(self.name, number + 1, "an element without the required fields");
                    }
                }
            }
            Some(value) => {
                if take(value, measured).is_none() {
                    measured.skip(self.name, 1, "without the required fields");
                }
            }
            None => {
                for (number, line) in self.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                    let value = serde_json::from_str::<Value>(line);
                    match value {
                        Ok(value) => {
                            if take(&value, measured).is_none() {
                                measured.skip(self.name, number + 1, "a line without the required fields");
                            }
                        }
                        Err(_) => measured.skip(self.name, number + 1, "not JSON"),
                    }
                }
            }
        }
    }

    /// The fields of a column of a CSV file, with their lines.
    fn fields(&self, place: usize) -> impl Iterator<Item = (usize, Cow<'a, str>)> {
        let reader =
            csv::ReaderBuilder::new().flexible(true).delimiter(self.separator).from_reader(self.text.as_bytes());
        reader.into_records().filter_map(Result::ok).filter_map(move |record| {
            let line = record.position().map_or(0, csv::Position::line) as usize;
            Some((line, Cow::Owned(record.get(place)?.to_owned())))
        })
    }

    /// The rows of a CSV file; `take` is given a function from names of columns to fields.
    fn rows(&self, measured: &mut Measured, mut take: impl FnMut(&Fields<'_>, &mut Measured) -> Option<()>) {
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).delimiter(self.separator).from_reader(self.text.as_bytes());
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {
                    let line = record.position().map_or(0, csv::Position::line) as usize;
                    let fields = Fields { columns: &self.columns, separator: self.separator, line, record: &record };
                    if take(&fields, measured).is_none() {
                        measured.skip(self.name, line, "a row without a time or a number where one is needed");
                    }
                }
                Err(error) => {
                    measured.skip(self.name, error.position().map_or(0, csv::Position::line) as usize, "not a CSV row");
                    if error.is_io_error() {
                        break;
                    }
                }
            }
        }
    }
}

/// Decides for all rows how the times of a table are meant. None: they cannot be read, and the file is refused.
fn clock<'a>(
    content: &Content<'_>,
    column: &str,
    separator: u8,
    fields: impl Iterator<Item = (usize, Cow<'a, str>)>,
    measured: &mut Measured,
) -> Option<Clock> {
    let mut clock = Clock::of(column, separator);
    let mut first = None;
    for (line, field) in fields {
        if let Err(why) = clock.learn(line, &field) {
            measured.refuse(content.name, line, &why);
            return None;
        }
        if first.is_none() && clock.ambiguous().is_some() {
            first = Some(field.trim().to_owned());
        }
    }
    if let (Some(line), Some(field)) = (clock.ambiguous(), first) {
        let why =
            format!("`{field}` is ambiguous: day and month could be swapped; write dates as in 2024-03-01T10:00:00Z");
        measured.refuse(content.name, line, &why);
        return None;
    }
    Some(clock)
}

/// A row of a CSV file.
struct Fields<'a> {
    columns: &'a [String],
    separator: u8,
    line: usize,
    record: &'a csv::StringRecord,
}

impl Fields<'_> {
    /// The field of the first of these columns that there is.
    fn get(&self, names: &[&str]) -> Option<&str> {
        let place =
            names.iter().find_map(|name| self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))?;
        self.at(place)
    }

    /// The field of a column.
    fn at(&self, place: usize) -> Option<&str> {
        self.record.get(place).map(str::trim).filter(|field| !field.is_empty())
    }

    fn number(&self, names: &[&str]) -> Option<f64> {
        units::number(self.get(names)?, self.separator)
    }
}

/// What separates the columns of a line.
fn separator(line: &str) -> u8 {
    [b',', b'\t', b';']
        .into_iter()
        .max_by_key(|byte| (line.bytes().filter(|other| other == byte).count(), *byte == b','))
        .unwrap_or(b',')
}

fn columns(line: &str, separator: u8) -> Vec<String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok);
    record
        .map(|record| record.iter().map(|field| field.trim().trim_start_matches('\u{feff}').to_owned()).collect())
        .unwrap_or_default()
}

/// A number, maybe in quotes.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// A time, as text or number.
fn time(value: &Value) -> Option<f64> {
    value.as_str().map_or_else(|| super::when::of_number(value.as_f64()?), super::when::parse)
}

/// A format.
pub(super) struct Reader {
    /// What it is called.
    pub(super) name: &'static str,
    /// Whether a text is of it.
    pub(super) is: fn(&Content<'_>) -> bool,
    /// Takes in what it says.
    pub(super) read: fn(&Content<'_>, &mut Measured),
}

/// All of them; the first that knows a text reads it.
pub(super) const READERS: [&Reader; 16] = [
    &cloudwatch::DATA,
    &cloudwatch::STATISTICS,
    &prometheus::READER,
    &otlp::READER,
    &xray::READER,
    &k6::JSON,
    &k6::CSV,
    &logs_insights::READER,
    &lambda_log::READER,
    &api_gateway::READER,
    &decisions::READER,
    &locust::READER,
    &jmeter::READER,
    &rows::READER,
    &csv_metrics::READER,
    &alb::READER,
];

/// Access logs are tried last: anything may look a little like one.
pub(super) const LAST: &Reader = &access_log::READER;
