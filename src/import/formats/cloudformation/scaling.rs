//! Application Auto Scaling of provisioned concurrency.

use super::Resource;
use crate::import::formats::lambda::{self, Spelling};
use crate::import::model::{Addition, Model};
use crate::import::reader::Table;
use crate::import::tree::Place;

impl Resource<'_> {
    pub(super) fn scalable_target(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.skip(&["RoleARN", "ServiceNamespace", "SuspendedState"]);
        table.skip(&["MinCapacity", "MaxCapacity"]);
        let is_lambda = table.text("ScalableDimension").is_some_and(|found| found.value.starts_with("lambda:"));
        let to = target_of(table);
        table.refuse("ScheduledActions", "not read: add them as `scaling.target-tracking.schedule`");
        if is_lambda {
            let settings = lambda::scalable_target(table, Spelling::Aws);
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
        let settings = lambda::target_tracking(&config, Spelling::Aws);
        let mut to = target_of(table);
        to.extend(table.get("ScalingTargetId").map(|id| id.reference()).unwrap_or_default());
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
