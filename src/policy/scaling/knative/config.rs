//! The cluster-wide settings: the config map `config-autoscaler`.

use std::borrow::Cow;
use std::fmt;

use crate::time::Span;

/// Minimum target of a metric, and of every value that a target is computed from.
pub const MIN_TARGET: f64 = 0.01;
/// The shortest stable window.
pub const MIN_WINDOW: Span = Span::from_secs(6);
/// The longest stable window, scale-down delay and last-pod retention.
pub const MAX_WINDOW: Span = Span::from_secs(3600);

/// A setting that Knative would reject, with its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value}: {rule}")]
pub struct Rejection {
    /// The key as Knative spells it.
    pub key: Cow<'static, str>,
    /// The rejected value.
    pub value: String,
    /// The rule that it violates.
    pub rule: Cow<'static, str>,
}

impl Rejection {
    pub(super) fn new(key: impl Into<Cow<'static, str>>, value: impl fmt::Display, rule: &'static str) -> Self {
        Self { key: key.into(), value: value.to_string(), rule: Cow::Borrowed(rule) }
    }
}

/// The settings of a cluster. [`Default`] is Knative's.
///
/// Source: `pkg/autoscaler/config` of knative/serving. Every field is the key of the same name; times are [`Span`]s,
/// percentages as written except where noted.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigMap {
    /// Share of a pod's concurrency to aim for, as a *fraction* (written as 70 or as 0.7).
    pub container_concurrency_target_fraction: f64,
    /// Concurrency of a pod that has no limit of its own.
    pub container_concurrency_target_default: f64,
    /// Requests per second that a pod is assumed to serve.
    pub requests_per_second_target_default: f64,
    /// Burst that must be absorbed without the activator; 0 only at zero scale, -1 always through the activator.
    pub target_burst_capacity: f64,
    /// The window of the stable average.
    pub stable_window: Span,
    /// The panic window in percent of the stable window.
    pub panic_window_percentage: f64,
    /// Desired pods, in percent of the ready pods, at which it enters panic mode.
    pub panic_threshold_percentage: f64,
    /// Maximum number of desired pods, as a multiple of the ready pods.
    pub max_scale_up_rate: f64,
    /// Minimum number of desired pods, as a fraction 1/rate of the ready pods.
    pub max_scale_down_rate: f64,
    /// Whether it may scale to zero.
    pub enable_scale_to_zero: bool,
    /// How long the activator must have been in the path before the last pod is removed.
    pub scale_to_zero_grace_period: Span,
    /// How long the last pod is kept after the revision became inactive.
    pub scale_to_zero_pod_retention_period: Span,
    /// How long a decrease must have been recommended before it is applied.
    pub scale_down_delay: Span,
    /// Concurrency that one activator handles.
    pub activator_capacity: f64,
    /// Pods a new revision starts with, and must reach once.
    pub initial_scale: i32,
    /// Whether an initial scale of zero is allowed.
    pub allow_zero_initial_scale: bool,
    /// Minimum number of pods of a reachable revision.
    pub min_scale: i32,
    /// Maximum number of pods of a revision; 0: no limit.
    pub max_scale: i32,
    /// The largest `max-scale` that can be set; 0: no limit.
    pub max_scale_limit: i32,
}

impl Default for ConfigMap {
    fn default() -> Self {
        Self {
            container_concurrency_target_fraction: 0.7,
            container_concurrency_target_default: 100.0,
            requests_per_second_target_default: 200.0,
            target_burst_capacity: 211.0,
            stable_window: Span::from_secs(60),
            panic_window_percentage: 10.0,
            panic_threshold_percentage: 200.0,
            max_scale_up_rate: 1000.0,
            max_scale_down_rate: 2.0,
            enable_scale_to_zero: true,
            scale_to_zero_grace_period: Span::from_secs(30),
            scale_to_zero_pod_retention_period: Span::ZERO,
            scale_down_delay: Span::ZERO,
            activator_capacity: 100.0,
            initial_scale: 1,
            allow_zero_initial_scale: false,
            min_scale: 0,
            max_scale: 0,
            max_scale_limit: 0,
        }
    }
}

