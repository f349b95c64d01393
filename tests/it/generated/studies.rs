//! Everything that can be asked of a scenario, and that its answer is whole, the same on one thread and on two, and the same when it
//! is read back.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use forewarm::experiment::Progress;
use forewarm::measure::Manifest;
use forewarm::report::Artefact;
use forewarm::report::document::html;
use forewarm::report::kinds::{self, Folder};
use forewarm::scenario::{Files, ParseOptions, Scenario, parse};
use forewarm::study::chaos::Chaos;
use forewarm::study::compare::{self, Compare};
use forewarm::study::plan::{self, Plan};
use forewarm::study::run::Run;
use forewarm::study::sweep::Sweep;
use forewarm::study::{Answer, Origin, Source, Study, StudyError};

use super::{NAME, figures, files};
use crate::harness::Memory;

/// Requests after which a draw is stopped: what takes longer shows nothing more.
const REQUESTS: u64 = 500_000;
/// And the time.
const TIME: Duration = Duration::from_secs(4);

/// How a draw ended about which nothing is wrong.
pub(super) enum Held {
    /// All of it was tried.
    Whole,
    /// Something would have taken too long.
    Stopped,
}

/// Stops what takes too long.
struct Patience {
    began: Instant,
    requests: Mutex<u64>,
}

impl Patience {
    fn new() -> Self {
        Self { began: Instant::now(), requests: Mutex::new(0) }
    }
}

