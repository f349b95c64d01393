//! Objectives on costs where nothing has a price.

use crate::metric::Quantity;
use crate::scenario::model::Scenario;
use crate::scenario::objective::Goal;
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::{Problem, Problems};

/// Rejects objectives that would be met, or missed, whatever happens.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    // What lies on the path of requests may have prices of its own.
    if scenario.has_prices() || !scenario.components.is_empty() {
        return;
    }
    for (table, objective) in file.objective.iter().zip(&scenario.objectives) {
        if let Goal::Metric { metric, .. } = &objective.goal
            && metric.quantity == Quantity::Usd
        {
            let problem =
                Problem::error(table.metric.place, format!("`{}` is always $0.00: nothing has a price", metric.key));
            let help = "write [platform] preset = \"aws-lambda\", prices in [platform.billing], or `per-hour-usd` of node groups";
            problems.push(problem.help(help));
        }
    }
}