impl ConfigMap {
    /// Reads the entries of a config map over the defaults. Unknown keys are ignored, as in Knative.
    ///
    /// # Errors
    /// Every value that cannot be read, or else everything that [`ConfigMap::check`] rejects.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Rejection>> {
        let mut config = Self::default();
        let unread: Vec<_> = entries.into_iter().filter_map(|(key, text)| config.set(key, text).err()).collect();
        if !unread.is_empty() {
            return Err(unread);
        }
        let refused = config.check();
        if refused.is_empty() { Ok(config) } else { Err(refused) }
    }

    /// Everything Knative would reject in these settings; empty if it accepts them.
    #[must_use]
    pub fn check(&self) -> Vec<Rejection> {
        let mut refused = Vec::new();
        let mut demand = |holds: bool, key: &'static str, value: &dyn fmt::Display, rule: &'static str| {
            if !holds {
                refused.push(Rejection::new(key, value, rule));
            }
        };
        let fraction = self.container_concurrency_target_fraction;
        demand(
            self.scale_to_zero_grace_period > Span::ZERO,
            "scale-to-zero-grace-period",
            &self.scale_to_zero_grace_period,
            "must be positive",
        );
        demand(is_whole_seconds(self.scale_down_delay), "scale-down-delay", &self.scale_down_delay, WHOLE_SECONDS);
        demand(
            is_burst_capacity(self.target_burst_capacity),
            "target-burst-capacity",
            &self.target_burst_capacity,
            BURST_CAPACITY,
        );
        demand(
            fraction > 0.0 && fraction <= 1.0,
            "container-concurrency-target-percentage",
            &fraction,
            "must be in (0, 100] percent (values up to 1 are taken as a fraction)",
        );
        demand(
            fraction * self.container_concurrency_target_default >= MIN_TARGET,
            "container-concurrency-target-default",
            &self.container_concurrency_target_default,
            "times container-concurrency-target-percentage must be at least 0.01",
        );
        demand(
            self.requests_per_second_target_default >= MIN_TARGET,
            "requests-per-second-target-default",
            &self.requests_per_second_target_default,
            "must be at least 0.01",
        );
        demand(self.activator_capacity >= 1.0, "activator-capacity", &self.activator_capacity, "must be at least 1");
        demand(self.max_scale_up_rate > 1.0, "max-scale-up-rate", &self.max_scale_up_rate, "must be greater than 1");
        demand(
            self.max_scale_down_rate > 1.0,
            "max-scale-down-rate",
            &self.max_scale_down_rate,
            "must be greater than 1",
        );
        demand(
            (MIN_WINDOW..=MAX_WINDOW).contains(&self.stable_window),
            "stable-window",
            &self.stable_window,
            "must be in [6s, 1h]",
        );
        demand(is_whole_seconds(self.stable_window), "stable-window", &self.stable_window, WHOLE_SECONDS);
        demand(
            (1.0..=100.0).contains(&self.panic_window_percentage),
            "panic-window-percentage",
            &self.panic_window_percentage,
            "must be in [1, 100]",
        );
        // Knative has no rule for this one; only values that cannot be compared are rejected.
        demand(
            self.panic_threshold_percentage.is_finite(),
            "panic-threshold-percentage",
            &self.panic_threshold_percentage,
            FINITE,
        );
        demand(
            self.initial_scale > 0 || self.initial_scale == 0 && self.allow_zero_initial_scale,
            "initial-scale",
            &self.initial_scale,
            "must be at least 1, or 0 if allow-zero-initial-scale is true",
        );
        demand(self.max_scale_limit >= 0, "max-scale-limit", &self.max_scale_limit, "must be at least 0");
        demand(self.min_scale >= 0, "min-scale", &self.min_scale, "must be at least 0");
        demand(self.max_scale >= 0, "max-scale", &self.max_scale, "must be at least 0");
        demand(
            self.max_scale_limit <= 0 || (1..=self.max_scale_limit).contains(&self.max_scale),
            "max-scale",
            &self.max_scale,
            "must be in [1, max-scale-limit] if max-scale-limit is set",
        );
        demand(
            self.max_scale <= 0 || self.min_scale <= self.max_scale,
            "min-scale",
            &self.min_scale,
            "must not be above max-scale",
        );
        refused
    }

    fn set(&mut self, key: &str, text: &str) -> Result<(), Rejection> {
        match key {
            "container-concurrency-target-percentage" => {
                let written = read_number(key, text)?;
                self.container_concurrency_target_fraction = if written > 1.0 { written / 100.0 } else { written };
            }
            "container-concurrency-target-default" => {
                self.container_concurrency_target_default = read_number(key, text)?;
            }
            "requests-per-second-target-default" => self.requests_per_second_target_default = read_number(key, text)?,
            "target-burst-capacity" => self.target_burst_capacity = read_number(key, text)?,
            "stable-window" => self.stable_window = read_span(key, text)?,
            "panic-window-percentage" => self.panic_window_percentage = read_number(key, text)?,
            "panic-threshold-percentage" => self.panic_threshold_percentage = read_number(key, text)?,
            "max-scale-up-rate" => self.max_scale_up_rate = read_number(key, text)?,
            "max-scale-down-rate" => self.max_scale_down_rate = read_number(key, text)?,
            "enable-scale-to-zero" => self.enable_scale_to_zero = read_bool(key, text)?,
            "scale-to-zero-grace-period" => self.scale_to_zero_grace_period = read_span(key, text)?,
            "scale-to-zero-pod-retention-period" => self.scale_to_zero_pod_retention_period = read_span(key, text)?,
            "scale-down-delay" => self.scale_down_delay = read_span(key, text)?,
            "activator-capacity" => self.activator_capacity = read_number(key, text)?,
            "initial-scale" => self.initial_scale = read_count(key, text)?,
            "allow-zero-initial-scale" => self.allow_zero_initial_scale = read_bool(key, text)?,
            "min-scale" => self.min_scale = read_count(key, text)?,
            "max-scale" => self.max_scale = read_count(key, text)?,
            "max-scale-limit" => self.max_scale_limit = read_count(key, text)?,
            _ => {}
        }
        Ok(())
    }
}

