//! Traces: what is read, what hostile files do, and how traces join a scenario.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use forewarm::dist::Dist;
use forewarm::experiment;
use forewarm::id::FnId;
use forewarm::scenario::{Files, ParseOptions, Problems, Scenario, Subject, Target, parse_with_warnings};
use forewarm::time::Span;
use forewarm::workload::trace::{
    Azure2019, Azure2019Files, OnError, RateOptions, RateTrace, RowFormat, RowOptions, RowTrace, TraceError, TraceStats,
};
use forewarm::workload::{ArrivalSpec, Input, Spread};
use proptest::prelude::*;

use crate::harness::Memory;

fn input(bytes: impl AsRef<[u8]>) -> Input {
    Input::of_bytes("t.csv", bytes.as_ref())
}

fn scan(bytes: impl AsRef<[u8]>, format: RowFormat, on_error: OnError) -> Result<RowTrace, TraceError> {
    RowTrace::scan(&input(bytes), format, RowOptions { on_error, ..RowOptions::default() })
}

/// Start in seconds, place of the function, running time in seconds.
fn requests(trace: &RowTrace) -> Vec<(f64, u32, Option<f64>)> {
    let mut reader = trace.read().expect("it opens");
    let read = reader.by_ref().map(|a| (a.at.as_secs_f64(), a.function, a.duration.map(Span::as_secs_f64))).collect();
    assert_eq!(reader.error(), None);
    read
}

/// Reads bytes as each of the formats, and everything in them.
fn read_all(bytes: &[u8], on_error: OnError) -> [Option<TraceError>; 4] {
    let rows = |format| {
        let trace = match scan(bytes, format, on_error) {
            Ok(trace) => trace,
            Err(error) => return Some(error),
        };
        let stats = TraceStats::of_rows(&trace).expect("what was read once can be read again");
        assert_eq!(stats.invocations, trace.invocations());
        None
    };
    let files = Azure2019Files { invocations: vec![input(bytes)], durations: vec![input(bytes)], memory: vec![] };
    [
        rows(RowFormat::Forewarm),
        rows(RowFormat::Azure2021),
        Azure2019::read(&files, Spread::Uniform, on_error).map(|trace| TraceStats::of_counts(&trace)).err(),
        RateTrace::read(&input(bytes), &RateOptions { on_error, ..RateOptions::default() })
            .map(|trace| TraceStats::of_rate(&trace))
            .err(),
    ]
}

proptest! {
    /// Whatever the order of the file, the requests are those of a stable sort by start.
    #[test]
    fn any_order_is_sorted(rows in prop::collection::vec((0u32..1000, 0u32..300, 0u8..4), 1..60), by_end in any::<bool>()) {
        let mut rows = rows;
        if by_end {
            rows.sort_by_key(|row| row.0);
        }
        let mut text = "app,func,end_timestamp,duration\n".to_owned();
        for (end, duration, function) in &rows {
            text += &format!("a,f{function},{end},{duration}\n");
        }
        let trace = scan(text, RowFormat::Azure2021, OnError::Fail).expect("a trace");
        let mut expected: Vec<(u32, String, u32)> =
            rows.iter().map(|&(end, duration, f)| (end.saturating_sub(duration), format!("f{f}"), duration)).collect();
        expected.sort_by_key(|row| row.0);
        let read: Vec<_> = requests(&trace).into_iter()
            .map(|(at, f, duration)| (at as u32, trace.functions[f as usize].name.clone(), duration.expect("one") as u32))
            .collect();
        prop_assert_eq!(read, expected);
    }

    /// No bytes make a reader panic.
    #[test]
    fn hostile_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), header in 0..5usize) {
        let header = ["", "time_s,function\n", "HashApp,HashFunction,1,2\n", "app,func,end_timestamp,duration\n", "time,count\n1,2\n"][header];
        for on_error in [OnError::Fail, OnError::Skip] {
            read_all(&[header.as_bytes(), &bytes].concat(), on_error);
        }
    }

    /// Nor do rows of odd words.
    #[test]
    fn hostile_words(words in prop::collection::vec(prop::sample::select(vec!["0", "1", "2.5", "-1", "NaN", "inf", "1e400",
        "1e18", "", "\"", "a", "é", "99999999999999999999", "2000-01-01 00:00:00", "\n", ",", ",", ","]), 0..40), header in 0..4usize) {
        let header = ["time_s,function,duration_s,memory_mb\n", "HashApp,HashFunction,1,2\n",
            "app,func,end_timestamp,duration\n", "time,count\n"][header];
        for on_error in [OnError::Fail, OnError::Skip] {
            read_all(format!("{header}{}", words.concat()).as_bytes(), on_error);
        }
    }
}

