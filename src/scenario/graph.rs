//! Who calls whom: functions by their steps, components by their targets.

use std::collections::BTreeSet;

use super::model::{Destination, Scenario, Step, Target, Work};
use crate::id::{ComponentId, FnId, SourceId};

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerId {
    /// A source.
    Source(SourceId),
    /// A step of a function.
    Function(FnId),
    /// A component.
    Component(ComponentId),
}

/// Who may call whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who calls.
    pub from: CallerId,
    /// Who is called.
    pub to: Destination,
}

/// All that may call each other: each source first (of one whose trace names functions the first of these), then what each component
/// calls, then what the steps of each function call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// In this order.
    pub edges: Vec<Edge>,
    /// The place of the first edge of each component.
    pub of_components: Vec<u32>,
    /// The place of the first edge of each step of each function.
    pub of_steps: Vec<Vec<u32>>,
}

impl Scenario {
    /// Who may call whom.
    #[must_use]
    pub fn calls(&self) -> Calls {
        // By which entry a call comes in makes no difference here.
        let plain = |to: &Destination| match *to {
            Destination::Entry(id, _) => Destination::Component(id),
            to => to,
        };
        let mut calls = Calls::default();
        for (place, source) in self.sources.iter().enumerate() {
            let to = match &source.target {
                Target::Function(id) => Destination::Function(*id),
                Target::ByTrace(ids) => Destination::Function(ids.first().copied().unwrap_or(FnId(0))),
                Target::Component(id) => Destination::Component(*id),
            };
            calls.edges.push(Edge { from: CallerId::Source(SourceId(place as u32)), to });
        }
        for (place, component) in self.components.iter().enumerate() {
            calls.of_components.push(calls.edges.len() as u32);
            let from = CallerId::Component(ComponentId(place as u32));
            calls.edges.extend(component.targets.iter().map(|to| Edge { from, to: plain(to) }));
        }
        for (place, function) in self.functions.iter().enumerate() {
            let from = CallerId::Function(FnId(place as u32));
            let steps = function.steps.iter().map(|step| {
                let first = calls.edges.len() as u32;
                if let Work::Calls(targets) = &step.work {
                    calls.edges.extend(targets.iter().map(|to| Edge { from, to: plain(to) }));
                }
                first
            });
            let steps = steps.collect();
            calls.of_steps.push(steps);
        }
        calls
    }

    /// What somebody is called who may call.
    #[must_use]
    pub fn caller_name(&self, one: CallerId) -> String {
        match one {
            CallerId::Source(id) => format!("source.{}", self.sources[id.index()].name),
            CallerId::Function(id) => self.name_of(Destination::Function(id)),
            CallerId::Component(id) => self.name_of(Destination::Component(id)),
        }
    }

    /// What a function or a component calls itself.
    fn called_by(&self, caller: Destination) -> Vec<Destination> {
        match caller {
            Destination::Function(id) => {
                let steps = self.functions.get(id.index()).map_or(&[][..], |function| &function.steps);
                let calls = |step: &Step| match &step.work {
                    Work::Calls(calls) => calls.clone(),
                    Work::Run(_) | Work::Wait(_) => Vec::new(),
                };
                steps.iter().flat_map(calls).collect()
            }
            Destination::Component(id) => self.components[id.index()].targets.clone(),
            Destination::Entry(id, entry) => {
                let target = self.components[id.index()].targets.get(entry as usize);
                target.copied().into_iter().collect()
            }
        }
    }

    /// All that requests of the sources may reach.
    #[must_use]
    pub fn reached(&self) -> (BTreeSet<FnId>, BTreeSet<ComponentId>) {
        let first = self.sources.iter().flat_map(|source| match &source.target {
            Target::Function(id) => vec![Destination::Function(*id)],
            Target::ByTrace(ids) => ids.iter().map(|id| Destination::Function(*id)).collect(),
            Target::Component(id) => vec![Destination::Component(*id)],
        });
        let mut open: Vec<Destination> = first.collect();
        let (mut functions, mut components, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.called_by(next));
            }
            match next {
                Destination::Function(id) => _ = functions.insert(id),
                Destination::Component(id) | Destination::Entry(id, _) => _ = components.insert(id),
            }
        }
        (functions, components)
    }

    /// Whether a component is how a source calls: the first on its way, and one that makes attempts.
    #[must_use]
    pub fn is_client_of_source(&self, id: ComponentId) -> bool {
        self.components[id.index()].spec.group() == "clients"
            && self.sources.iter().any(|source| matches!(source.target, Target::Component(first) if first == id))
    }

    /// A circle of calls that has no way out, by names: who begins one never ends it.
    #[must_use]
    pub fn endless_circle(&self) -> Option<Vec<String>> {
        let functions = (0..self.functions.len() as u32).map(|id| Destination::Function(FnId(id)));
        let components = (0..self.components.len() as u32).map(|id| Destination::Component(ComponentId(id)));
        let mut done = BTreeSet::new();
        functions.chain(components).find_map(|start| self.circle_from(start, &mut Vec::new(), &mut done))
    }

    fn circle_from(
        &self,
        at: Destination,
        way: &mut Vec<Destination>,
        done: &mut BTreeSet<Destination>,
    ) -> Option<Vec<String>> {
        if let Some(first) = way.iter().position(|known| *known == at) {
            let circle = way[first..].iter().chain([&at]);
            return Some(circle.map(|one| self.name_of(*one)).collect());
        }
        if !done.insert(at) {
            return None;
        }
        way.push(at);
        let circle = self.called_by(at).into_iter().find_map(|next| {
            let chooses = matches!(next, Destination::Component(id)
                if self.components[id.index()].spec.kind().chooses);
            if chooses { None } else { self.circle_from(next, way, done) }
        });
        way.pop();
        circle
    }

    /// What somebody is called who may be called.
    #[must_use]
    pub fn name_of(&self, one: Destination) -> String {
        match one {
            Destination::Function(id) => format!("function.{}", self.functions[id.index()].name),
            Destination::Component(id) | Destination::Entry(id, _) => self.components[id.index()].name.clone(),
        }
    }
}
