//! `kpa_vectors.json` and `kpa_oracle_vectors.json`: single ticks of the decider.

use forewarm::policy::scaling::knative::annotations::Annotations;
use forewarm::policy::scaling::knative::config::ConfigMap;
use forewarm::policy::scaling::knative::decider::{Decider, Observed};
use forewarm::policy::scaling::knative::reconciler::apply_bounds;
use forewarm::policy::scaling::knative::settings::{Metric, Revision, Settings};
use forewarm::policy::scaling::replay::{Conditions, Gauge, Recorded};
use forewarm::rng::Streams;
use forewarm::time::{SimTime, Span};
use serde::Deserialize;

use super::{Comparison, Config, at, load, millis};

#[derive(Deserialize)]
struct File {
    #[serde(alias = "cases")]
    sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Sequence {
    id: u64,
    name: String,
    config: Config,
    create: Create,
    after_create: Panic,
    ticks: Vec<Tick>,
    #[serde(default)]
    min_scale: i32,
    #[serde(default)]
    max_scale: i32,
}

#[derive(Deserialize)]
pub(super) struct Create {
    pub(super) t_ms: u64,
    pub(super) ready: i32,
    err: Option<String>,
}

impl Create {
    /// Pods that cannot be counted at creation are taken as none.
    pub(super) fn pods(&self) -> i32 {
        if self.err.is_some() { 0 } else { self.ready }
    }
}

#[derive(Deserialize)]
struct Tick {
    t_ms: u64,
    stable: f64,
    panic: f64,
    ready: i32,
    err: Option<String>,
    update: Option<Config>,
    expect: Expect,
}

/// What the decider decided; the numbers of an invalid tick mean nothing.
#[derive(Deserialize)]
pub(super) struct Expect {
    pub(super) valid: bool,
    pub(super) desired: i32,
    pub(super) ebc: i32,
    #[serde(flatten)]
    pub(super) panic: Panic,
    applied: Option<i32>,
}

#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Panic {
    panic: bool,
    panic_since_ms: Option<u64>,
    max_panic_pods: i32,
}

impl Panic {
    pub(super) fn of(decider: &Decider) -> Self {
        let since = decider.panic_since().map(millis);
        Self { panic: since.is_some(), panic_since_ms: since, max_panic_pods: decider.max_panic_pods() }
    }
}

#[test]
fn vectors_of_named_decisions() {
    compare("kpa_vectors.json");
}

#[test]
fn vectors_of_random_decisions() {
    compare("kpa_oracle_vectors.json");
}

fn compare(file: &'static str) {
    let mut comparison = Comparison::new(file, "decisions");
    for sequence in load::<File>(file).sequences {
        comparison.sequences += 1;
        let name = format!("{} {}", sequence.id, sequence.name);
        let create = &sequence.create;
        let mut decider = Decider::new(sequence.config.decider(), at(create.t_ms), create.pods());
        comparison.equal(&name, 0, &Panic::of(&decider), &sequence.after_create);
        for (number, tick) in sequence.ticks.iter().enumerate() {
            if let Some(config) = &tick.update {
                decider.update(config.decider());
            }
            let (ready, data) = match tick.err.as_deref() {
                None => (Some(tick.ready), true),
                Some("pods_not_found") => (Some(0), true),
                Some("pods_error") => (None, true),
                Some("no_data" | "metric_error") => (Some(tick.ready), false),
                Some(other) => panic!("unknown error {other}"),
            };
            let observed = data.then_some(Observed { stable: tick.stable, panic: tick.panic });
            let decision = decider.scale(at(tick.t_ms), ready, observed);
            let expect = &tick.expect;
            let got = decision.map(|d| (d.desired, d.excess_burst_capacity));
            comparison.equal(&name, number, &got, &expect.valid.then_some((expect.desired, expect.ebc)));
            comparison.equal(&name, number, &Panic::of(&decider), &expect.panic);
            if let (Some(applied), Some(decision)) = (expect.applied, decision) {
                let got = apply_bounds(sequence.min_scale, sequence.max_scale, decision.desired);
                comparison.equal(&name, number, &got, &applied);
            }
        }
    }
    comparison.finish();
}

/// The same decisions on recorded averages, as `forewarm backtest` sees them: of each sequence as far as it ticks on its clock and
/// keeps its settings.
#[test]
fn vectors_of_decisions_on_recorded_metrics() {
    let mut compared = 0;
    for file in ["kpa_vectors.json", "kpa_oracle_vectors.json"] {
        for sequence in load::<File>(file).sequences {
            let name = format!("{file} {} {}", sequence.id, sequence.name);
            let start = sequence.create.t_ms;
            let mut settings = Settings::resolve(&ConfigMap::default(), &Annotations::default(), &Revision::default());
            settings.decider = sequence.config.decider();
            settings.lifecycle.min_scale = sequence.min_scale;
            settings.lifecycle.max_scale = sequence.max_scale;
            // Other rules decide about zero and about the initial scale, which are not in these data.
            settings.lifecycle.enable_scale_to_zero = false;
            if settings.decider.initial_scale > 1 || sequence.create.err.is_some() {
                continue;
            }
            let averages = match settings.decider.metric {
                Metric::Concurrency => [Gauge::StableConcurrency, Gauge::PanicConcurrency],
                Metric::Rps => [Gauge::StableRate, Gauge::PanicRate],
            };
            let clock = Some(Span::from_millis(start));
            let stream = |purpose| Streams::new(1, 0).stream("f", purpose);
            let conditions =
                Conditions { per_instance: 1, limit: i32::MAX as u32, start: clock, has: &|_| true, stream: &stream };
            let mut policy = settings.replay(&conditions).expect("all is recorded");
            let at = |t_ms: u64| SimTime::ZERO + Span::from_millis(t_ms - start);
            let mut recorded = Recorded::default();
            recorded.set(Gauge::Ready, f64::from(sequence.create.ready));
            policy.observe(at(start), &recorded);
            policy.decide(at(start), None);
            let mut next = start + 2_000;
            for tick in &sequence.ticks {
                if tick.t_ms < next || tick.update.is_some() || tick.err.is_some() {
                    break;
                }
                next += 2_000 * ((tick.t_ms - next) / 2_000 + 1);
                recorded.set(Gauge::Ready, f64::from(tick.ready));
                recorded.set(averages[0], tick.stable);
                recorded.set(averages[1], tick.panic);
                policy.observe(at(tick.t_ms), &recorded);
                let decided = policy.decide(at(tick.t_ms), None).map(|pods| pods as i32);
                let expected = apply_bounds(sequence.min_scale, sequence.max_scale, tick.expect.desired).max(1);
                assert_eq!(decided, Some(expected), "{name} at {} ms", tick.t_ms - start);
                compared += 1;
            }
        }
    }
    assert!(compared >= 872, "{compared} decisions");
}
