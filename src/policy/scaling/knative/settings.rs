//! The settings of one revision, resolved from the cluster's config map, the revision's annotations and its own limits.

use super::REPORT_INTERVAL;
use super::annotations::Annotations;
use super::config::{ConfigMap, MIN_TARGET};
use crate::time::Span;

/// What is measured and compared with the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Requests in progress, including queued ones.
    #[default]
    Concurrency,
    /// Requests per second.
    Rps,
}

/// How a window is averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// All buckets have the same weight.
    #[default]
    Linear,
    /// The most recent bucket has the largest weight; each older one is smaller by a constant factor.
    WeightedExponential,
}

/// Whether any route points to the revision. Unknown is treated like reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// Not known yet.
    #[default]
    Unknown,
    /// At least one route does.
    Reachable,
    /// No route does, or its containers fail and no pod is ready.
    Unreachable,
}

/// Settings of a revision besides its annotations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revision {
    /// Container concurrency: requests that a pod handles at once; 0: no limit.
    pub container_concurrency: u32,
    /// Whether any route points to it.
    pub reachability: Reachability,
    /// How long its first pods may take, unless an annotation says otherwise.
    pub progress_deadline: Span,
}

impl Default for Revision {
    fn default() -> Self {
        Self { container_concurrency: 0, reachability: Reachability::Unknown, progress_deadline: Span::from_secs(600) }
    }
}

/// The settings of the decider.
#[derive(Clone, Debug, PartialEq)]
pub struct DeciderSpec {
    /// The metric it scales on.
    pub metric: Metric,
    /// Target value of the metric per pod: `max(0.01, total_value * utilization)`.
    pub target_value: f64,
    /// Maximum value of the metric that a pod can handle.
    pub total_value: f64,
    /// See [`ConfigMap::target_burst_capacity`].
    pub target_burst_capacity: f64,
    /// Concurrency that one activator handles.
    pub activator_capacity: f64,
    /// Desired over ready pods at which it enters panic mode.
    pub panic_threshold: f64,
    /// How long a panic lasts after the last tick above the threshold.
    pub stable_window: Span,
    /// See [`ConfigMap::scale_down_delay`].
    pub scale_down_delay: Span,
    /// See [`ConfigMap::max_scale_up_rate`].
    pub max_scale_up_rate: f64,
    /// See [`ConfigMap::max_scale_down_rate`].
    pub max_scale_down_rate: f64,
    /// Whether any route may point to the revision.
    pub reachable: bool,
    /// Minimum number of pods while there is any load; 0 and 1 have no effect.
    pub activation_scale: i32,
    /// Initial number of pods.
    pub initial_scale: i32,
}

/// The settings of the metric collector.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSpec {
    /// The longer window.
    pub stable_window: Span,
    /// The shorter window: a percentage of the stable one, rounded to whole seconds, at least 1 s.
    pub panic_window: Span,
    /// How both are averaged.
    pub aggregation: Aggregation,
    /// Whether pods are scraped. With a target burst capacity of -1, all requests are reported by activators.
    pub scrape: bool,
}

/// The settings of the reconciler, besides those of the decider.
#[derive(Clone, Debug, PartialEq)]
pub struct LifecycleSpec {
    /// Minimum number of pods; 0 for an unreachable revision.
    pub min_scale: i32,
    /// Maximum number of pods; 0: no limit.
    pub max_scale: i32,
    /// Whether it may scale to zero.
    pub enable_scale_to_zero: bool,
    /// See [`ConfigMap::scale_to_zero_grace_period`].
    pub grace_period: Span,
    /// See [`ConfigMap::scale_to_zero_pod_retention_period`]; 0 for an unreachable revision.
    pub last_pod_retention: Span,
    /// How long the first pods may take to become ready.
    pub progress_deadline: Span,
}

/// All settings of a revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// For the decider.
    pub decider: DeciderSpec,
    /// For the metric collector.
    pub metric: MetricSpec,
    /// For the reconciler.
    pub lifecycle: LifecycleSpec,
}

impl Settings {
    /// The settings of `revision` with `annotations` in a cluster with `config`.
    ///
    /// Source: `MakeDecider`, `MakeMetric` and `ResolveMetricTarget` of knative/serving.
    #[must_use]
    pub fn resolve(config: &ConfigMap, annotations: &Annotations, revision: &Revision) -> Self {
        let (target_value, total_value) = resolve_target(config, annotations, revision);
        let reachable = revision.reachability != Reachability::Unreachable;
        let stable_window = annotations.window.unwrap_or(config.stable_window);
        let panic_percentage = annotations.panic_window_percentage.unwrap_or(config.panic_window_percentage);
        let target_burst_capacity = annotations.target_burst_capacity.unwrap_or(config.target_burst_capacity);
        let retention =
            annotations.scale_to_zero_pod_retention_period.unwrap_or(config.scale_to_zero_pod_retention_period);
        Self {
            decider: DeciderSpec {
                metric: annotations.metric.unwrap_or_default(),
                target_value,
                total_value,
                target_burst_capacity,
                activator_capacity: config.activator_capacity,
                panic_threshold: annotations.panic_threshold_percentage.unwrap_or(config.panic_threshold_percentage)
                    / 100.0,
                stable_window,
                scale_down_delay: annotations.scale_down_delay.unwrap_or(config.scale_down_delay),
                max_scale_up_rate: config.max_scale_up_rate,
                max_scale_down_rate: config.max_scale_down_rate,
                reachable,
                activation_scale: annotations.activation_scale.unwrap_or(0),
                initial_scale: annotations
                    .initial_scale
                    .filter(|scale| *scale != 0 || config.allow_zero_initial_scale)
                    .unwrap_or(config.initial_scale),
            },
            metric: MetricSpec {
                stable_window,
                panic_window: panic_window(stable_window, panic_percentage),
                aggregation: annotations.metric_aggregation_algorithm.unwrap_or_default(),
                scrape: target_burst_capacity != -1.0,
            },
            lifecycle: LifecycleSpec {
                min_scale: if reachable { annotations.min_scale.unwrap_or(config.min_scale) } else { 0 },
                max_scale: annotations.max_scale.unwrap_or(config.max_scale),
                enable_scale_to_zero: config.enable_scale_to_zero,
                grace_period: config.scale_to_zero_grace_period,
                last_pod_retention: if reachable { retention } else { Span::ZERO },
                progress_deadline: annotations.progress_deadline.unwrap_or(revision.progress_deadline),
            },
        }
    }
}

