//! Comparing contenders: common random numbers, and replications until the verdicts are clear.

use std::num::NonZeroUsize;

use super::{Prepared, Progress, ReplicationJob, simulate_all};
use crate::engine::SimError;
use crate::measure::comparison::{Comparison, ContenderCost, Design, LoadPoint, OverLoad, Sample};
use crate::measure::{Replication, Replications, RunResult};
use crate::scenario::Scenario;

/// Who takes part: a name and a scenario.
pub type Contender = (String, Scenario);

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What was found.
    pub comparison: Comparison,
    /// The absolute results of each contender, in order.
    pub results: Vec<(String, RunResult)>,
    /// Requests simulated, over all contenders and replications.
    pub simulated: u64,
    /// Whether it completed. If not, it contains the replications completed for all contenders.
    pub is_whole: bool,
}

/// Compares at least two contenders on `threads` threads, which do not change the result.
///
/// Replication `k` of each contender is a function of its seed and `k`: contenders with the same seed receive the same
/// requests with common random numbers, so differences need few replications. After each planned look, it continues
/// only if a followed verdict is not clear.
///
/// # Errors
/// If a trace is malformed, or if `progress` breaks before two replications are complete.
pub fn compare(
    contenders: &[Contender],
    design: &Design,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Compared, SimError> {
    let prepared: Vec<Prepared<'_>> = contenders.iter().map(|(_, scenario)| Prepared::of(scenario)).collect();
    let mut all = vec![Replications::default(); contenders.len()];
    let mut done = 0;
    let mut is_whole = true;
    for look in design.looks() {
        progress.begin();
        // Replication by replication, so that an interrupted comparison has as many complete replications as possible.
        let units: Vec<ReplicationJob<'_>> =
            (done..*look).flat_map(|number| prepared.iter().map(move |one| one.unit(number, progress))).collect();
        let mut round: Vec<Replication> = Vec::new();
        let mut whole = 0;
        let stopped = simulate_all(&units, threads, None, |_, replication| {
            round.push(replication);
            if round.len() == contenders.len() {
                let pairs = all.iter_mut().zip(contenders).zip(round.drain(..));
                pairs.for_each(|((list, (_, scenario)), one)| list.push(scenario, one));
                whole += 1;
            }
        });
        match stopped {
            None => {}
            Some(SimError::Cancelled) if done + whole >= 2 => is_whole = false,
            Some(error) => return Err(error),
        }
        done += whole;
        if !is_whole || design.is_settled(&samples(contenders, design, &all)) {
            break;
        }
    }
    let simulated = all.iter().map(Replications::simulated).sum();
    let samples = samples(contenders, design, &all);
    let results: Vec<(String, RunResult)> = (contenders.iter().zip(&all))
        .map(|((name, scenario), replications)| (name.clone(), RunResult::of(scenario, replications)))
        .collect();
    Ok(Compared { comparison: design.conclude(&samples, &results), results, simulated, is_whole })
}

fn samples(contenders: &[Contender], design: &Design, all: &[Replications]) -> Vec<Sample> {
    let pairs = contenders.iter().zip(all);
    pairs.map(|((name, scenario), replications)| Sample::of(design, name, scenario, replications)).collect()
}

/// Replications per load: a monthly cost is a mean, for which a few are enough.
const REPLICATIONS: u32 = 2;

/// The cost of each contender under several multiples of its load; none if interrupted.
///
/// # Errors
/// As [`run`](super::run).
pub fn over_load(
    contenders: &[Contender],
    loads: &[f64],
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Option<OverLoad>, SimError> {
    let share = 1.0 / (loads.len() * contenders.len()) as f64;
    let mut points = Vec::new();
    for load in loads {
        let mut costs = Vec::new();
        let mut rate = 0.0;
        for (name, scenario) in contenders {
            let mut scenario = scenario.under_load(*load);
            scenario.simulation.replications = REPLICATIONS;
            scenario.simulation.precision = None;
            let run = super::run(&scenario, threads, &(), None)?;
            let summary = &run.result.summary;
            rate = summary.total.requests.arrived.mean / summary.measured_s;
            let objectives = &summary.objectives;
            let is_met = (!objectives.is_empty()).then(|| objectives.iter().all(|objective| objective.met));
            let month_usd = summary.has_prices.then_some(summary.monthly_cost_usd.mean);
            costs.push(ContenderCost { name: name.clone(), month_usd, is_met });
            if progress.advance(share, run.simulated).is_break() {
                return Ok(None);
            }
        }
        points.push(LoadPoint { load: *load, requests_per_s: rate, contenders: costs });
    }
    Ok(Some(OverLoad::of(points)))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::measure::comparison::{Precision, Verdict};
    use crate::scenario::NoFiles;
    use crate::scenario::{ParseOptions, parse_variants};

    /// A function that falls cold now and then, with a variant as TOML on one line.
    fn contenders(seed: u64, variant: &str) -> Vec<Contender> {
        let text = format!(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"30m\"\nseed = {seed}\n[platform]\npreset = \"aws-lambda\"\n\
             [[function]]\nname = \"f\"\nduration.exponential.mean = \"200ms\"\ncold-start.exponential.mean = \"400ms\"\n\
             keep-alive.fixed.window = \"5s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"20/m\"\n\
             [[objective]]\nmetric = \"cold_start_ratio\"\nbelow = 0.5\n\
             [[variant]]\nname = \"other\"\nset = {{ {variant} }}\n"
        );
        let parsed = parse_variants("x.toml", text.as_bytes(), &ParseOptions::default(), &NoFiles);
        let (unchanged, variants, _) = parsed.unwrap_or_else(|wrong| panic!("{wrong}"));
        [("unchanged".to_owned(), unchanged)].into_iter().chain(variants).collect()
    }

    fn design(contenders: &[Contender], first: u32, most: u32) -> Design {
        let scenarios: Vec<&Scenario> = contenders.iter().map(|(_, scenario)| scenario).collect();
        Design::new(&scenarios, 0, Precision::default(), first, most)
    }

    const LONGER: &str = "\"function.f.keep-alive.fixed.window\" = \"6s\"";

    #[test]
    fn threads_change_nothing() {
        let contenders = contenders(1, LONGER);
        let run = |threads| {
            let threads = NonZeroUsize::new(threads).expect("a thread");
            compare(&contenders, &design(&contenders, 16, 16), threads, &()).expect("it runs").comparison
        };
        let one = run(1);
        assert_eq!(format!("{one:?}"), format!("{:?}", run(5)));
        // A second more of keep-alive: fewer cold starts, seen although each contender by itself is far less certain.
        let ratio = one.contrasts.iter().find(|one| one.metric == "cold_start_ratio").expect("it is compared");
        assert_eq!(ratio.verdict, Some(Verdict::Better), "{ratio:?}");
        assert!(ratio.difference.half_width < ratio.baseline.half_width, "{ratio:?}");
    }

    #[test]
    fn the_same_scenario_is_alike_in_everything() {
        let contenders = contenders(1, "\"scenario.description\" = \"the same\"");
        let compared = compare(&contenders, &design(&contenders, 2, 16), NonZeroUsize::MIN, &()).expect("it runs");
        let found = compared.comparison;
        assert_eq!((found.replications, found.method.is_settled), (2, true));
        let judged: Vec<_> = found.judged("other").collect();
        assert_eq!(judged.len(), 11);
        assert!(judged.iter().all(|one| one.difference.mean == 0.0), "{judged:?}");
        assert!(judged.iter().all(|one| one.verdict == Some(Verdict::NotDifferentEnough)), "{judged:?}");
    }

    #[test]
    fn whoever_waits_for_a_policy_counts_as_cold() {
        // The first request is not cold, but it waits for the pod that the autoscaler orders.
        let from_zero = "\"function.f.scaling.knative\" = { initial-scale = 0, allow-zero-initial-scale = true }";
        let contenders = contenders(1, from_zero);
        let design = design(&contenders, 2, 2);
        let found = compare(&contenders, &design, NonZeroUsize::MIN, &()).expect("it runs").comparison;
        let judged: Vec<&str> = found.judged("other").map(|one| one.metric.as_str()).collect();
        // The objective is on cold starts; so both are judged.
        assert!(judged.contains(&"cold_start_ratio") && judged.contains(&"cold_affected_ratio"), "{judged:?}");
        let affected = found.contrasts.iter().find(|one| one.metric == "cold_affected_ratio").expect("it is compared");
        let cold = found.contrasts.iter().find(|one| one.metric == "cold_start_ratio").expect("it is compared");
        assert_eq!(cold.value.mean, 0.0);
        assert!(affected.value.mean > 0.0, "{affected:?}");
        assert_eq!(affected.baseline.mean, cold.baseline.mean, "each request has an instance of its own there");
    }

    #[test]
    fn other_random_draws_are_no_difference() {
        // What is promised: of such comparisons at most 5 % find something.
        let misled = (0..30).filter(|seed| {
            let contenders = contenders(1_000 + seed, &format!("\"simulation.seed\" = {}", 5_000 + seed));
            let compared = compare(&contenders, &design(&contenders, 8, 16), NonZeroUsize::MIN, &()).expect("it runs");
            compared
                .comparison
                .contrasts
                .iter()
                .any(|one| matches!(one.verdict, Some(Verdict::Better | Verdict::Worse)))
        });
        assert!(misled.count() <= 6, "3.9 standard errors above 5 % of 30");
    }

    #[test]
    fn what_is_interrupted_keeps_what_is_whole() {
        /// Breaks after some looks.
        struct Impatient(AtomicU32);
        impl Progress for Impatient {
            fn begin(&self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
            fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
                if self.0.load(Ordering::Relaxed) == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        }
        let contenders = contenders(1, "\"simulation.seed\" = 2");
        let design = design(&contenders, 2, 16);
        let run = |looks| compare(&contenders, &design, NonZeroUsize::MIN, &Impatient(AtomicU32::new(looks)));
        assert!(matches!(run(1), Err(SimError::Cancelled)), "not even two replications");
        let kept = run(2).expect("the first look is whole");
        assert!(!kept.is_whole);
        assert_eq!((kept.comparison.replications, kept.results[1].1.summary.replications), (2, 2));
    }
}
