//! Application Auto Scaling of provisioned concurrency.

use super::Resource;
use crate::import::formats::lambda::{count, duration, flag, setting};
use crate::import::model::{Addition, Model, number};
use crate::import::reader::Table;
use crate::import::tree::Place;

impl Resource<'_> {
    pub(super) fn scalable_target(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.skip(&["RoleARN", "ServiceNamespace", "SuspendedState"]);
        let is_lambda = table.text("ScalableDimension").is_some_and(|found| found.value.starts_with("lambda:"));
        let to = target_of(table);
        let settings = [
            count("scaling.target-tracking.min-capacity", table.get("MinCapacity")),
            count("scaling.target-tracking.max-capacity", table.get("MaxCapacity")),
        ];
        table.refuse("ScheduledActions", "not read: add them as `scaling.target-tracking.schedule`");
        if is_lambda {
            let settings = settings.into_iter().flatten().collect();
            model.additions.push(Addition {
                to: to.clone(),
                place,
                what: format!("ScalableTarget {}", self.id),
                settings,
            });
            // A policy names the target, and the target the function.
            model.aliases.push((self.id.to_owned(), to));
        }
    }

    pub(super) fn scaling_policy(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.skip(&["PolicyName", "PolicyType", "ServiceNamespace", "ScalableDimension"]);
        let config = table.table("TargetTrackingScalingPolicyConfiguration");
        config.skip(&["PredefinedMetricSpecification"]);
        config.refuse("CustomizedMetricSpecification", "only the utilization of provisioned concurrency is simulated");
        table.refuse("StepScalingPolicyConfiguration", "only target tracking is simulated");
        let target = config.number("TargetValue").map(|found| found.map(number));
        let settings = [
            setting("scaling.target-tracking.target", target),
            duration("scaling.target-tracking.scale-out-cooldown", config.get("ScaleOutCooldown")),
            duration("scaling.target-tracking.scale-in-cooldown", config.get("ScaleInCooldown")),
            flag("scaling.target-tracking.disable-scale-in", config.get("DisableScaleIn")),
        ];
        let mut to = target_of(table);
        to.extend(table.get("ScalingTargetId").map(|id| id.reference()).unwrap_or_default());
        let settings: Vec<_> = settings.into_iter().flatten().collect();
        if !settings.is_empty() {
            model.additions.push(Addition { to, place, what: format!("ScalingPolicy {}", self.id), settings });
        }
    }
}

/// What a scalable target or its policy is about: `function:NAME:ALIAS`.
fn target_of(table: &Table<'_>) -> Vec<String> {
    let Some(item) = table.get("ResourceId") else { return Vec::new() };
    let mut names = item.reference();
    names.extend(item.node.text().and_then(|text| text.split(':').nth(1)).map(str::to_owned));
    names
}
