//! The keys that a plan may change.

use std::collections::HashSet;

use super::{Checker, VARIANT};
use crate::scenario::axis::{Axis, Candidates, Form, Level};
use crate::scenario::limits::MAX_CANDIDATES;
use crate::scenario::model::{Scenario, Target};
use crate::scenario::plan::{Choice, Growth, MONOTONE, Plan};
use crate::scenario::raw::plan::{PlanTable, PlanValues};
use crate::scenario::registry;
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan, instead};
use crate::schema::tree::{Node, Value};
use crate::workload::ArrivalSpec;

/// The special key whose values are policies.
pub(in crate::scenario) const POLICY: &str = "policy";

impl Checker<'_, '_> {
    /// The plan of a scenario with this tree.
    pub(super) fn plan(&mut self, table: &PlanTable, root: &Node) -> Option<Plan> {
        let place = table.node.place;
        let mut axes = Vec::new();
        // In the order of the file, which is that of the entries.
        for entry in table.node.entries() {
            match entry.key.as_str() {
                VARIANT => axes.extend(self.planned_variants(table, entry.place, root)),
                POLICY => axes.extend(self.planned_policies(table, entry.place)),
                key => {
                    let values = table.axes.iter().find(|(known, _)| known == key);
                    axes.extend(values.and_then(|(key, values)| self.choice(key, values, root)));
                }
            }
        }
        if axes.is_empty() {
            if !self.problems.has_errors() {
                let problem = Problem::error(place, "[plan] names no keys to change");
                let help = "add a key and its values, as in \"function.NAME.concurrency.provisioned\" = { from = 0, to \
                            = 20 }";
                self.problems.push(problem.help(help));
            }
            return None;
        }
        let sizes: Vec<usize> = axes.iter().map(|choice| choice.levels.len()).collect();
        let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        if count.is_none_or(|count| count > MAX_CANDIDATES) {
            let sizes = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            let message = format!("[plan] has {sizes} configurations: at most {MAX_CANDIDATES} are allowed");
            self.problems.push(Problem::error(place, message).help("shorten the lists, or use larger steps"));
            return None;
        }
        let question = &table.question;
        Some(Plan {
            axes,
            confidence: *question.confidence,
            max_replications: *question.max_replications,
            indifference: *question.indifference,
            growth: question.growth.as_ref().map(|(by_month, text)| Growth { by_month: *by_month, text: text.clone() }),
        })
    }

    fn choice(&mut self, key: &str, values: &Spanned<PlanValues>, root: &Node) -> Option<Choice> {
        let (place, planned) = (values.place, &values.value);
        let plain = Spanned { value: planned.values.clone(), place, broken: false };
        let axis = self.axis(key, &plain, root, true)?;
        let mut levels = match &axis.candidates {
            Candidates::Levels(levels) => levels.clone(),
            Candidates::Range(range) if range.form == Form::Whole => {
                if range.count_steps(1) > MAX_CANDIDATES as i128 {
                    let message =
                        format!("`{key}` has {} values: at most {MAX_CANDIDATES} are allowed", range.count_steps(1));
                    self.problems.push(Problem::error(place, message).help("add a step, as in step = 10"));
                    return None;
                }
                range.steps(1)
            }
            Candidates::Range(_) => {
                let problem = Problem::missing(place, format!("`{key}` needs `step` or `points`"));
                self.problems.push(problem.help("as in { from = \"1m\", to = \"1h\", points = 7, scale = \"log\" }"));
                return None;
            }
        };
        let is_memory = key.starts_with("function.") && key.ends_with(".memory") && key.split('.').count() == 3;
        if let (Some(share), false) = (&planned.cpu_bound_share, is_memory) {
            let problem = Problem::error(share.place, format!("`cpu-bound-share` applies to memory, not to `{key}`"));
            self.problems.push(problem.help("use it with a key such as \"function.NAME.memory\""));
            return None;
        }
        let numbers: Option<Vec<f64>> = levels.iter().map(amount).collect();
        let is_monotone = MONOTONE.iter().any(|end| key.ends_with(end)) && numbers.is_some();
        if is_monotone {
            levels.sort_by(|a, b| amount(a).unwrap_or(0.0).total_cmp(&amount(b).unwrap_or(0.0)));
        }
        let cpu_bound_share = planned.cpu_bound_share.as_ref().map(|share| share.value);
        Some(Choice { axis, levels, is_monotone, cpu_bound_share })
    }

