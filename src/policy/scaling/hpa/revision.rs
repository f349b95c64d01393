//! Knative revisions of the class `hpa.autoscaling.knative.dev`: the HPA that Knative makes for them.
//!
//! Source: `pkg/reconciler/autoscaling/hpa` of knative/serving. The service of such a revision is always in Serve mode,
//! and the revision counts as always active.

use super::behavior::Behavior;
use super::calculator::{Resource, Target};
use super::controller::{DOWNSCALE_WINDOW, HpaSpec};
use crate::time::Span;

/// What the annotations of such a revision say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HpaClass {
    /// `metric`: cpu, memory or the name of a metric of pods.
    pub metric: String,
    /// `target`: percent for cpu, MiB for memory, the metric's unit for others.
    pub target: Option<f64>,
    /// `min-scale`; an HPA cannot go to zero.
    pub min_scale: i32,
    /// `max-scale`; 0 is no limit.
    pub max_scale: i32,
    /// `window`, for both directions.
    pub window: Option<Span>,
}

impl HpaClass {
    /// The HPA and the target of its metric.
    #[must_use]
    pub fn resolve(&self) -> (HpaSpec, Target) {
        let behavior = self.window.map(|window| {
            let mut behavior = Behavior::with_downscale_window(DOWNSCALE_WINDOW);
            behavior.up.window = window;
            behavior.down.window = window;
            behavior
        });
        let spec = HpaSpec {
            min_replicas: self.min_scale.max(1),
            max_replicas: if self.max_scale > 0 { self.max_scale } else { i32::MAX },
            behavior,
            ..HpaSpec::default()
        };
        (spec, self.target())
    }

    fn target(&self) -> Target {
        match (self.target, self.metric.as_str()) {
            // Without a metric Kubernetes takes CPU at 80 %.
            (None, _) => Target::ResourceUtilization(Resource::Cpu, 80),
            (Some(percent), "cpu") => Target::ResourceUtilization(Resource::Cpu, percent.ceil() as i32),
            (Some(mib), "memory") => Target::ResourceValue(Resource::Memory, milli(mib * 1_048_576.0)),
            (Some(value), _) => Target::Pods(milli(value.trunc())),
        }
    }
}

fn milli(value: f64) -> i64 {
    (value * 1000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_its_unit() {
        let target =
            |metric: &str, target| HpaClass { metric: metric.to_owned(), target, ..HpaClass::default() }.target();
        assert_eq!(target("cpu", Some(70.2)), Target::ResourceUtilization(Resource::Cpu, 71));
        assert_eq!(target("memory", Some(2.0)), Target::ResourceValue(Resource::Memory, 2_097_152_000));
        assert_eq!(target("queue-length", Some(10.9)), Target::Pods(10_000));
        assert_eq!(target("cpu", None), Target::ResourceUtilization(Resource::Cpu, 80));
    }

    #[test]
    fn it_never_goes_to_zero_and_the_window_works_both_ways() {
        let (spec, _) = HpaClass { window: Some(Span::from_secs(60)), ..HpaClass::default() }.resolve();
        assert_eq!((spec.min_replicas, spec.max_replicas), (1, i32::MAX));
        let behavior = spec.behavior.expect("a window makes a behavior");
        assert_eq!((behavior.up.window, behavior.down.window), (Span::from_secs(60), Span::from_secs(60)));
        assert_eq!(HpaClass::default().resolve().0.behavior, None);
    }
}
