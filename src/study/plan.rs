//! The cheapest configuration that meets the objectives.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use super::{Answer, Source, Study, StudyError};
use crate::experiment::Progress;
use crate::experiment::plan::preview::{self, Preview, Sampled};
use crate::experiment::plan::space::{Axis, Space};
use crate::experiment::plan::{self as experiment, FIRST};
use crate::measure::plan::Plan as Found;
use crate::scenario::plan::Plan as Asked;
use crate::scenario::{ParseOptions, Problems, Scenario, ScenarioFactory};

/// The options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Changes to the scenario; its replications are those of the first look.
    pub parse: ParseOptions,
    /// Overrides `plan.max-replications`.
    pub max_replications: Option<u32>,
    /// Whether to omit what happens when the load grows.
    pub skips_headroom: bool,
}

/// A scenario with its `[plan]`, and the scenarios of all configurations.
#[derive(Debug)]
pub struct Plan {
    scenario: Scenario,
    asked: Asked,
    first: u32,
    skips_headroom: bool,
    candidates: Vec<Scenario>,
}

impl Plan {
    /// Reads and checks; `go_on` is asked now and then, because there may be many configurations.
    ///
    /// # Errors
    /// As of [`Study::read`].
    pub fn read_while(
        source: Source<'_>,
        options: &Options,
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<(Self, Problems), StudyError> {
        let (mut base, mut scenario, warnings) =
            ScenarioFactory::read(source.name, source.bytes, &options.parse, source.files)?;
        let mut asked = asked(source.name, options, &scenario)?;
        if let Some(most) = options.max_replications {
            asked.max_replications = most;
        }
        let first = first(options, &asked)?;
        let mut candidates = candidates(&mut base, &scenario, &asked, go_on)?;
        std::iter::once(&mut scenario).chain(&mut candidates).for_each(Scenario::imply_few_failures);
        let skips_headroom = options.skips_headroom;
        Ok((Self { scenario, asked, first, skips_headroom, candidates }, warnings))
    }

    /// What is about to be simulated.
    #[must_use]
    pub fn preview(&self) -> Preview {
        Preview::of(&self.input())
    }

    /// What may be changed.
    #[must_use]
    pub const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Simulates the scenario as it is until `progress` breaks, to see how fast that is.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn sample(&self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Sampled, StudyError> {
        Ok(preview::sample(&self.input(), threads, progress)?)
    }

    fn input(&self) -> experiment::Input<'_> {
        let Self { scenario, asked, first, skips_headroom, candidates } = self;
        experiment::Input { scenario, plan: asked, candidates, first: *first, skips_headroom: *skips_headroom }
    }
}

impl<'a> Study<'a> for Plan {
    type Options = Options;
    type Found = Found;

    fn read(source: Source<'a>, options: &Options) -> Result<(Self, Problems), StudyError> {
        Self::read_while(source, options, &|| ControlFlow::Continue(()))
    }

    fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn run(&mut self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Answer<Found>, StudyError> {
        let planned = experiment::plan(&self.input(), threads, progress)?;
        let replications = planned.plan.candidates.iter().map(|one| one.replications).max().unwrap_or_default();
        let is_whole = planned.plan.is_finished;
        Ok(Answer { found: planned.plan, replications, simulated: planned.simulated, is_whole })
    }
}

/// What may be changed, and that it makes sense to ask.
fn asked(name: &str, options: &Options, scenario: &Scenario) -> Result<Asked, StudyError> {
    let Some(plan) = scenario.plan.clone() else {
        return Err(StudyError::question(
            format!("{name} has no [plan], so there is nothing to choose from"),
            "state what may be changed, as in\n\n  [plan]\n  \"function.NAME.concurrency.provisioned\" = { from = 0, \
             to = 20 }\n",
        ));
    };
    if let Some(key) = scenario.assumed.first() {
        let number = scenario.assumed.len();
        let values = if number == 1 { "a value is" } else { &format!("{number} values are") };
        return Err(StudyError::question(
            format!(
                "{name}: {values} ASSUMED, not measured (first: `{key}`): a plan based on assumptions would look like \
                 advice"
            ),
            "replace the values that [origin] marks as assumed with measured ones, in the file or with --set KEY=VALUE",
        ));
    }
    if scenario.objectives.is_empty() {
        return Err(StudyError::question(
            format!("{name} has no objectives: the cheapest configuration would be one that serves no requests"),
            "state what must be met, as in\n\n  [[objective]]\n  metric = \"latency_s.p99\"\n  below = 0.8\n",
        ));
    }
    let is_changed = |key: &str| plan.axes.iter().any(|choice| choice.axis.key == key);
    if let Some((key, _)) = options.parse.set.iter().find(|(key, _)| is_changed(key)) {
        return Err(StudyError::question(
            format!("--set {key}: this value is chosen by [plan]"),
            "omit it here, or remove it from [plan]",
        ));
    }
    if scenario.platform.billing.is_none() {
        return Err(StudyError::question(
            format!("{name} has no prices, so no configuration is cheaper than another"),
            "choose a platform, as in [platform] preset = \"aws-lambda\", or add [platform.billing]",
        ));
    }
    Ok(plan)
}

/// Replications at the first look.
fn first(options: &Options, plan: &Asked) -> Result<u32, StudyError> {
    match options.parse.replications {
        Some(0 | 1) => {
            Err(StudyError::question("--replications 1: one replication gives no confidence interval", "use 2 or more"))
        }
        Some(asked) if asked > plan.max_replications => {
            let message = format!("--replications {asked} is more than max-replications {}", plan.max_replications);
            Err(StudyError::question(message, "omit one of them"))
        }
        asked => Ok(asked.unwrap_or(FIRST).min(plan.max_replications)),
    }
}

/// The scenarios of all candidates, or what is wrong with any of them.
fn candidates(
    base: &mut ScenarioFactory<'_>,
    scenario: &Scenario,
    plan: &Asked,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<Vec<Scenario>, StudyError> {
    let space =
        Space::new(plan.axes.iter().map(|choice| Axis { len: choice.levels.len(), is_monotone: false }).collect());
    let (mut all, mut findings) = (Vec::new(), base.findings());
    for number in 0..space.len() {
        if go_on().is_break() {
            return Err(StudyError::Cancelled);
        }
        let places = space.places(number);
        match plan.scenario(base, scenario, &places) {
            Ok(scenario) => all.push(scenario),
            Err(wrong) => {
                let levels =
                    plan.levels(&places).map(|(choice, level)| format!("{} = {}", choice.axis.key, level.text));
                findings.add(&format!("with {}", levels.collect::<Vec<_>>().join(", ")), &wrong);
            }
        }
    }
    findings.finish().map_or(Ok(all), |wrong| Err(wrong.into()))
}
