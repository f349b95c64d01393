//! Every file in `scenarios/`: right in itself and in all its variants, and it runs to the end.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use forewarm::experiment;
use forewarm::measure::summary::{Shape, Stat};
use forewarm::scenario::{Files, ParseOptions, Scenario, parse_with_warnings, schema};
use forewarm::workload::Input;

struct Beside(PathBuf);

impl Files for Beside {
    fn input(&self, path: &str) -> Input {
        let path = self.0.join(path);
        Input::new(path.display().to_string(), move || Ok(Box::new(fs::File::open(&path)?)))
    }
}

/// Name and text of every file.
fn all() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("scenarios").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let read = |path: &PathBuf| {
        (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read_to_string(path).expect("text"))
    };
    let files: Vec<_> = files.iter().map(read).collect();
    assert!(files.len() >= 9, "{} files", files.len());
    files
}

fn read(name: &str, text: &str, variant: Option<&str>) -> (Scenario, String) {
    let options = ParseOptions { variant: variant.map(str::to_owned), ..ParseOptions::default() };
    let files = Beside(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"));
    let (scenario, warnings) =
        parse_with_warnings(name, text, &options, &files).unwrap_or_else(|wrong| panic!("{wrong}"));
    (scenario, if warnings.is_empty() { String::new() } else { warnings.to_string() })
}

#[test]
fn each_opens_with_its_question_and_its_source() {
    for (name, text) in all() {
        let comment: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(comment.contains('?') && comment.contains("Source:"), "{name} opens with: {comment}");
    }
}

#[test]
fn each_is_read_without_a_word_and_so_are_its_variants() {
    for (name, text) in all() {
        let (scenario, warnings) = read(&name, &text, None);
        // What is to be shown there is what is warned of.
        let is_warned = name == "retry-storm.toml" && warnings.contains("once overloaded, it may never recover");
        assert!(is_warned || warnings.is_empty(), "{name}: {warnings}");
        assert_eq!(format!("{}.toml", scenario.name), name);
        for variant in &scenario.variants {
            read(&name, &text, Some(&variant.name));
        }
        // What it resolves to is the same scenario.
        let (again, _) = read(&name, &scenario.resolved, None);
        assert_eq!(again.hash, scenario.hash, "{name}");
    }
}

#[test]
fn each_fits_the_schema() {
    let schema = jsonschema::validator_for(&schema()).expect("a schema");
    for (name, text) in all() {
        let value: serde_json::Value = serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap();
        let wrong: Vec<String> =
            schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

#[test]
fn each_runs_and_every_request_is_accounted_for() {
    for (name, text) in all() {
        let (mut scenario, _) = read(&name, &text, None);
        scenario.simulation.replications = 2;
        let run = experiment::run(&scenario, NonZeroUsize::MIN, &(), None).expect("it runs");
        let summary = run.result.summary;
        let check = |what: &str, shape: &Shape<Stat>| {
            let requests = &shape.requests;
            let ends =
                [&requests.completed, &requests.rejected, &requests.timed_out, &requests.failed, &requests.unfinished];
            let sum: f64 = ends.iter().map(|stat| stat.mean).sum();
            assert!((requests.arrived.mean - sum).abs() < 1e-6, "{name} {what}: {} of {}", sum, requests.arrived.mean);
        };
        check("total", &summary.total);
        summary.functions.iter().for_each(|(function, shape)| check(function, shape));
        assert!(summary.total.requests.arrived.mean > 1_000.0, "{name}");
    }
}
