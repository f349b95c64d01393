//! What a plan is about to simulate, before it does.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Input;
use super::headroom::{self, HALVINGS};
use crate::engine::SimError;
use crate::experiment::{Prepared, Progress, ReplicationJob, lock, simulate_all, unlock};
use crate::measure::plan::{Asked, Subjects};
use crate::stats::comparison::Looks;

/// Replications of a configuration that a search takes on average: most are ruled out at the first look, few need the
/// last one.
const USUAL: u32 = 8;
/// Replications at today's load that the headroom is worth on average: a plan that breaks near today's load takes more,
/// one that holds to the largest load less.
const USUAL_HEADROOM: f64 = 200.0;

/// What is about to be simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Number of configurations.
    pub candidates: usize,
    /// What must be met.
    pub objectives: Vec<Asked>,
    /// Replications of a configuration at each planned look.
    pub looks: Vec<u32>,
    /// Multiples of today's load that may be simulated; empty if the headroom is omitted.
    pub loads: Vec<f64>,
    /// Loads between two of these, at most.
    pub loads_between: usize,
    /// Requests expected in one replication at today's load.
    pub requests: f64,
    /// Replications at today's load that the work is usually worth.
    pub usual: f64,
    /// And at most.
    pub most: f64,
}

impl Preview {
    /// The preview of a plan.
    #[must_use]
    pub fn of(input: &Input<'_>) -> Self {
        let candidates = input.candidates.len();
        let most = input.plan.max_replications;
        let requests = headroom::requests(input.scenario);
        let loads: Vec<f64> = if input.skips_headroom { Vec::new() } else { headroom::multiples(requests).to_vec() };
        let largest = loads.last().copied().unwrap_or_default();
        let at_a_load = f64::from(headroom::most(input));
        let of_headroom = at_a_load * (loads.iter().sum::<f64>() + HALVINGS as f64 * largest);
        let usual_headroom = if loads.is_empty() { 0.0 } else { USUAL_HEADROOM.min(of_headroom) };
        Self {
            candidates,
            objectives: Subjects::of(input.scenario).asked(),
            looks: Looks::new(1, input.first, most).sizes().to_vec(),
            loads_between: if loads.len() > 1 { HALVINGS } else { 0 },
            loads,
            requests,
            usual: candidates as f64 * f64::from(USUAL.min(most)) + usual_headroom,
            most: candidates as f64 * f64::from(most) + of_headroom,
        }
    }
}

/// How much of its work a sample did before it was stopped.
#[derive(Debug, Default)]
pub struct Sampled {
    /// Replications, a part of one counted as such.
    pub replications: f64,
    /// Requests.
    pub requests: u64,
}

/// Simulates a replication of the scenario on each thread until `progress` breaks, to see how fast that is. Nothing is
/// concluded from it.
///
/// # Errors
/// If the simulation fails for another reason.
pub fn sample(input: &Input<'_>, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Sampled, SimError> {
    struct Counted<'a> {
        progress: &'a dyn Progress,
        share: Mutex<f64>,
        requests: AtomicU64,
    }
    impl Progress for Counted<'_> {
        fn advance(&self, share: f64, requests: u64) -> ControlFlow<()> {
            *lock(&self.share) += share;
            self.requests.fetch_add(requests, Relaxed);
            self.progress.advance(share, requests)
        }

        fn is_out_of_memory(&self) -> bool {
            self.progress.is_out_of_memory()
        }
    }
    let counted = Counted { progress, share: Mutex::new(0.0), requests: AtomicU64::new(0) };
    let prepared = Prepared::of(input.scenario);
    let units: Vec<ReplicationJob<'_>> =
        (0..threads.get() as u32).map(|number| prepared.unit(u32::MAX - number, &counted)).collect();
    match simulate_all(&units, threads, None, |_, _| {}) {
        None | Some(SimError::Cancelled) => {}
        Some(error) => return Err(error),
    }
    let number = units.len() as f64;
    drop(units);
    Ok(Sampled { replications: unlock(counted.share) * number, requests: counted.requests.into_inner() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing;
    use crate::stats::selection::Levels;

    #[test]
    fn a_preview_counts_what_the_plan_may_do() {
        let scenario = testing::scenario(
            "[scenario]\nname = \"p\"\n[simulation]\nhorizon = \"10m\"\n[platform]\npreset = \"aws-lambda\"\n\
             [[function]]\nname = \"f\"\nduration.constant.value = \"100ms\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"5/s\"\n\
             [[objective]]\nmetric = \"latency_s.p99\"\nbelow = \"2s\"\n\
             [plan]\nmax-replications = 20\n\"function.f.concurrency.provisioned\" = { from = 0, to = 3 }\n",
        );
        let plan = scenario.plan.clone().expect("a plan");
        let candidates = vec![scenario.clone(); 4];
        let input = |skips_headroom| Input {
            scenario: &scenario,
            plan: &plan,
            candidates: &candidates,
            first: 3,
            skips_headroom,
        };
        let preview = Preview::of(&input(false));
        assert_eq!(preview.candidates, 4);
        assert_eq!(preview.requests, 3_000.0, "ten minutes at 5/s");
        assert_eq!(preview.looks, Levels::new(0.05, 4, 2, 3, 20).looks());
        assert_eq!(preview.loads, [1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0]);
        // 4 configurations 20 times, and 20 times each load with five more of at most the largest.
        assert_eq!(preview.most, 4.0 * 20.0 + 20.0 * (23.75 + 50.0));
        assert_eq!(preview.usual, 4.0 * 8.0 + 200.0);
        let without = Preview::of(&input(true));
        assert_eq!((without.most, without.usual), (80.0, 32.0));
        assert!(without.loads.is_empty());
    }

    #[test]
    fn a_sample_stops_when_it_is_told_to() {
        struct Until(AtomicU64);
        impl Progress for Until {
            fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
                if self.0.fetch_add(1, Relaxed) < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }
        }
        let scenario = testing::scenario(
            "[scenario]\nname = \"p\"\n[simulation]\nhorizon = \"1d\"\n\
             [[function]]\nname = \"f\"\nduration.constant.value = \"100ms\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"5/s\"\n\
             [plan]\n\"function.f.concurrency.max-instances\" = [1, 2]\n",
        );
        let plan = scenario.plan.clone().expect("a plan");
        let input = Input { scenario: &scenario, plan: &plan, candidates: &[], first: 3, skips_headroom: false };
        let threads = NonZeroUsize::new(2).expect("two");
        let whole = sample(&input, threads, &()).expect("it runs");
        assert!((whole.replications - 2.0).abs() < 1e-9, "{whole:?}");
        // The arrival at the horizon itself does not count.
        assert_eq!(whole.requests, 2 * 431_999);
        let part = sample(&input, threads, &Until(AtomicU64::new(0))).expect("stopping is no error");
        assert!(part.replications < 2.0 && part.replications > 0.0, "{part:?}");
    }
}
