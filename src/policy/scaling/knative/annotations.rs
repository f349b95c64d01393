//! The settings of one revision: its `autoscaling.knative.dev/` annotations.

use super::config::{
    BURST_CAPACITY, ConfigMap, MAX_WINDOW, MIN_TARGET, MIN_WINDOW, Rejection, WHOLE_SECONDS, is_burst_capacity,
    is_whole_seconds, read_count, read_number, read_span,
};
use super::settings::{Aggregation, Metric};
use crate::time::Span;

/// The prefix of the scaling annotations.
pub const PREFIX: &str = "autoscaling.knative.dev/";

/// The settings of a revision; what is absent comes from the [`ConfigMap`].
///
/// Source: `pkg/apis/autoscaling` of knative/serving. Every field is the annotation of the same name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    /// What is measured.
    pub metric: Option<Metric>,
    /// How it is averaged.
    pub metric_aggregation_algorithm: Option<Aggregation>,
    /// Target value of the metric per pod.
    pub target: Option<f64>,
    /// Percentage of the target to aim for.
    pub target_utilization_percentage: Option<f64>,
    /// See [`ConfigMap::target_burst_capacity`].
    pub target_burst_capacity: Option<f64>,
    /// The stable window.
    pub window: Option<Span>,
    /// See [`ConfigMap::panic_window_percentage`].
    pub panic_window_percentage: Option<f64>,
    /// See [`ConfigMap::panic_threshold_percentage`].
    pub panic_threshold_percentage: Option<f64>,
    /// See [`ConfigMap::scale_down_delay`].
    pub scale_down_delay: Option<Span>,
    /// See [`ConfigMap::scale_to_zero_pod_retention_period`].
    pub scale_to_zero_pod_retention_period: Option<Span>,
    /// See [`ConfigMap::initial_scale`].
    pub initial_scale: Option<i32>,
    /// See [`ConfigMap::min_scale`].
    pub min_scale: Option<i32>,
    /// See [`ConfigMap::max_scale`].
    pub max_scale: Option<i32>,
    /// Minimum number of pods while there is any load.
    pub activation_scale: Option<i32>,
    /// How long the first pods may take (`serving.knative.dev/progress-deadline`).
    pub progress_deadline: Option<Span>,
}

impl Annotations {
    /// Reads annotations; those not about scaling are ignored. The older camel-case keys are accepted too.
    ///
    /// Rejects only values that cannot be read: an object that was stored once is used even if the cluster's rules have
    /// changed since. [`Annotations::check`] has the rules for a new one.
    ///
    /// # Errors
    /// Every value that cannot be read.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Rejection>> {
        let mut annotations = Self::default();
        let unread: Vec<_> = entries.into_iter().filter_map(|(key, text)| annotations.set(key, text).err()).collect();
        if unread.is_empty() { Ok(annotations) } else { Err(unread) }
    }

    /// Everything Knative would reject in a new revision of a cluster with `config`; empty if it accepts it.
    #[must_use]
    pub fn check(&self, config: &ConfigMap) -> Vec<Rejection> {
        let mut refused = Vec::new();
        check_value(&mut refused, "target", self.target, |v| *v >= MIN_TARGET, "must be at least 0.01");
        let percent = |v: &f64| (1.0..=100.0).contains(v);
        let utilization = self.target_utilization_percentage;
        check_value(&mut refused, "target-utilization-percentage", utilization, percent, "must be in [1, 100]");
        let panic_window = self.panic_window_percentage;
        check_value(&mut refused, "panic-window-percentage", panic_window, percent, "must be in [1, 100]");
        check_value(
            &mut refused,
            "panic-threshold-percentage",
            self.panic_threshold_percentage,
            |v| (110.0..=1000.0).contains(v),
            "must be in [110, 1000]",
        );
        let burst = self.target_burst_capacity;
        check_value(&mut refused, "target-burst-capacity", burst, |v| is_burst_capacity(*v), BURST_CAPACITY);
        let in_range = |v: &Span| (MIN_WINDOW..=MAX_WINDOW).contains(v);
        check_value(&mut refused, "window", self.window, in_range, "must be in [6s, 1h]");
        check_value(&mut refused, "window", self.window, |v| is_whole_seconds(*v), WHOLE_SECONDS);
        let delay = self.scale_down_delay;
        check_value(&mut refused, "scale-down-delay", delay, |v| *v <= MAX_WINDOW, "must be in [0s, 1h]");
        check_value(&mut refused, "scale-down-delay", delay, |v| is_whole_seconds(*v), WHOLE_SECONDS);
        check_value(
            &mut refused,
            "scale-to-zero-pod-retention-period",
            self.scale_to_zero_pod_retention_period,
            |v| *v <= MAX_WINDOW,
            "must be in [0s, 1h]",
        );
        check_value(
            &mut refused,
            "initial-scale",
            self.initial_scale,
            |v| *v > 0 || *v == 0 && config.allow_zero_initial_scale,
            "must be at least 1, or 0 if the cluster has allow-zero-initial-scale",
        );
        self.check_bounds(config, &mut refused);
        refused
    }

    fn check_bounds(&self, config: &ConfigMap, refused: &mut Vec<Rejection>) {
        let (min, max) = (self.min_scale.unwrap_or(0), self.max_scale.unwrap_or(0));
        check_value(refused, "min-scale", self.min_scale, |v| *v >= 0, "must be at least 0");
        check_value(refused, "max-scale", self.max_scale, |v| *v >= 0, "must be at least 0");
        check_value(refused, "max-scale", self.max_scale, |v| *v == 0 || *v >= min, "must not be below min-scale");
        check_value(
            refused,
            "max-scale",
            self.max_scale,
            |v| config.max_scale_limit == 0 || (1..=config.max_scale_limit).contains(v),
            "must be in [1, max-scale-limit] of the cluster",
        );
        let activation = self.activation_scale;
        check_value(refused, "activation-scale", activation, |v| *v >= 2, "must be at least 2");
        check_value(refused, "activation-scale", activation, |v| *v >= min, "must not be below min-scale");
        check_value(refused, "activation-scale", activation, |v| max == 0 || *v <= max, "must not be above max-scale");
    }

    fn set(&mut self, key: &str, text: &str) -> Result<(), Rejection> {
        if key == "serving.knative.dev/progress-deadline" {
            self.progress_deadline = Some(read_span(key, text)?);
            return Ok(());
        }
        let Some(name) = key.strip_prefix(PREFIX) else { return Ok(()) };
        match kebab_case(name).as_str() {
            "metric" => {
                self.metric = Some(match text {
                    "concurrency" => Metric::Concurrency,
                    "rps" => Metric::Rps,
                    _ => return Err(Rejection::new(key.to_owned(), text, "must be concurrency or rps for this class")),
                });
            }
            "metric-aggregation-algorithm" => {
                self.metric_aggregation_algorithm = Some(match text {
                    "" | "linear" => Aggregation::Linear,
                    "weighted-exponential" | "weightedExponential" => Aggregation::WeightedExponential,
                    _ => return Err(Rejection::new(key.to_owned(), text, "must be linear or weighted-exponential")),
                });
            }
            "target" => self.target = Some(read_number(key, text)?),
            "target-utilization-percentage" => self.target_utilization_percentage = Some(read_number(key, text)?),
            "target-burst-capacity" => self.target_burst_capacity = Some(read_number(key, text)?),
            "window" => self.window = Some(read_span(key, text)?),
            "panic-window-percentage" => self.panic_window_percentage = Some(read_number(key, text)?),
            "panic-threshold-percentage" => self.panic_threshold_percentage = Some(read_number(key, text)?),
            "scale-down-delay" => self.scale_down_delay = Some(read_span(key, text)?),
            "scale-to-zero-pod-retention-period" => {
                self.scale_to_zero_pod_retention_period = Some(read_span(key, text)?);
            }
            "initial-scale" => self.initial_scale = Some(read_count(key, text)?),
            "min-scale" => self.min_scale = Some(read_count(key, text)?),
            "max-scale" => self.max_scale = Some(read_count(key, text)?),
            "activation-scale" => self.activation_scale = Some(read_count(key, text)?),
            _ => {}
        }
        Ok(())
    }
}

