//! Azure Functions 2019 (Shahrad et al., ATC 2020): three files joined by hash, counts by the minute.

use std::collections::HashMap;
use std::sync::Arc;

use super::TraceFunction;
use super::error::{OnError, Skipped, TraceError};
use super::names::Names;
use super::rows::whole_mb;
use super::table::{Row, Table};
use crate::dist::Dist;
use crate::time::{SimTime, Span};
use crate::workload::{Counts, Input, Spread};

/// Functions of a trace.
const FUNCTIONS_MAX: usize = 1_000_000;
const MINUTE: Span = Span::from_secs(60);
const PERCENTILES: [u32; 7] = [0, 1, 25, 50, 75, 99, 100];

/// The files of a trace.
#[derive(Clone, Debug)]
pub struct Azure2019Files {
    /// Invocations per function and minute.
    pub invocations: Input,
    /// Percentiles of the running time by function.
    pub durations: Option<Input>,
    /// Memory by app or by function.
    pub memory: Option<Input>,
}

/// A trace, read whole: memory grows with functions and with how often their rate changes.
#[derive(Clone, Debug)]
pub struct Azure2019 {
    /// Its functions, in the order of the file, with their counts.
    pub functions: Vec<(TraceFunction, Arc<Counts>)>,
    /// Apps.
    pub apps: u64,
    /// Minutes that are covered.
    pub minutes: u64,
    /// Rows left out, of all three files.
    pub skipped: Skipped,
}

type Key = (Box<str>, Box<str>);

impl Azure2019 {
    /// Reads the files. The first minute column is time zero.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`], the first row that is wrong.
    pub fn read(files: &Azure2019Files, spread: Spread, on_error: OnError) -> Result<Self, TraceError> {
        let mut skipped = Skipped::default();
        let durations = match &files.durations {
            Some(input) => durations(input, on_error, &mut skipped)?,
            None => HashMap::new(),
        };
        let memory = match &files.memory {
            Some(input) => memory(input, on_error, &mut skipped)?,
            None => HashMap::new(),
        };
        let mut table = Table::open(&files.invocations)?;
        let app = table.need(&["HashApp"])?;
        let function = table.need(&["HashFunction"])?;
        let trigger = table.column(&["Trigger"]);
        let minutes = minute_columns(&table)?;
        let (first, last) = (minutes[0].0, minutes[minutes.len() - 1].0);
        let mut functions = Vec::new();
        let (mut apps, mut names) = (HashMap::new(), Names::default());
        while let Some(row) = table.next()? {
            let read = || -> Result<_, TraceError> {
                let counts = counts(&row, &minutes)?;
                Ok((row.text(app)?, row.text(function)?, trigger.map(|column| row.text(column)).transpose()?, counts))
            };
            let (app, function, trigger, counts) = match read() {
                Ok(read) => read,
                Err(error) => {
                    skipped.take(on_error, error)?;
                    continue;
                }
            };
            if functions.len() >= FUNCTIONS_MAX {
                return Err(row.wrong(format!("the trace has more than {FUNCTIONS_MAX} functions")));
            }
            let number = apps.len() as u64;
            let app_number = *apps.entry(Box::<str>::from(app)).or_insert(number);
            let key = (Box::from(app), Box::from(function));
            let in_app = (Box::from(app), Box::from(""));
            let info = TraceFunction {
                name: names.of_hash(function),
                app: Some(app_number),
                trigger: trigger.unwrap_or_default().to_owned(),
                memory_mb: memory.get(&key).or_else(|| memory.get(&in_app)).copied(),
                duration: durations.get(&key).cloned(),
                has_durations: false,
                invocations: counts.iter().map(|count| *count as u64).sum(),
            };
            functions.push((info, Arc::new(Counts::new(MINUTE, SimTime::ZERO, spread, 1.0, counts))));
        }
        if functions.is_empty() {
            return Err(TraceError::new(table.name(), None, "there is no function in it"));
        }
        Ok(Self { functions, apps: apps.len() as u64, minutes: last - first + 1, skipped })
    }