    fn planned_variants(&mut self, table: &PlanTable, place: SourceSpan, root: &Node) -> Option<Choice> {
        let names = table.question.variant.as_ref()?;
        let list = root.get(VARIANT).map_or(&[][..], Node::elements);
        let known: Vec<&str> = list.iter().filter_map(|variant| variant.get("name")?.text()).collect();
        // If a variant is selected, the others are not there; a missing one is reported when it is applied.
        let known = (!known.is_empty()).then_some(known);
        self.words(VARIANT, place, names, known.as_deref(), "the variants are")
    }

    fn planned_policies(&mut self, table: &PlanTable, place: SourceSpan) -> Option<Choice> {
        let names = table.question.policy.as_ref()?;
        let known: Vec<&str> = registry::exchangeable().collect();
        self.words(POLICY, place, names, Some(&known), "the policies are")
    }

    fn words(
        &mut self,
        key: &str,
        place: SourceSpan,
        names: &[Spanned<String>],
        known: Option<&[&str]>,
        all: &str,
    ) -> Option<Choice> {
        let (mut seen, before) = (HashSet::new(), self.problems.list().len());
        for name in names {
            if let Some(known) = known.filter(|known| !known.contains(&name.as_str())) {
                let help = instead(name, all, known.iter().copied());
                let message = format!("there is no {key} \"{}\"", **name);
                self.problems.push(Problem::error(name.place, message).help(help));
            } else if !seen.insert(name.as_str()) {
                self.problems.push(Problem::error(name.place, format!("`{key}` lists the value \"{}\" twice", **name)));
            }
        }
        if self.problems.list().len() > before {
            return None;
        }
        let levels: Vec<Level> = names.iter().map(|name| Level::word(name, name.place)).collect();
        let axis = Axis { key: key.to_owned(), unit: None, place, candidates: Candidates::Levels(levels.clone()) };
        Some(Choice { axis, levels, is_monotone: false, cpu_bound_share: None })
    }

    /// What a plan requires of the rest of the scenario.
    pub(super) fn plan_fits(&mut self, scenario: &Scenario) {
        let Some(plan) = &scenario.plan else { return };
        for choice in plan.axes.iter().filter(|choice| choice.cpu_bound_share.is_some()) {
            let is_it = |name: &str| choice.axis.key == format!("function.{name}.memory");
            let Some(place) = scenario.functions.iter().position(|function| is_it(&function.name)) else { continue };
            if scenario.functions[place].cpu.sharing.is_some() {
                let name = &scenario.functions[place].name;
                let message = format!(
                    "`{}`: `function.{name}.cpu` already models the effect of memory, which `cpu-bound-share` would count twice",
                    choice.axis.key
                );
                let problem = Problem::error(choice.axis.place, message);
                self.problems.push(problem.help("remove `cpu-bound-share` from the plan, or `cpu` from the function"));
                continue;
            }
            let brings_times = scenario.sources.iter().any(|source| match &source.target {
                Target::Function(id) => id.index() == place && matches!(source.arrivals, ArrivalSpec::Rows(_)),
                Target::ByTrace(ids) => ids.iter().any(|id| id.index() == place),
                Target::Component(_) => false,
            });
            if brings_times {
                let message = format!("`{}`: the durations come from a trace and stay as recorded", choice.axis.key);
                let problem = Problem::error(choice.axis.place, message);
                self.problems.push(problem.help("remove `cpu-bound-share`, or give the function a `duration`"));
            }
        }
    }
}

/// A value as a number, if it is one; no limit counts as more than any number.
fn amount(level: &Level) -> Option<f64> {
    match &level.node.value {
        Value::Integer(Some(number)) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) if text == "forever" => Some(f64::INFINITY),
        Value::Text(text) => match Form::of_text(text)? {
            (Form::Duration | Form::Size, number) => Some(number.digits as f64),
            _ => None,
        },
        _ => None,
    }
}
