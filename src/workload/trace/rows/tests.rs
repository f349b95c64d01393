//! Row traces.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::workload::trace::TraceError;
use crate::workload::trace::table::Table;

fn scan(text: impl AsRef<[u8]>, format: RowFormat, on_error: OnError) -> Result<RowTrace, TraceError> {
    scan_with(text, format, RowOptions { on_error, ..RowOptions::default() })
}

fn scan_with(text: impl AsRef<[u8]>, format: RowFormat, options: RowOptions) -> Result<RowTrace, TraceError> {
    RowTrace::scan(&Input::of_bytes("requests.csv", text.as_ref()), format, options)
}

/// Start (ms), function and duration (ms) of every request.
fn requests(trace: &RowTrace) -> Vec<(u64, u32, Option<u64>)> {
    let mut reader = trace.read().unwrap();
    let millis = |nanos: u64| nanos / 1_000_000;
    let all = reader
        .by_ref()
        .map(|one| (millis(one.at.as_nanos()), one.function, one.duration.map(|duration| millis(duration.as_nanos()))));
    let all = all.collect();
    assert_eq!(reader.error(), None);
    all
}

const OWN: &str = "time_s,function,duration_s,memory_mb\n0,web,0.1,128\n0.5,cart,0.2,512.5\n0.5,web,0.3,64\n";

#[test]
fn our_own_format() {
    let trace = scan(OWN, RowFormat::Forewarm, OnError::Fail).unwrap();
    assert_eq!(requests(&trace), [(0, 0, Some(100)), (500, 1, Some(200)), (500, 0, Some(300))]);
    let functions: Vec<_> =
        trace.functions.iter().map(|f| (f.name.as_str(), f.invocations, f.memory_mb, f.has_durations)).collect();
    assert_eq!(functions, [("web", 2, Some(128), true), ("cart", 1, Some(513), true)]);
    // Columns may come in any order and be absent.
    let trace = scan("function,time_s\nweb,1\n", RowFormat::Forewarm, OnError::Fail).unwrap();
    assert_eq!(requests(&trace), [(1_000, 0, None)]);
}

#[test]
fn requests_recorded_at_their_end_come_in_the_order_of_their_start() {
    let text = "app,func,end_timestamp,duration\na,f,1.0,0.5\na,g,2.0,1.9\nb,f,3.0,0.1\na,f,3.5,2.0\na,f,0.9,5.0\n";
    let trace = scan(text, RowFormat::Azure2021, OnError::Fail).unwrap();
    // The last began before the recording: at its start. The same hash in another app is another function.
    let found = requests(&trace);
    assert_eq!(
        found,
        [
            (0, 0, Some(5_000)),
            (100, 1, Some(1_900)),
            (500, 0, Some(500)),
            (1_500, 0, Some(2_000)),
            (2_900, 2, Some(100))
        ]
    );
    assert_eq!((trace.functions.len(), trace.apps, trace.invocations()), (3, 2, 5));
}

