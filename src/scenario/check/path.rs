//! The path of requests: where calls go, what a function does step by step, what goes wrong.

use std::collections::BTreeMap;

use super::{Checker, Given, either};
use crate::dist::Dist;
use crate::id::{ComponentId, FnId};
use crate::path::ComponentSpec;
use crate::scenario::model::{Component, Destination, Fault, FaultKind, Step, Timing, Work};
use crate::scenario::raw::FileTable;
use crate::scenario::raw::function::FunctionTable;
use crate::scenario::raw::path::{FaultTable, StepTable};
use crate::schema::diagnostic::{Problem, SourceSpan, instead};
use crate::schema::tree::Node;
use crate::time::Span;

/// What can be called, by kind and name, and the components found so far.
#[derive(Default)]
pub(super) struct Targets {
    by_name: BTreeMap<String, Vec<(&'static str, Destination)>>,
    /// The components, with where their table stands.
    components: Vec<(Component, SourceSpan)>,
}

impl Targets {
    fn add(&mut self, kind: &'static str, name: &str, to: Destination) {
        self.by_name.entry(name.to_owned()).or_default().push((kind, to));
    }

    /// Appends a component; where its calls go is found out later.
    fn add_component(&mut self, kind: &'static str, name: &str, spec: ComponentSpec, place: SourceSpan) -> ComponentId {
        let id = ComponentId(self.components.len() as u32);
        self.components.push((Component { name: format!("{kind}.{name}"), spec, targets: Vec::new() }, place));
        id
    }

    /// All that a file lists.
    pub(super) fn of(file: &FileTable, functions: &[String]) -> Self {
        let mut targets = Self::default();
        for (place, name) in functions.iter().enumerate() {
            targets.add("function", name, Destination::Function(FnId(place as u32)));
        }
        targets.add_listed(file);
        targets
    }

    /// The components that have lists of their own in the file.
    fn add_listed(&mut self, file: &FileTable) {
        let _ = file;
    }

    /// What a text names, which stands at `place`; reports it if that is nothing, or several things.
    pub(super) fn find(&self, text: &str, place: SourceSpan, checker: &mut Checker<'_, '_>) -> Option<Destination> {
        let (kind, name) = match text.split_once('.') {
            Some((kind, name)) => (Some(kind), name),
            None => (None, text),
        };
        let known = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let fits: Vec<_> = known.iter().filter(|(of, _)| kind.is_none_or(|kind| kind == *of)).collect();
        match fits[..] {
            [(_, to)] => Some(*to),
            [] => {
                let names = self.by_name.keys().map(String::as_str);
                let problem = Problem::error(place, format!("there is nothing called \"{text}\" to call"));
                checker.problems.push(problem.help(instead(name, "what can be called is", names)));
                None
            }
            _ => {
                let kinds: Vec<String> = fits.iter().map(|(kind, _)| format!("\"{kind}.{name}\"")).collect();
                let problem = Problem::error(place, format!("several things are called \"{name}\""));
                checker.problems.push(problem.help(format!("write {}", kinds.join(" or "))));
                None
            }
        }
    }

    /// The components, all calls resolved.
    pub(super) fn finish(mut self, checker: &mut Checker<'_, '_>) -> Option<Vec<Component>> {
        let mut all = std::mem::take(&mut self.components);
        let mut is_whole = true;
        for (component, place) in &mut all {
            let targets = component.spec.targets().into_iter().map(|name| self.find(name, *place, checker));
            match targets.collect::<Option<Vec<_>>>() {
                Some(targets) => component.targets = targets,
                None => is_whole = false,
            }
        }
        is_whole.then(|| all.into_iter().map(|(component, _)| component).collect())
    }
}

impl Checker<'_, '_> {
    /// What the requests of a function do, step by step.
    pub(super) fn steps(&mut self, table: &FunctionTable, targets: &mut Targets) -> Option<Vec<Step>> {
        let steps: Vec<Option<Step>> = table.step.iter().map(|step| self.step(step, targets)).collect();
        steps.into_iter().collect()
    }

    /// A function has steps or a duration, not both.
    pub(super) fn steps_or_duration(&mut self, table: &FunctionTable) {
        if let (Some(_), Some(step)) = (table.duration.as_ref(), table.step.first()) {
            let name = table.name.as_deref().unwrap_or("?");
            let problem = Problem::error(step.place, format!("`function.{name}` has steps and a `duration`"));
            self.problems.push(problem.help("keep one of them: a step with `run` takes a time too"));
        }
    }