fn check_value<T: ToString + std::fmt::Display>(
    refused: &mut Vec<Rejection>,
    key: &'static str,
    value: Option<T>,
    holds: impl Fn(&T) -> bool,
    rule: &'static str,
) {
    if let Some(value) = value.filter(|value| !holds(value)) {
        refused.push(Rejection::new(format!("{PREFIX}{key}"), value, rule));
    }
}

/// `targetUtilizationPercentage` and `target-utilization-percentage` are the same annotation.
fn kebab_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&'static str, &'static str)]) -> Annotations {
        let keys: Vec<String> = entries.iter().map(|(key, _)| format!("{PREFIX}{key}")).collect();
        Annotations::from_entries(keys.iter().map(String::as_str).zip(entries.iter().map(|(_, text)| *text)))
            .expect("readable")
    }

    #[test]
    fn both_spellings_and_foreign_keys() {
        assert_eq!(read(&[("minScale", "3")]), read(&[("min-scale", "3")]));
        assert_eq!(Annotations::from_entries([("app.kubernetes.io/name", "x")]), Ok(Annotations::default()));
        let unread = Annotations::from_entries([("autoscaling.knative.dev/metric", "cpu")]).expect_err("refused");
        assert!(unread[0].to_string().contains("concurrency or rps"), "{}", unread[0]);
    }

    #[test]
    fn what_knative_refuses_is_refused_with_its_rule() {
        let config = ConfigMap { max_scale_limit: 20, max_scale: 20, ..ConfigMap::default() };
        for (entries, rule) in [
            (&[("target", "0.001")][..], "at least 0.01"),
            (&[("target-utilization-percentage", "0.5")], "[1, 100]"),
            (&[("panic-window-percentage", "101")], "[1, 100]"),
            (&[("panic-threshold-percentage", "109")], "[110, 1000]"),
            (&[("target-burst-capacity", "-2")], "or -1"),
            (&[("window", "5s")], "[6s, 1h]"),
            (&[("window", "6500ms")], "whole seconds"),
            (&[("scale-down-delay", "61m")], "[0s, 1h]"),
            (&[("scale-down-delay", "500ms")], "whole seconds"),
            (&[("scale-to-zero-pod-retention-period", "2h")], "[0s, 1h]"),
            (&[("initial-scale", "0")], "allow-zero-initial-scale"),
            (&[("min-scale", "-1")], "at least 0"),
            (&[("min-scale", "5"), ("max-scale", "4")], "not be below min-scale"),
            (&[("max-scale", "21")], "[1, max-scale-limit]"),
            (&[("max-scale", "0")], "[1, max-scale-limit]"),
            (&[("activation-scale", "1")], "at least 2"),
            (&[("activation-scale", "5"), ("max-scale", "4")], "not be above max-scale"),
            (&[("activation-scale", "2"), ("min-scale", "3")], "not be below min-scale"),
        ] {
            let messages: Vec<_> = read(entries).check(&config).iter().map(ToString::to_string).collect();
            assert!(messages.iter().any(|m| m.contains(rule)), "{entries:?}: {messages:?}");
        }
        assert!(read(&[("min-scale", "2"), ("max-scale", "20"), ("activation-scale", "5")]).check(&config).is_empty());
    }
}
