//! Intervals hold what they promise: in a thousand experiments with a known answer, the 95 % intervals hold it in 93.5 to
//! 96.5 % of them; those of quantiles, which are longer by their bias, in at least 93 %. Seeds are 1 to 1,000.

use std::num::NonZeroUsize;

use crate::queueing;
use forewarm::experiment;
use forewarm::measure::summary::{Stat, Summary};
use forewarm::scenario::Scenario;

use crate::harness::scenario;

const EXPERIMENTS: u64 = 1_000;

/// One server, requests wait; one takes a second on average.
fn mm1(rate: f64, simulation: &str) -> Scenario {
    scenario(&format!(
        "[scenario]\nname = \"mm1\"\n[simulation]\n{simulation}\n[[function]]\nname = \"f\"\n\
         duration.exponential.mean = \"1s\"\nkeep-alive.fixed.window = \"forever\"\nconcurrency.max-instances = 1\n\
         concurrency.overflow = \"queue\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{rate}/s\"\n"
    ))
}

/// Five servers, offered four: a fifth of the requests are lost.
fn loss(simulation: &str) -> Scenario {
    scenario(&format!(
        "[scenario]\nname = \"loss\"\n[simulation]\n{simulation}\n[[function]]\nname = \"f\"\n\
         duration.exponential.mean = \"2s\"\nkeep-alive.fixed.window = \"forever\"\nconcurrency.reserved = 5\n\
         concurrency.overflow = \"reject\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"2/s\"\n"
    ))
}

/// A number of the summary and what it should be.
type Known = (&'static str, fn(&Summary) -> Stat, f64);

/// Fails unless each number is held by its interval as often as promised. Hands back the summaries.
#[expect(clippy::print_stdout, reason = "the figures are what one wants to know")]
fn assert_coverage(what: &str, mut scenario: Scenario, known: &[Known]) -> Vec<Summary> {
    let summaries: Vec<Summary> = (1..=EXPERIMENTS)
        .map(|seed| {
            scenario.simulation.seed = seed;
            experiment::run(&scenario, NonZeroUsize::MIN, &(), None).expect("it runs").result.summary
        })
        .collect();
    for (name, stat, truth) in known {
        let holds = |summary: &&Summary| {
            let stat = stat(summary);
            (stat.mean - truth).abs() <= stat.half_width.expect("an interval")
        };
        let coverage = summaries.iter().filter(holds).count() as f64 / EXPERIMENTS as f64;
        println!("{what}, {name}: {coverage}");
        assert!((0.935..=0.965).contains(&coverage), "{what}, {name}: {coverage}");
    }
    summaries
}

fn wait(summary: &Summary) -> Stat {
    summary.total.wait_s.mean
}

fn busy(summary: &Summary) -> Stat {
    summary.total.instances.busy_mean
}

fn rejected(summary: &Summary) -> Stat {
    summary.total.rejection_ratio
}

#[test]
fn of_replications_the_mean_wait_of_one_server() {
    let known: [Known; 2] = [("wait", wait, queueing::mmc_wait_mean(1, 0.5, 1.0)), ("busy", busy, 0.5)];
    assert_coverage("M/M/1", mm1(0.5, "horizon = \"1600s\"\nwarm-up = \"100s\"\nreplications = 10"), &known);
}

/// The 95th percentile of the wait, P(wait > t) = rho exp(-(mu - lambda) t), and at 70 % the 99th of the latency, beyond which 31
/// requests of a replication lie, those of a few busy periods: Student's intervals hold it in 89 to 92 %.
#[test]
fn of_replications_a_quantile() {
    let p95: fn(&Summary) -> Stat = |summary| summary.total.wait_s.p95;
    let half_busy = mm1(0.5, "horizon = \"4100s\"\nwarm-up = \"100s\"\nreplications = 5");
    assert_quantile_coverage("M/M/1, p95", half_busy, 1_000, p95, (0.5_f64 / 0.05).ln() / 0.5);
    let p99: fn(&Summary) -> Stat = |summary| summary.total.latency_s.p99;
    let busy = mm1(0.7, "horizon = \"4900s\"\nwarm-up = \"400s\"\nreplications = 10");
    assert_quantile_coverage("M/M/1 at 70 %, p99", busy, 400, p99, -(0.01_f64.ln()) / 0.3);
}

/// Fails unless the interval of a quantile holds it in at least 93 % of so many experiments.
#[expect(clippy::print_stdout, reason = "the figures are what one wants to know")]
fn assert_quantile_coverage(
    what: &str,
    mut scenario: Scenario,
    experiments: u64,
    stat: fn(&Summary) -> Stat,
    truth: f64,
) {
    let holds = |seed: &u64| {
        scenario.simulation.seed = *seed;
        let run = experiment::run(&scenario, NonZeroUsize::MIN, &(), None).expect("it runs");
        let stat = stat(&run.result.summary);
        (stat.mean - truth).abs() <= stat.half_width.expect("an interval")
    };
    let coverage = (1..=experiments).filter(holds).count() as f64 / experiments as f64;
    println!("{what}: {coverage}");
    assert!((0.93..=0.995).contains(&coverage), "{what}: {coverage}");
}

#[test]
fn of_replications_a_ratio() {
    let lost = queueing::erlang_b(5, 4.0);
    let known: [Known; 2] = [("lost", rejected, lost), ("busy", busy, 4.0 * (1.0 - lost))];
    assert_coverage("Erlang loss", loss("horizon = \"330s\"\nwarm-up = \"30s\"\nreplications = 10"), &known);
}

#[test]
fn of_the_stopping_rule() {
    let simulation = "horizon = \"230s\"\nwarm-up = \"30s\"\nprecision.metrics = { rejection_ratio = \"10%\" }";
    let known: [Known; 1] = [("lost", rejected, queueing::erlang_b(5, 4.0))];
    let summaries = assert_coverage("Erlang loss until 10 %", loss(simulation), &known);
    let replications: Vec<u32> = summaries.iter().map(|summary| summary.replications).collect();
    assert!(replications.iter().any(|runs| *runs < 20) && replications.iter().any(|runs| *runs > 30), "it does stop");
    let reached = summaries.iter().filter_map(|summary| summary.evidence.precision.as_ref());
    assert!(reached.flat_map(|found| &found.metrics).all(|metric| metric.met));
}

#[test]
fn of_batch_means() {
    let simulation = "horizon = \"25100s\"\nwarm-up = \"100s\"\nintervals = \"batch-means\"";
    let known: [Known; 2] = [("wait", wait, queueing::mmc_wait_mean(1, 0.3, 1.0)), ("busy", busy, 0.3)];
    let summaries = assert_coverage("M/M/1 in batches", mm1(0.3, simulation), &known);
    // Batches of 1,000 s are long beside the 5 s in which the queue forgets: the checks seldom complain. Of two checks
    // that err once in twenty times each, one does in at most a tenth.
    let batches = |summary: &Summary| summary.evidence.batch_means.clone().expect("batches");
    let suspected = summaries.iter().filter(|summary| !batches(summary).is_independent).count();
    assert!(suspected < 160, "{suspected} of {EXPERIMENTS}");
    // At nine tenths of its capacity it takes six minutes to forget: batches of 80 s depend on each other, and that is said.
    let mut short = mm1(0.9, "horizon = \"2500s\"\nwarm-up = \"500s\"\nintervals = \"batch-means\"");
    let found = (1..=100).filter(|seed| {
        short.simulation.seed = *seed;
        let run = experiment::run(&short, NonZeroUsize::MIN, &(), None).expect("it runs");
        !batches(&run.result.summary).is_independent
    });
    assert!(found.count() > 70);
}