pub(super) const FINITE: &str = "must be a finite number";
pub(super) const WHOLE_SECONDS: &str = "must be in whole seconds";
pub(super) const BURST_CAPACITY: &str = "must be at least 0, or -1 for the activator always in the path";

pub(super) fn is_burst_capacity(value: f64) -> bool {
    value.is_finite() && (value >= 0.0 || value == -1.0)
}

pub(super) fn is_whole_seconds(span: Span) -> bool {
    span.as_nanos().is_multiple_of(Span::from_secs(1).as_nanos())
}

pub(super) fn read_number(key: &str, text: &str) -> Result<f64, Rejection> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| Rejection::new(key.to_owned(), text, FINITE))
}

pub(super) fn read_count(key: &str, text: &str) -> Result<i32, Rejection> {
    text.parse().map_err(|_| Rejection::new(key.to_owned(), text, "must be a whole number of at most 2147483647"))
}

pub(super) fn read_span(key: &str, text: &str) -> Result<Span, Rejection> {
    if text == "0" {
        return Ok(Span::ZERO);
    }
    text.parse().map_err(|_| {
        Rejection::new(key.to_owned(), text, "must be a duration of at least 0 such as 30s or 1m30s (ns us ms s m h)")
    })
}

fn read_bool(key: &str, text: &str) -> Result<bool, Rejection> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Rejection::new(key.to_owned(), text, "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(entries: &[(&'static str, &'static str)]) -> Vec<String> {
        ConfigMap::from_entries(entries.iter().copied())
            .map_or_else(|refused| refused.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn the_defaults_are_accepted() {
        assert_eq!(ConfigMap::from_entries([]), Ok(ConfigMap::default()));
        assert_eq!(ConfigMap::from_entries([("_example", "text")]), Ok(ConfigMap::default()));
    }

    #[test]
    fn a_percentage_above_one_is_divided() {
        for (text, fraction) in [("70", 0.7), ("0.5", 0.5), ("1", 1.0), ("1.5", 0.015)] {
            let config = ConfigMap::from_entries([("container-concurrency-target-percentage", text)]);
            assert_eq!(config.expect("accepted").container_concurrency_target_fraction, fraction, "{text}");
        }
    }

    #[test]
    fn what_knative_refuses_is_refused_with_its_rule() {
        for (key, value, rule) in [
            ("scale-to-zero-grace-period", "0s", "must be positive"),
            ("scale-to-zero-grace-period", "-1s", "at least 0"),
            ("scale-down-delay", "-5s", "at least 0"),
            ("scale-down-delay", "1500ms", "whole seconds"),
            ("scale-to-zero-pod-retention-period", "-1s", "at least 0"),
            ("target-burst-capacity", "-0.5", "or -1"),
            ("container-concurrency-target-percentage", "101", "(0, 100]"),
            ("container-concurrency-target-percentage", "0", "(0, 100]"),
            ("container-concurrency-target-default", "0.001", "at least 0.01"),
            ("requests-per-second-target-default", "0.005", "at least 0.01"),
            ("activator-capacity", "0.5", "at least 1"),
            ("max-scale-up-rate", "1", "greater than 1"),
            ("max-scale-down-rate", "NaN", "finite"),
            ("stable-window", "5s", "[6s, 1h]"),
            ("stable-window", "90m", "[6s, 1h]"),
            ("stable-window", "10500ms", "whole seconds"),
            ("panic-window-percentage", "0.5", "[1, 100]"),
            ("initial-scale", "0", "allow-zero-initial-scale"),
            ("initial-scale", "1.5", "whole number"),
            ("min-scale", "-1", "at least 0"),
            ("max-scale", "-1", "at least 0"),
            ("max-scale-limit", "20", ""), /* max-scale stays 0 */
            ("enable-scale-to-zero", "yes", "true or false"),
        ] {
            let messages = refused(&[(key, value)]);
            assert!(messages.iter().any(|m| m.contains(rule)), "{key} = {value}: {messages:?}");
        }
        assert!(refused(&[("max-scale", "2"), ("min-scale", "3")])[0].contains("must not be above max-scale"));
        assert!(refused(&[("max-scale", "21"), ("max-scale-limit", "20")])[0].contains("[1, max-scale-limit]"));
        assert!(refused(&[("max-scale", "20"), ("max-scale-limit", "20")]).is_empty());
        assert!(refused(&[("initial-scale", "0"), ("allow-zero-initial-scale", "true")]).is_empty());
    }

    #[test]
    fn all_problems_come_at_once() {
        assert_eq!(
            refused(&[("stable-window", "5s"), ("activator-capacity", "0"), ("max-scale-up-rate", "1")]).len(),
            3
        );
    }
}