#[test]
fn a_row_without_end_does_not_fill_the_memory() {
    let mut text = b"time_s,function\n0,\"".to_vec();
    text.resize(40 << 20, b'x');
    let error = scan(text, RowFormat::Forewarm, OnError::Skip).expect_err("too long");
    assert_eq!(error.to_string(), "t.csv:2: cannot be read: a row is longer than 16777216 bytes");
}

#[test]
fn rows_of_another_length_are_refused() {
    for (row, fields) in [("1", "1 field"), ("1,a,2,3", "4 fields"), ("1,a", "2 fields")] {
        let text = format!("time_s,function,other\n0,a,\n{row}\n2,b,\n");
        let error = scan(&text, RowFormat::Forewarm, OnError::Fail).expect_err(row);
        assert_eq!(error.to_string(), format!("t.csv:3: the row has {fields}, the header 3"));
        let trace = scan(&text, RowFormat::Forewarm, OnError::Skip).expect("the others");
        assert_eq!((requests(&trace), trace.skipped.rows), (vec![(0.0, 0, None), (2.0, 1, None)], 1));
    }
}

#[test]
fn messages_have_nothing_that_a_terminal_would_obey() {
    let text = "time_s,function\n\u{1b}[31m,a\n";
    let error = scan(text, RowFormat::Forewarm, OnError::Fail).expect_err("no number").to_string();
    assert!(error.contains("[31m") && !error.contains('\u{1b}'), "{error:?}");
}

#[test]
fn several_gzip_members_are_one_file() {
    let gzip = |text: &str| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text.as_bytes()).expect("in memory");
        out.finish().expect("in memory")
    };
    let packed = [gzip("\u{feff}time_s,function\r\n0,a\r\n"), gzip("\r\n1,b\r\n2,a\r\n")].concat();
    let trace = scan(packed, RowFormat::Forewarm, OnError::Fail).expect("a trace");
    assert_eq!(requests(&trace), [(0.0, 0, None), (1.0, 1, None), (2.0, 0, None)]);
}

#[test]
fn a_file_that_changes_ends_with_an_error() {
    let calls = AtomicU32::new(0);
    let changing = Input::new("t.csv", move || {
        let first = calls.fetch_add(1, Relaxed) == 0;
        let text = if first { "time_s,function\n0,a\n1,a\n" } else { "time_s,function\n0,a\n1,b\n2,a\n" };
        Ok(Box::new(text.as_bytes()))
    });
    let trace = RowTrace::scan(&changing, RowFormat::Forewarm, RowOptions::default()).expect("a trace");
    let mut reader = trace.read().expect("it opens");
    assert_eq!(reader.by_ref().count(), 1);
    assert_eq!(reader.error().expect("an error").line, Some(3));
}

#[test]
fn statistics_are_those_computed_by_hand() {
    let text = "time_s,function,duration_s\n0,a,1\n60,a,3\n60,b,3\n240,a,5\n";
    let trace = scan(text, RowFormat::Forewarm, OnError::Fail).expect("a trace");
    let stats = TraceStats::of_rows(&trace).expect("stats");
    // Minutes 1, 2, 0, 0, 1: mean 0.8, variance (0.04 + 1.44 + 0.64 + 0.64 + 0.04) / 4 = 0.7.
    assert_eq!(stats.series.counts, [1, 2, 0, 0, 1]);
    assert!((stats.dispersion.expect("five minutes") - 0.875).abs() < 1e-12);
    // Gaps 60, 0, 180: mean 80, variance (400 + 6400 + 10000) / 2.
    assert!((stats.interarrival_cv.expect("gaps") - 8400f64.sqrt() / 80.0).abs() < 1e-12);
    assert_eq!((stats.peak.at_s, stats.peak.invocations), (60.0, 2));
    let durations = stats.duration_s.expect("durations");
    assert_eq!((durations.mean, durations.max), (3.0, 5.0));
    assert_eq!((stats.busiest[0].share, stats.top_10_percent_share), (0.75, 0.75));
    // 3 in 240 s are at most one a minute, and more than one an hour.
    assert_eq!((stats.at_most_hourly_share, stats.at_most_minutely_share), (0.0, 1.0));
    let rate = RateTrace::read(&input("time,count\n0,4\n10,0\n20,2\n"), &RateOptions::default());
    let rate = TraceStats::of_rate(&rate.expect("a trace"));
    // 4, 0, 2: mean 2, variance 4.
    assert_eq!((rate.dispersion, rate.series.bar_s, rate.rate_mean), (Some(2.0), 10.0, Some(0.2)));
}

