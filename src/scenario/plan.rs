//! What a plan may change, and the candidates that come of it.

use super::axis::{Axis, Level};
use super::base::ScenarioFactory;
use super::model::Scenario;
use crate::schema::diagnostic::Problems;

/// What a plan may change, and what is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What may be changed, in the order written.
    pub axes: Vec<Choice>,
    /// Probability that all statements of the plan hold simultaneously.
    pub confidence: f64,
    /// Replications of a candidate after which what is unclear stays so.
    pub max_replications: u32,
    /// Relative difference in cost that does not matter.
    pub indifference: f64,
    /// How the load grows.
    pub growth: Option<Growth>,
}

/// How the load grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Part of the load that is added in a month.
    pub by_month: f64,
    /// As it was written: `5%/month`.
    pub text: String,
}

/// Something that may be changed.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its key: a dotted key, `variant` or `policy`.
    pub axis: Axis,
    /// Its values; rising where more is taken to be better.
    pub levels: Vec<Level>,
    /// Whether more of it is taken to serve requests at least as well.
    pub is_monotone: bool,
    /// The share of duration that is bound by the processor, where it is the memory of a function.
    pub cpu_bound_share: Option<f64>,
}

/// The ends of keys of which more is taken to serve at least as well: more instances, more that may run, longer kept.
pub(super) const MONOTONE: [&str; 6] = [
    ".concurrency.provisioned",
    ".concurrency.reserved",
    ".concurrency.max-instances",
    ".keep-alive.fixed.window",
    ".concurrency.account-limit",
    ".concurrency.queue-limit",
];

impl Plan {
    /// How many candidates there are.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.axes.iter().map(|choice| choice.levels.len()).product()
    }

    /// The values of the candidate with these places, one for each axis.
    pub fn levels<'p>(&'p self, places: &'p [usize]) -> impl Iterator<Item = (&'p Choice, &'p Level)> {
        self.axes.iter().zip(places).map(|(choice, place)| (choice, &choice.levels[*place]))
    }

    /// The scenario of a candidate; `base` is the one that the plan stands in, and `measured` what it says itself.
    ///
    /// # Errors
    /// Everything that is wrong with it.
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
