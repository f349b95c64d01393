//! Real traces, where they lie beside the project.

use std::collections::HashMap;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use forewarm::experiment;
use forewarm::scenario::{Files, ParseOptions, parse};
use forewarm::workload::trace::{
    Azure2019, Azure2019Files, OnError, RateOptions, RateTrace, RowFormat, RowOptions, RowTrace,
};
use forewarm::workload::{Input, Spread};

use crate::harness::shared;

fn file(path: PathBuf) -> Input {
    Input::new(path.display().to_string(), move || Ok(Box::new(File::open(&path)?)))
}

struct In(PathBuf);

impl Files for In {
    fn input(&self, path: &str) -> Input {
        file(self.0.join(path))
    }
}

fn azure_2019(folder: &Path, size: u32) -> Azure2019 {
    let part = |what: &str| file(folder.join(format!("{size}_{what}.csv")));
    let files = Azure2019Files {
        invocations: vec![part("invocations")],
        durations: vec![part("durations")],
        memory: vec![part("memory")],
    };
    Azure2019::read(&files, Spread::Uniform, OnError::Fail).expect("a trace")
}

#[test]
fn azure_functions_2019() {
    let Some(folder) = shared("data/azure-2019-sample") else { return };
    let trace = azure_2019(&folder, 500);
    assert_eq!((trace.functions.len(), trace.apps, trace.invocations(), trace.minutes), (500, 476, 3_037_902, 480));
    assert!(trace.functions.iter().all(|(function, _)| function.duration.is_some() && function.memory_mb.is_some()));
    assert_eq!(azure_2019(&folder, 100).invocations(), 339_657);
}

#[test]
fn azure_functions_2019_have_the_means_of_the_file() {
    let Some(folder) = shared("data/azure-2019-sample") else { return };
    for size in [100, 500] {
        let trace = azure_2019(&folder, size);
        let table = std::fs::read_to_string(folder.join(format!("{size}_durations.csv"))).expect("a file");
        let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        let place = |name: &str| header.iter().position(|column| *column == name).expect(name);
        let (function, average) = (place("HashFunction"), place("Average"));
        let averages: HashMap<&str, f64> =
            lines.clone().map(|row| (row[function], row[average].parse().expect("a number"))).collect();
        assert_eq!(averages.len(), trace.functions.len());
        let rows = lines.clone().collect::<Vec<_>>();
        for (info, _) in &trace.functions {
            let row = rows.iter().find(|row| row[function].starts_with(&info.name)).expect("its row");
            let mean_ms = info.duration.as_ref().expect("a law").mean_s() * 1e3;
            assert!((mean_ms - averages[row[function]]).abs() <= 1.0, "{}: {mean_ms} ms", info.name);
        }
    }
}

#[test]
fn azure_functions_2019_end_to_end() {
    let Some(folder) = shared("data/azure-2019-sample") else { return };
    let text = "[scenario]\nname = \"azure\"\n[simulation]\nhorizon = \"8h\"\n[platform]\npreset = \"aws-lambda\"\n\
                [[source]]\nname = \"azure\"\narrivals.trace = { format = \"azure-2019\", file = \"500_invocations.csv\", \
                durations = \"500_durations.csv\", memory = \"500_memory.csv\" }\n";
    let scenario =
        parse("azure.toml", text, &ParseOptions::default(), &In(folder)).unwrap_or_else(|wrong| panic!("{wrong}"));
    let run = |threads| {
        let run = experiment::run(&scenario, NonZeroUsize::new(threads).unwrap(), &(), None).expect("it runs");
        assert_eq!(run.result.summary.total.requests.arrived.mean, 3_037_902.0);
        assert_eq!(run.result.summary.functions.len(), 500);
        forewarm::report::json::summary(&run.result.summary)
    };
    assert!(run(1) == run(2), "threads matter");
}

#[test]
fn azure_functions_2021() {
    let Some(folder) = shared("data/azure-2021-sample") else { return };
    for name in ["Azure2021_200.csv", "AzureFunctionsInvocationTraceForTwoWeeksJan2021_head.csv"] {
        let rows = std::fs::read_to_string(folder.join(name)).expect("a file").lines().count() - 1;
        let trace =
            RowTrace::scan(&file(folder.join(name)), RowFormat::Azure2021, RowOptions::default()).expect("a trace");
        let mut reader = trace.read().expect("it opens");
        let starts: Vec<_> = reader.by_ref().map(|arrival| arrival.at).collect();
        assert_eq!((starts.len(), reader.error()), (rows, None), "{name}");
        assert!(starts.is_sorted(), "{name}");
    }
}

#[test]
fn world_cup_1998() {
    let Some(folder) = shared("data/web-traffic") else { return };
    let trace = RateTrace::read(&file(folder.join("worldcup98_requests_per_minute.csv")), &RateOptions::default());
    let counts = trace.expect("a trace").counts;
    assert_eq!(counts.interval.as_secs_f64(), 60.0);
    assert_eq!(counts.iter().sum::<f64>(), 1_352_804_107.0);
}
