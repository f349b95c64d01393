//! What must hold whatever a scenario says: scenarios over all keys of the scenario file, drawn at random.
//!
//! Some of them are tried with every test. For longer, say three hours, from a draw that was not tried yet:
//!
//! ```text
//! FOREWARM_GENERATE_MINUTES=180 FOREWARM_GENERATE_FROM=1000000 cargo test --test it -- --ignored generated::for_long --nocapture
//! ```
//!
//! With `FOREWARM_GENERATE_MINUTES=0` the one draw of `FOREWARM_GENERATE_FROM` is tried, and its text is shown.

mod figures;
mod found;
mod studies;

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use forewarm::scenario::{self, ParseOptions, Problems, Scenario, parse_with_warnings};

use crate::harness::Memory;
use crate::harness::generate::{FILES, Generator};
use studies::{Held, hold};

/// What the scenario is called in messages.
const NAME: &str = "drawn.toml";
/// How often what is wrong with a draw is taken out of it before it is given up.
const REPAIRS: usize = 20;
/// Longer than this no draw may take: it hangs.
const HANGS: Duration = Duration::from_secs(300);

/// What the fast engine leaves to the other one.
const SPECIAL: [&str; 6] = ["step", "scaling", "selection", "failure-ratio", "max-lifetime", "initial"];

/// What kind of scenario a draw is made into.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// What was drawn.
    Any,
    /// Without a path and without faults.
    Apart,
    /// Besides, what the fast engine may take care of.
    Plain,
}

impl Shape {
    /// That of a draw.
    fn of(number: u64) -> Self {
        match number / 7 % 6 {
            0 => Self::Plain,
            1 => Self::Apart,
            _ => Self::Any,
        }
    }
}

/// The files that drawn scenarios name.
fn files() -> Memory {
    FILES.iter().fold(Memory::default(), |files, (name, text)| files.with(name, text.as_bytes()))
}

fn read(text: &str) -> Result<(Scenario, Problems), Problems> {
    parse_with_warnings(NAME, text, &ParseOptions::default(), &files())
}

/// The text of a draw that is accepted, with what is wrong taken out, and the keys and words that it has.
fn accepted(generator: &Generator, number: u64, shape: Shape) -> Option<(String, HashSet<String>)> {
    let mut drawn = generator.draw(number);
    if shape != Shape::Any {
        drawn.omit_path();
    }
    if shape == Shape::Plain {
        drawn.omit(&SPECIAL);
    }
    for _ in 0..REPAIRS {
        let text = drawn.text();
        let problems = match read(&text) {
            Ok(_) => return Some((text, generator.subjects_of(&drawn))),
            Err(problems) => problems,
        };
        assert!(problems.has_errors() && !problems.to_string().trim().is_empty(), "it says what is wrong:\n{text}");
        let places = problems.errors().map(|problem| match problems.location(problem) {
            (NAME, line, _) => (problem.message.as_str(), line),
            _ => (problem.message.as_str(), 0),
        });
        if !drawn.repair(places) {
            return None;
        }
    }
    None
}

/// Every key and every word of the scenario file is drawn, and nearly all of them in a scenario that is accepted: where one
/// never is, it wants something of others that `harness/generate/relations.rs` should know.
#[test]
fn every_key_is_drawn_and_accepted() {
    let generator = Generator::new(scenario::schema());
    let all: HashSet<String> = generator.subjects().map(str::to_owned).collect();
    let (mut undrawn, mut unaccepted) = (all.clone(), all.clone());
    let subjects = generator.subjects().len() as u64;
    let (mut tried, mut good) = (0, 0);
    // The first round draws each subject once; further ones are for those that were taken out again.
    for round in 0..20 {
        let wanted: Vec<u64> = (0_u64..)
            .zip(generator.subjects())
            .filter(|(_, subject)| round == 0 || unaccepted.contains(*subject))
            .map(|(place, _)| round * subjects + place)
            .collect();
        for number in wanted {
            let drawn = generator.subjects_of(&generator.draw(number));
            undrawn.retain(|subject| !drawn.contains(subject));
            if let Some((_, found)) = accepted(&generator, number, Shape::Any) {
                good += u32::from(round == 0);
                unaccepted.retain(|subject| !found.contains(subject));
            }
            tried += u32::from(round == 0);
        }
    }
    println!(
        "{} keys and words, in {tried} draws; {good} of them accepted; never accepted: {unaccepted:#?}",
        all.len()
    );
    assert!(undrawn.is_empty(), "never drawn: {undrawn:#?}");
    assert!(unaccepted.len() * 50 < all.len(), "in no scenario that is accepted: {unaccepted:#?}");
    assert!(f64::from(good) > 0.8 * f64::from(tried), "{good} of {tried} are accepted");
}