#[test]
fn thirds_of_a_second_are_equal_intervals() {
    let rows: String = (0..3000).map(|n| format!("{:.9},1\n", f64::from(n) * 2.0 / 3.0)).collect();
    let trace = RateTrace::read(&input(format!("time,count\n{rows}")), &RateOptions::default());
    assert_eq!(trace.expect("a trace").counts.iter().sum::<f64>(), 3000.0);
}

// How traces join a scenario.

const HEAD: &str = "[scenario]\nname = \"t\"\n[simulation]\nhorizon = \"1h\"\n[[source]]\nname = \"s\"\n";
const AZURE_2019: &str = "HashOwner,HashApp,HashFunction,Trigger,481,480,483\n\
    o,app1,aaaaaaaaaaaa1111,http,2,1,0\no,app1,bbbbbbbbbbbb2222,timer,0,0,7\no,app2,cccccccccccc3333,queue,0,0,0\n";

fn load(text: &str, files: &[(&str, &str)]) -> Result<(Scenario, Problems), Problems> {
    let files = files.iter().fold(Memory::default(), |memory, (path, text)| memory.with(path, text.as_bytes()));
    parse_with_warnings("t.toml", text, &ParseOptions::default(), &files)
}

fn loaded(text: &str, files: &[(&str, &str)]) -> Scenario {
    load(text, files).unwrap_or_else(|problems| panic!("{problems}")).0
}

#[test]
fn a_trace_brings_its_functions() {
    let text = format!(
        "{HEAD}arrivals.trace = {{ file = \"r.csv\", format = \"forewarm\" }}\n\
         [platform]\npreset = \"aws-lambda\"\n\
         [[function]]\nname = \"api\"\nmemory = \"1GB\"\n\
         [function-defaults]\nmemory = \"256MB\"\nduration.constant.value = \"7s\"\n\
         [[objective]]\nmetric = \"latency_s.p99\"\nfunction = \"web\"\nbelow = 1\n"
    );
    let rows = "time_s,function,memory_mb\n0,web,512\n1,api,2\n2,huge,500000\n3,tiny,1\n";
    let scenario = loaded(&text, &[("r.csv", rows)]);
    let functions: Vec<_> = scenario.functions.iter().map(|f| (f.name.as_str(), f.memory_mb)).collect();
    // Those of the file first, as the file says; memory as the platform can be configured.
    assert_eq!(functions, [("api", 1024), ("web", 512), ("huge", 10_240), ("tiny", 128)]);
    assert!(scenario.functions.iter().all(|f| f.duration == Dist::Constant(Span::from_secs(7))));
    let targets = scenario.sources.iter().map(|source| match source.target {
        Target::Function(id) => (source.name.as_str(), id.0),
        Target::ByTrace(_) | Target::Component(_) => panic!("a source for each function"),
    });
    assert_eq!(targets.collect::<Vec<_>>(), [("s/web", 1), ("s/api", 0), ("s/huge", 2), ("s/tiny", 3)]);
    assert_eq!(scenario.objectives[0].subject, Subject::Function(FnId(1)));
    let again = loaded(&scenario.resolved, &[("r.csv", rows)]);
    assert_eq!((again.hash, again.functions.len()), (scenario.hash, 4));
}

#[test]
fn azure_2019_has_a_source_for_each_function() {
    let trace = "arrivals.trace = { file = \"i.csv\", format = \"azure-2019\", spread = \"equidistant\" }";
    let scenario = loaded(
        &format!("{HEAD}{trace}\n[function-defaults]\nduration.constant.value = \"1s\"\n"),
        &[("i.csv", AZURE_2019)],
    );
    let sources: Vec<&str> = scenario.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(sources, ["s/aaaaaaaa", "s/bbbbbbbb", "s/cccccccc"]);
    let counts = |scenario: &Scenario, place: usize| match &scenario.sources[place].arrivals {
        ArrivalSpec::Counts(counts) => counts.iter().collect::<Vec<_>>(),
        _ => panic!("counts"),
    };
    // By the names of the columns; minute 482 is not there.
    assert_eq!([0, 1, 2].map(|place| counts(&scenario, place)), [[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 7.0], [0.0; 4]]);
    // With a function, all go there.
    let one =
        format!("{HEAD}function = \"f\"\n{trace}\n[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n");
    let one = loaded(&one, &[("i.csv", AZURE_2019)]);
    assert_eq!(one.functions.len(), 1);
    assert!(one.sources.iter().all(|source| matches!(source.target, Target::Function(id) if id.0 == 0)));
}