    /// Requests in the trace.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.functions.iter().map(|(function, _)| function.invocations).sum()
    }
}

/// The columns headed by numbers: minute and place, by minute.
fn minute_columns(table: &Table) -> Result<Vec<(u64, usize)>, TraceError> {
    let numbered = table.columns().iter().enumerate();
    let mut minutes: Vec<(u64, usize)> =
        numbered.filter_map(|(place, column)| Some((column.parse().ok()?, place))).collect();
    minutes.sort_unstable();
    let wrong = |message: String| TraceError::new(table.name(), Some(1), message);
    let (Some(first), Some(last)) = (minutes.first(), minutes.last()) else {
        return Err(wrong("no column is headed by the number of a minute".into()).help("as in HashApp,...,1,2,3"));
    };
    if let Some(pair) = minutes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(wrong(format!("minute {} is there twice", pair[0].0)));
    }
    if last.0 - first.0 >= 1_000_000 {
        return Err(wrong(format!("the minutes go from {} to {}: at most 1000000 are read", first.0, last.0)));
    }
    Ok(minutes)
}

/// The counts of a row, one for each minute from the first column's to the last one's.
fn counts(row: &Row<'_>, minutes: &[(u64, usize)]) -> Result<Vec<f64>, TraceError> {
    let first = minutes[0].0;
    let mut counts = vec![0.0; (minutes[minutes.len() - 1].0 - first + 1) as usize];
    for (minute, column) in minutes {
        let field = row.field(*column)?;
        counts[(minute - first) as usize] = match short_count(field) {
            Some(count) => f64::from(count),
            None => {
                let count = row.number(*column)?;
                if count.fract() != 0.0 || count > 1e12 {
                    return Err(row.wrong(format!("minute {minute}: {count} is no count of requests")));
                }
                count
            }
        };
    }
    Ok(counts)
}

