//! `kpa_config_vectors.json`: settings resolved or refused, and sample sizes.

use std::collections::BTreeMap;

use forewarm::policy::scaling::knative::annotations::Annotations;
use forewarm::policy::scaling::knative::config::ConfigMap;
use forewarm::policy::scaling::knative::scrape::sample_size;
use forewarm::policy::scaling::knative::settings::{Aggregation, Metric, Revision, Settings};
use forewarm::time::Span;
use serde::Deserialize;

use super::lifecycle::{entries, reachability};
use super::{Comparison, aggregation, load};

const FILE: &str = "kpa_config_vectors.json";

#[derive(Deserialize)]
struct File {
    configs: Vec<Case>,
    sample_size: Vec<Sample>,
}

#[derive(Deserialize)]
struct Case {
    id: u64,
    config_map: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    container_concurrency: u32,
    reachability: String,
    config_error: bool,
    expect: Option<Expect>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expect {
    activation_scale: i32,
    activator_capacity: f64,
    #[serde(deserialize_with = "named_aggregation")]
    aggregation: Aggregation,
    initial_scale: i32,
    max_scale: i32,
    max_scale_down_rate: f64,
    max_scale_up_rate: f64,
    metric: String,
    min_scale: i32,
    panic_threshold: f64,
    panic_window_ms: u64,
    reachable: bool,
    scale_down_delay_ms: u64,
    stable_window_ms: u64,
    target_burst_capacity: f64,
    target_value: f64,
    total_value: f64,
}

fn named_aggregation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Aggregation, D::Error> {
    String::deserialize(deserializer).map(|name| aggregation(&name))
}

impl From<&Settings> for Expect {
    fn from(settings: &Settings) -> Self {
        let (decider, metric, lifecycle) = (&settings.decider, &settings.metric, &settings.lifecycle);
        let millis = |span: Span| span.as_nanos() / 1_000_000;
        assert_eq!(decider.stable_window, metric.stable_window);
        Self {
            activation_scale: decider.activation_scale,
            activator_capacity: decider.activator_capacity,
            aggregation: metric.aggregation,
            initial_scale: decider.initial_scale,
            max_scale: lifecycle.max_scale,
            max_scale_down_rate: decider.max_scale_down_rate,
            max_scale_up_rate: decider.max_scale_up_rate,
            metric: match decider.metric {
                Metric::Concurrency => "concurrency",
                Metric::Rps => "rps",
            }
            .to_owned(),
            min_scale: lifecycle.min_scale,
            panic_threshold: decider.panic_threshold,
            panic_window_ms: millis(metric.panic_window),
            reachable: decider.reachable,
            scale_down_delay_ms: millis(decider.scale_down_delay),
            stable_window_ms: millis(metric.stable_window),
            target_burst_capacity: decider.target_burst_capacity,
            target_value: decider.target_value,
            total_value: decider.total_value,
        }
    }
}

#[test]
fn vectors_of_settings() {
    let mut comparison = Comparison::new(FILE, "settings");
    for case in load::<File>(FILE).configs {
        comparison.sequences += 1;
        let name = format!("config {}", case.id);
        let revision = Revision {
            container_concurrency: case.container_concurrency,
            reachability: reachability(&case.reachability),
            ..Revision::default()
        };
        let config = ConfigMap::from_entries(entries(&case.config_map));
        comparison.equal(&name, 0, &config.is_err(), &case.config_error);
        let Ok(config) = config else { continue };
        let annotations = Annotations::from_entries(entries(&case.annotations)).expect("readable");
        let settings = Settings::resolve(&config, &annotations, &revision);
        comparison.equal(&name, 0, &Some(Expect::from(&settings)), &case.expect);
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct Sample {
    pods: usize,
    sample: usize,
}

#[test]
fn vectors_of_sample_sizes() {
    let mut comparison = Comparison::new(FILE, "sample sizes");
    for case in load::<File>(FILE).sample_size {
        comparison.sequences += 1;
        comparison.equal("sample size", case.pods, &sample_size(case.pods), &case.sample);
    }
    comparison.finish();
}