#[test]
fn what_is_wrong_with_a_trace_is_said_in_the_scenario() {
    let trace = |more: &str| format!("{HEAD}arrivals.trace = {{ file = \"r.csv\", format = \"forewarm\"{more} }}\n");
    let defaults = "[function-defaults]\nduration.constant.value = \"1s\"\n";
    let wrong = "time_s,function\n0,a\nx,b\n3,c\n";
    let mut messages = String::new();
    for (text, rows) in [
        (trace(""), "time_s,function\n0,a\n1,b\n"),
        (trace("") + defaults, wrong),
        (trace(", on-error = \"skip\"") + defaults, wrong),
        (trace(", durations = \"d.csv\"") + defaults, "time_s,function\n0,a\n"),
        (trace("").replace("r.csv", "other.csv") + defaults, wrong),
        // Nothing more is said about names that the trace may have brought.
        (trace("") + defaults + "[[objective]]\nmetric = \"queue.mean\"\nfunction = \"z\"\nbelow = 1\n", "x\n"),
        // The requests of the other source have no running time.
        (
            trace("")
                + "[[function]]\nname = \"a\"\n[[source]]\nname = \"p\"\nfunction = \"a\"\narrivals.poisson.rate = \"1/s\"\n",
            "time_s,function,duration_s\n0,a,1\n",
        ),
    ] {
        let problems = match load(&text, &[("r.csv", rows)]) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        messages += &format!("{problems}\n\n");
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn a_trace_is_scanned_once_for_all_variants() {
    struct Counting(Arc<AtomicU32>);
    impl Files for Counting {
        fn input(&self, path: &str) -> Input {
            let calls = Arc::clone(&self.0);
            Input::new(path, move || {
                calls.fetch_add(1, Relaxed);
                Ok(Box::new("time_s,function,duration_s\n0,a,1\n".as_bytes()))
            })
        }
    }
    let calls = Arc::new(AtomicU32::new(0));
    let mut text = format!("{HEAD}arrivals.trace = {{ file = \"r.csv\", format = \"forewarm\" }}\n");
    for seed in 0..3 {
        text += &format!("[[variant]]\nname = \"v{seed}\"\nset = {{ \"simulation.seed\" = {seed} }}\n");
    }
    let read = parse_with_warnings("t", &text, &ParseOptions::default(), &Counting(Arc::clone(&calls)));
    assert!(read.is_ok());
    assert_eq!(calls.load(Relaxed), 1);
}

#[test]
fn traces_are_simulated() {
    let rows: String = (0..1000).map(|n| format!("{}.5,f{},0.25\n", n * 3, n % 7)).collect();
    let azure: String = (0..1000).map(|n| format!("a,f{},{}.75,0.25\n", n % 7, n * 3)).rev().collect();
    for (format, text) in [
        ("forewarm", format!("time_s,function,duration_s\n{rows}")),
        ("azure-2021", format!("app,func,end_timestamp,duration\n{azure}")),
    ] {
        let text_of = format!("{HEAD}arrivals.trace = {{ file = \"r.csv\", format = \"{format}\" }}\n");
        let scenario = loaded(&text_of, &[("r.csv", &text)]);
        let result = experiment::run(&scenario, std::num::NonZeroUsize::MIN, &(), None).expect("it runs").result;
        let total = &result.summary.total;
        assert_eq!((total.requests.arrived.mean, total.execution_s.mean.mean), (1000.0, 0.25), "{format}");
        assert_eq!(result.summary.functions.len(), 7);
    }
}

/// The requests of a run, and their mean running time in seconds.
fn simulated(text: &str, files: &[(&str, &str)]) -> (f64, f64) {
    let scenario = loaded(text, files);
    let run = experiment::run(&scenario, std::num::NonZeroUsize::MIN, &(), None).expect("it runs");
    let total = run.result.summary.total;
    (total.requests.arrived.mean, total.execution_s.mean.mean)
}

#[test]
fn running_times_of_azure_2019_have_the_mean_of_the_file() {
    let minutes: String = (1..=10).map(|minute| format!(",{minute}")).collect();
    let counts = ",600".repeat(10);
    let invocations = format!("HashOwner,HashApp,HashFunction,Trigger{minutes}\no,a,spiky,http{counts}\n");
    let durations = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,percentile_Average_1,\
        percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,percentile_Average_100\n\
        o,a,spiky,930,6000,60,100000,60,90,700,800,1000,2600,100000\n";
    let text = "[scenario]\nname = \"t\"\n[simulation]\nhorizon = \"10m\"\nreplications = 10\n[[source]]\nname = \"s\"\n\
        arrivals.trace = { file = \"i.csv\", durations = \"d.csv\", format = \"azure-2019\" }\n";
    let (arrived, mean) = simulated(text, &[("i.csv", &invocations), ("d.csv", durations)]);
    // 60,000 values with a standard deviation of 2.6 s: 3.9 standard errors are 41 ms. What comes last may not end in time.
    assert_eq!(arrived, 6_000.0);
    assert!((mean - 0.93).abs() < 0.06, "{mean}");
}

#[test]
fn a_timer_is_warm_within_its_period() {
    let minutes: String = (1..=480).map(|minute| format!(",{minute}")).collect();
    let counts: String = (1..=480).map(|minute| if minute % 10 == 0 { ",1" } else { ",0" }).collect();
    let files = format!("HashApp,HashFunction,Trigger{minutes}\na,cron,timer{counts}\n");
    let text = "[scenario]\nname = \"t\"\n[simulation]\nhorizon = \"8h\"\n[function-defaults]\nduration.constant.value = \"1s\"\n\
        keep-alive.fixed.window = \"10m\"\n[[source]]\nname = \"s\"\n\
        arrivals.trace = { file = \"i.csv\", format = \"azure-2019\" }\n";
    let scenario = loaded(text, &[("i.csv", &files)]);
    let run = experiment::run(&scenario, std::num::NonZeroUsize::MIN, &(), None).expect("it runs");
    let started = run.result.summary.total.invocations;
    assert_eq!((started.started.mean, started.cold.mean), (48.0, 1.0));
}

#[test]
fn what_does_not_reach_the_horizon_is_said() {
    let row = "[function-defaults]\nduration.constant.value = \"1s\"\n[[source]]\nname = \"s\"\narrivals.trace";
    let head = "[scenario]\nname = \"t\"\n[simulation]\nhorizon = \"1h\"\n";
    let rate =
        "[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\n";
    let mut messages = String::new();
    for (text, file) in [
        (format!("{row} = {{ file = \"r.csv\", format = \"forewarm\" }}"), "time_s,function\n172800,a\n172801,b\n"),
        (format!("{row} = {{ file = \"r.csv\", format = \"forewarm\" }}"), "time_s,function\n1,a\n172801,b\n"),
        (format!("{row} = {{ file = \"r.csv\", format = \"forewarm\" }}"), "time_s,function\n1,a\n60,b\n"),
        (format!("{row} = {{ file = \"r.csv\", format = \"forewarm\", start = \"noon\" }}"), "time_s,function\n1,a\n"),
        (
            format!("{row} = {{ file = [\"r.csv\", \"r.csv\"], format = \"forewarm\", separator = \"x\" }}"),
            "time_s,function\n1,a\n",
        ),
        (format!("{rate}arrivals.rate-trace = {{ file = \"r.csv\" }}"), "time,count\n0,1\n60,2\n"),
        (
            format!("{rate}arrivals.rate-trace = {{ file = \"r.csv\", start = \"2024-03-01\" }}"),
            "time,count\n0,1\n60,2\n",
        ),
        (
            format!(
                "{rate}arrivals.rate-trace = {{ file = \"r.csv\", count-column = \"count\", rate-column = \"count\" }}"
            ),
            "time,count\n0,1\n",
        ),
        (format!("{rate}arrivals.times.at = [\"2h\"]"), ""),
    ] {
        let problems = match load(&format!("{head}{text}\n"), &[("r.csv", file)]) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        messages += &format!("{problems}\n\n");
    }
    insta::assert_snapshot!(messages);
}