/// The utilization of the rps metric; only an annotation can change it.
const RPS_UTILIZATION: f64 = 0.7;

/// (target, total) of the metric.
fn resolve_target(config: &ConfigMap, annotations: &Annotations, revision: &Revision) -> (f64, f64) {
    let limit = f64::from(revision.container_concurrency);
    let (mut total, mut utilization) = match annotations.metric.unwrap_or_default() {
        Metric::Rps => (config.requests_per_second_target_default, RPS_UTILIZATION),
        Metric::Concurrency => (
            if limit == 0.0 { config.container_concurrency_target_default } else { limit },
            config.container_concurrency_target_fraction,
        ),
    };
    if let Some(target) = annotations.target {
        let limited = annotations.metric.unwrap_or_default() == Metric::Concurrency && limit != 0.0;
        total = if limited { target.min(limit) } else { target };
    }
    if let Some(percentage) = annotations.target_utilization_percentage {
        utilization = percentage / 100.0;
    }
    ((total * utilization).max(MIN_TARGET), total)
}

/// `stable * percentage / 100`, to the nearest second (half up), at least one bucket.
fn panic_window(stable: Span, percentage: f64) -> Span {
    let nanos = Span::from_nanos_f64_saturating(stable.as_nanos() as f64 * percentage / 100.0).as_nanos();
    let second = REPORT_INTERVAL.as_nanos();
    let rounded = (nanos / second + u64::from(nanos % second >= second / 2)) * second;
    Span::from_nanos(rounded).max(REPORT_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(annotations: &Annotations, container_concurrency: u32) -> Settings {
        let revision = Revision { container_concurrency, ..Revision::default() };
        Settings::resolve(&ConfigMap::default(), annotations, &revision)
    }

    #[test]
    fn the_target_of_a_pod() {
        for (container_concurrency, target, metric, expected) in [
            (0, None, Metric::Concurrency, (70.0, 100.0)),
            (1, None, Metric::Concurrency, (0.7, 1.0)),
            (10, Some(150.0), Metric::Concurrency, (7.0, 10.0)),
            (10, Some(4.0), Metric::Concurrency, (2.8, 4.0)),
            (0, Some(150.0), Metric::Concurrency, (105.0, 150.0)),
            (0, Some(0.01), Metric::Concurrency, (0.01, 0.01)),
            (1, None, Metric::Rps, (140.0, 200.0)),
            (1, Some(10.0), Metric::Rps, (7.0, 10.0)),
        ] {
            let annotations = Annotations { metric: Some(metric), target, ..Annotations::default() };
            let decider = resolve(&annotations, container_concurrency).decider;
            assert!((decider.target_value - expected.0).abs() < 1e-12, "{annotations:?}: {}", decider.target_value);
            assert_eq!(decider.total_value, expected.1, "{annotations:?}");
        }
    }

    #[test]
    fn the_panic_window_rounds_half_up() {
        for (stable, percentage, expected) in [(60, 10.0, 6), (45, 10.0, 5), (6, 1.0, 1), (44, 10.0, 4), (6, 100.0, 6)]
        {
            assert_eq!(panic_window(Span::from_secs(stable), percentage), Span::from_secs(expected), "{stable}");
        }
    }

    #[test]
    fn an_unreachable_revision_keeps_nothing_alive() {
        let annotations = Annotations {
            min_scale: Some(3),
            scale_to_zero_pod_retention_period: Some(Span::from_secs(60)),
            ..Annotations::default()
        };
        let revision = Revision { reachability: Reachability::Unreachable, ..Revision::default() };
        let lifecycle = Settings::resolve(&ConfigMap::default(), &annotations, &revision).lifecycle;
        assert_eq!((lifecycle.min_scale, lifecycle.last_pod_retention), (0, Span::ZERO));
        assert_eq!(resolve(&annotations, 0).lifecycle.min_scale, 3);
    }

    #[test]
    fn an_initial_scale_of_zero_needs_permission() {
        let annotations = Annotations { initial_scale: Some(0), ..Annotations::default() };
        assert_eq!(resolve(&annotations, 0).decider.initial_scale, 1);
        let config = ConfigMap { allow_zero_initial_scale: true, ..ConfigMap::default() };
        assert_eq!(Settings::resolve(&config, &annotations, &Revision::default()).decider.initial_scale, 0);
    }

    #[test]
    fn an_activator_always_in_the_path_ends_scraping() {
        let annotations = Annotations { target_burst_capacity: Some(-1.0), ..Annotations::default() };
        assert!(!resolve(&annotations, 0).metric.scrape);
    }
}
