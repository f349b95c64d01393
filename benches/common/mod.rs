//! What the benches share: reading a scenario from text, and running it as the program does or bare.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use forewarm::engine::{Cell, simulate};
use forewarm::experiment;
use forewarm::rng::Streams;
use forewarm::scenario::{Files, ParseOptions, Scenario, parse};
use forewarm::workload::Input;

/// Files in memory, by name.
pub(crate) struct InMemory(pub(crate) Vec<(&'static str, Arc<[u8]>)>);

impl Files for InMemory {
    fn input(&self, path: &str) -> Input {
        match self.0.iter().find(|(name, _)| *name == path) {
            Some((_, bytes)) => Input::of_bytes(path, Arc::clone(bytes)),
            None => Input::new(path, || Err(std::io::ErrorKind::NotFound.into())),
        }
    }
}

pub(crate) fn read(text: &str) -> Scenario {
    read_with(text, &InMemory(Vec::new()))
}

pub(crate) fn read_with(text: &str, files: &InMemory) -> Scenario {
    parse("bench.toml", text, &ParseOptions::default(), files).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The case of the floor: Poisson arrivals, exponential times, a window of ten minutes.
pub(crate) fn one_function(requests: f64, rate: f64, mean: &str) -> Scenario {
    read(&format!(
        "[scenario]\nname = \"one\"\n[simulation]\nhorizon = \"{}s\"\n[[function]]\nname = \"f\"\n\
         duration.exponential.mean = \"{mean}\"\ncold-duration.exponential.mean = \"2.244s\"\n\
         keep-alive.fixed.window = \"600s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{rate}/s\"\n",
        requests / rate
    ))
}

/// Requests that the engine alone simulates: one queue for all functions, and nobody looks.
pub(crate) fn bare(scenario: &Scenario) -> u64 {
    let mut pulse = |_, _| ControlFlow::Continue(());
    let streams = Streams::new(1, 0);
    simulate(scenario, &Cell::whole(scenario), &streams, (), &mut pulse).expect("it runs").arrivals
}

/// Requests that a run simulates, on one thread, with everything measured.
pub(crate) fn whole(scenario: &Scenario) -> u64 {
    experiment::run(scenario, NonZeroUsize::MIN, &(), None).expect("it runs").simulated
}