/// Where a draw stands that is being tried: what hangs is told from outside.
struct Watch(Mutex<Option<(Instant, u64)>>);

static WATCH: Watch = Watch(Mutex::new(None));

impl Watch {
    /// Ends the program when a draw takes too long.
    #[expect(clippy::print_stderr, reason = "what hangs must be told before the program ends")]
    fn start() {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_secs(5));
                let at = *WATCH.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Some((begun, number)) = at.filter(|(begun, _)| begun.elapsed() > HANGS) {
                    eprintln!("draw {number} hangs: {} s", begun.elapsed().as_secs());
                    std::process::abort();
                }
            }
        });
    }

    fn at(number: u64) {
        *WATCH.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((Instant::now(), number));
    }
}

/// What was found over several draws.
#[derive(Default)]
struct Tally {
    drawn: u32,
    refused: u32,
    stopped: u32,
    failed: Vec<String>,
}

impl Tally {
    /// Tries a draw.
    fn add(&mut self, generator: &Generator, number: u64) {
        Watch::at(number);
        self.drawn += 1;
        let tried = catch_unwind(|| {
            let Some((text, _)) = accepted(generator, number, Shape::of(number)) else { return Ok(None) };
            hold(&text, number).map(Some).map_err(|wrong| format!("{wrong}\n{text}"))
        });
        match tried {
            Ok(Ok(Some(Held::Whole))) => {}
            Ok(Ok(Some(Held::Stopped))) => self.stopped += 1,
            Ok(Ok(None)) => self.refused += 1,
            Ok(Err(wrong)) => self.failed.push(format!("draw {number}: {wrong}")),
            Err(_) => self.failed.push(format!("draw {number} panics")),
        }
    }
}

/// Some draws, each about another key than the one before.
#[test]
fn what_must_hold_holds() {
    let generator = Generator::new(scenario::schema());
    let mut tally = Tally::default();
    Watch::start();
    (0..100).for_each(|place| tally.add(&generator, place * 7_919));
    assert!(tally.failed.is_empty(), "{}", tally.failed.join("\n\n"));
    assert!(tally.stopped * 20 < tally.drawn, "{} of {} take too long", tally.stopped, tally.drawn);
}

#[test]
#[ignore = "runs for as long as one wants"]
fn for_long() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let minutes = number("FOREWARM_GENERATE_MINUTES").unwrap_or(10);
    let from = number("FOREWARM_GENERATE_FROM").unwrap_or(0);
    let generator = Generator::new(scenario::schema());
    let (mut tally, mut place, begun) = (Tally::default(), from, Instant::now());
    Watch::start();
    if minutes == 0 {
        println!("{}", generator.draw(from).text());
        println!("accepted:\n{}", accepted(&generator, from, Shape::of(from)).unwrap_or_default().0);
    }
    loop {
        let known = tally.failed.len();
        tally.add(&generator, place);
        tally.failed.iter().skip(known).for_each(|wrong| println!("{wrong}\n"));
        place += 1;
        if tally.drawn.is_multiple_of(1_000) {
            let Tally { drawn, refused, stopped, failed } = &tally;
            println!("{drawn} drawn, {refused} refused, {stopped} stopped, {} failed", failed.len());
        }
        if begun.elapsed() > Duration::from_secs(minutes * 60) {
            break;
        }
    }
    let Tally { drawn, refused, stopped, failed } = &tally;
    println!("{drawn} drawn, {refused} refused, {stopped} stopped, {} failed; next {place}", failed.len());
    assert!(failed.is_empty());
}