impl Progress for Patience {
    fn advance(&self, _: f64, requests: u64) -> ControlFlow<()> {
        let mut sum = self.requests.lock().expect("nobody panics while counting");
        *sum += requests;
        if *sum > REQUESTS || self.began.elapsed() > TIME { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A results folder in memory.
struct Stored {
    files: Vec<Artefact>,
    named: Memory,
}

impl Folder for Stored {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        let file = self.files.iter().find(|file| file.name == name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(file.content.clone())))
    }

    fn scenario_files(&self) -> &dyn Files {
        &self.named
    }
}

/// Tries everything with a scenario that is accepted.
///
/// # Errors
/// What does not hold.
pub(super) fn hold(text: &str, number: u64) -> Result<Held, String> {
    let named = files();
    let source = Source { name: NAME, bytes: text.as_bytes(), files: &named };
    let options = ParseOptions::default();
    let (mut run, _) = <Run as Study>::read(source, &options).map_err(|error| format!("run refuses it: {error}"))?;
    let scenario = run.scenario.clone();
    read_back(&scenario)?;
    let Some(found) = asked("run", &scenario, &mut || Ok(run.clone()))? else { return Ok(Held::Stopped) };
    let summary = found.iter().find(|file| file.name == "summary.json").ok_or("there is no summary")?;
    let summary = serde_json::from_slice(&summary.content).map_err(|error| error.to_string())?;
    figures::hold(&summary)?;
    run.scenario.simulation.replications = 1;
    let few = || ParseOptions { replications: Some(2), max_replications: Some(2), ..ParseOptions::default() };
    let mut answers = Vec::new();
    if text.contains("[[variant]]") {
        let options = compare::Options { parse: few(), max_replications: Some(2), ..compare::Options::default() };
        let mut read = || Compare::read(source, &options).map(|(study, _)| study);
        answers.push(asked("compare", &scenario, &mut read)?.is_some());
    }
    if scenario.sweep.is_some() {
        answers
            .push(asked("sweep", &scenario, &mut || Sweep::read(source, &options).map(|(study, _)| study))?.is_some());
    }
    if scenario.plan.is_some() {
        let options =
            plan::Options { parse: few(), max_replications: Some(4), skips_headroom: number.is_multiple_of(3) };
        let options = plan::Options { parse: ParseOptions { max_replications: None, ..options.parse }, ..options };
        answers.push(asked("plan", &scenario, &mut || Plan::read(source, &options).map(|(study, _)| study))?.is_some());
    }
    if number.is_multiple_of(31) {
        let options = few();
        answers
            .push(asked("chaos", &scenario, &mut || Chaos::read(source, &options).map(|(study, _)| study))?.is_some());
    }
    Ok(if answers.contains(&false) { Held::Stopped } else { Held::Whole })
}

/// What was understood, written down, is understood as the same.
fn read_back(scenario: &Scenario) -> Result<(), String> {
    let again = parse("resolved.toml", &scenario.resolved, &ParseOptions::default(), &files())
        .map_err(|wrong| format!("the resolved text is refused: {wrong}\n{}", scenario.resolved))?;
    if again.resolved != scenario.resolved || again.hash != scenario.hash {
        return Err(format!("the resolved text\n{}\nreads back as\n{}", scenario.resolved, again.resolved));
    }
    let parts = |scenario: &Scenario| format!("{:#?}{:#?}", scenario.functions, scenario.simulation);
    if parts(&again) != parts(scenario) {
        return Err(format!("what was understood:\n{}\nwhat is understood again:\n{}", parts(scenario), parts(&again)));
    }
    Ok(())
}

/// The files of a study on one thread, which are those on two, and make the same report; none where it takes too long or where
/// the question makes no sense.
fn asked<'a, S: Study<'a>>(
    what: &str,
    scenario: &Scenario,
    read: &mut dyn FnMut() -> Result<S, StudyError>,
) -> Result<Option<Vec<Artefact>>, String> {
    let mut answers = Vec::new();
    for threads in [1, 2].map(|threads| NonZeroUsize::new(threads).expect("one or two")) {
        let mut study = match read() {
            Ok(study) => study,
            // What is wrong with a question is said; so is a point of a sweep that is no scenario.
            Err(error) if what != "run" && !error.to_string().is_empty() => return Ok(Some(Vec::new())),
            Err(error) => return Err(format!("{what} refuses it: {error}")),
        };
        match study.run(threads, &Patience::new()) {
            Ok(answer) if answer.is_whole => answers.push(answer),
            Ok(_) | Err(StudyError::Cancelled) => return Ok(None),
            Err(StudyError::Scenario(_)) if what == "sweep" => return Ok(Some(Vec::new())),
            Err(error) => return Err(format!("{what} was accepted, and then: {error}")),
        }
    }
    let origin = Origin { command: format!("forewarm {what} {NAME}"), threads: NonZeroUsize::MIN, wall_s: 1.0 };
    let manifest = answers[0].manifest(scenario, origin);
    let mut files = Vec::new();
    for (answer, threads) in answers.iter().zip(1..) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
        files.push(pool.install(|| answer.files(&manifest)));
    }
    let names = |files: &[Artefact]| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
    if names(&files[0]) != names(&files[1]) {
        return Err(format!("{what}: {:?} on one thread, and {:?} on two", names(&files[0]), names(&files[1])));
    }
    for (one, other) in files[0].iter().zip(&files[1]) {
        if one != other {
            let texts = [one, other].map(|file| String::from_utf8_lossy(&file.content).into_owned());
            return Err(format!("{what}: {} on one thread\n{}\nand on two\n{}", one.name, texts[0], texts[1]));
        }
    }
    stored(what, &answers[0], &manifest, files.swap_remove(0)).map(Some)
}

/// The files of a study, from which the very same report is made.
fn stored<R: forewarm::report::Report>(
    what: &str,
    answer: &Answer<R>,
    manifest: &Manifest,
    files: Vec<Artefact>,
) -> Result<Vec<Artefact>, String> {
    let page = html::render(&answer.found.document(manifest));
    let folder = Stored { files, named: self::files() };
    let again =
        kinds::read(manifest, &folder).map_err(|error| format!("{what}: stored results are refused: {error}"))?;
    if html::render(&again.document(manifest)) != page {
        return Err(format!("{what}: the report of stored results is another one"));
    }
    Ok(folder.files)
}
