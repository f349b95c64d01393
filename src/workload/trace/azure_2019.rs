//! Azure Functions 2019 (Shahrad et al., ATC 2020): three files joined by hash, counts by the minute.

mod durations;
mod memory;

use std::collections::HashMap;
use std::sync::Arc;

use super::TraceFunction;
use super::error::{OnError, Remark, Skipped, TraceError, many_rows};
use super::names::Names;
use super::table::{Row, Table};
use crate::time::{SimTime, Span};
use crate::workload::{Counts, Input, Spread};
use durations::Durations;
use memory::Memory;

/// Functions of a trace.
const FUNCTIONS_MAX: usize = 1_000_000;
/// Minutes of a trace: almost two years.
const MINUTES_MAX: u64 = 1_000_000;
const MINUTE: Span = Span::from_secs(60);

/// The files of a trace, of each kind one for each day, in the order of the days.
#[derive(Clone, Debug)]
pub struct Azure2019Files {
    /// Invocations per function and minute.
    pub invocations: Vec<Input>,
    /// Percentiles of the duration by function.
    pub durations: Vec<Input>,
    /// Memory by app or by function.
    pub memory: Vec<Input>,
}

/// A trace, read whole: memory grows with functions and with how often their rate changes.
#[derive(Clone, Debug)]
pub struct Azure2019 {
    /// Its functions, in the order of the files, with their counts.
    pub functions: Vec<(TraceFunction, Arc<Counts>)>,
    /// Apps.
    pub apps: u64,
    /// Minutes that are covered.
    pub minutes: u64,
    /// Rows left out, of all files.
    pub skipped: Skipped,
    /// What its user should know.
    pub remarks: Vec<Remark>,
}

/// App and function.
type Key = (Box<str>, Box<str>);

/// What was found in a file besides what was looked for.
struct Findings<'a> {
    on_error: OnError,
    skipped: &'a mut Skipped,
    remarks: &'a mut Vec<Remark>,
}

impl Findings<'_> {
    /// Closes a file.
    fn close(&mut self, skipped: Skipped, remarks: impl IntoIterator<Item = Remark>, file: &str) {
        self.remarks.extend(skipped.remark(file));
        self.remarks.extend(remarks);
        self.skipped.add(skipped);
    }
}

/// A function whose rows are being collected.
struct Collected {
    info: TraceFunction,
    /// The first minute of each file that has it, and its counts from there on.
    parts: Vec<(u64, Counts)>,
}

impl Azure2019 {
    /// Reads the files. The first minute column of the first file is time zero, and each further file begins where the one
    /// before ends. Rows of the same function are merged: counts are added up, durations and memory weighted by how
    /// often they were measured. With [`Spread::Auto`] functions whose trigger is a timer are called as by one.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`], the first row that is wrong.
    pub fn read(files: &Azure2019Files, spread: Spread, on_error: OnError) -> Result<Self, TraceError> {
        let (mut skipped, mut remarks) = (Skipped::default(), Vec::new());
        let mut findings = Findings { on_error, skipped: &mut skipped, remarks: &mut remarks };
        let mut durations = Durations::default();
        files.durations.iter().try_for_each(|input| durations.read(input, &mut findings))?;
        let mut memory = Memory::default();
        files.memory.iter().try_for_each(|input| memory.read(input, &mut findings))?;
        let mut invocations = Invocations::default();
        files.invocations.iter().try_for_each(|input| invocations.read(input, &mut findings))?;
        let Invocations { functions, apps, minutes, .. } = invocations;
        if functions.is_empty() {
            let name = files.invocations.first().map_or("", |input| input.name.as_str());
            return Err(TraceError::new(name, None, "it contains no functions"));
        }
        let whole = |(key, Collected { info, parts }): (Key, Collected)| {
            let spread = match spread {
                Spread::Auto if info.trigger.eq_ignore_ascii_case("timer") => Spread::Timer,
                spread => spread,
            };
            let info = TraceFunction { memory_mb: memory.of(&key), duration: durations.of(&key), ..info };
            (info, Arc::new(joined(parts, spread)))
        };
        let functions = functions.into_iter().map(whole).collect();
        Ok(Self { functions, apps: apps.len() as u64, minutes, skipped, remarks })
    }