    fn step(&mut self, table: &StepTable, targets: &mut Targets) -> Option<Step> {
        let ways: [&[(&'static str, &dyn Given)]; 4] = [
            &[("run", &table.run)],
            &[("wait", &table.wait)],
            &[("call", &table.call)],
            &[("parallel", &table.parallel)],
        ];
        let name = (*table.name).clone()?;
        let work = match either(table.place, "step", &ways, self.problems)? {
            0 => Work::Run(self.dist(table.run.as_ref()?)?),
            1 => Work::Wait(self.dist(table.wait.as_ref()?)?),
            2 => Work::Calls(vec![targets.find(table.call.as_ref()?, table.call.place, self)?]),
            _ => {
                let calls = table.parallel.as_ref()?.iter().map(|call| {
                    let text = call.call.as_ref()?;
                    targets.find(text, call.call.place, self)
                });
                Work::Calls(calls.collect::<Option<_>>()?)
            }
        };
        Some(Step { name, work })
    }

    pub(super) fn fault(&mut self, table: &FaultTable, targets: &Targets) -> Option<Fault> {
        let name = (*table.name).clone()?;
        let target = targets.find(table.target.as_ref()?, table.target.place, self)?;
        let kinds: [&[(&'static str, &dyn Given)]; 6] = [
            &[("slow-down", &table.slow_down)],
            &[("errors", &table.errors)],
            &[("delay", &table.delay)],
            &[("outage", &table.outage)],
            &[("cold-start", &table.cold_start)],
            &[("deploy", &table.deploy)],
        ];
        let which = either(table.place, "fault", &kinds, self.problems)?;
        let is_over_at_once = which == 5;
        let kind = match which {
            0 => {
                let speed = &table.slow_down.as_ref()?.speed;
                if speed.as_ref().is_some_and(|speed| *speed == 0.0) {
                    let problem = Problem::error(speed.place, "a speed of 0 would never end: write an `outage`");
                    self.problems.push(problem.help("write outage = true, or a speed above 0"));
                    return None;
                }
                FaultKind::SlowDown((**speed)?)
            }
            1 => FaultKind::Errors((*table.errors.as_ref()?.failure_ratio)?),
            2 => FaultKind::Delay(self.dist(table.delay.as_ref()?)?),
            3 => FaultKind::Outage,
            4 => FaultKind::ColdStart((*table.cold_start.as_ref()?.factor)?),
            _ => FaultKind::Deploy,
        };
        let timings: [&[(&'static str, &dyn Given)]; 2] = if is_over_at_once {
            [&[("at", &table.at)], &[("every", &table.every)]]
        } else {
            [&[("at", &table.at), ("for", &table.r#for)], &[("every", &table.every), ("lasts", &table.lasts)]]
        };
        let timing = match either(table.place, &format!("fault.{name}"), &timings, self.problems)? {
            0 => Timing::Once { at: (*table.at)?, lasts: table.r#for.unwrap_or_default() },
            _ => Timing::AtRandom {
                every: self.dist(table.every.as_ref()?)?,
                lasts: match table.lasts.as_ref() {
                    Some(lasts) => self.dist(lasts)?,
                    None => Dist::Constant(Span::ZERO),
                },
            },
        };
        Some(Fault { name, target, timing, kind })
    }
}

/// Gives steps that have no name their number as one, so that each can be set.
pub(in crate::scenario) fn name_steps(root: &mut Node) {
    use crate::schema::tree::{Entry, Value};
    let Value::Table(sections) = &mut root.value else { return };
    for section in sections.iter_mut().filter(|section| section.key == "function") {
        let Value::List(functions) = &mut section.node.value else { continue };
        for function in functions {
            let Value::Table(entries) = &mut function.value else { continue };
            for steps in entries.iter_mut().filter(|entry| entry.key == "step") {
                let Value::List(steps) = &mut steps.node.value else { continue };
                for (place, step) in steps.iter_mut().enumerate() {
                    let at = step.place;
                    if let Value::Table(entries) = &mut step.value
                        && !entries.iter().any(|entry| entry.key == "name")
                    {
                        entries.insert(0, Entry::new("name", at, Value::from_text(format!("step-{}", place + 1))));
                    }
                }
            }
        }
    }
}
