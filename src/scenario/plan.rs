//! What a plan may change, and the resulting configurations.

use super::axis::{Axis, Level};
use super::base::ScenarioFactory;
use super::model::Scenario;
use crate::schema::diagnostic::Problems;

/// What a plan may change, and its settings.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What may be changed, in the order of the file.
    pub axes: Vec<Choice>,
    /// Probability that all statements of the plan hold simultaneously.
    pub confidence: f64,
    /// Maximum replications of a configuration, after which an unclear verdict stays inconclusive.
    pub max_replications: u32,
    /// Relative difference in cost that does not matter.
    pub indifference: f64,
    /// Growth of the load.
    pub growth: Option<Growth>,
}

/// Growth of the load.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Relative growth of the load per month.
    pub by_month: f64,
    /// As written: `5%/month`.
    pub text: String,
}

/// Something that may be changed.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its key: a dotted key, `variant` or `policy`.
    pub axis: Axis,
    /// Its values, in ascending order if more is assumed to be better.
    pub levels: Vec<Level>,
    /// Whether a larger value is assumed to serve requests at least as well.
    pub is_monotone: bool,
    /// The CPU-bound share of the duration, if the key is the memory of a function.
    pub cpu_bound_share: Option<f64>,
}

/// Last parts of keys of which a larger value is assumed to serve at least as well: more instances, higher limits,
/// longer keep-alive.
pub(super) const MONOTONE: [&str; 6] = [
    ".concurrency.provisioned",
    ".concurrency.reserved",
    ".concurrency.max-instances",
    ".keep-alive.fixed.window",
    ".concurrency.account-limit",
    ".concurrency.queue-limit",
];

impl Plan {
    /// Number of configurations.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.axes.iter().map(|choice| choice.levels.len()).product()
    }

    /// The values of the configuration with these indices, one per axis.
    pub fn levels<'p>(&'p self, places: &'p [usize]) -> impl Iterator<Item = (&'p Choice, &'p Level)> {
        self.axes.iter().zip(places).map(|(choice, place)| (choice, &choice.levels[*place]))
    }

    /// The scenario of a configuration; `base`: the scenario with the plan; `measured`: its own values.
    ///
    /// # Errors
    /// All problems that it has.
    pub fn scenario(
        &self,
        base: &mut ScenarioFactory<'_>,
        measured: &Scenario,
        places: &[usize],
    ) -> Result<Scenario, Problems> {
        let mut scenario = base.with(self.levels(places).map(|(choice, level)| (&choice.axis, level)))?;
        for (choice, _) in self.levels(places) {
            let Some(share) = choice.cpu_bound_share else { continue };
            let mut scaled = Vec::new();
            for function in &mut scenario.functions {
                let before = measured.functions.iter().find(|other| other.name == function.name);
                if let Some(before) = before.filter(|_| choice.axis.key == format!("function.{}.memory", function.name))
                {
                    let factor = function.run_at_own_memory(before.memory_mb, share);
                    scaled.push((function.name.clone(), factor));
                }
            }
            for (name, factor) in scaled {
                scenario.scale_sources_of(&name, factor);
            }
        }
        Ok(scenario)
    }
}