#[test]
fn compressed_files_are_read_as_they_are() {
    let plain = requests(&scan(OWN, RowFormat::Forewarm, OnError::Fail).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(OWN.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(requests(&scan(&gzip, RowFormat::Forewarm, OnError::Fail).unwrap()), plain);
    let zstd = zstd::encode_all(OWN.as_bytes(), 0).unwrap();
    assert_eq!(requests(&scan(&zstd, RowFormat::Forewarm, OnError::Fail).unwrap()), plain);
    for cut in [&gzip[..gzip.len() - 9], &zstd[..zstd.len() - 5]] {
        let error = scan(cut, RowFormat::Forewarm, OnError::Skip).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let message = |text: &str| scan(text, RowFormat::Forewarm, OnError::Fail).unwrap_err().to_string();
    let columns = "the columns are `time`, `function`";
    assert_eq!(message("time,function\n1,f\n"), format!("requests.csv:1: there is no column `time_s`; {columns}"));
    assert_eq!(message(""), "requests.csv: the file is empty; its first line must name the columns");
    assert_eq!(message("time_s,function\n"), "requests.csv: it contains no requests");
    let rows = |rows: &str| message(&format!("time_s,function,duration_s\n0,f,1\n{rows}\n"));
    assert_eq!(rows("x,f,1"), "requests.csv:3: `time_s`: \"x\" is not a number; write for example 0.25");
    assert_eq!(rows("NaN,f,1"), "requests.csv:3: `time_s`: \"NaN\" is not a number; write for example 0.25");
    assert_eq!(rows("inf,f,1"), "requests.csv:3: `time_s`: \"inf\" is not a number; write for example 0.25");
    assert_eq!(rows("-1,f,1"), "requests.csv:3: `time_s`: \"-1\" is negative; write for example 0.25");
    assert_eq!(rows("1,f,"), "requests.csv:3: `duration_s`: \"\" is not a number; write for example 0.25");
    assert_eq!(rows("1,f"), "requests.csv:3: the row has 2 fields, the header 3");
    assert_eq!(rows("1,,1"), "requests.csv:3: the function has no name");
    assert_eq!(rows("5,f,1\n4,f,1"), "requests.csv:4: the time goes back from 5 s to 4 s; sort the rows by time");
    assert!(rows("1e300,f,1").starts_with("requests.csv:3: `time_s`: "), "{}", rows("1e300,f,1"));
    let bytes = scan(b"time_s,function\n0,\xff\n", RowFormat::Forewarm, OnError::Fail).unwrap_err();
    assert_eq!(bytes.to_string(), "requests.csv:2: `function` is not text in UTF-8");
}

#[test]
fn wrong_rows_may_be_left_out() {
    let trace = scan("time_s,function\n0,f\nx,f\n1,f\n0.5,f\n2,f\n", RowFormat::Forewarm, OnError::Skip).unwrap();
    assert_eq!((trace.skipped.rows, trace.invocations()), (2, 3));
    assert_eq!(trace.skipped.first.as_ref().and_then(|first| first.line), Some(3));
    assert_eq!(requests(&trace).len(), 3);
}

#[test]
fn times_since_1970_begin_with_the_first_request_or_at_the_start() {
    let text = "time_s,function,duration_s\n1709287200.0,a,0.1\n1709287201.0,a,0.2\n1709287202.5,a,0.1\n";
    let trace = scan(text, RowFormat::Forewarm, OnError::Fail).unwrap();
    assert_eq!(requests(&trace), [(0, 0, Some(100)), (1_000, 0, Some(200)), (2_500, 0, Some(100))]);
    assert_eq!((trace.first, trace.last), (SimTime::ZERO, SimTime::from(Span::from_millis(2_500))));
    let dates =
        text.replace("1709287200.0", "2024-03-01T10:00:00Z").replace("1709287201.0", "2024-03-01 11:00:01+01:00");
    let dates = dates.replace("1709287202.5", "2024-03-01 10:00:02.5 UTC");
    assert_eq!(requests(&scan(dates, RowFormat::Forewarm, OnError::Fail).unwrap()), requests(&trace));
    let start = super::super::moment::start("2024-03-01T10:00:01Z").ok();
    let trace = scan_with(text, RowFormat::Forewarm, RowOptions { start, ..RowOptions::default() }).unwrap();
    assert_eq!(requests(&trace), [(0, 0, Some(200)), (1_500, 0, Some(100))]);
    assert_eq!(trace.remarks[0].message, "1 row before `start`: skipped");
    let azure = "app,func,end_timestamp,duration\na,f,1709287201,0.5\na,f,1709287200.5,0.25\n";
    let trace = scan(azure, RowFormat::Azure2021, OnError::Fail).unwrap();
    assert_eq!(requests(&trace), [(0, 0, Some(250)), (250, 0, Some(500))]);
}

#[test]
fn what_cannot_be_seconds_is_refused_and_can_be_said() {
    for (text, format) in [
        ("time_s,function\n1709287200000,a\n1709287200500,a\n", RowFormat::Forewarm),
        ("app,func,end_timestamp,duration\na,f,1709287200000,0\na,f,1709287200500,0\n", RowFormat::Azure2021),
    ] {
        let error = scan(text, format, OnError::Fail).unwrap_err().to_string();
        assert!(error.contains("cannot be seconds") && error.contains("time-unit"), "{error}");
        let time_unit = Some(Span::from_millis(1));
        let trace = scan_with(text, format, RowOptions { time_unit, ..RowOptions::default() }).unwrap();
        assert_eq!(requests(&trace).iter().map(|request| request.0).collect::<Vec<_>>(), [0, 500]);
    }
}

#[test]
fn what_is_kept_is_what_is_read() {
    let text = "app,func,end_timestamp,duration\na,f,1.0,0.5\na,g,2.0,1.9\nb,f,3.0,0.1\na,f,3.5,2.0\na,f,0.9,5.0\n";
    let trace = scan(text, RowFormat::Azure2021, OnError::Fail).unwrap();
    for function in 0..3 {
        let kept = trace.kept(function).iter().map(|request| (request.at(), request.duration()));
        let read = trace.read().unwrap().filter(|arrival| arrival.function == function);
        assert_eq!(kept.collect::<Vec<_>>(), read.map(|arrival| (arrival.at, arrival.duration)).collect::<Vec<_>>());
    }
    assert_eq!(trace.functions[0].duration_mean_s, Some(2.5));
    let input = Input::of_bytes("requests.csv", text.as_bytes());
    let table = Table::open(&input, None).unwrap();
    let long = RowTrace::scan_table(table, &input, RowFormat::Azure2021, RowOptions::default(), 4).unwrap();
    assert_eq!((long.is_kept(), long.kept(0).len(), requests(&long)), (false, 0, requests(&trace)));
    assert_eq!(size_of::<Request>(), 16);
}

#[test]
fn fields_in_quotation_marks_hold_anything() {
    let text = "\"time_s\",function,\"note\"\n0,\"a,\"\"b\"\"\",x\n1,c,\"two\nlines\"\r\n\n2,d,y\n3,e,\"";
    let trace = scan(text, RowFormat::Forewarm, OnError::Fail).unwrap();
    assert_eq!(requests(&trace).iter().map(|request| request.0).collect::<Vec<_>>(), [0, 1_000, 2_000, 3_000]);
    assert_eq!(trace.functions[0].name, "a--b-");
    let error = scan(text.replace("2,d", "z,d"), RowFormat::Forewarm, OnError::Fail).unwrap_err();
    assert_eq!(error.line, Some(6));
}

/// All that a scan finds, with the file read in blocks of so many bytes.
fn in_blocks(
    text: &str,
    format: RowFormat,
    options: RowOptions,
    length: usize,
    kept_max: u64,
) -> Result<String, TraceError> {
    let input = Input::of_bytes("requests.csv", text.as_bytes());
    let table = Table::open_in_blocks(&input, None, length)?;
    // So few that blocks are read in several turns.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let trace = pool.install(|| RowTrace::scan_table(table, &input, format, options, kept_max))?;
    let read: Vec<_> = trace.read().unwrap().map(|arrival| (arrival.at, arrival.function, arrival.duration)).collect();
    let RowTrace { functions, apps, first, last, skipped, remarks, lateness, zero, kept, .. } = trace;
    Ok(format!("{functions:?} {apps} {first} {last} {skipped:?} {remarks:?} {lateness:?} {zero} {kept:?} {read:?}"))
}

/// Rows that mostly go forward in time, some of them wrong or with quotation marks and lines in them.
fn own_row() -> impl Strategy<Value = (i32, String, String)> {
    let time = prop_oneof![9 => 0..9, 1 => -40..0];
    let name = prop_oneof![8 => "[a-c]", 1 => "\"[a-c]\n\"", 1 => "\"x\"\"\"", 1 => "a long name [ab]", 1 => ""];
    let duration = prop_oneof![9 => "0\\.[0-9]{1,3}", 1 => "x", 1 => "1,1"];
    (time, name, duration)
}

proptest! {
    /// One block is read row by row, in order.
    #[test]
    fn where_blocks_end_changes_nothing(
        rows in prop::collection::vec(own_row(), 1..200),
        is_own in any::<bool>(),
        on_error in prop::sample::select(vec![OnError::Fail, OnError::Skip, OnError::Skip]),
        start in prop::option::of(0..60_u64),
        length in 48..400_usize,
        kept_max in prop::sample::select(vec![u64::MAX, u64::MAX, 40]),
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let (mut text, mut time) = (String::new(), 0);
        for (step, name, duration) in rows {
            time = (time + step).max(0);
            text += &if is_own { format!("{time},{name},{duration}\n") } else { format!("app,{name},{time},{duration}\n") };
        }
        let (head, format) = if is_own {
            ("time_s,function,duration_s\n", RowFormat::Forewarm)
        } else {
            ("app,func,end_timestamp,duration\n", RowFormat::Azure2021)
        };
        let text = format!("{head}{text}").replace('\n', line_end);
        let options = RowOptions {
            on_error,
            start: start.map(|s| SimTime::from(Span::from_millis(1_000 * s))),
            ..RowOptions::default()
        };
        let whole = in_blocks(&text, format, options, 1 << 20, kept_max);
        prop_assert_eq!(in_blocks(&text, format, options, length, kept_max), whole);
    }
}