/// A count of a few digits, which nearly all are.
fn short_count(field: &[u8]) -> Option<u32> {
    if field.is_empty() || field.len() > 9 {
        return None;
    }
    field.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// The law of the running time of each function.
fn durations(input: &Input, on_error: OnError, skipped: &mut Skipped) -> Result<HashMap<Key, Dist>, TraceError> {
    let mut table = Table::open(input)?;
    let (app, function) = (table.need(&["HashApp"])?, table.need(&["HashFunction"])?);
    let average = table.need(&["Average"])?;
    let percentiles = PERCENTILES.map(|p| table.column(&[&format!("percentile_Average_{p}")]));
    let mut all = HashMap::new();
    while let Some(row) = table.next()? {
        let read = || -> Result<_, TraceError> {
            let mut points: Vec<(f64, Span)> = Vec::new();
            for (p, column) in PERCENTILES.iter().zip(percentiles) {
                let Some(column) = column else { continue };
                let at = row.span(row.number(column)? / 1e3, column)?;
                // Percentiles of averages, rounded, do not always rise.
                let at = points.last().map_or(at, |(_, before)| at.max(*before));
                points.push((f64::from(*p) / 100.0, at));
            }
            let average = row.span(row.number(average)? / 1e3, average)?;
            let law = Dist::percentiles(&points).unwrap_or(Dist::Constant(average));
            Ok(((Box::from(row.text(app)?), Box::from(row.text(function)?)), law))
        };
        match read() {
            Ok((key, law)) => drop(all.insert(key, law)),
            Err(error) => skipped.take(on_error, error)?,
        }
    }
    Ok(all)
}

/// The memory of each app, or of each function where the file has them.
fn memory(input: &Input, on_error: OnError, skipped: &mut Skipped) -> Result<HashMap<Key, u32>, TraceError> {
    let mut table = Table::open(input)?;
    let (app, function) = (table.need(&["HashApp"])?, table.column(&["HashFunction"]));
    let average = table.need(&["AverageAllocatedMb"])?;
    let mut all = HashMap::new();
    while let Some(row) = table.next()? {
        let read = || -> Result<_, TraceError> {
            let function = function.map(|column| row.text(column)).transpose()?.unwrap_or_default();
            Ok(((Box::from(row.text(app)?), Box::from(function)), whole_mb(row.number(average)?)))
        };
        match read() {
            Ok((key, mb)) => drop(all.insert(key, mb)),
            Err(error) => skipped.take(on_error, error)?,
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOCATIONS: &str = "HashOwner,HashApp,HashFunction,Trigger,480,481,483\n\
        o,aaaaaaaaaa,ffffffffff,http,1,0,2\no,aaaaaaaaaa,gggggggggg,timer,0,0,0\no,bbbbbbbbbb,ffffffffff,queue,7,7,7\n";
    const DURATIONS: &str = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,\
        percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,\
        percentile_Average_100\no,aaaaaaaaaa,ffffffffff,100,3,0,400,0,0,50,100,90,300,400\n";
    const MEMORY: &str = "HashOwner,HashApp,SampleCount,AverageAllocatedMb\no,bbbbbbbbbb,5,170.2\n";

    fn files(invocations: &str) -> Azure2019Files {
        let input = |name: &str, text: &str| Input::of_bytes(name, text.as_bytes());
        Azure2019Files {
            invocations: input("invocations.csv", invocations),
            durations: Some(input("durations.csv", DURATIONS)),
            memory: Some(input("memory.csv", MEMORY)),
        }
    }

    fn read(invocations: &str, on_error: OnError) -> Result<Azure2019, TraceError> {
        Azure2019::read(&files(invocations), Spread::Uniform, on_error)
    }

    #[test]
    fn the_files_are_joined_by_hash() {
        let trace = read(INVOCATIONS, OnError::Fail).unwrap();
        assert_eq!((trace.functions.len(), trace.apps, trace.invocations(), trace.minutes), (3, 2, 24, 4));
        let names: Vec<&str> = trace.functions.iter().map(|(function, _)| function.name.as_str()).collect();
        assert_eq!(names, ["ffffffff", "gggggggg", "ffffffffff"]);
        let (first, counts) = &trace.functions[0];
        // Minute 482 has no column: nothing came in it.
        assert_eq!(counts.iter().collect::<Vec<_>>(), [1.0, 0.0, 0.0, 2.0]);
        let law = first.duration.as_ref().unwrap();
        // The 75th percentile, 90 ms, is below the median: it is raised to it.
        assert_eq!((law.quantile(0.25), law.quantile(0.75)), (Span::from_millis(50), Span::from_millis(100)));
        assert_eq!(first.memory_mb, None);
        assert_eq!(trace.functions[2].0.memory_mb, Some(171));
        assert_eq!((trace.functions[2].0.trigger.as_str(), trace.functions[2].0.app), ("queue", Some(1)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let message = |text: &str| read(text, OnError::Fail).unwrap_err().to_string();
        assert_eq!(
            message(&INVOCATIONS.replace("7,7,7", "7,x,7")),
            "invocations.csv:4: `481`: \"x\" is not a number; write for example 0.25"
        );
        assert_eq!(
            message(&INVOCATIONS.replace("7,7,7", "7,7")),
            "invocations.csv:4: the row has 6 fields, the header 7"
        );
        assert_eq!(
            message(&INVOCATIONS.replace("7,7,7", "7,1.5,7")),
            "invocations.csv:4: minute 481: 1.5 is no count of requests"
        );
        assert_eq!(message(&INVOCATIONS.replace("480,481", "483,481")), "invocations.csv:1: minute 483 is there twice");
        assert_eq!(
            message("HashApp,HashFunction\na,b\n"),
            "invocations.csv:1: no column is headed by the number of a minute; as in HashApp,...,1,2,3"
        );
        assert_eq!(message(""), "invocations.csv: the file is empty; its first line must name the columns");
        assert_eq!(message("HashApp,HashFunction,1\n"), "invocations.csv: there is no function in it");
        let skipped = read(&INVOCATIONS.replace("7,7,7", "7,x,7"), OnError::Skip).unwrap();
        assert_eq!((skipped.functions.len(), skipped.skipped.rows), (2, 1));
    }
}