    /// Requests in the trace.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.functions.iter().map(|(function, _)| function.invocations).sum()
    }
}

/// The counts of all files, one after the other, with nothing where a file does not have the function.
fn joined(mut parts: Vec<(u64, Counts)>, spread: Spread) -> Counts {
    if let [(0, _)] = parts[..]
        && let Some((_, mut counts)) = parts.pop()
    {
        counts.spread = spread;
        return counts;
    }
    let mut minute = 0;
    let counts = parts.iter().flat_map(|(first, counts)| {
        let gap = first - minute;
        minute = first + counts.intervals();
        std::iter::repeat_n(0.0, gap as usize).chain(counts.iter())
    });
    Counts::new(MINUTE, SimTime::ZERO, spread, 1.0, counts)
}

/// The files of invocations, as far as they have been read.
#[derive(Default)]
struct Invocations {
    functions: Vec<(Key, Collected)>,
    places: HashMap<Key, usize>,
    apps: HashMap<Box<str>, u64>,
    names: Names,
    minutes: u64,
}

impl Invocations {
    fn read(&mut self, input: &Input, findings: &mut Findings<'_>) -> Result<(), TraceError> {
        let mut table = Table::open(input, None)?;
        let app = table.need(&["HashApp"])?;
        let function = table.need(&["HashFunction"])?;
        let trigger = table.column(&["Trigger"]);
        let minutes = minute_columns(&table)?;
        let (start, length) = (self.minutes, minutes[minutes.len() - 1].0 - minutes[0].0 + 1);
        if start + length > MINUTES_MAX {
            let message = format!("the files have more than {MINUTES_MAX} minutes");
            return Err(TraceError::new(table.name(), Some(1), message));
        }
        let (mut skipped, mut merged) = (Skipped::default(), 0);
        while let Some(row) = table.next()? {
            let read = || -> Result<_, TraceError> {
                let counts = counts(&row, &minutes)?;
                Ok((row.text(app)?, row.text(function)?, trigger.map(|column| row.text(column)).transpose()?, counts))
            };
            let (app, function, trigger, counts) = match read() {
                Ok(read) => read,
                Err(error) => {
                    skipped.take(findings.on_error, error)?;
                    continue;
                }
            };
            let key: Key = (Box::from(app), Box::from(function));
            let place = match self.places.get(&key) {
                Some(&place) => place,
                None if self.functions.len() >= FUNCTIONS_MAX => {
                    return Err(row.wrong(format!("the trace has more than {FUNCTIONS_MAX} functions")));
                }
                None => {
                    let number = self.apps.len() as u64;
                    let info = TraceFunction {
                        name: self.names.of_hash(function),
                        app: Some(*self.apps.entry(Box::from(app)).or_insert(number)),
                        trigger: trigger.unwrap_or_default().to_owned(),
                        ..TraceFunction::default()
                    };
                    self.places.insert(key.clone(), self.functions.len());
                    self.functions.push((key, Collected { info, parts: Vec::new() }));
                    self.functions.len() - 1
                }
            };
            let (_, collected) = &mut self.functions[place];
            collected.info.invocations += counts.iter().map(|count| *count as u64).sum::<u64>();
            let stored = |counts| Counts::new(MINUTE, SimTime::ZERO, Spread::Uniform, 1.0, counts);
            match collected.parts.last_mut().filter(|(first, _)| *first == start) {
                Some((_, before)) => {
                    merged += 1;
                    *before = stored(before.iter().zip(counts).map(|(a, b)| a + b).collect::<Vec<_>>());
                }
                None => collected.parts.push((start, stored(counts))),
            }
        }
        self.minutes += length;
        let merged = (merged > 0).then(|| {
            Remark::new(
                table.name(),
                format!("{} of a function that already has a row: the counts are added", many_rows(merged)),
            )
        });
        findings.close(skipped, merged, table.name());
        Ok(())
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
        return Err(wrong("no column header is the number of a minute".into()).help("as in HashApp,...,1,2,3"));
    };
    if let Some(pair) = minutes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(wrong(format!("minute {} is there twice", pair[0].0)));
    }
    if last.0 - first.0 >= MINUTES_MAX {
        return Err(wrong(format!("the minutes go from {} to {}: at most {MINUTES_MAX} are read", first.0, last.0)));
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
            None if field.is_empty() => 0.0,
            None => {
                let count = row.number(*column)?;
                if count.fract() != 0.0 || count > 1e12 {
                    return Err(row.wrong(format!("minute {minute}: {count} is not a number of requests")));
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
            invocations: vec![input("invocations.csv", invocations)],
            durations: vec![input("durations.csv", DURATIONS)],
            memory: vec![input("memory.csv", MEMORY)],
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
            "invocations.csv:4: minute 481: 1.5 is not a number of requests"
        );
        assert_eq!(message(&INVOCATIONS.replace("480,481", "483,481")), "invocations.csv:1: minute 483 is there twice");
        assert_eq!(
            message("HashApp,HashFunction\na,b\n"),
            "invocations.csv:1: no column header is the number of a minute; as in HashApp,...,1,2,3"
        );
        assert_eq!(message(""), "invocations.csv: the file is empty; its first line must name the columns");
        assert_eq!(message("HashApp,HashFunction,1\n"), "invocations.csv: it contains no functions");
        let skipped = read(&INVOCATIONS.replace("7,7,7", "7,x,7"), OnError::Skip).unwrap();
        assert_eq!((skipped.functions.len(), skipped.skipped.rows), (2, 1));
    }

    fn file(name: &str, text: &str) -> Input {
        Input::of_bytes(name, text.as_bytes())
    }

    /// One function, with a row of durations that holds these numbers behind the hashes.
    fn with_durations(rows: &[&str], on_error: OnError) -> Result<Azure2019, TraceError> {
        let head = DURATIONS.split_once('\n').expect("a header").0;
        let rows: String = rows.iter().map(|row| format!("o,a,f,{row}\n")).collect();
        let files = Azure2019Files {
            invocations: vec![file("i.csv", "HashOwner,HashApp,HashFunction,Trigger,1\no,a,f,http,1\n")],
            durations: vec![file("d.csv", &format!("{head}\n{rows}"))],
            memory: vec![],
        };
        Azure2019::read(&files, Spread::Auto, on_error)
    }

    fn mean_s(rows: &[&str]) -> f64 {
        let trace = with_durations(rows, OnError::Fail).expect("a trace");
        trace.functions[0].0.duration.as_ref().expect("a law").mean_s()
    }

    #[test]
    fn the_mean_of_the_file_is_met() {
        for (row, mean) in [
            ("930,6000,60,100000,60,90,700,800,1000,2600,100000", 0.93),
            ("200,6000,0,30000,0,0,0,10,15,12000,30000", 0.2),
            // Rounded to whole milliseconds, a little beyond what the percentiles allow.
            ("0,6000,0,65,0,0,0,0,0,3,65", 0.000_03),
            ("15,6000,8,30,11,11,11,11,19,19,19", 0.014_999_999),
        ] {
            assert!((mean_s(&[row]) - mean).abs() < 1e-6, "{row}: {}", mean_s(&[row]));
        }
    }

    #[test]
    fn a_field_that_is_not_needed_does_not_decide() {
        let straight = 0.01 * 0.09 + 0.24 * 0.0925 + 0.25 * 0.0975 + 0.25 * 0.1025 + 0.24 * 0.1075 + 0.01 * 0.11;
        for average in ["-41000", "", "NaN", "0", "5000", "x"] {
            let row = format!("{average},600,90,110,90,90,95,100,105,110,110");
            assert!((mean_s(&[&row]) - straight).abs() < 1e-6, "{row}: {}", mean_s(&[&row]));
            let trace = with_durations(&[&row], OnError::Fail).expect("a trace");
            assert_eq!((trace.remarks.len(), trace.skipped.rows), (1, 0), "{row}");
            assert!(trace.remarks[0].example.as_ref().is_some_and(|example| example.file == "d.csv"));
        }
        for row in [
            "100,600,90,110,-5,90,95,100,105,110,110",
            "100,600,90,110,90,90,,100,105,110,110",
            "100,600,,,90,90,95,100,105,NaN,",
        ] {
            assert!((mean_s(&[row]) - 0.1).abs() < 1e-6, "{row}: {}", mean_s(&[row]));
        }
        // Nothing says how long it runs.
        let nothing = ",600,,,,,,,,,";
        assert_eq!(
            with_durations(&[nothing], OnError::Fail).expect_err("nothing").to_string(),
            "d.csv:2: `percentile_Average_0`: \"\" is not a number; write for example 0.25"
        );
        let skipped = with_durations(&[nothing], OnError::Skip).expect("a trace");
        assert_eq!((skipped.skipped.rows, skipped.remarks[0].file.as_str()), (1, "d.csv"));
        let memory = |text: &str| {
            let invocations = vec![file("i.csv", "HashApp,HashFunction,1\na,f,1\n")];
            let files = Azure2019Files { invocations, durations: vec![], memory: vec![file("m.csv", text)] };
            Azure2019::read(&files, Spread::Auto, OnError::Fail).expect("a trace").functions[0].0.memory_mb
        };
        assert_eq!(memory("HashApp,SampleCount,AverageAllocatedMb\na,5,\n"), None);
        assert_eq!(memory("HashApp,SampleCount,AverageAllocatedMb\na,1,100\na,3,200\n"), Some(175));
    }

    #[test]
    fn rows_of_one_function_are_merged() {
        let rows = ["100,540,90,110,90,90,95,100,105,110,110", "900,60,890,910,890,890,895,900,905,910,910"];
        assert!((mean_s(&rows) - 0.18).abs() < 1e-6, "{}", mean_s(&rows));
        let trace = with_durations(&rows, OnError::Fail).expect("a trace");
        assert!(trace.remarks[0].to_string().contains("d.csv: 1 row of a function that already has a row"));
        let twice = "HashApp,HashFunction,Trigger,1,2\na,f,http,1,2\na,g,http,5,5\na,f,http,10,20\n";
        let files = Azure2019Files { invocations: vec![file("i.csv", twice)], durations: vec![], memory: vec![] };
        let trace = Azure2019::read(&files, Spread::Auto, OnError::Fail).expect("a trace");
        let counts: Vec<_> = trace.functions.iter().map(|(_, counts)| counts.iter().collect::<Vec<_>>()).collect();
        assert_eq!(counts, [[11.0, 22.0], [5.0, 5.0]]);
        assert_eq!((trace.functions[0].0.invocations, trace.remarks.len()), (33, 1));
    }

    #[test]
    fn days_follow_one_another() {
        let day = |text: &str| file("day.csv", &format!("HashApp,HashFunction,Trigger,1,2\n{text}"));
        let files = Azure2019Files {
            invocations: vec![day("a,f,timer,1,2\n"), day("a,g,http,5,6\na,f,timer,3,4\n"), day("a,f,timer,,7\n")],
            durations: vec![
                file("d1.csv", "HashApp,HashFunction,Average,Count\na,f,100,1\n"),
                file("d2.csv", "HashApp,HashFunction,Average,Count\na,f,500,3\n"),
            ],
            memory: vec![],
        };
        let trace = Azure2019::read(&files, Spread::Auto, OnError::Fail).expect("a trace");
        let counts: Vec<_> = trace.functions.iter().map(|(_, counts)| counts.iter().collect::<Vec<_>>()).collect();
        assert_eq!(counts, [vec![1.0, 2.0, 3.0, 4.0, 0.0, 7.0], vec![0.0, 0.0, 5.0, 6.0]]);
        assert_eq!((trace.minutes, &trace.remarks[..]), (6, &[][..]));
        assert!((trace.functions[0].0.duration.as_ref().expect("a law").mean_s() - 0.4).abs() < 1e-6);
        assert_eq!((trace.functions[0].1.spread, trace.functions[1].1.spread), (Spread::Timer, Spread::Auto));
    }
}
